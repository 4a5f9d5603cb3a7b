/** A session of PostgreSQL. What is to happen together goes as one simple query, which the server takes as one transaction. */
import type { Client } from 'pg';
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
import { revokeEverything } from './revocation.ts';
import { postgresqlSyntax } from './syntax.ts';

/** Creations and revocations side by side change the same rows of the catalogue: the server has one of them try again. */
const mostTries = 20;

export async function connectPostgresql(target: Target, limits: SessionLimits): Promise<Connected> {
  const { Client, escapeIdentifier, escapeLiteral } = await import('pg');
  const tls = tlsOptions(target.tls);
  // Each member is given: what is not, the driver looks for in variables and files of whoever runs the server.
  const client = new Client({
    host: target.socket ?? target.host,
    port: target.port,
    user: target.username,
    password: () => target.password,
    database: target.database,
    ssl: tls ?? false,
    application_name: 'coffer',
    // Texts have no backslash escapes but where they say so: what fills statements relies on it.
    options: `-c standard_conforming_strings=on -c client_min_messages=error -c lock_timeout=${limits.statement}`,
    connectionTimeoutMillis: limits.connect,
    statement_timeout: limits.statement,
    query_timeout: limits.statement + 2_000,
  });
  // Without a listener a server that ends an idle session would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    // Some systems have the setting and cannot do it.
    await client.query(endWithClient).catch((error: unknown) => {
      if (stateOf(error) === undefined) throw error;
    });
  } catch (error) {
    client.end().catch(() => undefined);
    if (isLoginRefusal(error)) return { kind: 'login-refused' };
    throw unreachable(error);
  }
  // An idle session keeps no process alive. The driver's types leave it out.
  (client as Client & { unref(): void }).unref();
  const quoting: Quoting = { text: escapeLiteral, name: escapeIdentifier, bareName: escapeIdentifier };
  return { kind: 'session', session: new PostgresqlSession(client, quoting, limits.connect) };
}

/**
 * A statement that is left, by its time or by a crash, must not count later: nobody would know of the user that it makes. Servers
 * before 14 have no such setting.
 */
const endWithClient =
  "SELECT set_config(name, '1s', false) FROM pg_catalog.pg_settings WHERE name = 'client_connection_check_interval'";

class PostgresqlSession implements Session {
  readonly #client: Client;
  readonly #quoting: Quoting;
  readonly #patience: number;
  #usable = true;

  /** @param patience milliseconds for which what met others' changes is tried again */
  constructor(client: Client, quoting: Quoting, patience: number) {
    this.#client = client;
    this.#quoting = quoting;
    this.#patience = patience;
    client.on('end', () => {
      this.#usable = false;
    });
    client.on('error', () => {
      this.#usable = false;
    });
  }

  get usable(): boolean {
    return this.#usable;
  }

  async userExists(username: string): Promise<boolean> {
    const found = await this.#rows('SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1', [username]);
    return found.length > 0;
  }

  createUser({ username, password, expiration, statements }: NewUser): Promise<void> {
    return this.#runFilled(statements, { name: username, username, password, expiration });
  }

  async renewUser(username: string, expiration: string, statements: readonly string[]): Promise<void> {
    const own = [`ALTER ROLE "{{name}}" VALID UNTIL '{{expiration}}'`];
    await this.#runFilled(statements.length > 0 ? statements : own, { name: username, username, expiration });
  }

  async setPassword(username: string, password: string, statements: readonly string[]): Promise<void> {
    const own = [`ALTER ROLE "{{name}}" WITH PASSWORD '{{password}}'`];
    try {
      await this.#runFilled(statements.length > 0 ? statements : own, { name: username, username, password });
    } catch (error) {
      throw statements.some(commitsItself) ? asUncertain(error) : error;
    }
  }

  setOwnPassword(username: string, password: string, statements: readonly string[]): Promise<void> {
    return this.setPassword(username, password, statements);
  }

  async dropUser(username: string, statements: readonly string[]): Promise<void> {
    if (!(await this.userExists(username))) return;
    if (statements.length > 0) await this.#runFilled(statements, { name: username, username });
    else {
      await revokeEverything(
        username,
        (sql, values) => this.#rows(sql, values),
        (sql) => this.#run(sql),
        this.#quoting.name,
      );
    }
  }

  close(): void {
    this.#usable = false;
    this.#client.end().catch(() => undefined);
  }

  async #runFilled(statements: readonly string[], values: Values): Promise<void> {
    const filled = fillStatements(statements, values, postgresqlSyntax, this.#quoting);
    if (filled.length === 0) return;
    try {
      // A comment at the end of one must not hide the next.
      await this.#run(filled.join('\n;\n'));
    } finally {
      if (statements.some(altersSession)) this.#usable = false;
    }
  }

  async #run(sql: string): Promise<void> {
    // From the first failure on: all of it must have ended before anybody cleans up behind it.
    let late: AbortSignal | undefined;
    for (let tries = 1; ; tries++) {
      try {
        await this.#client.query(sql);
        return;
      } catch (error) {
        late ??= AbortSignal.timeout(this.#patience);
        if (tries < mostTries && !late.aborted && mayTryAgain(error)) continue;
        throw this.#explained(error);
      }
    }
  }

  async #rows(sql: string, values: readonly string[]): Promise<readonly Record<string, unknown>[]> {
    try {
      const found = await this.#client.query<Record<string, unknown>>(sql, [...values]);
      return found.rows;
    } catch (error) {
      throw this.#explained(error);
    }
  }

  #explained(error: unknown): CofferError {
    const state = stateOf(error);
    // Classes 08, 57 and 58: the connection, an operator and the system; what had begun may have happened.
    if (state !== undefined && !/^(?:08|57|58)/.test(state)) {
      return new CofferError('invalid_request', `the database refused the statement: ${explain(state)}`);
    }
    this.#usable = false;
    return unreachable(error);
  }
}

/** SQLSTATE of an error that the server sent. */
function stateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { readonly code?: unknown; readonly severity?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && severity !== undefined ? code : undefined;
}

function isLoginRefusal(error: unknown): boolean {
  const state = stateOf(error);
  return state?.startsWith('28') === true;
}

/** Serialisation failures, deadlocks, and rows of the catalogue that somebody else changed (an internal error to the server). */
function mayTryAgain(error: unknown): boolean {
  return ['40001', '40P01', 'XX000'].includes(stateOf(error) ?? '');
}

/** The server's own words quote the statement: only its code goes further. */
function unreachable(error: unknown): CofferError {
  const state = stateOf(error);
  if (state === '57014') return new CofferError('unavailable', 'the database took too long');
  const why =
    state === undefined
      ? 'the database cannot be reached, or broke the connection'
      : `the database cannot serve: ${explain(state)}`;
  return new CofferError('unavailable', why);
}

const meanings: Readonly<Record<string, string>> = {
  '3D000': 'there is no such database',
  '42501': 'the configured user may not do that',
  '42601': 'syntax error',
  '42704': 'something that it names is not there',
  '42710': 'something of that name is there already',
  '42P01': 'a table that it names is not there',
  '2BP01': 'something depends on the user',
  '53300': 'too many connections',
  '55P03': 'something that it needs is locked',
};

function explain(state: string): string {
  const meaning = meanings[state];
  return meaning === undefined ? `SQLSTATE ${state}` : `${meaning} (SQLSTATE ${state})`;
}
