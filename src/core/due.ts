/**
 * The index of what ends and when: `due/<shard>/<minute>/<second>/<kind>/<id>`. The expiry duty walks it from its beginning, so
 * a pass costs what is due, and a start costs nothing however many entries wait.
 */
import type { PlainWrite } from '../barrier/store.ts';
import { parseStorageKey, type StorageKey } from '../storage/storage.ts';

/** What an entry's id names: a token's stored id, a lease id, `<mount uuid>/<name>`, a mount's uuid, a job's, a pending login's, an approval's. */
export type DueKind =
  | 'token'
  | 'token-tree'
  | 'lease'
  | 'mount'
  | 'purge'
  | 'job'
  | 'pending-login'
  | 'approval';

const kinds: readonly DueKind[] = [
  'token',
  'token-tree',
  'lease',
  'mount',
  'purge',
  'job',
  'pending-login',
  'approval',
];

export interface Due {
  readonly key: StorageKey;
  /** Milliseconds, whole seconds. */
  readonly at: number;
  readonly kind: DueKind;
  readonly id: string;
}

export const dueShards = 16;

/**
 * What waits for work outside the store stands in an index of its own (`outside/<shard>/…`), laid out alike: it may take its time, and no lease or
 * token waits behind it.
 */
export type DueIndex = 'due' | 'outside';

/** The write that puts an entry into the index. `at` is in milliseconds. */
export function dueWrite(at: number, kind: DueKind, id: string, index: DueIndex = 'due'): PlainWrite {
  return { key: dueKey(at, kind, id, index), value: 'present' };
}

/** A record that ends, and where its one entry stands. */
export interface Queued {
  readonly id: string;
  /** Milliseconds; null never ends. */
  readonly expiresAt: number | null;
  /** Where its entry stands when that is not where it ends, in milliseconds. */
  readonly queuedAt?: number | undefined;
}

/** What follows from a new end: `queuedAt` for the record, and writes for the commit that changes it. */
export interface MovedDue {
  readonly queuedAt: number | undefined;
  readonly writes: readonly PlainWrite[];
}

/**
 * Follows a record's end to `end`, in milliseconds. A later end leaves the entry where it is, and the duty queues it again when it
 * comes by. A sooner end takes the entry along: whoever renews to and fro has one entry and not one for each second.
 */
export function moveDue(kind: DueKind, record: Queued, end: number): MovedDue {
  const stands = record.queuedAt ?? record.expiresAt;
  if (stands !== null && stands <= end) return { queuedAt: stands === end ? undefined : stands, writes: [] };
  const moved = dueWrite(end, kind, record.id);
  const left = withoutDue(kind, record).filter(({ key }) => key !== moved.key);
  return { queuedAt: undefined, writes: [moved, ...left] };
}

/** The duty's own move: from `due`, where it came by too early, to the record's end. */
export function requeueDue(due: Due, record: Queued): MovedDue {
  if (record.expiresAt === null) return { queuedAt: undefined, writes: [] };
  const again = dueWrite(record.expiresAt, due.kind, record.id);
  const left = withoutDue(due.kind, record).filter(({ key }) => key !== due.key && key !== again.key);
  return { queuedAt: undefined, writes: [again, ...left] };
}

/** The write that takes a record's entry out with it: what has ended leaves nothing to wait for. */
export function withoutDue(kind: DueKind, record: Queued): readonly PlainWrite[] {
  const stands = record.queuedAt ?? record.expiresAt;
  return stands === null ? [] : [{ key: dueKey(stands, kind, record.id), value: null }];
}

function dueKey(at: number, kind: DueKind, id: string, index: DueIndex = 'due'): StorageKey {
  const second = Math.max(0, Math.ceil(at / 1_000));
  const minute = String(Math.floor(second / 60)).padStart(10, '0');
  const rest = String(second % 60).padStart(2, '0');
  return parseStorageKey(`${shardPrefix(shardOf(id), index)}${minute}/${rest}/${kind}/${id}`);
}

export function shardPrefix(shard: number, index: DueIndex = 'due'): string {
  return `${index}/${shard.toString(16)}/`;
}

/** Spreads entries, so that nodes of one store do not all write next to each other. */
function shardOf(id: string): number {
  let sum = 0;
  for (let index = 0; index < id.length; index++) sum = (sum * 31 + id.charCodeAt(index)) >>> 0;
  return sum % dueShards;
}

/** The entry at a key; its kind is undefined where a newer program put it there, whose business it is. */
export function parseDue(key: StorageKey): Omit<Due, 'kind'> & { readonly kind: DueKind | undefined } {
  const [, , minute, second, kind, ...id] = key.split('/');
  return {
    key,
    at: (Number(minute) * 60 + Number(second)) * 1_000,
    kind: kinds.find((name) => name === kind),
    id: id.join('/'),
  };
}
