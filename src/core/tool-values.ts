/** Random bytes and digests as texts: what `sys/tools` and transit answer alike. */
import { createHash } from 'node:crypto';
import type { Random } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';

export const randomFields = {
  bytes: { type: 'int', help: 'How many; 32 when absent, 131,072 at most.' },
  format: { type: 'string', help: 'base64 (the usual) or hex.' },
} as const;

export const hashFields = {
  input: { type: 'string', help: 'In base64.', sensitive: true },
  algorithm: { type: 'string', help: 'sha2-256 (the usual), sha2-* or sha3-*.' },
  format: { type: 'string', help: 'hex (the usual) or base64.' },
} as const;

/** Patterns below `random`: what each may name is told apart in `randomText`. */
export const randomPaths: readonly string[] = ['random', 'random/:urlbytes', 'random/:source/:urlbytes'];
export const hashPaths: readonly string[] = ['hash', 'hash/:urlalgorithm'];

export const mostBytes = 128 * 1024;

export interface RandomWish {
  readonly params: Readonly<Record<string, string>>;
  readonly fields: { readonly bytes: number | undefined; readonly format: string | undefined };
}

/** Throws `invalid_request`. */
export function randomText(random: Random, { params, fields }: RandomWish): string {
  const { source, urlbytes } = params;
  // `random/platform` names a source and no number.
  const named = source ?? (urlbytes !== undefined && /^[a-z]+$/.test(urlbytes) ? urlbytes : 'platform');
  if (named !== 'platform') {
    throw new CofferError(
      'invalid_request',
      `unsupported entropy source ${JSON.stringify(named.slice(0, 60))}; must be "platform"`,
    );
  }
  const count = urlbytes === undefined || urlbytes === named ? (fields.bytes ?? 32) : Number(urlbytes);
  if (!Number.isSafeInteger(count)) {
    throw new CofferError('invalid_request', 'error parsing url-set byte count: it is a whole number');
  }
  if (count < 1) throw new CofferError('invalid_request', '"bytes" cannot be less than 1');
  if (count > mostBytes) throw new CofferError('invalid_request', `"bytes" should be less than ${mostBytes}`);
  const format = parseFormat(fields.format ?? 'base64');
  return random.bytes(count).toString(format);
}

/** `algorithm` is OpenSSL's name. Throws `invalid_request` for an unknown format. */
export function digestText(algorithm: string, bytes: Buffer, format: string | undefined): string {
  return createHash(algorithm)
    .update(bytes)
    .digest(parseFormat(format ?? 'hex'));
}

function parseFormat(text: string): 'hex' | 'base64' {
  if (text === 'hex' || text === 'base64') return text;
  throw new CofferError(
    'invalid_request',
    `unsupported encoding format ${JSON.stringify(text.slice(0, 60))}; must be "hex" or "base64"`,
  );
}
