/**
 * Intents: what says, before anything happens outside, that a user is about to be made there. The commit that makes the user's lease
 * takes the intent away; whatever comes between leaves it, and once nobody can be at it any more, the user is ended.
 *
 * Whoever ends it changes the intent's revision first, which the lease's commit expects: so either there is a lease and the user
 * stays, or there is none and never will be.
 */
import type { Clock } from '../clock.ts';
import { everyItem } from '../core/pages.ts';
import { decodeStored, encodeStored } from '../core/stored-json.ts';
import type { View, ViewExpectation, ViewWrite } from '../core/view.ts';
import { type Random, randomBase62 } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import type { Revision } from '../storage/storage.ts';

export interface IntentsOptions<User> {
  /** Milliseconds in which a user that is being made has its lease; the other side knows by then whether it has the user. */
  readonly busyTime: number;
  /** Ends a user by what was written of it. One that is not there any more is success. */
  readonly end: (view: View, user: User) => Promise<void>;
  /** Said where a mount goes while one may still be being made. */
  readonly busyMessage: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** What is written of a user is the engine's own, and lies beside these members. */
interface Progress {
  /** Milliseconds until which the user may still be being made. */
  readonly busyUntil: number;
  readonly failures: number;
  /** Milliseconds before which it is not tried again. */
  readonly retryAt: number;
}

export interface OpenIntent {
  readonly path: string;
  /** For the commit that makes the lease. */
  readonly writes: readonly ViewWrite[];
  readonly expectations: readonly ViewExpectation[];
}

const folder = 'intent/';
/** Pauses between tries, in milliseconds: doubled each time, up to the longest. It is never given up. */
const firstPause = 10_000;
const longestPause = 3_600_000;

/** The first part of the name of a due entry. */
export const intentDue = 'intent/';

/** @typeParam User what is needed to end a user: JSON */
export class Intents<User extends object> {
  readonly #options: IntentsOptions<User>;

  constructor(options: IntentsOptions<User>) {
    this.#options = options;
  }

  /** Committed when it resolves: only then may the user be made. */
  async open(view: View, user: User): Promise<OpenIntent> {
    const { clock, random, busyTime } = this.#options;
    const path = folder + randomBase62(random, 24);
    const busyUntil = clock.now() + busyTime;
    const record: User & Progress = { ...user, busyUntil, failures: 0, retryAt: 0 };
    const [revision] = await view.commit(
      [{ path, value: encodeStored(record) }],
      [{ path, revision: null }],
      [{ at: busyUntil, name: path }],
    );
    if (revision === undefined) throw new CofferError('internal', 'a commit answered no revision');
    return { path, writes: [{ path, value: null }], expectations: [{ path, revision }] };
  }

  /** Takes away what stands for a user that is not there, if it still stands. */
  async forget(view: View, path: string): Promise<void> {
    if ((await view.read(path)) !== undefined) await view.commit([{ path, value: null }]);
  }

  /** Duty: ends the user that nobody got. Throws where that failed; there is an entry for another try by then. */
  async onDue(path: string, view: View): Promise<void> {
    const now = this.#options.clock.now();
    const found = await view.read(path);
    if (found === undefined) return;
    const record = decodeStored<User & Progress>(found.open());
    if (record.busyUntil > now) {
      await view.commit([], [{ path, revision: found.revision }], [{ at: record.busyUntil, name: path }]);
      return;
    }
    // An entry of before the last try: that one has left another.
    if (record.retryAt > now) return;
    await this.#settle(view, path, record, found.revision);
  }

  /** All of a mount that is going. Throws `unavailable` while one is under way or cannot be ended. */
  async settleAll(view: View): Promise<void> {
    for await (const found of everyItem((page) => view.range(folder, page), 100)) {
      const record = decodeStored<User & Progress>(found.open());
      if (record.busyUntil > this.#options.clock.now()) {
        throw new CofferError('unavailable', this.#options.busyMessage);
      }
      await this.#settle(view, found.path, record, found.revision);
    }
  }

  async #settle(view: View, path: string, record: User & Progress, revision: Revision): Promise<void> {
    // From here on no lease can come of it.
    const retryAt = this.#options.clock.now() + Math.min(firstPause * 2 ** record.failures, longestPause);
    const failures = Math.min(record.failures + 1, 30);
    await view.commit(
      [{ path, value: encodeStored({ ...record, failures, retryAt }) }],
      [{ path, revision }],
      [{ at: retryAt, name: path }],
    );
    await this.#options.end(view, record);
    await this.forget(view, path);
  }
}
