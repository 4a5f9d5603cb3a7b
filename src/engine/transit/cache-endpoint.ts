/** `cache-config`, which Vault's clients may set. Keys are kept decoded within bounds of our own, whatever it says. */
import { type Endpoint, endpoint } from '../../core/endpoint.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import { CofferError } from '../../errors.ts';

const path = 'cache-config';

export function cacheEndpoint(): Endpoint {
  return endpoint({
    pattern: 'cache-config',
    help: 'A size for a cache of keys; kept, and without effect.',
    fields: { size: { type: 'int', help: '0, or 10 at least.' } },
    operations: {
      read: {
        summary: 'Show the size',
        response: { size: { type: 'int' } },
        handle: async (call) => {
          const stored = await call.view.read(path);
          const size = stored === undefined ? 0 : decodeStored<{ readonly size: number }>(stored.open()).size;
          return { data: { size } };
        },
      },
      update: {
        summary: 'Set the size',
        response: {},
        handle: async (call) => {
          const size = call.fields.size ?? 0;
          if (size < 0 || (size > 0 && size < 10)) {
            throw new CofferError('invalid_request', 'size must be 0 or a value greater or equal to 10');
          }
          await call.view.commit([{ path, value: encodeStored({ size }) }]);
          return { warnings: ['the size is kept and has no effect: the cache has bounds of its own'] };
        },
      },
    },
  });
}
