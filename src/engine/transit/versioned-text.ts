/** `vault:v<version>:<base64>`: the form of ciphertexts, signatures and HMACs. */
import { CofferError } from '../../errors.ts';
import { type KeyRecord, oldestUsable } from './key-record.ts';

const prefix = 'vault:v';

export function versionedText(version: number, encoded: string): string {
  return `${prefix}${version}:${encoded}`;
}

/** Texts of refusals: clients know them word for word, and each use has its own. */
export interface Wording {
  readonly noPrefix: string;
  readonly noun: string;
  readonly tooOld: string;
}

export const ciphertextWording: Wording = {
  noPrefix: 'invalid ciphertext: no prefix',
  noun: 'ciphertext',
  tooOld: 'ciphertext or signature version is disallowed by policy (too old)',
};

export const signatureWording: Wording = {
  ...ciphertextWording,
  noPrefix: 'invalid signature: no prefix',
  noun: 'signature',
};

export const hmacWording: Wording = {
  noPrefix: 'invalid HMAC to verify: no prefix',
  noun: 'HMAC',
  tooOld: 'cannot verify HMAC: version is too old (disallowed by policy)',
};

export interface VersionedText {
  readonly version: number;
  /** What stands after the version, not decoded yet. */
  readonly rest: string;
}

/** Throws `invalid_request` for another form, and for a version that the key does not have or does not allow any more. */
export function parseVersioned(text: string, record: KeyRecord, wording: Wording): VersionedText {
  const refuse = (why: string) => new CofferError('invalid_request', why);
  if (!text.startsWith(prefix)) throw refuse(wording.noPrefix);
  const colon = text.indexOf(':', prefix.length);
  if (colon < 0) throw refuse(`invalid ${wording.noun}: wrong number of fields`);
  const number = text.slice(prefix.length, colon);
  if (!/^\d{1,9}$/.test(number)) {
    throw refuse(`invalid ${wording.noun}: version number could not be decoded`);
  }
  // The first keys that Vault made counted from 0.
  const version = Math.max(1, Number(number));
  if (version > record.latestVersion) throw refuse(`invalid ${wording.noun}: version is too new`);
  if (version < oldestUsable(record)) throw refuse(wording.tooOld);
  return { version, rest: text.slice(colon + 1) };
}
