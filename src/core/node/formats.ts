/**
 * The gate of formats. Two versions of the program may serve one store side by side, and neither must write what the other cannot
 * read. So a format that was changed has a *level* in the store: the newest version of it that anybody may write. A level only ever
 * rises, and it rises once every node that is alive has declared that it reads what comes next. A node that reads less than a level
 * does not serve the store.
 *
 * Joining rewrites the record of levels, and so does raising one, each expecting it as it was read: a node cannot join unseen
 * while a level rises.
 */
import type { BarrierStore, PlainWrite, SealedRecord } from '../../barrier/store.ts';
import type { Formats } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import { type Expectation, parseStorageKey } from '../../storage/storage.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';

interface LevelRecord {
  /** Only of formats whose level has risen above their first. */
  readonly levels: Readonly<Record<string, number>>;
  /** Counts who joined; only that it changes means something. */
  readonly joined: number;
}

export const levelKey = parseStorageKey('core/format');

/** The record of levels as it was read, and what a commit expects that builds on it. */
export interface Levels {
  readonly record: LevelRecord;
  readonly expectation: Expectation;
}

export class FormatGate {
  readonly #store: BarrierStore;
  readonly #own: Formats;
  #levels: LevelRecord['levels'] = {};

  /** @param own what this program reads and writes */
  constructor(store: BarrierStore, own: Formats) {
    this.#store = store;
    this.#own = own;
  }

  get own(): Formats {
    return this.#own;
  }

  /** The newest version of a format that may be written now. A level that rose since the last look is no error: older ones are read. */
  writes(name: string): number {
    const own = this.#own[name];
    if (own === undefined) throw new CofferError('internal', `no format is called ${name}`);
    return Math.min(own.writes, this.#levels[name] ?? own.first);
  }

  /** Levels above the formats' first. */
  get levels(): Readonly<Record<string, number>> {
    return this.#levels;
  }

  /** Looks at the levels. Throws `store_unusable` when the store holds what this program does not read. */
  async look(): Promise<Levels> {
    return this.take(await this.#store.read(levelKey));
  }

  /** The same of a record of levels that has just been read, or that there is none. */
  take(sealed: SealedRecord | undefined): Levels {
    const record: LevelRecord =
      sealed === undefined ? { levels: {}, joined: 0 } : decodeStored<LevelRecord>(sealed.open());
    for (const [name, level] of Object.entries(record.levels)) {
      const reads = this.#own[name]?.reads ?? 0;
      if (reads >= level) continue;
      const here = reads === 0 ? 'does not know that format' : `reads up to version ${reads}`;
      throw new CofferError(
        'store_unusable',
        `the store holds ${name} of version ${level}, and this program ${here}: a newer Coffer wrote there, so serve it with one that is at least as new`,
      );
    }
    this.#levels = record.levels;
    return { record, expectation: { key: levelKey, revision: sealed?.revision ?? null } };
  }

  /**
   * What joining adds to the commit of the node's record, which expects the levels as they were looked at: from then on none rises past
   * what the node reads.
   */
  joining({ record }: Levels, others: readonly Formats[]): PlainWrite {
    const levels = this.#raised(record.levels, others);
    return {
      key: levelKey,
      value: encodeStored({ levels, joined: record.joined + 1 } satisfies LevelRecord),
    };
  }

  /**
   * Raises what all of `others` read and this program writes. Rejects with `conflict` when somebody joined since `levels` were looked
   * at, which must have been before `others` were listed.
   */
  async raise({ record, expectation }: Levels, others: readonly Formats[]): Promise<void> {
    const levels = this.#raised(record.levels, others);
    if (Object.entries(levels).every(([name, level]) => record.levels[name] === level)) return;
    const value = encodeStored({ ...record, levels } satisfies LevelRecord);
    await this.#store.commit([{ key: levelKey, value }], [expectation]);
    this.#levels = levels;
  }

  #raised(before: LevelRecord['levels'], others: readonly Formats[]): LevelRecord['levels'] {
    const levels: Record<string, number> = { ...before };
    for (const [name, own] of Object.entries(this.#own)) {
      // Who does not know the name reads what there was before it.
      const reads = others.map((formats) => formats[name]?.reads ?? own.first);
      const wanted = Math.min(own.writes, own.reads, ...reads);
      if (wanted > (levels[name] ?? own.first)) levels[name] = wanted;
    }
    return levels;
  }
}
