/** What a node writes of itself: a small record, written anew at intervals, gone once the node has stopped. */
import type { Formats } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import { parseStorageKey, type StorageKey } from '../../storage/storage.ts';
import type { ProcessIdentity } from '../audit/process-identity.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';

export const nodePrefix = 'core/node/';

export interface NodeRecord {
  /** A uuid, drawn each time the node opens the store. */
  readonly id: string;
  readonly process: ProcessIdentity;
  /** Of the program. */
  readonly version: string;
  /** Where clients reach it, as a URL; empty where it has no listener, or none yet. */
  readonly address: string;
  /** Milliseconds, by its own clock: since when it serves the open store. */
  readonly since: number;
  /** Milliseconds, by its own clock: when it wrote this. */
  readonly seen: number;
  /** Counts what it wrote: its sign of life, whatever its clock says. */
  readonly turn: number;
  readonly formats: Formats;
  /** Engines and auth methods that it has: `secret/kv`, `auth/userpass` and so on. */
  readonly types: readonly string[];
  /** Duties that it takes its turn in. */
  readonly workers: readonly string[];
}

export function nodeKey(id: string): StorageKey {
  return parseStorageKey(nodePrefix + id);
}

export function encodeNode(record: NodeRecord): Buffer {
  return encodeStored(record);
}

/** Throws as `decodeStored` does, and `integrity` for a record without what makes a node. */
export function decodeNode(bytes: Buffer): NodeRecord {
  const record = decodeStored<NodeRecord>(bytes);
  if (typeof record.id !== 'string' || typeof record.turn !== 'number') {
    throw new CofferError('integrity', 'a stored record is not readable');
  }
  return record;
}
