/**
 * `rotate-root/:name`: the configured user's own password is changed to one that nobody has seen. It is stored as pending before
 * the database hears of it; whichever of the two then lets a session in says what happened.
 */
import { type Endpoint, endpoint } from '../../core/endpoint.ts';
import type { View } from '../../core/view.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import type { EngineEnvironment } from '../engine.ts';
import { type Connection, connectionPath, encodeConnection, parseName } from './connection.ts';
import { busyTime, type Connections } from './connections.ts';
import { makePassword } from './password.ts';

/** The first part of the name of a due entry. */
export const rootDue = 'root/';

/** Milliseconds between tries to learn which password the database has. */
const pause = 60_000;

export class RootRotation {
  readonly #environment: EngineEnvironment;
  readonly #connections: Connections;

  constructor(environment: EngineEnvironment, connections: Connections) {
    this.#environment = environment;
    this.#connections = connections;
  }

  endpoint(): Endpoint {
    return endpoint({
      pattern: 'rotate-root/:name',
      help: 'Changes the password of a connection’s user to one that nobody sees.',
      fields: {},
      operations: {
        update: {
          summary: 'Rotate the login of a connection',
          spendsFirst: true,
          handle: async (call) => {
            await this.#rotate(call.view, parseName(call.params['name']));
            return undefined;
          },
        },
      },
    });
  }

  async #rotate(view: View, name: string): Promise<void> {
    const { clock } = this.#environment;
    const path = connectionPath(name);
    const stored = await this.#connections.read(view, name);
    const { connection } = stored;
    refuseWithoutLogin(connection);
    if (connection.pending !== undefined) {
      throw new CofferError(
        'conflict',
        'a rotation of this login is under way or was cut off; try again in a minute',
      );
    }
    const password = await makePassword(this.#environment, connection.passwordPolicy);
    const inStatement = await this.#connections.inStatements(connection, password);
    await this.#connections.useStored(view, name, stored, async (session) => {
      const busyUntil = clock.now() + busyTime;
      const begun: Connection = { ...connection, pending: { password, busyUntil } };
      await view.commit(
        [{ path, value: encodeConnection(begun) }],
        [{ path, revision: stored.revision }],
        [{ at: busyUntil, name: rootDue + name }],
      );
      try {
        await session.setOwnPassword(connection.username, inStatement, connection.rootRotationStatements);
      } catch (error) {
        // A refusal is certain; of everything else the duty finds out what became.
        if (asCofferError(error).code === 'invalid_request') {
          await this.#connections.settle(view, name, password, 'former');
        }
        throw error;
      }
      await this.#connections.settle(view, name, password, 'pending');
    });
    this.#connections.reset(name);
  }

  /** Duty: finds out which password the database has. Throws where it cannot be asked; there is an entry for another try by then. */
  async onDue(name: string, view: View): Promise<void> {
    const { clock } = this.#environment;
    const stored = await this.#connections.find(view, name);
    const pending = stored?.connection.pending;
    if (stored === undefined || pending === undefined) return;
    const path = connectionPath(name);
    const now = clock.now();
    if (pending.busyUntil > now) {
      await view.commit(
        [],
        [{ path, revision: stored.revision }],
        [{ at: pending.busyUntil, name: rootDue + name }],
      );
      return;
    }
    // Should this fail or end here, the next try has an entry, and the record says until when this one is passed over.
    const later: Connection = { ...stored.connection, pending: { ...pending, busyUntil: now + pause } };
    await view.commit(
      [{ path, value: encodeConnection(later) }],
      [{ path, revision: stored.revision }],
      [{ at: now + pause, name: rootDue + name }],
    );
    // Logs in anew, and tells the store where the pending password is the one.
    const session = await this.#connections.open(view, name, later);
    session.close();
    await this.#connections.settle(view, name, pending.password, 'former');
    this.#connections.reset(name);
  }
}

function refuseWithoutLogin(connection: Connection): void {
  const refuse = (why: string) => new CofferError('invalid_request', why);
  if (connection.username === '')
    throw refuse('unable to rotate root credentials: no username in configuration');
  if (connection.password === '' || !/\{\{\s*password\s*\}\}/.test(connection.url)) {
    throw refuse(
      'unable to rotate root credentials: connection_url must take its login from {{username}} and {{password}}',
    );
  }
}
