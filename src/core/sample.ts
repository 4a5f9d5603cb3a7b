/**
 * The state of a node and its store as numbers. Asked for by whoever looks, at most once in a while, and bounded: it reads the
 * beginnings of what waits and never counts a store.
 */
import type { Clock } from '../clock.ts';
import type { AuditHealth } from './audit/audit.ts';
import { dueShards, parseDue, shardPrefix } from './due.ts';
import type { JobStatus } from './job/record.ts';
import { DeadLetters } from './notice/dead-letters.ts';
import type { CoreRooms } from './rooms.ts';

export interface CoreSample {
  readonly initialized: boolean;
  readonly sealed: boolean;
  /** Undefined while sealed. */
  readonly work?: WorkSample | undefined;
  readonly audit?: AuditHealth | undefined;
  readonly term?: TermSample | undefined;
  readonly devices?: readonly DeviceSample[] | undefined;
}

/** One audit device; its type is a word of the program. */
export interface DeviceSample {
  readonly type: string;
  readonly state: 'working' | 'failing';
  readonly waiting: number;
  readonly shipped: number;
  readonly dropped: number;
}

/** One notifier; its type is a word of the program. */
export interface NotifierSample {
  readonly type: string;
  readonly state: 'working' | 'failing';
  /** Notices that are not tried any more. */
  readonly dead: number;
}

export interface WorkSample {
  /** Entries of the index whose time has come; counting ends at `mostOverdue`. */
  readonly overdue: number;
  /** Seconds since the time of the oldest of them; 0 where none waits. */
  readonly oldestOverdue: number;
  /** Leases that are not tried any more; counting ends at `mostGivenUp`. */
  readonly givenUp: number;
  /** Jobs by status, of at most `mostJobs` that are remembered. */
  readonly jobs: Readonly<Record<JobStatus, number>>;
  readonly mounts: number;
  readonly notifiers?: readonly NotifierSample[];
}

/** The term that seals. */
export interface TermSample {
  readonly id: number;
  /** Seals reserved under it: never fewer than were done. */
  readonly seals: number;
  /** The most that it may do. */
  readonly limit: number;
}

const overduePage = 64;
export const mostOverdue = overduePage * dueShards;
export const mostGivenUp = 1_000;
export const mostJobs = 200;
/** Milliseconds for which a sample is good: who asks often gets the same one. */
const goodFor = 5_000;

export interface Sampled {
  readonly rooms: CoreRooms;
  readonly clock: Clock;
  audit(): AuditHealth | undefined;
  term(): Promise<TermSample>;
}

/** Samples an unsealed core, at most every five seconds however many ask. */
export class Sampler {
  readonly #sampled: Sampled;
  #work: Promise<Pick<CoreSample, 'work' | 'term'>> | undefined;
  #takenAt = 0;

  constructor(sampled: Sampled) {
    this.#sampled = sampled;
  }

  /** Rejects as the store does. What is at hand without reading is as of now. */
  async sample(): Promise<CoreSample> {
    const now = this.#sampled.clock.now();
    if (this.#work === undefined || now - this.#takenAt >= goodFor || now < this.#takenAt) {
      this.#takenAt = now;
      this.#work = this.#take();
    }
    const running = this.#work;
    try {
      const audit = this.#sampled.audit();
      const devices = this.#sampled.rooms.devices.list();
      return { initialized: true, sealed: false, audit, devices, ...(await running) };
    } catch (error) {
      if (this.#work === running) this.#work = undefined;
      throw error;
    }
  }

  async #take(): Promise<Pick<CoreSample, 'work' | 'term'>> {
    const { rooms } = this.#sampled;
    const [due, givenUp, jobs, term, notifiers] = await Promise.all([
      this.#overdue(),
      rooms.leases.countGivenUp(mostGivenUp),
      rooms.jobs.list({ limit: mostJobs }),
      this.#sampled.term(),
      this.#notifiers(),
    ]);
    const byStatus = { running: 0, done: 0, failed: 0, cancelled: 0 };
    for (const { status } of jobs.items) byStatus[status]++;
    const mounts = rooms.mounts.table.mounts.length;
    return { term, work: { ...due, givenUp, jobs: byStatus, mounts, notifiers } };
  }

  #notifiers(): Promise<readonly NotifierSample[]> {
    const { notices, store, clock } = this.#sampled.rooms;
    const letters = new DeadLetters(store, clock, notices);
    const each = notices.notifiers.all.map(async (notifier) => ({
      type: notifier.type,
      state: notices.lane(notifier).health().state,
      dead: await letters.count(notifier),
    }));
    return Promise.all(each);
  }

  async #overdue(): Promise<Pick<WorkSample, 'overdue' | 'oldestOverdue'>> {
    const { rooms, clock } = this.#sampled;
    const now = clock.now();
    let overdue = 0;
    let oldest = now;
    for (let shard = 0; shard < dueShards; shard++) {
      const page = await rooms.store.range(shardPrefix(shard), { limit: overduePage });
      for (const { key } of page.items) {
        const { at } = parseDue(key);
        if (at > now) break;
        overdue++;
        oldest = Math.min(oldest, at);
      }
    }
    return { overdue, oldestOverdue: Math.floor((now - oldest) / 1_000) };
  }
}
