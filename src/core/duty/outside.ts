/**
 * The duty for work outside the store: what engines have to do elsewhere, which may take long and fail in ways of its own. One node at a time has it.
 * Many entries are worked on side by side, each as long as it takes: one that hangs takes its own place and nobody else's.
 *
 * The lock is kept while anything is under way, and its record changes with that. So what is committed expects another record, the fence,
 * which changes only with the holder: a successor writes it before it does anything, and from then on nothing of its predecessor lands.
 */
import type { BarrierStore } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import type { OutsideTurn } from '../../engine/engine.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import { type Expectation, parseStorageKey, type Revision, type StorageKey } from '../../storage/storage.ts';
import type { ProcessIdentity } from '../audit/process-identity.ts';
import { type Due, dueShards, parseDue, shardPrefix } from '../due.ts';
import { encodeStored } from '../stored-json.ts';
import { withinTime } from '../within-time.ts';
import { DutyLock, type HeldLock, lockTime } from './lock.ts';

/** Does what is due, in commits that expect `fence`. The duty takes the entry out once it resolves. */
export type OutsideHandler = (due: Due, fence: Expectation, turn: OutsideTurn) => Promise<void>;

export interface OutsideOptions {
  readonly store: BarrierStore;
  readonly clock: Clock;
  /** Names this process. */
  readonly holder: string;
  readonly process?: ProcessIdentity;
  readonly handle: OutsideHandler;
  /** Whether this node's clock can be relied on for what cannot be taken back. */
  readonly mayEnd: () => boolean;
  /** Told of entries that failed; they stay and are tried again in the next pass. */
  readonly onError: (error: unknown) => void;
}

const page = 64;
/** Entries under way at a time. */
const sideBySide = 96;
/** Milliseconds between two looks at the lock while anything is under way. */
const keeping = lockTime / 6;

export const outsideFenceKey: StorageKey = parseStorageKey('core/duty-fence/outside');

/** An entry as it was read: who asks for the same again meanwhile writes it anew, and then it stays. */
type Read = ReturnType<typeof parseDue> & { readonly revision: Revision };

interface Held {
  readonly lock: HeldLock;
  readonly fence: Expectation;
}

export class OutsideDuty {
  readonly #options: OutsideOptions;
  readonly #lock: DutyLock;
  /** By id: one thing is never worked on twice at a time. */
  readonly #underWay = new Map<string, Promise<void>>();
  #held: Held | undefined;
  #keeper: Disposable | undefined;
  #scanning: Promise<number> | undefined;
  #stopped = false;
  #waits = false;

  constructor(options: OutsideOptions) {
    const { store, clock, holder, process } = options;
    this.#options = options;
    this.#lock = new DutyLock(store, clock, 'outside', holder, process);
  }

  /** Whether something was due in the last pass, and somebody else had the duty, or seemed to. */
  get waits(): boolean {
    return this.#waits;
  }

  /** Begins nothing further. */
  stop(): void {
    this.#stopped = true;
  }

  /** Begins what is due, and resolves once all of it has begun: with how many began. Passes never overlap. */
  run(): Promise<number> {
    this.#scanning ??= this.#scan().finally(() => {
      this.#scanning = undefined;
    });
    return this.#scanning;
  }

  /** Resolves when nothing is under way, however it ended. */
  async settled(): Promise<void> {
    await this.#scanning?.catch(() => 0);
    while (this.#underWay.size > 0) await Promise.all(this.#underWay.values());
    await this.#letGo();
  }

  async #scan(): Promise<number> {
    let begun = 0;
    this.#waits = false;
    try {
      for (let shard = 0; shard < dueShards && !this.#stopped; shard++) {
        let after: string | undefined;
        do {
          const due = await this.#duePage(shard, after);
          if (due.length > 0 && !(await this.#hold())) return begun;
          for (const entry of due) begun += await this.#begin(entry);
          after = due.length < page ? undefined : due.at(-1)?.key;
        } while (after !== undefined && !this.#stopped);
      }
    } finally {
      if (this.#underWay.size === 0) await this.#letGo();
    }
    return begun;
  }

  /** 1 where it begins; an entry of something that is under way waits for a later pass. */
  async #begin(entry: Read): Promise<number> {
    const { kind, revision, ...rest } = entry;
    while (this.#underWay.size >= sideBySide) await Promise.race(this.#underWay.values());
    const held = this.#held;
    if (kind === undefined || held === undefined || this.#stopped || this.#underWay.has(entry.id)) return 0;
    const work = this.#handle({ ...rest, kind }, revision, held).finally(() => {
      this.#underWay.delete(entry.id);
    });
    this.#underWay.set(entry.id, work);
    return 1;
  }

  /** Never rejects. */
  async #handle(due: Due, revision: Revision, { lock, fence }: Held): Promise<void> {
    const { store, clock, handle, onError } = this.#options;
    const turn: OutsideTurn = {
      outside: (milliseconds, call) =>
        lock.outside((outer) => withinTime(clock, { milliseconds, outer }, call)),
    };
    try {
      await handle(due, fence, turn);
      await store.commit([{ key: due.key, value: null }], [fence, { key: due.key, revision }]);
    } catch (error) {
      if (!(error instanceof ConflictError)) onError(error);
      // Somebody else has the duty, or the fence was sealed anew: what comes next takes it again, or finds it taken.
      else if (error.key === outsideFenceKey && this.#held?.fence === fence) this.#held = undefined;
    }
  }

  /** Whether this node has the duty. */
  async #hold(): Promise<boolean> {
    const known = this.#held;
    try {
      await known?.lock.extend();
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      this.#held = undefined;
    }
    if (this.#held?.lock.holds() === true) return true;
    // Whatever is under way belongs to a turn that is over: it ends by itself, and no other turn begins beside it.
    while (this.#underWay.size > 0) await Promise.all(this.#underWay.values());
    this.#held = await this.#take();
    this.#waits = this.#held === undefined;
    if (this.#held !== undefined) this.#keep();
    return this.#held !== undefined;
  }

  async #take(): Promise<Held | undefined> {
    const { store } = this.#options;
    const lock = await this.#lock.acquire();
    if (lock === undefined) return undefined;
    const value = encodeStored({ fence: lock.fence });
    // The lock in the expectations: who has lost it by now must not put up a fence.
    const [revision] = await store.commit([{ key: outsideFenceKey, value }], [lock.expectation()]);
    if (revision === undefined) throw new CofferError('internal', 'a commit answered no revision');
    return { lock, fence: { key: outsideFenceKey, revision } };
  }

  /** Keeps the lock while something is under way, also while nobody asks for a pass. */
  #keep(): void {
    this.#keeper?.[Symbol.dispose]();
    this.#keeper = this.#options.clock.after(keeping, () => {
      const held = this.#held;
      if (held === undefined || this.#underWay.size === 0) return;
      held.lock.extend().then(
        () => this.#keep(),
        () => {
          if (this.#held === held) this.#held = undefined;
        },
      );
    });
  }

  async #letGo(): Promise<void> {
    this.#keeper?.[Symbol.dispose]();
    this.#keeper = undefined;
    const held = this.#held;
    this.#held = undefined;
    await held?.lock.release();
  }

  async #duePage(shard: number, after: string | undefined): Promise<readonly Read[]> {
    const { store, clock, mayEnd } = this.#options;
    // Asked before each page: the time may be set in the middle of a pass.
    if (!mayEnd()) return [];
    const prefix = shardPrefix(shard, 'outside');
    const found = await store.range(prefix, { limit: page, ...(after === undefined ? {} : { after }) });
    return found.items
      .map((item) => ({ ...parseDue(item.key), revision: item.revision }))
      .filter((entry) => entry.at <= clock.now());
  }
}
