import { CofferError, ConflictError } from '../../errors.ts';
import { generateRevision } from '../revision.ts';
import type { Expectation, Revision, StorageKey, Write } from '../storage.ts';
import type { Database } from './environment.ts';
import type { Gate } from './gate.ts';
import { decodeRevision, encodeRecord } from './record.ts';
import type { Room } from './room.ts';

/** Commits that share one flush: enough for any number of writers, and bounded so that the first of them need not wait long. */
const batchCommits = 1_000;
const batchBytes = 16 * 1024 * 1024;

/** Told when LMDB refused or failed to write a group of commits. */
export type WriteFailed = (cause: unknown) => void;

interface EncodedWrite {
  readonly key: StorageKey;
  readonly bytes: Buffer | null;
}

interface Pending {
  readonly writes: readonly EncodedWrite[];
  readonly expectations: readonly Expectation[];
  readonly revisions: readonly Revision[];
  readonly bytes: number;
  readonly resolve: (revisions: readonly Revision[]) => void;
  readonly reject: (reason: CofferError) => void;
}

/**
 * Puts commits that arrive at the same time into one transaction of LMDB, and so under one flush. What waits is taken only
 * when the write lock is held. In a group each commit is checked against what those before it wrote, and writes only if all
 * its expectations hold; the others neither notice a conflict nor share it.
 */
export class GroupCommit {
  readonly #database: Database;
  readonly #gate: Gate;
  readonly #room: Room;
  readonly #writeFailed: WriteFailed;
  #waiting: Pending[] = [];
  #running: Promise<void> | undefined;

  constructor(database: Database, gate: Gate, room: Room, writeFailed: WriteFailed) {
    this.#database = database;
    this.#gate = gate;
    this.#room = room;
    this.#writeFailed = writeFailed;
  }

  /** Resolves when the commit is on disk. */
  add(writes: readonly Write[], expectations: readonly Expectation[]): Promise<readonly Revision[]> {
    const revisions = writes.map(generateRevision);
    const encoded = writes.map(({ key, value }, index) => ({
      key,
      bytes: value === null ? null : encodeRecord(revisions[index] ?? generateRevision(), value),
    }));
    const bytes = encoded.reduce((sum, write) => sum + (write.bytes?.length ?? 0), 0);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ writes: encoded, expectations, revisions, bytes, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing waits and nothing is being written. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await behindWhatIsReady();
      const prepared = this.#room.prepare(Math.min(batchBytes, this.#waitingBytes()));
      if (prepared !== undefined) await prepared;
      await this.#writeGroup();
    }
    this.#running = undefined;
  }

  #waitingBytes(): number {
    return this.#waiting.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async #writeGroup(): Promise<void> {
    let group: readonly Pending[] | undefined;
    let conflicts: readonly (ConflictError | undefined)[] = [];
    let release: (() => void) | undefined;
    try {
      await this.#database.transaction(() => {
        group = this.#takeGroup();
        release = this.#gate.hold();
        // Were a write to throw here, LMDB would have marked the transaction and would refuse to commit it.
        conflicts = group.map((pending) => this.#apply(pending));
      });
    } catch (cause) {
      this.#writeFailed(cause);
      const reason = new CofferError(
        'unavailable',
        'the store could not be written; whether it was is not known',
        {
          cause,
        },
      );
      for (const pending of group ?? this.#takeGroup()) pending.reject(reason);
      return;
    } finally {
      release?.();
    }
    group?.forEach((pending, index) => {
      const conflict = conflicts[index];
      if (conflict === undefined) pending.resolve(pending.revisions);
      else pending.reject(conflict);
    });
  }

  #takeGroup(): readonly Pending[] {
    let count = 0;
    let bytes = 0;
    const most = Math.min(batchBytes, this.#room.allowance());
    for (const pending of this.#waiting) {
      bytes += pending.bytes;
      if (count === batchCommits || (count > 0 && bytes > most)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  #apply({ writes, expectations }: Pending): ConflictError | undefined {
    for (const { key, revision } of expectations) {
      if (this.#revisionOf(key) !== revision) return new ConflictError(key);
    }
    for (const { key, bytes } of writes) {
      if (bytes === null) void this.#database.remove(key);
      else void this.#database.put(key, bytes);
    }
    return undefined;
  }

  #revisionOf(key: StorageKey): Revision | null {
    const bytes = this.#database.getBinaryFast(key);
    return bytes === undefined ? null : decodeRevision(bytes, bytes.length);
  }
}

/**
 * Behind all that goes on in this turn. The write lock is held from when LMDB has it until this thread hands the group over: asked for by
 * the first of many requests that are ready, it would keep other processes waiting while this one works on all the others.
 */
function behindWhatIsReady(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
