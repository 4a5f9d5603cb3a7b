/**
 * A record as it rests in storage, format 1:
 *
 *     format version (1 byte: 1), term (u32, big-endian), nonce (12), ciphertext, tag (16)
 *
 * and the same record re-sealed under a later term, with the revision that it had before (its version's highest bit is set):
 *
 *     format version (1 byte: 0x81), term (u32, big-endian), replaced revision (u64, big-endian), nonce (12), ciphertext, tag (16)
 *
 * Re-sealing changes a record's revision and nothing that anybody wrote. The mark says so: who read the record before and commits
 * on that is not in conflict (see `Barrier.commit`). It is part of the associated data.
 *
 * An entry of an index, whose key says everything, is one byte: 0 (see `present` in `store.ts`).
 *
 * Its key is derived from the term's key for this one record, and what it is derived with is the associated data too: format
 * version, term, and the record's identity, which is its whole storage key. So a record that was moved, swapped, cut, or given
 * another term or version does not open, and no key ever seals two records.
 */
import type { KeyObject } from 'node:crypto';
import { aeadOverhead, integrityError, openAead, sealAead } from '../crypto/aead.ts';
import { encodeContext } from '../crypto/context.ts';
import { deriveKey, deriveKeyOnce, expandOften, wipe } from '../crypto/hkdf.ts';
import type { Random } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { type Revision, type StorageKey, storageLimits } from '../storage/storage.ts';
import type { Term } from './term.ts';

const formatVersion = 1;
const headerBytes = 5;
/** The version byte of a record that was re-sealed. */
const resealedVersion = 0x80 | formatVersion;
const revisionBytes = 8;

/** What lies where a record says only that it is there: format 0, and no more. */
export const presentRecord = Buffer.of(0);

export function isPresentRecord(value: Buffer): boolean {
  return value.length === 1 && value[0] === 0;
}

/** Bytes that sealing adds to a plaintext; what fits in a record is storage's limit less these. */
export const recordOverhead = headerBytes + aeadOverhead;

/** What seals and opens one record: costs one HMAC to derive, and is worth keeping. */
export interface RecordKey {
  readonly term: number;
  readonly key: KeyObject;
  /** The associated data. */
  readonly context: Buffer;
}

/** The same for one use: see `forgetKey`. */
export interface PassingKey extends Omit<RecordKey, 'key'> {
  readonly key: KeyObject | Buffer;
}

/** The key of the record at `identity` under a term, where nothing of it is kept. */
export function derivePassingKey(term: Term, identity: StorageKey): PassingKey {
  const context = encodeContext('coffer record', [formatVersion, term.id, identity], { passing: true });
  return { term: term.id, key: deriveKeyOnce(term.key, context, expandOften), context };
}

/** To be called once a key was used that may not be kept. Kept ones go on. */
export function forgetKey({ key }: PassingKey): void {
  wipe(key);
}

/** The key of the record at `identity` under a term. */
export function deriveRecordKey(term: Term, identity: StorageKey): RecordKey {
  const context = encodeContext('coffer record', [formatVersion, term.id, identity]);
  return { term: term.id, key: deriveKey(term.key, context, expandOften), context };
}

export function sealRecord(random: Random, recordKey: PassingKey, plaintext: Buffer): Buffer {
  const sealed = sealAead(random, recordKey.key, plaintext, recordKey.context, headerBytes);
  sealed.writeUInt8(formatVersion, 0);
  sealed.writeUInt32BE(recordKey.term, 1);
  return sealed;
}

/**
 * A record as it is sealed again, by its key of a later term, without having changed. One that is so large that the mark
 * does not fit any more goes without.
 */
export function resealRecord(
  random: Random,
  recordKey: PassingKey,
  plaintext: Buffer,
  replaced: Revision,
): Buffer {
  if (plaintext.length + recordOverhead + revisionBytes > storageLimits.recordBytes) {
    return sealRecord(random, recordKey, plaintext);
  }
  const aad = resealedContext(recordKey, replaced);
  const sealed = sealAead(random, recordKey.key, plaintext, aad, headerBytes + revisionBytes);
  sealed.writeUInt8(resealedVersion, 0);
  sealed.writeUInt32BE(recordKey.term, 1);
  sealed.writeBigUInt64BE(BigInt(replaced), headerBytes);
  return sealed;
}

/** The revision that a record had before it was re-sealed, not yet proven; undefined for one that was not. */
export function replacedRevision(sealed: Buffer): Revision | undefined {
  if (!isResealed(sealed)) return undefined;
  const replaced = sealed.readBigUInt64BE(headerBytes);
  if (replaced > BigInt(Number.MAX_SAFE_INTEGER)) throw integrityError();
  return Number(replaced) as Revision;
}

/**
 * The id of the term that sealed a record, not yet proven. Throws `integrity` for what is no record, and `store_unusable` for a
 * record of a later format.
 */
export function recordTerm(sealed: Buffer): number {
  if (sealed.length < recordOverhead) throw integrityError();
  const version = sealed.readUInt8(0);
  if (version > formatVersion && version !== resealedVersion) {
    throw new CofferError(
      'store_unusable',
      `a record has format ${version} and was written by a newer Coffer; this one reads format ${formatVersion}`,
    );
  }
  if (version !== formatVersion && !isResealed(sealed)) throw integrityError();
  return sealed.readUInt32BE(1);
}

/** The term that a record of this format names, as far as one can tell without opening it. */
export function claimedTerm(sealed: Buffer): number | undefined {
  const readable = sealed.length >= recordOverhead && (sealed[0] === formatVersion || isResealed(sealed));
  return readable ? sealed.readUInt32BE(1) : undefined;
}

/** The plaintext of a record whose `recordTerm` is the key's. Throws `integrity`. */
export function openRecord(recordKey: PassingKey, sealed: Buffer): Buffer {
  const replaced = replacedRevision(sealed);
  if (replaced === undefined) return openAead(recordKey.key, sealed.subarray(headerBytes), recordKey.context);
  const aad = resealedContext(recordKey, replaced);
  return openAead(recordKey.key, sealed.subarray(headerBytes + revisionBytes), aad);
}

function isResealed(sealed: Buffer): boolean {
  return sealed.length >= recordOverhead + revisionBytes && sealed.readUInt8(0) === resealedVersion;
}

/** What the record's key derives with, and one more number. */
function resealedContext({ context }: PassingKey, replaced: Revision): Buffer {
  return Buffer.concat([context, encodeContext('re-sealed', [replaced])]);
}
