/**
 * The rotation of a static role's password. The new one is stored as pending before the database hears of it: whoever comes
 * upon a pending one after a crash sets the same one again, and then both sides have it.
 */
import type { View } from '../../core/view.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import type { EngineEnvironment } from '../engine.ts';
import { busyTime, type Connections } from './connections.ts';
import { refuseUnlessAllowed } from './creds-endpoint.ts';
import { makePassword } from './password.ts';
import {
  decodeStaticRole,
  dueAt,
  encodeStaticRole,
  type StaticRole,
  scheduled,
  staticRolePath,
} from './static-role.ts';

const firstPause = 10_000;
const longestPause = 3_600_000;

interface StoredRole {
  readonly role: StaticRole;
  readonly revision: Revision;
}

export class StaticRotation {
  readonly #environment: EngineEnvironment;
  readonly #connections: Connections;

  constructor(environment: EngineEnvironment, connections: Connections) {
    this.#environment = environment;
    this.#connections = connections;
  }

  async read(view: View, name: string): Promise<StoredRole | undefined> {
    const found = await view.read(staticRolePath(name));
    return found === undefined
      ? undefined
      : { role: decodeStaticRole(found.open()), revision: found.revision };
  }

  /** Writes a role, with its entry of when it is due. Throws `conflict` where it has changed since `expected`. */
  async write(view: View, name: string, wanted: StaticRole, expected: Revision | null): Promise<StoredRole> {
    const path = staticRolePath(name);
    const { role, due } = scheduled(name, wanted, this.#environment.clock.now());
    const value = encodeStaticRole(role);
    const [revision] = await view.commit([{ path, value }], [{ path, revision: expected }], due);
    if (revision === undefined) throw new CofferError('internal', 'a commit answered no revision');
    return { role, revision };
  }

  /**
   * Rotates now. Throws `conflict` while somebody else does, `invalid_request` where the database refuses, and `unavailable` where
   * it cannot be asked: what had begun by then the duty goes on with.
   */
  async rotate(view: View, name: string, stored: StoredRole): Promise<void> {
    const { clock } = this.#environment;
    const { role } = stored;
    if (role.pending !== undefined && role.pending.busyUntil > clock.now()) {
      throw new CofferError('conflict', 'a rotation of this role is under way; try again in a minute');
    }
    const configured = await this.#connections.read(view, role.connection);
    refuseUnlessAllowed(configured.connection, name);
    const password =
      role.pending?.password ?? (await makePassword(this.#environment, configured.connection.passwordPolicy));
    const inStatement = await this.#connections.inStatements(configured.connection, password);
    await this.#connections.useStored(view, role.connection, configured, async (session) => {
      const pending = { password, busyUntil: clock.now() + busyTime };
      const begun = await this.write(view, name, { ...role, pending }, stored.revision);
      try {
        await session.setPassword(role.username, inStatement, role.statements);
      } catch (error) {
        await this.#failed(view, name, begun, error);
        throw error;
      }
      const { pending: _pending, ...rest } = begun.role;
      const done = { ...rest, password, rotatedAt: clock.now(), failures: 0, retryAt: 0 };
      await this.write(view, name, done, begun.revision);
    });
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
    await this.rotate(view, name, stored).catch(async (error: unknown) => {
      // What never came to its database (it is away, say) has left no later entry yet.
      const after = await this.read(view, name);
      if (after !== undefined && dueAt(after.role) <= clock.now())
        await this.#failed(view, name, after, error);
      throw error;
    });
  }

  async #failed(view: View, name: string, { role, revision }: StoredRole, error: unknown): Promise<void> {
    const refused = asCofferError(error).code === 'invalid_request';
    const pause = Math.min(firstPause * 2 ** role.failures, longestPause);
    const failures = Math.min(role.failures + 1, 30);
    const retryAt = this.#environment.clock.now() + pause;
    const { pending, ...rest } = role;
    // A refusal is certain: then the password that was there still is.
    const kept = refused || pending === undefined ? rest : { ...rest, pending };
    await this.write(view, name, { ...kept, failures, retryAt }, revision);
  }
}
