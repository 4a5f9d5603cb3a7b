/**
 * Where a record is in the table. Its sort key is its whole key, which DynamoDB orders by the bytes of UTF-8 as the seam does. Its
 * partition key is the key's *root*: its first folders, so that everything below a folder that is listed lies together and in order,
 * and different folders lie apart and can be spread by DynamoDB. No letter of this may change: it is the format of tables that exist.
 *
 *     root     key
 *     k:ROOT   a record's key      the record, `v` its bytes and `r` its revision
 *     d        r:ROOT              there may be records in this root; never taken away
 *     o        a random word       somebody has the store open
 *     s        store               what this table is
 */
import type { AttributeMap } from '../../aws/dynamo.ts';
import { compareKeys } from '../key-order.ts';
import type { Revision, StorageKey, StorageRecord } from '../storage.ts';

export const tableFormat = 1;
export const rootName = 'root';
export const keyName = 'key';

/** Folders that grow with use, and are written together: each lies apart from its neighbours. */
const deepFolders = ['core/audit/', 'core/identity/', 'core/lease/', 'core/token/'] as const;
const usualDepth = 2;
const deepDepth = 3;

/** Where whoever comes for one request writes whatever it is. */
export const everydayRoots = ['core/audit/log/', 'core/audit/stored/', 'core/keyring/'] as const;

export const directoryRoot = 'd';
export const occupantsRoot = 'o';
export const description = { root: { S: 's' }, key: { S: 'store' } } as const;

/** The folders that a key's partition is named for; empty, or with a `/` at its end. */
export function rootOf(key: string): string {
  return settledRoot(key) ?? key.slice(0, key.lastIndexOf('/') + 1);
}

/** The one root of all keys that start with `prefix`; undefined where they may have several. */
export function settledRoot(prefix: string): string | undefined {
  const depth = deepFolders.some((folder) => prefix.startsWith(folder)) ? deepDepth : usualDepth;
  let end = 0;
  for (let folder = 0; folder < depth; folder++) {
    end = prefix.indexOf('/', end) + 1;
    if (end === 0) return undefined;
  }
  return prefix.slice(0, end);
}

/** Roots above a prefix that has no settled one: keys that start with it may be in them, too. */
export function rootsAbove(prefix: string): readonly string[] {
  const found = [''];
  for (let end = prefix.indexOf('/') + 1; end > 0; end = prefix.indexOf('/', end) + 1) {
    found.push(prefix.slice(0, end));
  }
  return found;
}

export function partitionOf(root: string): string {
  return `k:${root}`;
}

export function addressOf(key: string): AttributeMap {
  return { [rootName]: { S: partitionOf(rootOf(key)) }, [keyName]: { S: key } };
}

export function itemOf(key: StorageKey, value: Buffer, revision: Revision): AttributeMap {
  return { ...addressOf(key), v: { B: value }, r: { N: String(revision) } };
}

export function keyOf(item: AttributeMap): StorageKey {
  return (item[keyName]?.S ?? '') as StorageKey;
}

/** The SDK's bytes, which nobody else has. */
export function recordOf(item: AttributeMap): StorageRecord {
  const bytes = item['v']?.B ?? new Uint8Array();
  return {
    value: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    revision: Number(item['r']?.N) as Revision,
  };
}

/**
 * A text that no smaller text starting with `prefix` lies behind: `prefix` with its last letter one further. It may itself be a key,
 * that does not start with the prefix. Undefined where there is no such text.
 */
export function behindPrefix(prefix: string): string | undefined {
  const letters = [...prefix];
  for (let last = letters.pop(); last !== undefined; last = letters.pop()) {
    const point = last.codePointAt(0) ?? 0;
    // What lies between are surrogates, which are no letters.
    if (point < 0x10ffff)
      return letters.join('') + String.fromCodePoint(point === 0xd7ff ? 0xe000 : point + 1);
  }
  return undefined;
}

/** The later of two texts. */
export function later(left: string, right: string): string {
  return compareKeys(left, right) < 0 ? right : left;
}
