/** A lease at rest. Its id is the path that made it and 24 random characters, so that leases revoke by prefix. */
import type { JsonObject } from '../../json.ts';
import { parseStorageKey, type StorageKey } from '../../storage/storage.ts';
import { leasesOfPrefix } from '../quota/ceilings.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';
import type { TokenId } from '../token/record.ts';

export interface LeaseRecord {
  readonly id: string;
  readonly path: string;
  /** Uuid of the mount whose engine renews and revokes. */
  readonly mount: string;
  readonly token: TokenId | null;
  /** Whose it is: the identity of its token. */
  readonly identity?: string | undefined;
  /** Milliseconds. */
  readonly issuedAt: number;
  readonly renewedAt: number | null;
  readonly expiresAt: number;
  /** Where its entry in the index of what ends stands, if not at its end: see `moveDue`. */
  readonly queuedAt?: number | undefined;
  /** Seconds; 0 none. */
  readonly maxTtl: number;
  readonly renewable: boolean;
  /** What the engine needs to renew or revoke; sealed, never shown. */
  readonly internal: JsonObject;
  /** Failed revocations so far. */
  readonly failures: number;
  /** No more tries: a person must look. */
  readonly irrevocable: boolean;
}

export const leasePrefix = 'core/lease/id/';

export function leaseKey(id: string): StorageKey {
  return parseStorageKey(leasePrefix + id);
}

export function leaseOfTokenKey(token: TokenId, id: string): StorageKey {
  return parseStorageKey(`${leaseOfTokenPrefix(token)}${id}`);
}

/** The index entry of a lease among its identity's. */
export function leaseOfIdentityKey(identity: string, id: string): StorageKey {
  return parseStorageKey(leasesOfPrefix(identity) + id);
}

export function leaseOfTokenPrefix(token: TokenId): string {
  return `core/lease/token/${token}/`;
}

/** The list of leases whose revocation was given up, for a person to look at. */
export const givenUpPrefix = 'core/lease/given-up/';

export function givenUpKey(id: string): StorageKey {
  return parseStorageKey(givenUpPrefix + id);
}

export function encodeLease(record: LeaseRecord): Buffer {
  return encodeStored(record);
}

export function decodeLease(bytes: Buffer): LeaseRecord {
  return decodeStored<LeaseRecord>(bytes);
}

/** Where a lease is listed besides its own place: with its token, and with its identity. */
export function indexKeys({ id, token, identity }: LeaseRecord): readonly StorageKey[] {
  return [
    ...(token === null ? [] : [leaseOfTokenKey(token, id)]),
    ...(identity === undefined ? [] : [leaseOfIdentityKey(identity, id)]),
  ];
}

/** Lease ids come from callers: anything that could not be one is simply not found. */
export function isLeaseId(id: string): boolean {
  return id.length > 0 && Buffer.byteLength(id) <= 740 && id.isWellFormed() && !id.includes('\0');
}
