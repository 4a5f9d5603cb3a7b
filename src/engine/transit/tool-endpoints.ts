/** Random bytes and digests: what needs no key. */
import { createHash } from 'node:crypto';
import { type Call, type Endpoint, endpoint, type FieldValues, type Reply } from '../../core/endpoint.ts';
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { parseHash } from './hashes.ts';
import { readInput } from './hmac-endpoints.ts';
import { hashNameOf } from './signing-options.ts';

const randomFields = {
  bytes: { type: 'int', help: 'How many; 32 when absent, 131,072 at most.' },
  format: { type: 'string', help: 'base64 (the usual) or hex.' },
} as const;

const hashFields = {
  input: { type: 'string', help: 'In base64.', sensitive: true },
  algorithm: { type: 'string', help: 'sha2-256 (the usual), sha2-* or sha3-*.' },
  format: { type: 'string', help: 'hex (the usual) or base64.' },
} as const;

export const mostBytes = 128 * 1024;

export function toolEndpoints(random: Random): readonly Endpoint[] {
  const randomPaths = ['random', 'random/:urlbytes', 'random/:source/:urlbytes'];
  const hashPaths = ['hash', 'hash/:urlalgorithm'];
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
            handle: async (call) => randomReply(random, call),
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
            handle: async (call) => hashReply(call),
          },
        },
      }),
    ),
  ];
}

function randomReply(
  random: Random,
  call: Call & { readonly fields: FieldValues<typeof randomFields> },
): Reply {
  const { source, urlbytes } = call.params;
  // `random/platform` names a source and no number.
  const named = source ?? (urlbytes !== undefined && /^[a-z]+$/.test(urlbytes) ? urlbytes : 'platform');
  if (named !== 'platform') {
    throw new CofferError(
      'invalid_request',
      `unsupported entropy source ${JSON.stringify(named.slice(0, 60))}; must be "platform"`,
    );
  }
  const count = urlbytes === undefined || urlbytes === named ? (call.fields.bytes ?? 32) : Number(urlbytes);
  if (!Number.isSafeInteger(count)) {
    throw new CofferError('invalid_request', 'error parsing url-set byte count: it is a whole number');
  }
  if (count < 1) throw new CofferError('invalid_request', '"bytes" cannot be less than 1');
  if (count > mostBytes) throw new CofferError('invalid_request', `"bytes" should be less than ${mostBytes}`);
  const format = parseFormat(call.fields.format ?? 'base64');
  return { data: { random_bytes: random.bytes(count).toString(format) } };
}

function hashReply(call: Call & { readonly fields: FieldValues<typeof hashFields> }): Reply {
  const { input } = call.fields;
  const texts = input === undefined ? {} : { input };
  const bytes = readInput({ index: 0, texts, keyVersion: undefined }, 'missing input');
  const { name } = parseHash(hashNameOf(call));
  const format = parseFormat(call.fields.format ?? 'hex');
  return { data: { sum: createHash(name).update(bytes).digest(format) } };
}

function parseFormat(text: string): 'hex' | 'base64' {
  if (text === 'hex' || text === 'base64') return text;
  throw new CofferError(
    'invalid_request',
    `unsupported encoding format ${JSON.stringify(text.slice(0, 60))}; must be "hex" or "base64"`,
  );
}
