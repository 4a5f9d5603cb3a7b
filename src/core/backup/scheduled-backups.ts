/**
 * Scheduled backups: a duty of one node at a time. Each node looks now and then whether one is due by the record that all share; who
 * gets the lock writes it. A store that was down past its time is backed up soon after it is served again.
 */

import { join } from 'node:path';
import type { BarrierStore } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import type { AuditLog } from '../audit/audit.ts';
import { DutyLock, type HeldLock } from '../duty/lock.ts';
import { NewBackupFile } from './backup-file.ts';
import type { Backups } from './backups.ts';
import { backupName, preparePlace, removeOld, scheduleMark } from './retention.ts';
import { readSchedule, type ScheduleState, scheduleWrite, type WrittenBackup } from './schedule-state.ts';

export interface Schedule {
  /** Absolute. Made, for its owner alone, if it is not there. */
  readonly directory: string;
  /** Milliseconds between two backups. */
  readonly every: number;
  /** How many are kept, 1 at least. */
  readonly keep: number;
}

/** What of an unsealed node this needs. */
export interface ScheduledNode {
  readonly store: BarrierStore;
  readonly audit: AuditLog;
  readonly backups: Backups;
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
  #lock: { readonly store: BarrierStore; readonly lock: DutyLock } | undefined;
  #timer: Disposable | undefined;
  #running: Promise<WrittenBackup | undefined> | undefined;
  #stopped = false;

  constructor(options: ScheduledBackupsOptions) {
    this.#options = options;
    this.#holder = randomUuid(options.random);
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
    this.#stopped = true;
    this.#timer?.[Symbol.dispose]();
    await this.#running;
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
    const now = this.#options.clock.now();
    const { every } = this.#options.schedule;
    if (state === undefined) return true;
    // A clock that was set back must not put backups off for long.
    const rested = now >= state.triedAt + retryAfter || state.triedAt > now;
    if (state.last === null) return rested;
    if (state.last.at > now + every) return rested;
    return now >= state.last.at + every && (state.failures === 0 || rested);
  }

  async #underLock(node: ScheduledNode, lock: HeldLock): Promise<WrittenBackup | undefined> {
    const { schedule, clock, log } = this.#options;
    const { state } = await readSchedule(node.store);
    if (!this.#isDue(state)) return undefined;
    const begun: ScheduleState = {
      ...schedule,
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
      log('info', 'a scheduled backup was written', { ...last });
      return last;
    } catch (error) {
      const { code, message } = asCofferError(error);
      log('error', 'a scheduled backup failed', {
        directory: schedule.directory,
        code,
        reason: message,
        error,
      });
      const reason = code === 'internal' ? 'internal error; the log of the server has more' : message;
      const failure = { at: clock.now(), reason };
      const failed = { ...begun, running: false, failure, failures: begun.failures + 1 };
      await node.store.commit([scheduleWrite(failed)], [lock.expectation()]);
      return undefined;
    }
  }

  async #write(node: ScheduledNode, lock: HeldLock): Promise<WrittenBackup> {
    const { directory, keep } = this.#options.schedule;
    await preparePlace(directory);
    const backup = await node.backups.begin('schedule');
    const { header } = backup;
    const name = backupName(header);
    let file: NewBackupFile | undefined;
    try {
      file = await NewBackupFile.create(join(directory, name), scheduleMark);
      for (let piece = await backup.next(); piece !== undefined; piece = await backup.next()) {
        if (this.#stopped) throw new CofferError('sealed', 'the server stops');
        // A holder that was asleep past its lock must not go on beside its successor.
        await lock.extend();
        await file.write(piece);
      }
      await file.finish();
    } catch (error) {
      await file?.discard();
      throw error;
    } finally {
      await backup.close();
    }
    // Removing old ones is the holder's business only.
    await lock.extend();
    const written = { name, directory, at: header.createdAt, bytes: file.bytes, records: backup.records };
    const removed = await this.#retain(header.storeId, keep, name);
    await this.#tell(node, written, removed);
    return written;
  }

  /** That old ones stay is no failure of the new one. */
  async #retain(storeId: string, keep: number, written: string): Promise<readonly string[]> {
    const { directory } = this.#options.schedule;
    return removeOld(directory, storeId, keep, written).catch((error: unknown) => {
      this.#options.log('error', 'old backups could not be removed', { directory, error });
      return [];
    });
  }

  async #tell(node: ScheduledNode, written: WrittenBackup, removed: readonly string[]): Promise<void> {
    const { name, directory, bytes, records } = written;
    const line = { type: 'event', event: 'scheduled backup written' } as const;
    await node.audit.append({ ...line, directory, name, bytes, records, removed }, 'disk');
  }
}
