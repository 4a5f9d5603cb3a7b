/**
 * Scheduled backups: a duty of one node at a time. Each node looks now and then whether one is due by the record that all share; who
 * gets the lock looks once more, and writes it. A store that was down past its time is backed up soon after it is served again.
 */

import type { BackupPlace } from '../../backup-place/backup-place.ts';
import type { BarrierStore } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import type { AuditLog } from '../audit/audit.ts';
import { DutyLock, type HeldLock } from '../duty/lock.ts';
import type { Meter } from '../meter.ts';
import type { Backups } from './backups.ts';
import { LastWatch } from './last-watch.ts';
import { lockKept } from './lock-kept.ts';
import { removeOld } from './retention.ts';
import { readSchedule, type ScheduleState, scheduleWrite, type WrittenBackup } from './schedule-state.ts';

export interface Schedule {
  readonly place: BackupPlace;
  /** Milliseconds between two backups. */
  readonly every: number;
  /** How many are kept, 1 at least. */
  readonly keep: number;
  /** Milliseconds: older ones are removed, the newest apart. None for their age if absent. */
  readonly keepFor?: number | undefined;
}

/** What of an unsealed node this needs. */
export interface ScheduledNode {
  readonly store: BarrierStore;
  readonly audit: AuditLog;
  readonly backups: Backups;
  readonly meter: Pick<Meter, 'tally'>;
}

export interface ScheduledBackupsOptions {
  readonly schedule: Schedule;
  /** The unsealed node, undefined while there is none. */
  readonly node: () => ScheduledNode | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** Told of each backup and each failure. */
  readonly log: (level: 'info' | 'error', message: string, fields: Readonly<Record<string, unknown>>) => void;
}

export interface ScheduledBackups {
  /** Looks once whether a backup is due, and makes it. Answers what was written. Never rejects. */
  run(): Promise<WrittenBackup | undefined>;
  /** Looks no more, gives up what is being written, and resolves when nothing runs. */
  stop(): Promise<void>;
}

/** Milliseconds between two looks. */
const lookEvery = 30_000;
/** Milliseconds until a failed backup is tried again, unless the next one is due earlier. */
const retryAfter = 10 * 60_000;

/** Throws `usage` for numbers that make no schedule. Nothing keeps the process alive for it. */
export function startScheduledBackups(options: ScheduledBackupsOptions): ScheduledBackups {
  const { every, keep } = options.schedule;
  if (!Number.isSafeInteger(every) || every < 60_000) {
    throw new CofferError('usage', 'scheduled backups are at least one minute apart');
  }
  if (!Number.isSafeInteger(keep) || keep < 1) {
    throw new CofferError('usage', 'at least one scheduled backup is kept');
  }
  const running = new Runner(options);
  running.look();
  return running;
}

class Runner implements ScheduledBackups {
  readonly #options: ScheduledBackupsOptions;
  readonly #holder: string;
  readonly #lastWritten: LastWatch;
  readonly #lastTried: LastWatch;
  readonly #ending = new AbortController();
  #lock: { readonly store: BarrierStore; readonly lock: DutyLock } | undefined;
  #timer: Disposable | undefined;
  #running: Promise<WrittenBackup | undefined> | undefined;

  constructor(options: ScheduledBackupsOptions) {
    this.#options = options;
    this.#holder = randomUuid(options.random);
    this.#lastWritten = new LastWatch(options.clock);
    this.#lastTried = new LastWatch(options.clock);
  }

  look(): void {
    if (this.#stopped) return;
    this.#timer = this.#options.clock.after(lookEvery, () => {
      void this.run().finally(() => this.look());
    });
  }

  run(): Promise<WrittenBackup | undefined> {
    this.#running ??= this.#attempt().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#ending.abort(new CofferError('sealed', 'the server stops'));
    this.#timer?.[Symbol.dispose]();
    await this.#running;
    this.#options.schedule.place.close();
  }

  get #stopped(): boolean {
    return this.#ending.signal.aborted;
  }

  async #attempt(): Promise<WrittenBackup | undefined> {
    const node = this.#options.node();
    if (node === undefined || this.#stopped) return undefined;
    try {
      if (!this.#isDue((await readSchedule(node.store)).state)) return undefined;
      const lock = await this.#lockIn(node.store).acquire();
      if (lock === undefined) return undefined;
      return await this.#underLock(node, lock).finally(() => lock.release().catch(() => undefined));
    } catch (error) {
      // The node was sealed or the lock lost meanwhile: whoever comes next finds a backup due.
      const { code, message } = asCofferError(error);
      if (code !== 'sealed' && code !== 'conflict') {
        this.#options.log('error', 'scheduled backups cannot be looked after', {
          code,
          reason: message,
          error,
        });
      }
      return undefined;
    }
  }

  /** One for as long as the store stays open: who wants a lock has to have watched it. */
  #lockIn(store: BarrierStore): DutyLock {
    if (this.#lock?.store !== store) {
      const lock = new DutyLock(store, this.#options.clock, 'backup', this.#holder);
      this.#lock = { store, lock };
    }
    return this.#lock.lock;
  }

  #isDue(state: ScheduleState | undefined): boolean {
    if (state === undefined) return true;
    const { last, failures, triedAt } = state;
    const rested = this.#lastTried.isOver(`${triedAt} ${failures}`, triedAt, retryAfter);
    const over = last === null || this.#lastWritten.isOver(last.name, last.at, this.#options.schedule.every);
    return over && (rested || (last !== null && failures === 0));
  }

  async #underLock(node: ScheduledNode, lock: HeldLock): Promise<WrittenBackup | undefined> {
    const { schedule, clock, log } = this.#options;
    const { place, every, keep } = schedule;
    const { state } = await readSchedule(node.store);
    if (!this.#isDue(state)) return undefined;
    const begun: ScheduleState = {
      directory: place.name,
      every,
      keep,
      triedAt: clock.now(),
      running: true,
      last: state?.last ?? null,
      failure: state?.failure ?? null,
      failures: state?.failures ?? 0,
    };
    await node.store.commit([scheduleWrite(begun)], [lock.expectation()]);
    try {
      const last = await this.#write(node, lock);
      const done = { ...begun, running: false, last, failure: null, failures: 0 };
      await node.store.commit([scheduleWrite(done)], [lock.expectation()]);
      this.#lastWritten.done(last.name);
      node.meter.tally('backup_written');
      log('info', 'a scheduled backup was written', { ...last });
      return last;
    } catch (error) {
      const { code, message } = asCofferError(error);
      node.meter.tally('backup_failed');
      log('error', 'a scheduled backup failed', { directory: place.name, code, reason: message, error });
      const reason = code === 'internal' ? 'internal error; the log of the server has more' : message;
      const failure = { at: clock.now(), reason };
      const failed = { ...begun, running: false, failure, failures: begun.failures + 1 };
      await node.store.commit([scheduleWrite(failed)], [lock.expectation()]);
      this.#lastTried.done(`${failed.triedAt} ${failed.failures}`);
      return undefined;
    }
  }

  async #write(node: ScheduledNode, lock: HeldLock): Promise<WrittenBackup> {
    const { schedule, clock } = this.#options;
    const { place } = schedule;
    const backup = await node.backups.begin('schedule');
    const { header } = backup;
    const keeper = lockKept(lock, clock, this.#ending.signal);
    let file: Awaited<ReturnType<BackupPlace['begin']>> | undefined;
    try {
      await keeper.during(place.prepare(header.storeId));
      file = await keeper.during(place.begin(header, keeper.signal));
      for (let piece = await backup.next(); piece !== undefined; piece = await backup.next()) {
        // A holder that was asleep past its lock must not go on beside its successor.
        await lock.extend();
        await keeper.during(file.write(piece));
      }
      await keeper.during(file.finish());
    } catch (error) {
      await file?.discard();
      throw error;
    } finally {
      keeper.end();
      await backup.close();
    }
    // Removing old ones is the holder's business only.
    await lock.extend();
    const name = file.path.slice(file.path.lastIndexOf('/') + 1);
    const { bytes } = file;
    const written = { name, directory: place.name, at: header.createdAt, bytes, records: backup.records };
    const removed = await this.#retain(header.storeId, written);
    await this.#tell(node, written, removed);
    return written;
  }

  /** That old ones stay is no failure of the new one. */
  async #retain(storeId: string, { name, at }: WrittenBackup): Promise<readonly string[]> {
    const { schedule, log } = this.#options;
    const { place } = schedule;
    return removeOld(place, schedule, { name, storeId, createdAt: at }).catch((error: unknown) => {
      log('error', 'old backups could not be removed', { directory: place.name, error });
      return [];
    });
  }

  async #tell(node: ScheduledNode, written: WrittenBackup, removed: readonly string[]): Promise<void> {
    const { name, directory, bytes, records } = written;
    const line = { type: 'event', event: 'scheduled backup written' } as const;
    await node.audit.append({ ...line, directory, name, bytes, records, removed }, 'disk');
  }
}
