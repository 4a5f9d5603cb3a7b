/**
 * The rotation of a static role's access key. IAM lets a user have two: the new one comes to the one that was handed out until now, which
 * goes with the next rotation. What a rotation may have made is found by what was there before it.
 */
import { mostAccessKeys } from '../../aws/iam-users.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import type { EngineEnvironment } from '../engine.ts';
import type { Clients } from './clients.ts';
import { toldToCallers } from './refusal.ts';
import {
  decodeStaticRole,
  dueAt,
  encodeStaticRole,
  type StaticRole,
  scheduled,
  staticRolePath,
} from './static-role.ts';

/** Milliseconds. */
const busyTime = 120_000;
const firstPause = 10_000;
const longestPause = 3_600_000;

export interface StoredStaticRole {
  readonly role: StaticRole;
  readonly revision: Revision;
}

export class StaticRotation {
  readonly #environment: EngineEnvironment;
  readonly #clients: Clients;

  constructor(environment: EngineEnvironment, clients: Clients) {
    this.#environment = environment;
    this.#clients = clients;
  }

  async read(view: View, name: string): Promise<StoredStaticRole | undefined> {
    const found = await view.read(staticRolePath(name));
    return found === undefined
      ? undefined
      : { role: decodeStaticRole(found.open()), revision: found.revision };
  }

  /** Writes a role, with its entry of when it is due. Throws `conflict` where it has changed since `expected`. */
  async write(
    view: View,
    name: string,
    wanted: StaticRole,
    expected: Revision | null,
  ): Promise<StoredStaticRole> {
    const path = staticRolePath(name);
    const { role, due } = scheduled(name, wanted, this.#environment.clock.now());
    const [revision] = await view.commit(
      [{ path, value: encodeStaticRole(role) }],
      [{ path, revision: expected }],
      due,
    );
    if (revision === undefined) throw new CofferError('internal', 'a commit answered no revision');
    return { role, revision };
  }

  /**
   * Rotates now. Throws `conflict` while somebody else does, and what AWS refuses as callers are told it: the role stays as it was then,
   * and the duty tries again.
   */
  async rotate(view: View, name: string, stored: StoredStaticRole): Promise<void> {
    const { clock } = this.#environment;
    if (stored.role.pending !== undefined && stored.role.pending.busyUntil > clock.now()) {
      throw new CofferError('conflict', 'a rotation of this role is under way; try again in two minutes');
    }
    const { username } = stored.role;
    try {
      await this.#clients.use(view, async ({ iam }) => {
        const keys = (await iam.listKeys(username)).map(({ accessKey }) => accessKey);
        const known = stored.role.pending?.known ?? keys;
        const pending = { known, busyUntil: clock.now() + busyTime };
        const inTheWay = keysInTheWay(stored.role, keys, known);
        const begun = await this.write(view, name, { ...stored.role, pending }, stored.revision);
        for (const key of inTheWay) await iam.deleteKey(username, key);
        const key = await iam.createKey(username);
        const { pending: _, ...rest } = begun.role;
        const done = { ...rest, ...key, rotatedAt: clock.now(), failures: 0, retryAt: 0 };
        await this.write(view, name, done, begun.revision);
      });
    } catch (error) {
      await this.#failed(view, name);
      throw toldToCallers(error, `change the access key of user ${username}`);
    }
  }

  /** Duty: rotates what is due, and queues what came too early. */
  async onDue(name: string, view: View): Promise<void> {
    const { clock } = this.#environment;
    const stored = await this.read(view, name);
    if (stored === undefined) return;
    if (dueAt(stored.role) > clock.now()) {
      // Another entry stands: this one was of an earlier plan.
      if (stored.role.queuedAt > clock.now()) return;
      await this.write(view, name, stored.role, stored.revision);
      return;
    }
    await this.rotate(view, name, stored);
  }

  /** The next try has a later entry, at a distance that doubles. Keeps what is known of the keys before. */
  async #failed(view: View, name: string): Promise<void> {
    const stored = await this.read(view, name);
    if (stored === undefined) return;
    const { role, revision } = stored;
    const now = this.#environment.clock.now();
    const retryAt = now + Math.min(firstPause * 2 ** role.failures, longestPause);
    const pending = role.pending === undefined ? {} : { pending: { ...role.pending, busyUntil: now } };
    const failures = Math.min(role.failures + 1, 30);
    await this.write(view, name, { ...role, ...pending, failures, retryAt }, revision).catch(() => undefined);
  }
}

/**
 * What has to go before another key can come: what a rotation made that was cut off, and the key before the present one. Throws
 * `invalid_request` where both keys are the user's own.
 */
function keysInTheWay(
  { username, accessKey }: StaticRole,
  keys: readonly string[],
  known: readonly string[],
): readonly string[] {
  const lost = keys.filter((key) => key !== accessKey && !known.includes(key));
  const left = keys.filter((key) => !lost.includes(key));
  if (left.length < mostAccessKeys) return lost;
  if (accessKey !== null && left.includes(accessKey)) return keys.filter((key) => key !== accessKey);
  throw new CofferError(
    'invalid_request',
    `user ${username} has two access keys already: delete one of them first`,
  );
}
