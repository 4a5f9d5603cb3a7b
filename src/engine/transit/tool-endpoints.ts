/** Random bytes and digests: what needs no key. */
import { type Endpoint, endpoint } from '../../core/endpoint.ts';
import {
  digestText,
  hashFields,
  hashPaths,
  randomFields,
  randomPaths,
  randomText,
} from '../../core/tool-values.ts';
import type { Random } from '../../crypto/random.ts';
import { parseHash } from './hashes.ts';
import { readInput } from './hmac-endpoints.ts';
import { hashNameOf } from './signing-options.ts';

export function toolEndpoints(random: Random): readonly Endpoint[] {
  return [
    ...randomPaths.map((pattern) =>
      endpoint({
        pattern,
        help: 'Random bytes of the operating system.',
        fields: randomFields,
        operations: {
          update: {
            summary: 'Draw random bytes',
            response: { random_bytes: { type: 'string', sensitive: true } },
            handle: async (call) => ({ data: { random_bytes: randomText(random, call) } }),
          },
        },
      }),
    ),
    ...hashPaths.map((pattern) =>
      endpoint({
        pattern,
        help: 'The digest of an input.',
        fields: hashFields,
        operations: {
          update: {
            summary: 'Hash',
            computes: true,
            response: { sum: { type: 'string', sensitive: true } },
            handle: async (call) => {
              const { input, format } = call.fields;
              const texts = input === undefined ? {} : { input };
              const bytes = readInput({ index: 0, texts, keyVersion: undefined }, 'missing input');
              return { data: { sum: digestText(parseHash(hashNameOf(call)).name, bytes, format) } };
            },
          },
        },
      }),
    ),
  ];
}
