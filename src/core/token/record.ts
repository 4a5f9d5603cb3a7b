/** A token at rest. The token's text is shown once and never stored; the record's name is a keyed hash of it. */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../../json.ts';
import { parseStorageKey, type StorageKey } from '../../storage/storage.ts';
import type { ProvenPrincipal } from '../endpoint.ts';
import { tokensOfPrefix } from '../quota/ceilings.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';

declare const tokenId: unique symbol;
/** Keyed hash of a token, base64url: what the store knows it by. */
export type TokenId = string & { readonly [tokenId]: true };

export function isTokenId(text: string): text is TokenId {
  return /^[\w-]{43}$/.test(text);
}

export interface TokenRecord {
  readonly id: TokenId;
  /** A token that is not stored (see `batch.ts`); absent for those that are. */
  readonly type?: 'batch' | undefined;
  /** The token role that made it. */
  readonly role?: string | undefined;
  /** What its maker asked for besides the role, in seconds: a renewal goes by the lesser of this and what the role says then. */
  readonly asked?: { readonly period: number; readonly explicitMaxTtl: number } | undefined;
  /**
   * Milliseconds; set on what is left of a token that was revoked without its children (see `orphaning.ts`). Its `expiresAt` is
   * when the duty looks again whether anybody needs it.
   */
  readonly orphanedAt?: number;
  readonly accessor: string;
  /** Whom it was issued to, with all made from it: see `identityOf`. Absent for tokens that go back to no login. */
  readonly identity?: string | undefined;
  /** Name of who logged in for it, below its `mount`; absent for tokens that other tokens made. */
  readonly principal?: string | undefined;
  /** The entity of that login, if it has one: see `core/identity/`. Absent for root tokens and tokens without parent. */
  readonly entityId?: string | undefined;
  /** The login that it comes of had proven a second factor. */
  readonly secondFactor?: true | undefined;
  /** Its maker chose the text, so that another token may get the same one later. */
  readonly given?: true | undefined;
  /** See `childKey`. */
  readonly childByTime?: true | undefined;
  /** Sorted. */
  readonly policies: readonly string[];
  readonly displayName: string;
  readonly metadata: Readonly<Record<string, string>> | null;
  /** The request path that made it. */
  readonly path: string;
  /** The auth mount that issued it: without that mount the token is refused. Null for root tokens made at creation. */
  readonly mount: string | null;
  /** Parent first. Each must be alive for this token to be. */
  readonly ancestors: readonly TokenId[];
  /** Milliseconds. */
  readonly issuedAt: number;
  readonly renewedAt: number | null;
  /** Milliseconds; null never ends. */
  readonly expiresAt: number | null;
  /** Where its entry in the index of what ends stands, if not at its end: see `moveDue`. */
  readonly queuedAt?: number | undefined;
  /** Seconds granted at creation; 0 for a token without end. */
  readonly creationTtl: number;
  /** Seconds; 0 none. */
  readonly maxTtl: number;
  readonly explicitMaxTtl: number;
  readonly period: number;
  readonly renewable: boolean;
  /** Requests left; null is unlimited, 0 is spent. */
  readonly usesLeft: number | null;
  readonly orphan: boolean;
  readonly boundCidrs: readonly string[];
  /** What the auth method keeps for renewal. */
  readonly internal: JsonObject | null;
}

export function principalOf({
  mount,
  principal,
}: Pick<TokenRecord, 'mount' | 'principal'>): ProvenPrincipal | undefined {
  return principal === undefined || mount === null ? undefined : { mount, name: principal };
}

export const idPrefix = 'core/token/id/';

export function tokenKey(id: TokenId): StorageKey {
  return parseStorageKey(idPrefix + id);
}

export const accessorPrefix = 'core/token/accessor/';

export function accessorKey(accessor: string): StorageKey {
  return parseStorageKey(accessorPrefix + accessor);
}

/** One alias of one auth mount, as a name of fixed length that is safe in keys. */
export function identityOf(mount: string, alias: string): string {
  return createHash('sha256').update(`${mount}\0${alias}`).digest('base64url').slice(0, 22);
}

/** The index entry of a token among its identity's. */
export function ofIdentityKey(identity: string, id: TokenId): StorageKey {
  return parseStorageKey(tokensOfPrefix(identity) + id);
}

export function childrenPrefix(parent: TokenId): string {
  return `core/token/child/${parent}/`;
}

/**
 * The entry of a token among its parent's children, if it has a parent. In the order of their making, so that the entries of many
 * that are made at once lie side by side; those of earlier programs stand by their ids alone.
 */
export function childKey(record: TokenRecord): StorageKey | undefined {
  const [parent] = record.ancestors;
  if (parent === undefined) return undefined;
  const time = Math.floor(record.issuedAt / 1_000).toString(36);
  const name = record.childByTime === true ? `${time}.${record.id}` : record.id;
  return parseStorageKey(childrenPrefix(parent) + name);
}

/** The id of a child by the name of its entry. */
export function childOfName(name: string): TokenId {
  return name.slice(name.lastIndexOf('.') + 1) as TokenId;
}

/** There from the end of a token with a given text until what it left is gone. */
export function endingKey(id: TokenId): StorageKey {
  return parseStorageKey(`core/token/ending/${id}`);
}

export function encodeToken(record: TokenRecord): Buffer {
  return encodeStored(record);
}

export function decodeToken(bytes: Buffer): TokenRecord {
  return decodeStored<TokenRecord>(bytes);
}

/** Seconds left, rounded up so that a token that still works never shows 0; 0 for a token without end. */
export function remainingTtl(record: TokenRecord, now: number): number {
  return record.expiresAt === null ? 0 : Math.max(0, Math.ceil((record.expiresAt - now) / 1_000));
}

export function isRoot(record: TokenRecord): boolean {
  return record.policies.includes('root');
}
