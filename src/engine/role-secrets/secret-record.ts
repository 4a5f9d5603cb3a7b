/**
 * A secret at rest. One record, at the secret's name, holds the current value together with the list of who may read it, so that a
 * read costs one look-up and no state of the store has a value with another list than it was given. Values that were replaced lie in
 * records of their own, by the secret's id and their number, each with the list that it had.
 *
 * Both begin alike: format (1 byte), length of the head (u32, big-endian), the head as JSON, the value's JSON as text.
 */
import type { ProvenPrincipal } from '../../core/endpoint.ts';
import { parseStored } from '../../core/stored-json.ts';
import { CofferError } from '../../errors.ts';

const format = 1;
const fixedBytes = 1 + 4;

export interface VersionRow {
  readonly number: number;
  /** Milliseconds, as the others. */
  readonly createdAt: number;
  /** Deleted, and can come back. */
  readonly deletedAt: number | null;
  /** From here on as if it were destroyed. */
  readonly expiresAt: number | null;
  readonly destroyed: boolean;
}

export interface Secret {
  readonly id: string;
  /** Who may read it. */
  readonly roles: readonly ProvenPrincipal[];
  readonly updatedAt: number;
  /** Number of the newest version, also of a name that was removed: it goes on from there. */
  readonly last: number;
  /** Oldest first; none for a name that was removed. */
  readonly versions: readonly VersionRow[];
  /** JSON of the newest version's fields; undefined where it is destroyed. */
  readonly text: string | undefined;
}

/** The name was removed. What is left of it keeps others from taking it. */
export function isGone({ versions }: Pick<Secret, 'versions'>): boolean {
  return versions.length === 0;
}

export function secretPath(name: string): string {
  return `secret/${name}`;
}

export function encodeSecret({ text, ...head }: Secret): Buffer {
  return encode(head, text);
}

/** Throws `store_unusable` for a newer format, `integrity` for what is none. */
export function decodeSecret(bytes: Buffer): Secret {
  const { head, text } = decode<Omit<Secret, 'text'>>(bytes);
  return { ...head, text: text === '' ? undefined : text };
}

/** A version that another one has replaced. */
export interface OldVersion {
  readonly number: number;
  /** Who could read it when it was replaced. */
  readonly roles: readonly ProvenPrincipal[];
  /** JSON. */
  readonly text: string;
}

export function versionPath(id: string, number: number): string {
  return `version/${id}/${number}`;
}

export function encodeOldVersion({ text, ...head }: OldVersion): Buffer {
  return encode(head, text);
}

/** Throws as `decodeSecret` does. */
export function decodeOldVersion(bytes: Buffer): OldVersion {
  const { head, text } = decode<Omit<OldVersion, 'text'>>(bytes);
  return { ...head, text };
}

function encode(head: object, text = ''): Buffer {
  const json = Buffer.from(JSON.stringify(head));
  const fixed = Buffer.alloc(fixedBytes);
  fixed[0] = format;
  fixed.writeUInt32BE(json.length, 1);
  return Buffer.concat([fixed, json, Buffer.from(text)]);
}

function decode<T>(bytes: Buffer): { readonly head: T; readonly text: string } {
  if (bytes[0] !== format) {
    throw new CofferError('store_unusable', 'a secret is of a newer format than this program reads');
  }
  const end = bytes.length < fixedBytes ? bytes.length + 1 : fixedBytes + bytes.readUInt32BE(1);
  if (end > bytes.length) throw new CofferError('integrity', 'a stored record is not readable');
  return { head: parseStored<T>(bytes.subarray(fixedBytes, end)), text: bytes.toString('utf8', end) };
}
