/** `creds/:name`: a user made for whoever asks, and ended with its lease. */
import { type Call, type Endpoint, endpoint, type Reply } from '../../core/endpoint.ts';
import { grantTtl } from '../../core/ttl-rule.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { EngineEnvironment, RenewalContext, RevocationContext } from '../engine.ts';
import type { Intents } from '../user-intent.ts';
import { allowsRole, type Connection, parseName } from './connection.ts';
import type { Connections } from './connections.ts';
import { expirationText } from './expiration.ts';
import { type IntendedUser, revocationOf, type UserPlace } from './intent.ts';
import { makePassword } from './password.ts';
import type { Session } from './plugin.ts';
import { decodeRole, type Role, rolePath } from './role.ts';
import { renderUsername } from './username-template.ts';

/** What a lease keeps to renew and to revoke by. */
interface LeasedUser extends UserPlace {
  readonly intent: string;
  readonly renewal: readonly string[];
  readonly defaultTtl: number;
  readonly maxTtl: number;
  /** Milliseconds. */
  readonly issuedAt: number;
}

export class Users {
  readonly #environment: EngineEnvironment;
  readonly #connections: Connections;
  readonly #intents: Intents<IntendedUser>;

  constructor(environment: EngineEnvironment, connections: Connections, intents: Intents<IntendedUser>) {
    this.#environment = environment;
    this.#connections = connections;
    this.#intents = intents;
  }

  endpoint(): Endpoint {
    return endpoint({
      pattern: 'creds/:name',
      help: 'Makes a user of the database, which ends with its lease.',
      fields: {},
      operations: {
        read: {
          summary: 'Make a user',
          spendsFirst: true,
          response: { username: { type: 'string' }, password: { type: 'string', sensitive: true } },
          handle: (call) => this.#make(call),
        },
      },
    });
  }

  async #make(call: Call): Promise<Reply> {
    const { view } = call;
    const name = parseName(call.params['name']);
    const found = await view.read(rolePath(name));
    if (found === undefined) throw new CofferError('invalid_request', `unknown role: ${name}`);
    const role = decodeRole(found.open());
    const stored = await this.#connections.read(view, role.connection);
    refuseUnlessAllowed(stored.connection, name);
    const { username, unique } = this.#username(stored.connection, name, call.caller?.displayName ?? '');
    const password = await makePassword(this.#environment, stored.connection.passwordPolicy);
    const now = call.clock.now();
    const signal = call.signal();
    const expiration = expirationText(now, this.#life(role, now, now));
    const user = { connection: role.connection, username, role: name, revocation: role.revocation };
    const use = <T>(action: (session: Session) => Promise<T>) =>
      this.#connections.useStored(view, role.connection, stored, action, signal);
    const inStatement = await this.#connections.inStatements(stored.connection, password);
    // Before anything says that such a user is ours to drop.
    if (unique) await this.#connections.ready(view, role.connection, stored, signal);
    else if (await use((session) => session.userExists(username))) {
      throw new CofferError('conflict', 'the database has a user of that name');
    }
    // No connection is held up by the disk.
    const intent = await this.#intents.open(view, { ...user, rollback: role.rollback });
    const { creation: statements, rollback } = role;
    try {
      await use((session) =>
        session.createUser({ username, password: inStatement, expiration, statements, rollback }),
      );
    } catch (error) {
      if (asCofferError(error).code !== 'invalid_request') throw error;
      // Statements that commit by themselves may have made the user nonetheless: then it is left to the duty, as after a crash.
      const isThere = await use((session) => session.userExists(username)).catch(() => true);
      if (!isThere) await this.#intents.forget(view, intent.path);
      throw error;
    }
    const { renewal, defaultTtl, maxTtl } = role;
    const leased: LeasedUser = { ...user, intent: intent.path, renewal, defaultTtl, maxTtl, issuedAt: now };
    if (signal.aborted) {
      await this.revoke({ internal: { ...leased }, view, leaseId: '' });
      throw new CofferError('request_timeout', 'the request took too long');
    }
    return {
      data: { username, password },
      lease: {
        ttl: defaultTtl,
        maxTtl,
        renewable: true,
        internal: { ...leased },
        writes: intent.writes,
        expectations: intent.expectations,
      },
    };
  }

  /** Moves the user's end to where the lease's is about to be. Throws `unavailable` where the database does not do it. */
  async renew({ internal, increment, view }: RenewalContext): Promise<number | undefined> {
    const user = leasedUser(internal);
    const now = this.#environment.clock.now();
    const record = await view.read(rolePath(user.role));
    const role = record === undefined ? undefined : decodeRole(record.open());
    const seconds = this.#life({ ...user, ...role }, user.issuedAt, now, increment);
    // At its longest: nothing is to be moved, least of all back.
    if (seconds <= 0) return seconds;
    const statements = role?.renewal ?? user.renewal;
    await this.#connections.use(view, user.connection, async (session) => {
      await session.renewUser(user.username, expirationText(now, seconds), statements);
    });
    return seconds;
  }

  /** Drops the user. What is gone already is success. */
  async revoke({ internal, view }: RevocationContext): Promise<void> {
    const user = leasedUser(internal);
    const statements = await revocationOf(view, user);
    await this.#connections.use(view, user.connection, (session) =>
      session.dropUser(user.username, statements),
    );
    await this.#intents.forget(view, user.intent);
  }

  /** Seconds until the lease will end. */
  #life(
    { defaultTtl, maxTtl }: Pick<Role, 'defaultTtl' | 'maxTtl'>,
    issuedAt: number,
    now: number,
    increment?: number,
  ): number {
    const { defaultTtl: mountDefault, maxTtl: mountMax } = this.#environment;
    return grantTtl({
      increment,
      backendTtl: defaultTtl,
      mountDefault,
      maxima: [maxTtl, mountMax],
      issuedAt,
      now,
    }).seconds;
  }

  #username(
    connection: Connection,
    roleName: string,
    displayName: string,
  ): { readonly username: string; readonly unique: boolean } {
    const { clock, random } = this.#environment;
    const usual = this.#connections.plugin(connection.plugin).usernames(connection.plugin);
    const template = connection.usernameTemplate === '' ? usual.template : connection.usernameTemplate;
    const username = renderUsername(template, { displayName, roleName, now: clock.now(), random });
    if (username !== '' && Buffer.byteLength(username) <= usual.longest) {
      return { username, unique: usual.unique && connection.usernameTemplate === '' };
    }
    throw new CofferError(
      'invalid_request',
      `username_template makes a name that is empty or longer than ${usual.longest} bytes: cut its parts with "truncate"`,
    );
  }
}

/** Throws `invalid_request` where the configuration does not name the role. */
export function refuseUnlessAllowed(connection: Connection, role: string): void {
  if (!allowsRole(connection, role))
    throw new CofferError('invalid_request', `"${role}" is not an allowed role`);
}

/** What `#make` gave the lease. */
function leasedUser(internal: JsonObject): LeasedUser {
  return internal as unknown as LeasedUser;
}
