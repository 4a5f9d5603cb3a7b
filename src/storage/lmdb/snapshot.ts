/**
 * A snapshot is one read transaction of LMDB, held. Each page seeks anew, so that no cursor outlives a turn of the event loop.
 * While it is held LMDB uses none of the pages again that were freed since: the file grows by what is written meanwhile.
 */
import { CofferError } from '../../errors.ts';
import { pageOfRange } from '../listing.ts';
import type { StorageSnapshot } from '../snapshot.ts';
import type { KeyedRecord, Page, PageRequest, StorageKey } from '../storage.ts';
import type { Database } from './environment.ts';
import { decodeRecord } from './record.ts';

type ReadTransaction = ReturnType<Database['useReadTransaction']>;

export class LmdbSnapshot implements StorageSnapshot {
  readonly records: number;
  readonly #database: Database;
  readonly #transaction: ReadTransaction;
  readonly #afterwards: (snapshot: LmdbSnapshot) => void;
  #ended = false;

  constructor(database: Database, afterwards: (snapshot: LmdbSnapshot) => void) {
    this.#database = database;
    this.#afterwards = afterwards;
    // Or it would be the snapshot of an earlier read in the same turn.
    database.resetReadTxn();
    this.#transaction = database.useReadTransaction();
    this.records = entriesOf(database.getStats());
  }

  async range(prefix: string, page: PageRequest): Promise<Page<KeyedRecord>> {
    if (this.#ended) throw new CofferError('unavailable', 'the snapshot of the store has ended');
    try {
      return pageOfRange(prefix, page, (start) => this.#recordsFrom(start));
    } catch (thrown) {
      if (thrown instanceof CofferError) throw thrown;
      throw new CofferError('unavailable', 'the store could not be read', { cause: thrown });
    }
  }

  [Symbol.dispose](): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#transaction.done();
    this.#afterwards(this);
  }

  *#recordsFrom(start: string): Generator<KeyedRecord, void, undefined> {
    const range = { start: start === '' ? '\u0001' : start, transaction: this.#transaction };
    for (const { key, value } of this.#database.getRange(range)) {
      yield { key: key as StorageKey, ...decodeRecord(value, value.length) };
    }
  }
}

function entriesOf(stats: object): number {
  return 'entryCount' in stats && typeof stats.entryCount === 'number' ? stats.entryCount : 0;
}
