/**
 * Intents: what says, before anything happens outside, that a user is about to be made. The commit that makes the user's lease
 * takes the intent away; whatever comes between leaves it, and once nobody can be at it any more, the user is dropped.
 *
 * Whoever drops takes the intent first, by a change of its revision, which the lease's commit expects: so either there is a lease
 * and the user stays, or there is none and never will be.
 */

import type { Clock } from '../../clock.ts';
import { everyItem } from '../../core/pages.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View, ViewExpectation, ViewWrite } from '../../core/view.ts';
import { type Random, randomBase62 } from '../../crypto/random.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import { busyTime, type Connections } from './connections.ts';
import { decodeRole, rolePath } from './role.ts';

/** What is needed to drop a user. */
export interface UserPlace {
  readonly connection: string;
  readonly username: string;
  readonly role: string;
  /** As the role had them when the user was made; the role's of now come first. */
  readonly revocation: readonly string[];
}

interface IntentRecord extends UserPlace {
  readonly rollback: readonly string[];
  /** Milliseconds until which the user may still be being made. */
  readonly busyUntil: number;
  readonly failures: number;
  /** Milliseconds before which it is not tried again. */
  readonly retryAt: number;
}

export interface OpenIntent {
  readonly path: string;
  readonly revision: Revision;
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

export class Intents {
  readonly #connections: Connections;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(connections: Connections, clock: Clock, random: Random) {
    this.#connections = connections;
    this.#clock = clock;
    this.#random = random;
  }

  /** Committed when it resolves: only then may the user be made. */
  async open(view: View, user: UserPlace, rollback: readonly string[]): Promise<OpenIntent> {
    const path = folder + randomBase62(this.#random, 24);
    const busyUntil = this.#clock.now() + busyTime;
    const record: IntentRecord = { ...user, rollback, busyUntil, failures: 0, retryAt: 0 };
    const [revision] = await view.commit(
      [{ path, value: encodeStored(record) }],
      [{ path, revision: null }],
      [{ at: busyUntil, name: path }],
    );
    if (revision === undefined) throw new CofferError('internal', 'a commit answered no revision');
    return { path, revision, writes: [{ path, value: null }], expectations: [{ path, revision }] };
  }

  /** The database has said that nothing was made. */
  async forget(view: View, { writes }: OpenIntent): Promise<void> {
    await view.commit(writes);
  }

  /** Takes away what stands for a user that has been dropped, if it is still there. */
  async forgetPath(view: View, path: string): Promise<void> {
    if ((await view.read(path)) !== undefined) await view.commit([{ path, value: null }]);
  }

  /** Duty: drops the user that nobody got. Throws where that failed; there is an entry for another try by then. */
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

  /** All of a mount that is going. Throws `unavailable` while one is under way or cannot be dropped. */
  async settleAll(view: View): Promise<void> {
    const intents = everyItem((page) => view.range(folder, page), 100);
    for await (const found of intents) {
      const record = decodeStored<IntentRecord>(found.open());
      if (record.busyUntil > this.#clock.now()) {
        throw new CofferError('unavailable', 'a database user may still be being made');
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
    await this.#connections.use(view, record.connection, async (session) => {
      const ways = [record.rollback, await this.revocationOf(view, record)];
      for (const statements of ways.filter(({ length }) => length > 0)) {
        // They may count on what was not made yet: the plug-in's own way decides.
        await session.dropUser(record.username, statements).catch((error: unknown) => {
          if (asCofferError(error).code !== 'invalid_request') throw error;
        });
      }
      await session.dropUser(record.username, []);
    });
    await this.forgetPath(view, path);
  }

  /** The statements that end a user: the role's of now, or of then where the role is gone. */
  async revocationOf(view: View, user: UserPlace): Promise<readonly string[]> {
    const role = await view.read(rolePath(user.role));
    return role === undefined ? user.revocation : decodeRole(role.open()).revocation;
  }
}
