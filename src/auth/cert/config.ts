/** What holds for all roles of a mount. */
import { type Endpoint, endpoint, type Fields } from '../../core/endpoint.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';

export interface CertConfig {
  /** Tokens are renewed without the certificate that they were made with. */
  readonly disableBinding: boolean;
}

const configPath = 'config';

const fields = {
  disable_binding: {
    type: 'bool',
    help: 'Renew tokens without the certificate that they were made with.',
  },
  enable_identity_alias_metadata: { type: 'bool', help: 'Refused unless false.' },
  ocsp_cache_size: { type: 'int', help: 'Without effect: OCSP is not asked here.' },
  role_cache_size: { type: 'int', help: 'Without effect: roles are found by an index.' },
} as const satisfies Fields;

export async function readConfig(view: View): Promise<CertConfig> {
  const sealed = await view.read(configPath);
  return sealed === undefined ? { disableBinding: false } : decodeStored<CertConfig>(sealed.open());
}

export function configEndpoint(): Endpoint {
  return endpoint({
    pattern: 'config',
    help: 'Shows or sets what holds for all roles.',
    fields,
    operations: {
      read: {
        summary: 'Show the configuration',
        response: { disable_binding: { type: 'bool' }, enable_identity_alias_metadata: { type: 'bool' } },
        handle: async (call) => {
          const { disableBinding } = await readConfig(call.view);
          return { data: { disable_binding: disableBinding, enable_identity_alias_metadata: false } };
        },
      },
      update: {
        summary: 'Set the configuration',
        handle: async (call) => {
          const { disable_binding, enable_identity_alias_metadata: alias } = call.fields;
          if (alias === true) {
            throw new CofferError(
              'invalid_request',
              'enable_identity_alias_metadata is not supported: metadata is kept with the token only',
            );
          }
          if (disable_binding === undefined) return undefined;
          await retryOnConflict(() =>
            call.view.commit([
              {
                path: configPath,
                value: encodeStored({ disableBinding: disable_binding } satisfies CertConfig),
              },
            ]),
          );
          return undefined;
        },
      },
    },
  });
}
