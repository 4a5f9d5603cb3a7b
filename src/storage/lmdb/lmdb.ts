import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import { checkReadMany, pageOfChildren, pageOfRange } from '../listing.ts';
import type { OccupiedStorage } from '../occupants.ts';
import { type RoomKeepingStorage, urgentCommitBytes } from '../room.ts';
import type { SnapshotStorage, StorageSnapshot } from '../snapshot.ts';
import {
  checkCommit,
  type Expectation,
  type KeyedRecord,
  type Page,
  type PageRequest,
  type Revision,
  type Storage,
  type StorageKey,
  type StorageRecord,
  type Write,
} from '../storage.ts';
import { narrowFiles, prepareDirectory, storeFiles, syncDirectory } from './directory.ts';
import { type Database, type Environment, openEnvironment } from './environment.ts';
import { GroupCommit } from './group-commit.ts';
import { decodeRecord } from './record.ts';
import { defaultRoom, Room } from './room.ts';
import { LmdbSnapshot } from './snapshot.ts';

export interface LmdbOptions {
  /** The store's directory. */
  readonly path: string;
  /** Make a store if the directory is missing or empty; without it such a place is refused. */
  readonly create: boolean;
  /** Every commit is refused, and no file's mode is changed. */
  readonly readOnly?: boolean;
  /** Room kept for what must still be done on a full disk, in bytes; 8 MiB if absent, 0 for none. */
  readonly roomBytes?: number;
  readonly clock?: Clock;
  /** Told what an operator should know: a constant message and its fields. */
  readonly log?: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

/**
 * Directories that are open in this process, by their real path. A second environment on the same files would take the
 * first one's locks away when it closes: POSIX frees a process's locks on a file with the first descriptor closed.
 */
const openDirectories = new Set<string>();

/**
 * Opens the embedded store: LMDB in one directory, which any number of processes of this host may share.
 *
 * Throws `store_unusable` for a place with no store (without `create`), a damaged one, one that others may write, and one
 * that this process has open already.
 */
export async function openLmdbStorage(options: LmdbOptions): Promise<Storage> {
  const { path, create, readOnly = false, log = () => {} } = options;
  prepareDirectory(path, create && !readOnly);
  const directory = realpathSync(path);
  if (openDirectories.has(directory)) {
    throw new CofferError('store_unusable', `the store in ${path} is already open in this process`);
  }
  openDirectories.add(directory);
  try {
    const environment = await openEnvironment(directory, readOnly);
    if (!readOnly) {
      if (create) syncDirectory(directory);
      for (const file of narrowFiles(directory))
        log('other users had rights on a file of the store', { file });
    }
    const { database } = environment;
    const room = new Room({
      path: join(directory, storeFiles.data),
      used: () => usedBytes(database),
      bytes: readOnly || environment.gate === undefined ? 0 : (options.roomBytes ?? defaultRoom),
      clock: options.clock ?? systemClock,
      onChange: (short, cause) =>
        short
          ? log('no room for the store: until there is, only revoking, deleting and sealing go on', {
              error: cause,
            })
          : log('there is room for the store again', {}),
    });
    // Nobody waits for it: what comes meanwhile takes what the disk has.
    void room.prepare(0);
    return new LmdbStorage(environment, readOnly, room, log, () => openDirectories.delete(directory));
  } catch (thrown) {
    openDirectories.delete(directory);
    throw thrown;
  }
}

class LmdbStorage implements SnapshotStorage, RoomKeepingStorage, OccupiedStorage {
  readonly kind = 'lmdb';
  readonly #database: Database;
  readonly #environment: Environment;
  readonly #commits: GroupCommit | undefined;
  readonly #room: Room;
  readonly #log: NonNullable<LmdbOptions['log']>;
  readonly #afterClose: () => void;
  readonly #snapshots = new Set<LmdbSnapshot>();
  #refusal: string | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    environment: Environment,
    readOnly: boolean,
    room: Room,
    log: NonNullable<LmdbOptions['log']>,
    afterClose: () => void,
  ) {
    const { database, gate } = environment;
    this.#database = database;
    this.#environment = environment;
    this.#room = room;
    this.#log = log;
    this.#afterClose = afterClose;
    if (!readOnly && gate !== undefined) {
      this.#commits = new GroupCommit(database, gate, room, (cause) => this.#noteFailure(cause));
    }
  }

  read(key: StorageKey): Promise<StorageRecord | undefined> {
    return this.#attempt(() => this.#recordAt(key));
  }

  readMany(keys: readonly StorageKey[]): Promise<readonly (StorageRecord | undefined)[]> {
    return this.#attempt(() => {
      checkReadMany(keys);
      return keys.map((key) => this.#recordAt(key));
    });
  }

  children(prefix: string, page: PageRequest): Promise<Page<string>> {
    return this.#attempt(() =>
      pageOfChildren(prefix, page, (start) => this.#database.getKeys({ start: seekable(start) })),
    );
  }

  range(prefix: string, page: PageRequest): Promise<Page<KeyedRecord>> {
    return this.#attempt(() => pageOfRange(prefix, page, (start) => this.#recordsFrom(start)));
  }

  commit(writes: readonly Write[], expectations: readonly Expectation[] = []): Promise<readonly Revision[]> {
    if (this.#refusal !== undefined) return Promise.reject(new CofferError('unavailable', this.#refusal));
    if (this.#commits === undefined) {
      return Promise.reject(new CofferError('unavailable', 'the store is open for reading only'));
    }
    try {
      checkCommit(writes, expectations);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
    if (this.#room.isShort() && bytesOf(writes) > urgentCommitBytes) {
      return Promise.reject(
        new CofferError('storage_full', 'the disk of the store is full; nothing was written'),
      );
    }
    return this.#commits.add(writes, expectations);
  }

  isShort(): boolean {
    return this.#refusal === undefined && this.#room.isShort();
  }

  snapshot(): Promise<StorageSnapshot> {
    return this.#attempt(() => {
      const snapshot = new LmdbSnapshot(this.#database, (ended) => this.#snapshots.delete(ended));
      this.#snapshots.add(snapshot);
      return snapshot;
    });
  }

  /** Processes in LMDB's table of readers: each takes its place there with its first read, and keeps it until it closes. */
  occupants(): Promise<readonly string[]> {
    return this.#attempt(() => {
      this.#database.readerCheck();
      return otherReaders(this.#database.readerList()).map((pid) => `process ${pid}`);
    });
  }

  /** Waits for the commits under way, and ends the snapshots. */
  close(): Promise<void> {
    this.#refusal = 'the store is closed';
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#commits?.idle();
    await this.#room.idle();
    // A transaction that outlives its environment would read memory that is no longer mapped.
    for (const snapshot of this.#snapshots) snapshot[Symbol.dispose]();
    await this.#database.close();
    await this.#environment.gate?.close();
    this.#afterClose();
  }

  /**
   * Runs a read in one snapshot, taken now: LMDB would otherwise answer from the snapshot of an earlier read in the same
   * turn of the event loop, and not see what other processes have committed since.
   */
  #attempt<T>(read: () => T): Promise<T> {
    if (this.#refusal !== undefined) return Promise.reject(new CofferError('unavailable', this.#refusal));
    try {
      this.#database.resetReadTxn();
      return Promise.resolve(read());
    } catch (thrown) {
      if (thrown instanceof CofferError) return Promise.reject(thrown);
      return Promise.reject(new CofferError('unavailable', 'the store could not be read', { cause: thrown }));
    }
  }

  #recordAt(key: StorageKey): StorageRecord | undefined {
    const bytes = this.#database.getBinaryFast(key);
    return bytes === undefined ? undefined : decodeRecord(bytes, bytes.length);
  }

  *#recordsFrom(start: string): Generator<KeyedRecord, void, undefined> {
    for (const { key, value } of this.#database.getRange({ start: seekable(start) })) {
      yield { key: key as StorageKey, ...decodeRecord(value, value.length) };
    }
  }

  /**
   * A full disk passes, and the next commit may work. After an error while the newest transaction was being recorded LMDB
   * works no more until it is opened anew, and lmdb would never answer another commit: then everything is refused at once.
   */
  #noteFailure(cause: unknown): void {
    this.#log('the store could not be written', { error: cause });
    void reasonOf(cause)?.catch((reason: unknown) =>
      this.#log('why the store could not be written', { error: reason }),
    );
    try {
      this.#database.resetReadTxn();
      this.#database.getBinaryFast('-');
    } catch {
      this.#refusal ??= 'the store failed while it was written; restart when its disk works again';
    }
  }
}

/** The table is lines of process, thread and transaction below a line of headings. */
function otherReaders(table: string): readonly number[] {
  const processes = table.split('\n').map((line) => Number(/^\s*(\d+)\s/.exec(line)?.[1] ?? process.pid));
  return [...new Set(processes)].filter((pid) => pid !== process.pid);
}

function bytesOf(writes: readonly Write[]): number {
  return writes.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
}

/** Up to the end of the last page in use, as of the newest transaction of any process. */
function usedBytes(database: Database): number {
  const { lastPageNumber, pageSize } = database.getStats() as {
    readonly lastPageNumber: number;
    readonly pageSize: number;
  };
  return (lastPageNumber + 1) * pageSize;
}

/** Walking from the empty text means from the first key there can be: LMDB knows no empty key, and a key has no NUL. */
function seekable(start: string): string {
  return start === '' ? '\u0001' : start;
}

/** lmdb hands the reason of a failed commit over as a promise that rejects later. */
function reasonOf(error: unknown): Promise<unknown> | undefined {
  if (typeof error !== 'object' || error === null || !('commitError' in error)) return undefined;
  return error.commitError instanceof Promise ? error.commitError : undefined;
}
