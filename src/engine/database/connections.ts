/**
 * The pools behind a mount's configurations, on this node. A pool belongs to one revision of its configuration: whoever changes
 * that, on any node, is followed with the next request.
 */
import { retryOnConflict } from '../../core/retry.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import type { EngineEnvironment } from '../engine.ts';
import { type Connection, connectionPath, decodeConnection, encodeConnection } from './connection.ts';
import type { DatabasePlugin, Session, SessionLimits, Target } from './plugin.ts';
import { SessionPool } from './session-pool.ts';

/** Milliseconds. */
export const sessionLimits: SessionLimits = { connect: 5_000, statement: 15_000 };

/** Milliseconds in which whatever was begun outside has come to an end, whoever began it. */
export const busyTime = 60_000;

export interface StoredConnection {
  readonly connection: Connection;
  /** As read: what a commit that changes it expects. */
  readonly revision: Revision;
}

interface KnownPool {
  readonly revision: Revision;
  readonly pool: SessionPool;
}

export class Connections {
  readonly #environment: EngineEnvironment;
  readonly #plugins: readonly DatabasePlugin[];
  readonly #limits: SessionLimits;
  readonly #pools = new Map<string, KnownPool>();

  constructor(environment: EngineEnvironment, plugins: readonly DatabasePlugin[], limits = sessionLimits) {
    this.#environment = environment;
    this.#plugins = plugins;
    this.#limits = limits;
  }

  /** Throws `invalid_request` for a name that no plug-in has. */
  plugin(name: string): DatabasePlugin {
    const found = this.#plugins.find(({ names }) => names.includes(name));
    if (found !== undefined) return found;
    const known = this.#plugins.flatMap(({ names }) => names).join(', ');
    throw new CofferError('invalid_request', `plugin_name is one of ${known}`);
  }

  async find(view: View, name: string): Promise<StoredConnection | undefined> {
    const record = await view.read(connectionPath(name));
    return record === undefined
      ? undefined
      : { connection: decodeConnection(record.open()), revision: record.revision };
  }

  /** Throws `invalid_request` where there is none. */
  async read(view: View, name: string): Promise<StoredConnection> {
    const found = await this.find(view, name);
    if (found !== undefined) return found;
    throw new CofferError('invalid_request', `there is no database connection "${name}"`);
  }

  /** Lends a session. Throws `unavailable` where none is to be had, and what the action throws. */
  async use<T>(
    view: View,
    name: string,
    action: (session: Session) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    return this.useStored(view, name, await this.read(view, name), action, signal);
  }

  /** The same where the configuration has been read already. */
  useStored<T>(
    view: View,
    name: string,
    stored: StoredConnection,
    action: (session: Session) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    return this.#poolOf(name, stored).use(() => this.open(view, name, stored.connection), action, signal);
  }

  /** Resolves once the database has let this node in: at once where a session waits. Throws `unavailable`. */
  async ready(view: View, name: string, stored: StoredConnection, signal: AbortSignal): Promise<void> {
    if (this.#poolOf(name, stored).hasIdle) return;
    await this.useStored(view, name, stored, async () => undefined, signal);
  }

  /** A session of its own, logged in now. Throws `unavailable`. */
  async open(view: View, name: string, connection: Connection): Promise<Session> {
    const { session, pending } = await this.#session(name, connection);
    if (pending !== undefined) await this.settle(view, name, pending, 'pending');
    return session;
  }

  /**
   * Throws `unavailable` where nobody can log in. Of a rotation that was cut off nothing follows: the configuration is not in use,
   * and its server may be another.
   */
  async tryOut(name: string, connection: Connection): Promise<void> {
    (await this.#session(name, connection)).session.close();
  }

  /** `pending` is the password that let in, where it was that one. */
  async #session(
    name: string,
    connection: Connection,
  ): Promise<{ readonly session: Session; readonly pending?: string }> {
    const first = await this.#logIn(connection, connection.password);
    if (first !== undefined) return { session: first };
    const pending = connection.pending?.password;
    const second = pending === undefined ? undefined : await this.#logIn(connection, pending);
    if (second !== undefined && pending !== undefined) return { session: second, pending };
    throw new CofferError('unavailable', `the database refuses the login of connection "${name}"`);
  }

  /** What stands for a password in statements. */
  async inStatements({ plugin, hashed }: Connection, password: string): Promise<string> {
    const { hashPassword } = this.plugin(plugin);
    return hashed && hashPassword !== undefined ? hashPassword(password, this.#environment.random) : password;
  }

  /** Ends the sessions of this node. */
  reset(name: string): void {
    this.#pools.get(name)?.pool.close();
    this.#pools.delete(name);
  }

  /** Ends all sessions of this node that nobody uses, and the others once they come back. */
  close(): void {
    for (const name of [...this.#pools.keys()]) this.reset(name);
  }

  #poolOf(name: string, stored: StoredConnection): SessionPool {
    const known = this.#pools.get(name);
    if (known?.revision === stored.revision) return known.pool;
    known?.pool.close();
    const { mostOpen, mostIdle, lifetime } = stored.connection;
    const pool = new SessionPool({
      mostOpen,
      mostIdle,
      lifetime: lifetime * 1_000,
      clock: this.#environment.clock,
    });
    this.#pools.set(name, { revision: stored.revision, pool });
    return pool;
  }

  async #logIn(connection: Connection, password: string): Promise<Session | undefined> {
    const plugin = this.plugin(connection.plugin);
    const target = targetOf(plugin, { ...connection, password });
    const connected = await plugin.login(target, this.#limits);
    return connected.kind === 'session' ? connected.session : undefined;
  }

  /**
   * A rotation has turned out to have happened, or not: from here on one password counts. Does nothing where `password` is not
   * pending (any more).
   */
  async settle(view: View, name: string, password: string, counts: 'pending' | 'former'): Promise<void> {
    await retryOnConflict(async () => {
      const stored = await this.find(view, name);
      if (stored?.connection.pending?.password !== password) return;
      const { pending: _pending, ...rest } = stored.connection;
      const settled: Connection = { ...rest, password: counts === 'pending' ? password : rest.password };
      await view.commit(
        [{ path: connectionPath(name), value: encodeConnection(settled) }],
        [{ path: connectionPath(name), revision: stored.revision }],
      );
    });
  }
}

export function targetOf(plugin: DatabasePlugin, connection: Connection): Target {
  return plugin.parseUrl(connection.url, connection, connection.tls);
}
