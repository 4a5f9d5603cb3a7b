/**
 * A session of MySQL or MariaDB. Each statement commits by itself there, so what fails behind the first one is taken back by
 * further statements.
 */
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { CofferError } from '../../../errors.ts';
import type { Connected, NewUser, Session, SessionLimits, Target } from '../plugin.ts';
import {
  altersSession,
  asUncertain,
  commitsItself,
  fillStatements,
  type Quoting,
  type Values,
} from '../statement.ts';
import { tlsOptions } from '../tls.ts';
import { mysqlSyntax } from './syntax.ts';

export async function connectMysql(target: Target, limits: SessionLimits): Promise<Connected> {
  const driver = await import('mysql2/promise');
  const tls = tlsOptions(target.tls);
  let connection: Connection;
  try {
    connection = await driver.createConnection({
      ...(target.socket === undefined
        ? { host: target.host, port: target.port }
        : { socketPath: target.socket }),
      user: target.username,
      password: target.password,
      ...(target.database === '' ? {} : { database: target.database }),
      ...(tls === undefined ? {} : { ssl: { ...tls, verifyIdentity: target.tls.mode === 'verify-full' } }),
      charset: 'utf8mb4',
      connectTimeout: limits.connect,
      multipleStatements: false,
      // The driver would else make text into code for each shape of a row.
      disableEval: true,
      // No server may ask for files of this machine.
      flags: ['-LOCAL_FILES'],
    });
  } catch (error) {
    if (isLoginRefusal(error)) return { kind: 'login-refused' };
    throw unreachable(error);
  }
  connection.on('error', () => undefined);
  // An idle session keeps no process alive. The driver's types leave the socket out.
  (connection as unknown as WithSocket).connection.stream.unref();
  const quoting: Quoting = {
    text: (value) => driver.escape(value),
    name: (value) => driver.escapeId(value, true),
    bareName: (value) => driver.escape(value),
  };
  const session = new MysqlSession(connection, quoting, limits);
  try {
    await session.prepare();
  } catch (error) {
    session.close();
    throw error;
  }
  return { kind: 'session', session };
}

interface WithSocket {
  readonly connection: { readonly stream: { unref(): void } };
}

class MysqlSession implements Session {
  readonly #connection: Connection;
  readonly #quoting: Quoting;
  readonly #limits: SessionLimits;
  #usable = true;

  constructor(connection: Connection, quoting: Quoting, limits: SessionLimits) {
    this.#connection = connection;
    this.#quoting = quoting;
    this.#limits = limits;
    for (const event of ['end', 'error'] as const) {
      connection.on(event, () => {
        this.#usable = false;
      });
    }
  }

  get usable(): boolean {
    return this.#usable;
  }

  /** What fills statements relies on these modes, and nothing waits longer for a lock than for a statement. */
  async prepare(): Promise<void> {
    const seconds = Math.max(1, Math.floor(this.#limits.statement / 1_000));
    await this.#run(
      "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
    );
    await this.#run(`SET SESSION lock_wait_timeout = ${seconds}, innodb_lock_wait_timeout = ${seconds}`);
  }

  async userExists(username: string): Promise<boolean> {
    return (await this.#hostsOf(username)).length > 0;
  }

  async createUser({ username, password, expiration, statements, rollback }: NewUser): Promise<void> {
    const values = { name: username, username, password, expiration };
    const filled = this.#filled(statements, values);
    for (const [index, statement] of filled.entries()) {
      try {
        await this.#run(statement);
      } catch (error) {
        // Of a first statement that was refused there is nothing.
        if (index > 0 && isRefusal(error)) await this.#takeBack(username, rollback);
        throw error;
      }
    }
  }

  async renewUser(username: string, expiration: string, statements: readonly string[]): Promise<void> {
    for (const statement of this.#filled(statements, { name: username, username, expiration })) {
      await this.#run(statement);
    }
  }

  async setPassword(username: string, password: string, statements: readonly string[]): Promise<void> {
    if (statements.length > 0) return this.#setBy(statements, { name: username, username, password });
    const hosts = await this.#hostsOf(username);
    if (hosts.length === 0) throw new CofferError('invalid_request', 'the database has no such user');
    const { text } = this.#quoting;
    for (const host of hosts) {
      await this.#run(`ALTER USER ${text(username)}@${text(host)} IDENTIFIED BY ${text(password)}`);
    }
  }

  async setOwnPassword(username: string, password: string, statements: readonly string[]): Promise<void> {
    if (statements.length > 0) return this.#setBy(statements, { name: username, username, password });
    // By name and host: MariaDB 10.11 takes ALTER USER CURRENT_USER(), and sets another password than the one it was given.
    const [row] = await this.#rows('SELECT CURRENT_USER() AS me', []);
    const me = String(row?.['me']);
    const at = me.lastIndexOf('@');
    const { text } = this.#quoting;
    await this.#run(
      `ALTER USER ${text(me.slice(0, at))}@${text(me.slice(at + 1))} IDENTIFIED BY ${text(password)}`,
    );
  }

  async dropUser(username: string, statements: readonly string[]): Promise<void> {
    const hosts = await this.#hostsOf(username);
    if (hosts.length === 0) {
      // It may have been cut off between the user and its sessions.
      await this.#endSessions(username);
      return;
    }
    if (statements.length > 0) await this.#runAll(statements, { name: username, username });
    else await this.#dropAll(username, hosts);
  }

  close(): void {
    this.#usable = false;
    this.#connection.destroy();
  }

  async #takeBack(username: string, rollback: readonly string[]): Promise<void> {
    try {
      if (rollback.length > 0) await this.#runAll(rollback, { name: username, username });
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
    try {
      await this.#dropAll(username, await this.#hostsOf(username));
    } catch {
      throw new CofferError('unavailable', 'a user that came half way could not be taken back');
    }
  }

  async #dropAll(username: string, hosts: readonly string[]): Promise<void> {
    const { text } = this.#quoting;
    for (const host of hosts) await this.#run(`DROP USER IF EXISTS ${text(username)}@${text(host)}`);
    await this.#endSessions(username);
  }

  /** Sessions go on without their user; whoever may end them does. */
  async #endSessions(username: string): Promise<void> {
    const mayGoOn = (error: unknown) => {
      if (!isRefusal(error)) throw error;
      return [];
    };
    const wanted = 'SELECT ID AS id FROM information_schema.PROCESSLIST WHERE USER = ?';
    for (const { id } of await this.#rows(wanted, [username]).catch(mayGoOn)) {
      await this.#run(`KILL CONNECTION ${Number(id)}`).catch(mayGoOn);
    }
  }

  async #hostsOf(username: string): Promise<readonly string[]> {
    const found = await this.#rows('SELECT Host AS host FROM mysql.user WHERE User = ?', [username]);
    return found.map(({ host }) => String(host));
  }

  async #runAll(statements: readonly string[], values: Values): Promise<void> {
    for (const statement of this.#filled(statements, values)) await this.#run(statement);
  }

  /** Each statement counts by itself: only the refusal of the first one says that the password is as it was. */
  async #setBy(statements: readonly string[], values: Values): Promise<void> {
    for (const [index, statement] of this.#filled(statements, values).entries()) {
      try {
        await this.#run(statement);
      } catch (error) {
        throw index > 0 || commitsItself(statement) ? asUncertain(error) : error;
      }
    }
  }

  #filled(statements: readonly string[], values: Values): readonly string[] {
    if (statements.some(altersSession)) this.#usable = false;
    return fillStatements(statements, values, mysqlSyntax, this.#quoting);
  }

  async #run(sql: string): Promise<void> {
    try {
      await this.#connection.query({ sql, timeout: this.#limits.statement });
    } catch (error) {
      throw this.#explained(error);
    }
  }

  async #rows(sql: string, values: readonly string[]): Promise<readonly RowDataPacket[]> {
    try {
      const [rows] = await this.#connection.query<RowDataPacket[]>({ sql, timeout: this.#limits.statement }, [
        ...values,
      ]);
      return rows;
    } catch (error) {
      throw this.#explained(error);
    }
  }

  #explained(error: unknown): CofferError {
    const name = nameOf(error);
    if (name !== undefined && !(error as { readonly fatal?: unknown }).fatal) {
      return new CofferError('invalid_request', `the database refused the statement: ${name}`);
    }
    this.close();
    return unreachable(error);
  }
}

/** Of an error that the server sent: its name, such as ER_PARSE_ERROR. */
function nameOf(error: unknown): string | undefined {
  const { code, errno } = (error ?? {}) as { readonly code?: unknown; readonly errno?: unknown };
  if (typeof errno !== 'number' || errno < 1_000) return undefined;
  return typeof code === 'string' && /^[A-Z0-9_]{1,80}$/.test(code) ? code : `error ${errno}`;
}

function isLoginRefusal(error: unknown): boolean {
  const { errno } = (error ?? {}) as { readonly errno?: unknown };
  return errno === 1_045 || errno === 1_698 || errno === 1_044;
}

function isRefusal(error: unknown): boolean {
  return error instanceof CofferError && error.code === 'invalid_request';
}

/** The server's own words quote the statement: only the name of what went wrong goes further. */
function unreachable(error: unknown): CofferError {
  const name = nameOf(error);
  return new CofferError(
    'unavailable',
    name === undefined
      ? 'the database cannot be reached, or broke the connection'
      : `the database cannot serve: ${name}`,
  );
}
