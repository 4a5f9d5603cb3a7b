/**
 * Small reads, gathered: those that come in one turn of the event loop, and those that come while others are under way, are asked in
 * one statement. A statement is one snapshot, taken after all that it answers were asked for; and what many requests read (the epoch, a
 * token) is sent once.
 */
import type { Clock } from '../../clock.ts';
import type { Revision, StorageKey, StorageRecord } from '../storage.ts';
import { Departures } from './departures.ts';
import type { Lanes } from './lanes.ts';
import { bytesArray, numberOf, ownBytes, type RawRow, type Statement } from './messages.ts';

/** Keys of one statement, where there is more than one reader. */
const mostKeys = 256;

type Found = readonly (StorageRecord | undefined)[];

interface Waiting {
  readonly keys: readonly StorageKey[];
  readonly resolve: (found: Found) => void;
  readonly reject: (reason: unknown) => void;
}

export class Reads {
  readonly #lanes: Lanes;
  readonly #statement: Statement;
  #waiting: Waiting[] = [];
  readonly #departures: Departures;
  #scheduled = false;

  /** @param statement answers rows of key, revision and value for an array of keys */
  constructor(lanes: Lanes, statement: Statement, clock: Clock) {
    this.#departures = new Departures(clock, () => this.#schedule());
    this.#lanes = lanes;
    this.#statement = statement;
  }

  /** One answer a key, in their order, as one snapshot. Rejects as `Lanes.read`. */
  read(keys: readonly StorageKey[]): Promise<Found> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ keys, resolve, reject });
      this.#schedule();
    });
  }

  /** Behind everything that is ready now: who else reads in this turn comes along. */
  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0 || !this.#departures.mayLeave(this.#waiting.length))
      return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      while (this.#waiting.length > 0 && this.#departures.mayLeave(this.#waiting.length))
        void this.#ask(this.#take());
    });
  }

  #take(): readonly Waiting[] {
    let keys = 0;
    let count = 0;
    for (const each of this.#waiting) {
      keys += each.keys.length;
      if (count > 0 && keys > mostKeys) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #ask(readers: readonly Waiting[]): Promise<void> {
    const arrived = this.#departures.leave(readers.length);
    try {
      const wanted = new Set<StorageKey>();
      for (const { keys } of readers) for (const key of keys) wanted.add(key);
      const rows = await this.#lanes.read(this.#statement, [bytesArray([...wanted])]);
      const records = new Records(rows);
      for (const { keys, resolve } of readers) resolve(keys.map((key) => records.take(key)));
    } catch (error) {
      for (const { reject } of readers) reject(error);
    } finally {
      arrived();
      this.#schedule();
    }
  }
}

/** What was found. What is handed out belongs to whom it is handed to, so that a second one gets bytes of its own. */
class Records {
  readonly #rows = new Map<string, RawRow>();

  constructor(rows: readonly RawRow[]) {
    for (const row of rows) this.#rows.set(row[0]?.toString() ?? '', row);
  }

  take(key: StorageKey): StorageRecord | undefined {
    const row = this.#rows.get(key);
    return row && { value: ownBytes(row[2]), revision: numberOf(row[1]) as Revision };
  }
}
