/**
 * The keyring: every term, and the store key from which keys for other purposes derive. It rests at one storage key, sealed under
 * the root key, format 1:
 *
 *     format version (1 byte: 1), check value of the root key (16), nonce (12), ciphertext, tag (16)
 *
 * The plaintext is JSON with base64 keys. It is bound to the store's id and to its place, so that the keyring of another store, or
 * one that was moved, does not open.
 */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { integrityError } from '../crypto/aead.ts';
import { encodeContext } from '../crypto/context.ts';
import { equalBytes } from '../crypto/digest.ts';
import type { Random } from '../crypto/random.ts';
import { checkBytes, unwrapBytes, wrapBytes } from '../crypto/wrapping.ts';
import { assertNever, CofferError } from '../errors.ts';
import { isJsonObject } from '../json.ts';
import { bootKeys } from '../seal/boot.ts';
import { generateKey, generateTerm, type Term } from './term.ts';

const formatVersion = 1;
const headerBytes = 1 + checkBytes;
const keyBytes = 32;
const largestTerm = 2 ** 32 - 1;

export interface Keyring {
  /** By id, ascending. */
  readonly terms: ReadonlyMap<number, Term>;
  /** The term that seals: the one with the highest id. */
  readonly newest: Term;
  /** Never rotated: what is keyed with it (digests, ids of tokens) stays findable for the store's life. */
  readonly storeKey: KeyObject;
}

export function generateKeyring(random: Random, now: number): Keyring {
  return keyringOf([generateTerm(1, random, now)], generateKey(random));
}

/** The keyring with one more term, which seals from now on. */
export function withNewTerm(keyring: Keyring, random: Random, now: number): Keyring {
  const term = generateTerm(keyring.newest.id + 1, random, now);
  return keyringOf([...keyring.terms.values(), term], keyring.storeKey);
}

/**
 * The keyring once nothing is sealed any more under the terms before `firstInUse`: these are marked as retired, and those that were so
 * marked before `droppedBefore` (milliseconds) are left out. The same keyring when nothing changes.
 */
export function withRetiredTerms(keyring: Keyring, { firstInUse, now, droppedBefore }: Retirement): Keyring {
  const terms = [...keyring.terms.values()];
  const unused = terms.filter(({ id }) => id < firstInUse && id !== keyring.newest.id);
  // Only from the oldest on: that a term is missing must always mean that all before it are.
  const firstKept = unused.findIndex(
    ({ retiredAt }) => retiredAt === undefined || retiredAt >= droppedBefore,
  );
  const kept = firstKept === -1 ? [] : unused.slice(firstKept);
  if (kept.length === unused.length && kept.every(({ retiredAt }) => retiredAt !== undefined)) return keyring;
  const retired = kept.map((term) => ({ ...term, retiredAt: term.retiredAt ?? now }));
  return keyringOf([...retired, ...terms.slice(unused.length)], keyring.storeKey);
}

export interface Retirement {
  /** Under older terms than this nothing is sealed. */
  readonly firstInUse: number;
  readonly now: number;
  readonly droppedBefore: number;
}

/**
 * Whether `later` still has everything `earlier` had, but for terms at its beginning that were dropped: what storage shows must
 * never go back, so a dropped term does not return either.
 */
export function continues(later: Keyring, earlier: Keyring): boolean {
  const oldest = oldestTerm(later);
  if (oldest < oldestTerm(earlier)) return false;
  const kept = [...earlier.terms.values()].every((term) => {
    if (term.id < oldest) return true;
    const same = later.terms.get(term.id);
    return same !== undefined && equalKeys(same.key, term.key);
  });
  return kept && equalKeys(later.storeKey, earlier.storeKey);
}

/** Whether `later` says anything that `earlier` does not. Both are of one store, and one continues the other. */
export function isNewer(later: Keyring, earlier: Keyring): boolean {
  const retired = ({ terms }: Keyring) =>
    [...terms.values()].filter(({ retiredAt }) => retiredAt !== undefined).length;
  return (
    later.newest.id > earlier.newest.id ||
    oldestTerm(later) > oldestTerm(earlier) ||
    (later.newest.id === earlier.newest.id &&
      oldestTerm(later) === oldestTerm(earlier) &&
      retired(later) > retired(earlier))
  );
}

function oldestTerm({ terms, newest }: Keyring): number {
  return terms.keys().next().value ?? newest.id;
}

/** The keyring as it is stored. */
export function sealKeyring(random: Random, rootKey: KeyObject, storeId: string, keyring: Keyring): Buffer {
  const plaintext = Buffer.from(JSON.stringify(encodeKeyring(keyring)));
  const { wrapped, check } = wrapBytes(random, rootKey, plaintext, keyringContext(storeId));
  plaintext.fill(0);
  return Buffer.concat([Buffer.of(formatVersion), check, wrapped]);
}

/**
 * Opens a stored keyring. Throws `wrong_key` if another root key sealed it, `integrity` if the root key is right and the record is
 * not (or the record is too short to tell), `store_unusable` for a later format.
 */
export function openKeyring(rootKey: KeyObject, storeId: string, sealed: Buffer): Keyring {
  const version = sealed.length < headerBytes ? 0 : sealed.readUInt8(0);
  if (version > formatVersion) {
    throw new CofferError(
      'store_unusable',
      `the keyring has format ${version} and was written by a newer Coffer; this one reads format ${formatVersion}`,
    );
  }
  if (version !== formatVersion) throw integrityError();
  const check = sealed.subarray(1, headerBytes);
  const wrapped = sealed.subarray(headerBytes);
  const opened = unwrapBytes(rootKey, { wrapped, check }, keyringContext(storeId));
  switch (opened.kind) {
    case 'opened':
      return decodeKeyring(opened.bytes);
    case 'wrong-key':
      throw new CofferError('wrong_key', "this root key is not the one that opens this store's keyring");
    case 'damaged':
      throw integrityError();
    default:
      return assertNever(opened);
  }
}

function keyringContext(storeId: string): Buffer {
  return encodeContext('coffer keyring', [formatVersion, storeId, bootKeys.keyring]);
}

function keyringOf(terms: readonly Term[], storeKey: KeyObject): Keyring {
  const newest = terms.at(-1);
  if (newest === undefined || newest.id > largestTerm) throw integrityError();
  return { terms: new Map(terms.map((term) => [term.id, term])), newest, storeKey };
}

function encodeKeyring({ terms, storeKey }: Keyring): object {
  return {
    terms: [...terms.values()].map(({ id, key, installedAt, retiredAt }) => ({
      id,
      key: encodeKey(key),
      installed_at: installedAt,
      ...(retiredAt === undefined ? {} : { retired_at: retiredAt }),
    })),
    store_key: encodeKey(storeKey),
  };
}

/** Only what the root key has sealed comes here, so anything unexpected means that something is broken. */
function decodeKeyring(plaintext: Buffer): Keyring {
  let parsed: unknown;
  try {
    parsed = JSON.parse(plaintext.toString());
  } catch {
    throw integrityError();
  } finally {
    plaintext.fill(0);
  }
  if (!isJsonObject(parsed) || !Array.isArray(parsed['terms'])) throw integrityError();
  const terms = parsed['terms'].map(decodeTerm);
  if (terms.some((term, index) => index > 0 && term.id <= (terms[index - 1]?.id ?? 0)))
    throw integrityError();
  return keyringOf(terms, decodeKey(parsed['store_key']));
}

function decodeTerm(value: unknown): Term {
  if (!isJsonObject(value)) throw integrityError();
  const { id, key, installed_at: installedAt, retired_at: retiredAt } = value;
  if (!isCount(id) || id === 0 || !isCount(installedAt)) throw integrityError();
  if (retiredAt !== undefined && !isCount(retiredAt)) throw integrityError();
  const term = { id, key: decodeKey(key), installedAt };
  return retiredAt === undefined ? term : { ...term, retiredAt };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function encodeKey(key: KeyObject): string {
  const bytes = key.export();
  const text = bytes.toString('base64');
  bytes.fill(0);
  return text;
}

function decodeKey(text: unknown): KeyObject {
  if (typeof text !== 'string') throw integrityError();
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== keyBytes) throw integrityError();
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}

function equalKeys(left: KeyObject, right: KeyObject): boolean {
  return equalBytes(left.export(), right.export());
}
