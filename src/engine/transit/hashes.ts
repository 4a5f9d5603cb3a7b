/** Hashes by the names that clients send, and by OpenSSL's. */
import { CofferError } from '../../errors.ts';

const hashes = {
  sha1: { name: 'sha1', bytes: 20, digestInfo: '3021300906052b0e03021a05000414' },
  'sha2-224': { name: 'sha224', bytes: 28, digestInfo: '302d300d06096086480165030402040500041c' },
  'sha2-256': { name: 'sha256', bytes: 32, digestInfo: '3031300d060960864801650304020105000420' },
  'sha2-384': { name: 'sha384', bytes: 48, digestInfo: '3041300d060960864801650304020205000430' },
  'sha2-512': { name: 'sha512', bytes: 64, digestInfo: '3051300d060960864801650304020305000440' },
  'sha3-224': { name: 'sha3-224', bytes: 28, digestInfo: '302d300d06096086480165030402070500041c' },
  'sha3-256': { name: 'sha3-256', bytes: 32, digestInfo: '3031300d060960864801650304020805000420' },
  'sha3-384': { name: 'sha3-384', bytes: 48, digestInfo: '3041300d060960864801650304020905000430' },
  'sha3-512': { name: 'sha3-512', bytes: 64, digestInfo: '3051300d060960864801650304020a05000440' },
} as const;

export interface Hash {
  /** As OpenSSL calls it. */
  readonly name: string;
  readonly bytes: number;
  /** What PKCS #1 v1.5 signatures put before the digest, in hex (RFC 8017 §9.2). */
  readonly digestInfo: string;
}

export const defaultHash = 'sha2-256';
export const hashNames: readonly string[] = Object.keys(hashes);

export function findHash(name: string): Hash | undefined {
  return Object.hasOwn(hashes, name) ? hashes[name as keyof typeof hashes] : undefined;
}

/** For digests and HMACs. Throws `invalid_request`; sha1 is left to signatures of old. */
export function parseHash(name: string, allowSha1 = false): Hash {
  const hash = findHash(name);
  if (hash !== undefined && (allowSha1 || name !== 'sha1')) return hash;
  throw new CofferError('invalid_request', `unsupported algorithm ${JSON.stringify(name.slice(0, 60))}`);
}
