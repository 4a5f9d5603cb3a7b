/** Restore drills by themselves: a duty of one node at a time, over the newest of the scheduled backups. */
import { type BackupPlace, newestOf } from '../../backup-place/backup-place.ts';
import type { BarrierStore } from '../../barrier/store.ts';
import { randomUuid } from '../../crypto/random.ts';
import { asCofferError } from '../../errors.ts';
import type { Storage } from '../../storage/storage.ts';
import { DutyLock, type HeldLock } from '../duty/lock.ts';
import { type DrillReport, restoreDrill } from './drill.ts';
import { type DrillState, drillWrite, readDrill } from './drill-state.ts';
import { LastWatch } from './last-watch.ts';
import { lockKept } from './lock-kept.ts';
import type { Unlock } from './read-backup.ts';
import type { ScheduledBackupsOptions, ScheduledNode } from './scheduled-backups.ts';

export interface DrillNode extends ScheduledNode {
  readonly barrier: { readonly storeId: string };
}

export interface ScheduledDrillsOptions extends Pick<ScheduledBackupsOptions, 'clock' | 'random' | 'log'> {
  readonly place: BackupPlace;
  /** Milliseconds between two drills. */
  readonly every: number;
  readonly node: () => DrillNode | undefined;
  /** An empty place in memory. */
  readonly memory: () => Storage;
  readonly unlock: Unlock;
  /** Bytes of the largest backup that is taken into memory. */
  readonly largest: number;
}

export interface ScheduledDrills {
  /** Looks once whether a drill is due, and does it. Answers what it showed. Never rejects. */
  run(): Promise<DrillState | undefined>;
  stop(): Promise<void>;
}

/** Milliseconds between two looks. */
const lookEvery = 60_000;

/** Nothing keeps the process alive for it. */
export function startScheduledDrills(options: ScheduledDrillsOptions): ScheduledDrills {
  const drills = new Drills(options);
  drills.look();
  return drills;
}

class Drills implements ScheduledDrills {
  readonly #options: ScheduledDrillsOptions;
  readonly #holder: string;
  readonly #last: LastWatch;
  readonly #ending = new AbortController();
  #lock: { readonly store: BarrierStore; readonly lock: DutyLock } | undefined;
  #timer: Disposable | undefined;
  #running: Promise<DrillState | undefined> | undefined;

  constructor(options: ScheduledDrillsOptions) {
    this.#options = options;
    this.#holder = randomUuid(options.random);
    this.#last = new LastWatch(options.clock);
  }

  look(): void {
    if (this.#ending.signal.aborted) return;
    this.#timer = this.#options.clock.after(lookEvery, () => {
      void this.run().finally(() => this.look());
    });
  }

  run(): Promise<DrillState | undefined> {
    this.#running ??= this.#attempt()
      .catch((error: unknown) => this.#tell(error))
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    this.#timer?.[Symbol.dispose]();
    await this.#running;
  }

  #tell(error: unknown): undefined {
    const { code, message } = asCofferError(error);
    if (code === 'sealed' || code === 'conflict') return;
    this.#options.log('error', 'restore drills cannot be looked after', { code, reason: message, error });
  }

  async #attempt(): Promise<DrillState | undefined> {
    const node = this.#options.node();
    if (node === undefined || this.#ending.signal.aborted) return undefined;
    // There is nothing to try before the first backup.
    if (!(await this.#isDue(node)) || (await this.#options.place.list()).length === 0) return undefined;
    if (this.#lock?.store !== node.store) {
      const lock = new DutyLock(node.store, this.#options.clock, 'backup-drill', this.#holder);
      this.#lock = { store: node.store, lock };
    }
    const lock = await this.#lock.lock.acquire();
    if (lock === undefined) return undefined;
    try {
      return (await this.#isDue(node)) ? await this.#underLock(node, lock) : undefined;
    } finally {
      await lock.release().catch(() => undefined);
    }
  }

  async #isDue(node: DrillNode): Promise<boolean> {
    const state = await readDrill(node.store);
    return state === undefined || this.#last.isOver(String(state.at), state.at, this.#options.every);
  }

  async #underLock(node: DrillNode, lock: HeldLock): Promise<DrillState> {
    const { clock, log } = this.#options;
    const keeper = lockKept(lock, clock, this.#ending.signal);
    const state = await this.#drill(node, keeper).finally(() => keeper.end());
    // What the keeper began is waited for: it changes what the commit expects.
    await lock.extend();
    await node.store.commit([drillWrite(state)], [lock.expectation()]);
    this.#last.done(String(state.at));
    const { passed, name, records, reason } = state;
    node.meter.tally(passed ? 'drill_passed' : 'drill_failed');
    if (passed) log('info', 'a restore drill passed', { backup: name, records });
    else log('error', 'a restore drill failed', { backup: name, reason });
    const line = { type: 'event', event: passed ? 'restore drill passed' : 'restore drill failed' } as const;
    await node.audit.append({ ...line, backup: name, records, ...(passed ? {} : { reason }) }, 'disk');
    return state;
  }

  async #drill(node: DrillNode, keeper: ReturnType<typeof lockKept>): Promise<DrillState> {
    const { place, memory, unlock, largest, clock, random } = this.#options;
    let found: { readonly name: string; readonly createdAt: number } | undefined;
    const told = (passed: boolean, records: number, reason: string): DrillState => {
      const { name = '', createdAt = null } = found ?? {};
      return { at: clock.now(), passed, name, of: createdAt, records, reason };
    };
    try {
      const newest = newestOf(await place.list(), place.name, node.barrier.storeId);
      found = newest;
      const report: DrillReport = await keeper.during(
        restoreDrill({ open: () => place.read(newest.name), place: memory, unlock, clock, random, largest }),
      );
      return told(true, report.records, '');
    } catch (error) {
      // The server stops, or the lock was lost: that says nothing of the backup.
      if (keeper.signal.aborted) throw error;
      const { code, message } = asCofferError(error);
      return told(false, 0, code === 'internal' ? 'internal error; the log of the server has more' : message);
    }
  }
}
