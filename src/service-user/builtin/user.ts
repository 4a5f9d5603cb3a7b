/**
 * A service user as the mount keeps it: one record with its passwords and OAuth clients, so that every change of it is one commit. Of
 * secrets it has keyed digests: each secret has far more random bits than anybody can guess, so that deriving slowly would protect nothing.
 */
import { timingSafeEqual } from 'node:crypto';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import type { Revision } from '../../storage/storage.ts';
import type { CredentialKind } from '../provider.ts';

export interface KnownPassword {
  readonly generation: number;
  readonly digest: string;
}

export interface KnownClient {
  readonly generation: number;
  readonly id: string;
  /** Null for a public client. */
  readonly digest: string | null;
}

export interface UserRecord {
  readonly username: string;
  readonly application: string;
  readonly name: string;
  readonly team: string;
  /** As texts; besides them every user has `uid` and `cn`. */
  readonly scopes: readonly string[];
  readonly confidential: boolean;
  readonly redirectUrl: string | null;
  readonly disabled: boolean;
  /** Random. Access tokens name the one that they were made in: with another one, all of them are dead. */
  readonly session: string;
  readonly passwords: readonly KnownPassword[];
  readonly clients: readonly KnownClient[];
  /** Digests of secrets that were good, newest first: who still shows one is late and guesses nothing. */
  readonly former: readonly string[];
}

export interface ReadUser {
  readonly user: UserRecord;
  readonly revision: Revision;
}

export const userFolder = 'user/';

/** Lower case and upper case are different users, so that names are what they look like only where the registry sees to it. */
const nameForm = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,126}$/;

export function isUserName(name: string): boolean {
  return nameForm.test(name);
}

export function userPath(username: string): string {
  return userFolder + username;
}

/** A record as a view reads it. */
export type Sealed = Awaited<ReturnType<View['read']>>;

export function decodeUser(sealed: Sealed): ReadUser | undefined {
  return sealed === undefined
    ? undefined
    : { user: decodeStored<UserRecord>(sealed.open()), revision: sealed.revision };
}

export function encodeUser(user: UserRecord): Buffer {
  return encodeStored(user);
}

/** Hexadecimal digits behind a client id's last `_`: 80 bits. */
const tailLength = 20;

/** Makes digests of secrets: see `EngineEnvironment.digest`. */
export type Digest = (text: string) => string;

/** The same again for the same secret, so that staging twice makes one client. Nothing of the secret follows from it. */
export function clientIdFor(username: string, generation: number, secret: string, digest: Digest): string {
  const tail = digest(`oauth2/client-id/${username}/${generation}/${secret}`);
  return `${username}_${Buffer.from(tail, 'base64url').toString('hex').slice(0, tailLength)}`;
}

/** The user that a client id is of, whether there is one or not; undefined for what cannot be a client id. */
export function ownerOf(clientId: string): string | undefined {
  const name = clientId.slice(0, -tailLength - 1);
  const tail = clientId.slice(name.length);
  return /^_[0-9a-f]{20}$/.test(tail) && isUserName(name) ? name : undefined;
}

/** Longer than any that was ever handed out; what is longer is not looked at. */
const longestSecret = 4_096;

/** @param id user name or client id: a digest of one opens no other */
export function secretDigest(kind: CredentialKind, id: string, secret: string, digest: Digest): string {
  return digest(`oauth2/${kind}/${id}/${secret.length > longestSecret ? '' : secret}`);
}

/** Compares all of them in constant time. */
export function isAmong(wanted: string, digests: readonly (string | null)[]): boolean {
  const sought = Buffer.from(wanted);
  let found = false;
  for (const each of digests) {
    const one = Buffer.from(each ?? '');
    if (one.length === sought.length && timingSafeEqual(one, sought)) found = true;
  }
  return found;
}
