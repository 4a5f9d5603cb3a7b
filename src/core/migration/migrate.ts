/**
 * Moves a whole store from one storage to another. Records move as they are sealed, so no key is needed and nothing is opened.
 *
 *     source        target        what is so
 *     -             -             the store is at the source
 *     source        -             no server starts at the source any more
 *     source        target        records are copied, then both sides are read again and compared
 *     moved         target        nobody serves either; only this migration can end it
 *     moved         (header)      the store is at the target
 *
 * Each step is one commit that expects the marks as they were left, so a second migration, or a cancellation, makes the first one
 * fail instead of mixing with it; every commit of copied records expects the target's mark too. Cut off anywhere, it is run again:
 * what the target holds already is compared and kept. The header is the last thing written: without it there is no store.
 */
import { type Random, randomUuid } from '../../crypto/random.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import { bootKeys } from '../../seal/boot.ts';
import { encodeMigrationMark, type MigrationMark, migratingKey } from '../../seal/migration-mark.ts';
import type { Expectation, Storage, Write } from '../../storage/storage.ts';
import { BatchWriter } from '../backup/batch-writer.ts';
import { changesBetween, RunningTally, type Tally } from './compare.ts';
import {
  lookAt,
  type MarkFound,
  type MigrationPlace,
  markStands,
  requireAlone,
  requireStore,
  type SourceFound,
} from './places.ts';

export type MigrationPhase = 'copying' | 'comparing';

export interface MigrationOptions {
  readonly source: MigrationPlace;
  /** Opened once the source has been looked at, so that a bad one leaves no trace at the target. */
  readonly openTarget: () => Promise<MigrationPlace>;
  readonly random: Random;
  /** Told how many records of the source have been gone through, and their bytes. */
  readonly onProgress: (phase: MigrationPhase, records: number, bytes: number) => void;
}

export interface MigrationReport {
  readonly storeId: string;
  /** `already`: an earlier run had finished it, and nothing was done now. */
  readonly outcome: 'migrated' | 'already';
  /** Whether an earlier run had begun it. */
  readonly resumed: boolean;
  /** Of the source and of the target alike; absent with `already`. */
  readonly tally?: Tally;
  /** Records that this run wrote: fewer than there are where an earlier one had begun. */
  readonly written: number;
}

/**
 * Rejects with `conflict` for a target that is not empty, for either place while somebody has it open, and for a source that
 * changed meanwhile; with `store_unusable` for a source without a whole store; `integrity` where the target does not read back what
 * was written. After a rejection the store is still the source's, or the same command finishes it.
 */
export async function migrateStore(options: MigrationOptions): Promise<MigrationReport> {
  const { source } = options;
  const from = await requireStore(source);
  await requireAlone(source);
  const target = await options.openTarget();
  const begun = await requireTarget(from, target);
  if (begun === 'finished') {
    return { storeId: from.storeId, outcome: 'already', resumed: true, written: 0 };
  }
  await requireAlone(target);
  try {
    return await new Migration(options, target, from).run(begun);
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    throw new CofferError(
      'conflict',
      'another migration, a cancellation or a server came between: see that nobody else uses the two places, and run it again',
      { cause: error },
    );
  }
}

/** What stands at the target: the mark of this store's migration, nothing, or the store itself, moved there by an earlier run. */
async function requireTarget(
  from: SourceFound,
  target: MigrationPlace,
): Promise<MarkFound | undefined | 'finished'> {
  const found = await lookAt(target);
  const { marked } = found;
  const moved = from.marked?.mark.role === 'moved';
  if (marked?.mark.role === 'target') {
    if (marked.mark.id === from.marked?.mark.id) return marked;
    throw new CofferError(
      'conflict',
      `another migration, from ${marked.mark.other}, was begun in ${target.shown}: finish that one, or take an empty place`,
    );
  }
  if (moved && found.decoded?.id === from.storeId && marked === undefined) return 'finished';
  if (moved) {
    throw new CofferError(
      'conflict',
      `the store was migrated to ${from.marked?.mark.other} already, and is served there`,
    );
  }
  if (found.empty) return undefined;
  throw new CofferError(
    'conflict',
    `${target.shown} is not empty, and a migration never writes over anything: name an empty place`,
  );
}

class Migration {
  readonly #options: MigrationOptions;
  readonly #source: MigrationPlace;
  readonly #target: MigrationPlace;
  readonly #from: SourceFound;

  constructor(options: MigrationOptions, target: MigrationPlace, from: SourceFound) {
    this.#options = options;
    this.#source = options.source;
    this.#target = target;
    this.#from = from;
  }

  async run(begun: MarkFound | undefined): Promise<MigrationReport> {
    const { storeId } = this.#from;
    const [sourceMark, targetMark] = begun === undefined ? await this.#mark() : await this.#goOn(begun);
    await this.#requireStillAlone(sourceMark, targetMark, begun);
    const written = await this.#copy(markStands(targetMark));
    const tally = await this.#compare();
    await this.#handOver(sourceMark, targetMark);
    return { storeId, outcome: 'migrated', resumed: begun !== undefined, tally, written };
  }

  /** Both marks anew. A mark that an earlier run left at the source for another target is replaced: that target can't be finished. */
  async #mark(): Promise<readonly [MarkFound, MarkFound]> {
    const { storeId, header, marked } = this.#from;
    const id = randomUuid(this.#options.random);
    const ofSource = await writeMark(
      this.#source.storage,
      { id, storeId, role: 'source', other: this.#target.shown },
      [
        { key: migratingKey, revision: marked?.revision ?? null },
        { key: bootKeys.header, revision: header.revision },
      ],
    );
    const ofTarget = await writeMark(
      this.#target.storage,
      { id, storeId, role: 'target', other: this.#source.shown },
      [migratingKey, bootKeys.header, bootKeys.keyring].map((key) => ({ key, revision: null })),
    );
    return [ofSource, ofTarget];
  }

  /** The target's mark is written again: what a run that still lives may have under way then fails. */
  async #goOn(begun: MarkFound): Promise<readonly [MarkFound, MarkFound]> {
    const { marked } = this.#from;
    if (marked === undefined)
      throw new CofferError('internal', 'a migration goes on without a mark at its source');
    const ofTarget = await writeMark(this.#target.storage, begun.mark, [
      markStands(begun),
      { key: bootKeys.header, revision: null },
    ]);
    return [marked, ofTarget];
  }

  /** Who came between the first look and the mark is seen now; who comes later meets the mark. */
  async #requireStillAlone(
    sourceMark: MarkFound,
    targetMark: MarkFound,
    begun: MarkFound | undefined,
  ): Promise<void> {
    try {
      await requireAlone(this.#source);
      await requireAlone(this.#target);
    } catch (error) {
      // It has not begun: whoever came first goes on being served.
      if (begun === undefined) {
        const unmark = [{ key: migratingKey, value: null }];
        await this.#target.storage.commit(unmark, [markStands(targetMark)]);
        await this.#source.storage.commit(unmark, [markStands(sourceMark)]);
      }
      throw error;
    }
  }

  /** Answers how many records it wrote. */
  async #copy(guard: Expectation): Promise<number> {
    const { onProgress } = this.#options;
    const writer = new BatchWriter(this.#target.storage, [guard]);
    const gone = { records: 0, bytes: 0 };
    let written = 0;
    const source = ({ key, value }: { readonly key: string; readonly value: Buffer }): void => {
      gone.records += 1;
      gone.bytes += Buffer.byteLength(key) + value.length;
      onProgress('copying', gone.records, gone.bytes);
    };
    for await (const { key, value } of changesBetween(this.#source.storage, this.#target.storage, {
      source,
    })) {
      await writer.add(key, value);
      written += 1;
    }
    await writer.flush();
    return written;
  }

  /** Reads both sides again, from the beginning to the end. */
  async #compare(): Promise<Tally> {
    const [source, target] = [new RunningTally(), new RunningTally()];
    const seen = {
      source: (record: Parameters<RunningTally['add']>[0]) => {
        source.add(record);
        this.#options.onProgress('comparing', source.records, source.bytes);
      },
      target: (record: Parameters<RunningTally['add']>[0]) => target.add(record),
    };
    for await (const { key } of changesBetween(this.#source.storage, this.#target.storage, seen)) {
      throw new CofferError(
        'integrity',
        `the record ${key} is not the same on both sides: a storage does not keep what it was given, or somebody writes to one; ` +
          'run the migration again',
      );
    }
    for (const tally of [source, target]) tally.add({ key: bootKeys.header, value: this.#from.header.value });
    const [left, right] = [source.finish(), target.finish()];
    if (left.digest !== right.digest) throw new CofferError('integrity', 'the digests of both sides differ');
    return left;
  }

  /** The source gives the store up before the target has it: at no moment could both be served. */
  async #handOver(sourceMark: MarkFound, targetMark: MarkFound): Promise<void> {
    const { storeId, header } = this.#from;
    const { id } = sourceMark.mark;
    if (sourceMark.mark.role !== 'moved') {
      await writeMark(this.#source.storage, { id, storeId, role: 'moved', other: this.#target.shown }, [
        markStands(sourceMark),
        { key: bootKeys.header, revision: header.revision },
      ]);
    }
    const writes: readonly Write[] = [
      { key: bootKeys.header, value: header.value },
      { key: migratingKey, value: null },
    ];
    await this.#target.storage.commit(writes, [
      { key: bootKeys.header, revision: null },
      markStands(targetMark),
    ]);
    const written = await this.#target.storage.read(bootKeys.header);
    if (written?.value.equals(header.value) !== true) {
      throw new CofferError('integrity', 'the header of the store does not read back as it was written');
    }
  }
}

/** Writes a mark where `expectations` hold. */
export async function writeMark(
  storage: Storage,
  mark: MigrationMark,
  expectations: readonly Expectation[],
): Promise<MarkFound> {
  const [revision] = await storage.commit(
    [{ key: migratingKey, value: encodeMigrationMark(mark) }],
    expectations,
  );
  if (revision === undefined) throw new CofferError('internal', 'a commit answered without a revision');
  return { mark, revision };
}
