/**
 * Intents: what says, before anything happens at AWS, that a user is about to be made. The commit that makes the user's lease takes the
 * intent away; whatever comes between leaves it, and once nobody can be at it any more, the user is taken apart.
 *
 * Whoever takes apart changes the intent's revision first, which the lease's commit expects: so either there is a lease and the user
 * stays, or there is none and never will be.
 */
import type { Clock } from '../../clock.ts';
import { everyItem } from '../../core/pages.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View, ViewExpectation, ViewWrite } from '../../core/view.ts';
import { type Random, randomBase62 } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';

/** What is needed to take a user apart. */
export interface UserPlace {
  readonly username: string;
  /** Twelve digits: where a user of this name is the one that is meant. */
  readonly account: string;
}

/** Takes a user apart. One that is not there any more is success. */
export type RemoveUser = (view: View, user: UserPlace) => Promise<void>;

interface IntentRecord extends UserPlace {
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
/** Milliseconds in which a user that is being made has its lease; IAM knows everywhere by then whether it has the user. */
const busyTime = 300_000;
/** Pauses between tries, in milliseconds: doubled each time, up to the longest. It is never given up. */
const firstPause = 10_000;
const longestPause = 3_600_000;

/** The first part of the name of a due entry. */
export const intentDue = 'intent/';

export class Intents {
  readonly #remove: RemoveUser;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(remove: RemoveUser, clock: Clock, random: Random) {
    this.#remove = remove;
    this.#clock = clock;
    this.#random = random;
  }

  /** Committed when it resolves: only then may the user be made. */
  async open(view: View, { username, account }: UserPlace): Promise<OpenIntent> {
    const path = folder + randomBase62(this.#random, 24);
    const busyUntil = this.#clock.now() + busyTime;
    const record: IntentRecord = { username, account, busyUntil, failures: 0, retryAt: 0 };
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

  /** Duty: takes the user apart that nobody got. Throws where that failed; there is an entry for another try by then. */
  async onDue(path: string, view: View): Promise<void> {
    const now = this.#clock.now();
    const found = await view.read(path);
    if (found === undefined) return;
    const record = decodeStored<IntentRecord>(found.open());
    if (record.busyUntil > now) {
      await view.commit([], [{ path, revision: found.revision }], [{ at: record.busyUntil, name: path }]);
      return;
    }
    // An entry of before the last try: that one has left another.
    if (record.retryAt > now) return;
    await this.#settle(view, path, record, found.revision);
  }

  /** All of a mount that is going. Throws `unavailable` while one is under way or cannot be taken apart. */
  async settleAll(view: View): Promise<void> {
    for await (const found of everyItem((page) => view.range(folder, page), 100)) {
      const record = decodeStored<IntentRecord>(found.open());
      if (record.busyUntil > this.#clock.now()) {
        throw new CofferError('unavailable', 'a user of IAM may still be being made');
      }
      await this.#settle(view, found.path, record, found.revision);
    }
  }

  async #settle(view: View, path: string, record: IntentRecord, revision: Revision): Promise<void> {
    // From here on no lease can come of it.
    const retryAt = this.#clock.now() + Math.min(firstPause * 2 ** record.failures, longestPause);
    const failures = Math.min(record.failures + 1, 30);
    await view.commit(
      [{ path, value: encodeStored({ ...record, failures, retryAt }) }],
      [{ path, revision }],
      [{ at: retryAt, name: path }],
    );
    await this.#remove(view, record);
    await this.forget(view, path);
  }
}
