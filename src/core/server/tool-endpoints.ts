/** `sys/tools`: random bytes and digests without a key and without an engine. */
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint } from '../endpoint.ts';
import { digestText, hashFields, hashPaths, randomFields, randomPaths, randomText } from '../tool-values.ts';

export function toolEndpoints(random: Random): readonly Endpoint[] {
  return [
    ...randomPaths.map((pattern) =>
      coreEndpoint({
        pattern: `tools/${pattern}`,
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
      coreEndpoint({
        pattern: `tools/${pattern}`,
        help: 'The digest of an input.',
        fields: hashFields,
        operations: {
          update: {
            summary: 'Hash',
            computes: true,
            response: { sum: { type: 'string', sensitive: true } },
            handle: async ({ params, fields: { input, algorithm, format } }) => {
              const name = opensslName(params['urlalgorithm'] || algorithm || 'sha2-256');
              return { data: { sum: digestText(name, decodeInput(input), format) } };
            },
          },
        },
      }),
    ),
  ];
}

function opensslName(name: string): string {
  const [, family, bits] = /^sha([23])-(224|256|384|512)$/.exec(name) ?? [];
  if (family === '2') return `sha${bits}`;
  if (family === '3') return `sha3-${bits}`;
  throw new CofferError('invalid_request', `unsupported algorithm ${JSON.stringify(name.slice(0, 60))}`);
}

/** The decoder passes over what it does not know, so its result is compared with the text. */
function decodeInput(text: string | undefined): Buffer {
  if (text === undefined) throw new CofferError('invalid_request', 'missing input');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) {
    throw new CofferError('invalid_request', 'unable to decode input as base64');
  }
  return bytes;
}
