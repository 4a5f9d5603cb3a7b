/**
 * The expiry duty: ends what is due. A pass without anything due costs one small read a shard and takes no lock; work is done
 * under the duty's lock, a page at a time, and can be stopped anywhere: what is not done is still in the index.
 */
import type { BarrierStore } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { ConflictError } from '../../errors.ts';
import type { Expectation } from '../../storage/storage.ts';
import type { ProcessIdentity } from '../audit/process-identity.ts';
import { type Due, type DueKind, dueShards, parseDue, shardPrefix } from '../due.ts';
import { DutyLock, type HeldLock } from './lock.ts';

/**
 * Handles one entry: does what is due, and takes the entry out in a commit that expects `fence`. Whatever it asks of the outside it
 * asks through `outside` (see `HeldLock.outside`).
 */
export type DueHandler = (
  due: Due,
  fence: Expectation,
  holdsLock: () => boolean,
  outside: HeldLock['outside'],
) => Promise<void>;

export interface ExpiryOptions {
  readonly store: BarrierStore;
  readonly clock: Clock;
  /** Names this process. */
  readonly holder: string;
  readonly process?: ProcessIdentity;
  readonly handlers: Readonly<Record<DueKind, DueHandler>>;
  /** Whether this node's clock can be relied on for what cannot be taken back. */
  readonly mayEnd?: () => boolean;
  /** Told of entries that failed; they stay and are tried again in the next pass. */
  readonly onError: (kind: DueKind, error: unknown) => void;
}

const page = 64;
/** Entries handled side by side: engines wait for the outside, and what they leave to delete shares its commits. */
const sideBySide = 32;
/** Pages a shard before the others get their turn. */
const pagesAPass = 16;

export class ExpiryDuty {
  readonly #options: ExpiryOptions;
  readonly #lock: DutyLock;
  #running: Promise<number> | undefined;
  #stopped = false;
  #waits = false;

  constructor(options: ExpiryOptions) {
    const { store, clock, holder, process } = options;
    this.#options = options;
    this.#lock = new DutyLock(store, clock, 'expiry', holder, process);
  }

  /** Whether something was due in the last pass, and somebody else had the duty, or seemed to. */
  get waits(): boolean {
    return this.#waits;
  }

  /** Begins with no further entries. */
  stop(): void {
    this.#stopped = true;
  }

  /** One pass. Answers how many entries were handled; 0 also when another node holds the duty. Passes never overlap. */
  run(): Promise<number> {
    this.#running ??= this.#pass().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Resolves when no pass is running, however it ended. */
  async settled(): Promise<void> {
    await this.#running?.catch(() => 0);
  }

  async #pass(): Promise<number> {
    let lock: HeldLock | undefined;
    let handled = 0;
    this.#waits = false;
    try {
      for (let shard = 0; shard < dueShards && !this.#stopped; shard++) {
        if ((await this.#duePage(shard, undefined, 1)).length === 0) continue;
        lock ??= await this.#lock.acquire();
        this.#waits = lock === undefined;
        if (lock === undefined) return 0;
        handled += await this.#shard(shard, lock);
      }
    } finally {
      await lock?.release();
    }
    return handled;
  }

  async #shard(shard: number, lock: HeldLock): Promise<number> {
    let handled = 0;
    let after: string | undefined;
    for (let pages = 0; pages < pagesAPass; pages++) {
      const due = await this.#duePage(shard, after, page);
      for (let start = 0; start < due.length; start += sideBySide) {
        if (this.#stopped) return handled;
        await lock.extend();
        const group = due.slice(start, start + sideBySide);
        const outcomes = await Promise.all(group.map((entry) => this.#handle(entry, lock)));
        handled += outcomes.filter((done) => done).length;
      }
      // Entries that failed are still there: go on behind them.
      after = due.at(-1)?.key;
      if (due.length < page) break;
    }
    return handled;
  }

  async #handle({ kind, ...entry }: ReturnType<typeof parseDue>, lock: HeldLock): Promise<boolean> {
    if (kind === undefined) return false;
    const due: Due = { ...entry, kind };
    try {
      await this.#options.handlers[kind](
        due,
        lock.expectation(),
        () => lock.holds(),
        (call) => lock.outside(call),
      );
      return true;
    } catch (error) {
      // A conflict is somebody who came first (a renewal, a revocation): the next pass sees what they left.
      if (!(error instanceof ConflictError)) this.#options.onError(due.kind, error);
      return false;
    }
  }

  async #duePage(
    shard: number,
    after: string | undefined,
    limit: number,
  ): Promise<readonly ReturnType<typeof parseDue>[]> {
    const { store, clock } = this.#options;
    // Asked before each page: the time may be set in the middle of a pass.
    if (this.#options.mayEnd?.() === false) return [];
    const found = await store.range(shardPrefix(shard), { limit, ...(after === undefined ? {} : { after }) });
    const due = found.items.map((item) => parseDue(item.key));
    return due.filter((entry) => entry.at <= clock.now());
  }
}
