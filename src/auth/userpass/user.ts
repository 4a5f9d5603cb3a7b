/** Userpass's users at rest, and what names and passwords may be. */
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import type { TokenSettings } from '../token-fields.ts';

export interface UserRecord {
  readonly name: string;
  /** A uuid: tokens are of this user, not of whoever has the name later. */
  readonly id: string;
  /** A PHC string with its own cost and salt. */
  readonly passwordHash: string;
  readonly token: TokenSettings;
  /** Older names of fields by which it was written. */
  readonly oldNames: readonly string[];
}

export interface ReadUser {
  readonly user: UserRecord;
  readonly revision: Revision;
}

export const userFolder = 'user/';

export function userPath(name: string): string {
  return userFolder + name;
}

/** What a view answers for a path. */
export type Sealed = Awaited<ReturnType<View['read']>>;

export function decodeUser(sealed: Sealed): ReadUser | undefined {
  return sealed === undefined
    ? undefined
    : { user: decodeStored<UserRecord>(sealed.open()), revision: sealed.revision };
}

export function encodeUser(user: UserRecord): Buffer {
  return encodeStored(user);
}

/**
 * The canonical name: ASCII letters are folded to lower case, once and here; then it is only validated, so that look-alikes are
 * refused and never merged. Undefined for what cannot be a name.
 */
export function canonicalName(text: string): string | undefined {
  const name = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return /^[a-z0-9][a-z0-9._-]{0,127}$/.test(name) ? name : undefined;
}

/** Throws `invalid_request`. */
export function parseUserName(text: string): string {
  const name = canonicalName(text);
  if (name !== undefined) return name;
  throw new CofferError(
    'invalid_request',
    'a user name begins with a letter a–z or a digit, and letters, digits, ".", "_" and "-" follow, 128 in all',
  );
}

/** Bytes of UTF-8. */
const longestPassword = 1_024;

/**
 * A password is the UTF-8 bytes of the text as it was sent: nothing is trimmed, folded or normalised, so a client that composes
 * accents otherwise than the one that set the password is refused. Throws `invalid_request`, never with the text.
 */
export function checkPassword(text: string | undefined): string {
  if (text === undefined || text === '') throw new CofferError('invalid_request', 'missing password');
  // Lone surrogates have no bytes of their own: two such passwords would count as one.
  if (!text.isWellFormed()) throw new CofferError('invalid_request', 'password is not valid Unicode text');
  if (Buffer.byteLength(text) > longestPassword) {
    throw new CofferError('invalid_request', `password has at most ${longestPassword} bytes in UTF-8`);
  }
  return text;
}
