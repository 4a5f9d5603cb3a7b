/**
 * Recovery codes: shown once, kept as keyed hashes, each good for one invitation to enrol a device and for nothing else. With eighty bits
 * they can't be guessed, so that a plain keyed hash is enough.
 */
import { timingSafeEqual } from 'node:crypto';
import { encodeBase32 } from '../../crypto/base32.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';

/** Bytes of one: 16 letters. */
const codeBytes = 10;

export interface NewRecoveryCodes {
  readonly texts: readonly string[];
  readonly digests: readonly string[];
}

/** @param owner the account's id: a code of one is none of another */
export function newRecoveryCodes(
  environment: EngineEnvironment,
  owner: string,
  count: number,
): NewRecoveryCodes {
  const texts = Array.from({ length: count }, () => {
    const letters = encodeBase32(environment.random.bytes(codeBytes)).toLowerCase();
    return letters.replace(/(.{4})(?=.)/g, '$1-');
  });
  return { texts, digests: texts.map((text) => digestOf(environment, owner, plain(text))) };
}

/** Throws `invalid_request` for what cannot be one, before anything is looked up. Blanks, dashes and case say nothing. */
export function parseRecoveryCode(text: string | undefined): string {
  if (text === undefined || text === '') throw new CofferError('invalid_request', 'missing recovery_code');
  const letters = plain(text);
  if (text.length <= 64 && /^[a-z2-7]{16}$/.test(letters)) return letters;
  throw new CofferError('invalid_request', 'recovery_code has 16 letters and digits, as it was shown');
}

function plain(text: string): string {
  return text.replace(/[ -]/g, '').replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The hashes without that of this code; undefined where it is none of them. All are compared. */
export function withoutCode(
  environment: EngineEnvironment,
  owner: string,
  digests: readonly string[],
  code: string,
): readonly string[] | undefined {
  const sent = Buffer.from(digestOf(environment, owner, code));
  const left = digests.filter((digest) => {
    const kept = Buffer.from(digest);
    return kept.length !== sent.length || !timingSafeEqual(kept, sent);
  });
  return left.length === digests.length ? undefined : left;
}

function digestOf(environment: Pick<EngineEnvironment, 'digest'>, owner: string, code: string): string {
  return environment.digest(`totp-recovery/${owner}/${code}`);
}
