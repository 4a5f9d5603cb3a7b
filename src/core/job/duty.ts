/**
 * The job duty: works on all jobs under way, a few steps each in turn, under a lock of its own, so that one long job neither
 * holds up the others nor what is due. A pass with nothing to do costs one small read and takes no lock.
 */
import type { BarrierStore } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { asCofferError, CofferError, ConflictError, type ErrorCode } from '../../errors.ts';
import type { ProcessIdentity } from '../audit/process-identity.ts';
import { DutyLock, type HeldLock } from '../duty/lock.ts';
import type { JobContext, JobStep, JobType } from './job.ts';
import type { Jobs, StoredJob } from './jobs.ts';
import { damagedType, encodeJob, type JobRecord, jobKey } from './record.ts';

/** Steps of one job before the next has its turn. */
const stepsATurn = 16;
/** Conflicts in a row that are tried again at once. */
const mostConflicts = 50;
/** The longest pause between tries, in milliseconds. */
const longestPause = 600_000;
/** Failed tries in a row after which a job ends as failed: with the pauses, some three hours. */
const mostFailures = 24;
/** Errors that trying again will not mend. */
const final: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'permission_denied',
  'needs_approval',
  'invalid_request',
  'not_found',
  'no_route',
  'unsupported_path',
  'unsupported_operation',
  'payload_too_large',
  'integrity',
]);

export interface JobDutyOptions {
  readonly store: BarrierStore;
  readonly clock: Clock;
  readonly jobs: Jobs;
  readonly types: ReadonlyMap<string, JobType>;
  /** Names this process. */
  readonly holder: string;
  readonly process?: ProcessIdentity;
  readonly onError: (type: string, error: unknown) => void;
}

/** What came of a turn. */
type Turn = 'more' | 'waits';

export class JobDuty {
  readonly #options: JobDutyOptions;
  readonly #lock: DutyLock;
  #running: Promise<void> | undefined;
  /** Damaged jobs that were told of; as many as there can be active ones. */
  readonly #reported = new Set<string>();
  #again = false;
  #stopped = false;
  #waits = false;

  constructor(options: JobDutyOptions) {
    const { store, clock, holder, process } = options;
    this.#options = options;
    this.#lock = new DutyLock(store, clock, 'jobs', holder, process);
  }

  /** Works until no job has anything to do now. Passes never overlap; a call during one makes it look once more. */
  run(): Promise<void> {
    this.#again = true;
    this.#running ??= this.#passes().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Whether there was something to do in the last pass, and somebody else had the duty, or seemed to. */
  get waits(): boolean {
    return this.#waits;
  }

  /** Begins no further step. */
  stop(): void {
    this.#stopped = true;
  }

  async settled(): Promise<void> {
    await this.#running?.catch(() => undefined);
  }

  async #passes(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      await this.#pass();
    }
  }

  async #pass(): Promise<void> {
    let lock: HeldLock | undefined;
    this.#waits = false;
    try {
      for (;;) {
        const ready = await this.#ready();
        if (ready.length === 0) return;
        lock ??= await this.#lock.acquire();
        this.#waits = lock === undefined;
        if (lock === undefined) return;
        let more = false;
        for (const id of ready) more = (await this.#turn(id, lock)) === 'more' || more;
        if (!more || this.#stopped) return;
      }
    } finally {
      await lock?.release();
    }
  }

  async #ready(): Promise<readonly string[]> {
    const { jobs, clock, types } = this.#options;
    const ready: string[] = [];
    for (const id of await jobs.active()) {
      const record = (await jobs.read(id))?.record;
      if (record?.type === damagedType) this.#report(id, record);
      // A type we do not know is a newer program's business.
      if (record !== undefined && record.notBefore <= clock.now() && types.has(record.type)) ready.push(id);
    }
    return ready;
  }

  /** Once: it is there until a person has cancelled it. */
  #report(id: string, { problem }: JobRecord): void {
    if (this.#reported.has(id)) return;
    this.#reported.add(id);
    this.#options.onError(damagedType, new CofferError('integrity', `${problem} (${id})`));
  }

  async #turn(id: string, lock: HeldLock): Promise<Turn> {
    const { jobs, types, onError } = this.#options;
    let conflicts = 0;
    for (let steps = 0; steps < stepsATurn; steps++) {
      if (this.#stopped) return 'waits';
      await lock.extend();
      const stored = await jobs.read(id);
      const type = types.get(stored?.record.type ?? '');
      if (stored === undefined || type === undefined || stored.record.status !== 'running') return 'waits';
      try {
        if (await this.#step(stored, type, lock)) return 'waits';
        conflicts = 0;
      } catch (error) {
        if (error instanceof ConflictError) {
          // Without the lock the job is the successor's.
          if (error.key === lock.expectation().key) throw error;
          if (++conflicts < mostConflicts) continue;
        }
        const failure = asCofferError(error);
        if (failure.code === 'sealed') throw error;
        onError(stored.record.type, error);
        await this.#fail(stored, failure, lock);
        return 'waits';
      }
    }
    return 'more';
  }

  /** Answers whether the job has ended. */
  async #step({ record, revision }: StoredJob, type: JobType, lock: HeldLock): Promise<boolean> {
    const { store, jobs, clock } = this.#options;
    const context: JobContext = {
      id: record.id,
      store,
      clock,
      requester: record.requester,
      fence: lock.expectation(),
      holdsLock: () => lock.holds(),
      outside: (call) => lock.outside(call),
    };
    const step = await type.step(record.state, context);
    const next = this.#after(record, step);
    const ended = step.result !== undefined;
    const own = ended
      ? jobs.endWrites(next, 'done', { result: step.result ?? null })
      : [{ key: jobKey(record.id), value: encodeJob(next) }];
    await store.commit(
      [...own, ...(step.writes ?? [])],
      [lock.expectation(), { key: jobKey(record.id), revision }, ...(step.expectations ?? [])],
    );
    return ended;
  }

  #after(record: JobRecord, { state, progress }: JobStep): JobRecord {
    return {
      ...record,
      state,
      done: progress.done,
      total: progress.total,
      failures: 0,
      problem: null,
      updatedAt: this.#options.clock.now(),
    };
  }

  async #fail({ record, revision }: StoredJob, failure: CofferError, lock: HeldLock): Promise<void> {
    const { store, jobs, clock } = this.#options;
    const failures = record.failures + 1;
    const now = clock.now();
    const changes = { failures, problem: failure.message, updatedAt: now };
    const ends = final.has(failure.code) || failures >= mostFailures;
    const pause = Math.min(1_000 * 2 ** Math.min(failures, 20), longestPause);
    const writes = ends
      ? jobs.endWrites(record, 'failed', changes)
      : [{ key: jobKey(record.id), value: encodeJob({ ...record, ...changes, notBefore: now + pause }) }];
    try {
      await store.commit(writes, [lock.expectation(), { key: jobKey(record.id), revision }]);
    } catch (error) {
      // Cancelled meanwhile: nothing is left to be said, and the other jobs have their turn.
      if (!(error instanceof ConflictError) || error.key !== jobKey(record.id)) throw error;
    }
  }
}
