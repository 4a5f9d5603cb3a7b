/**
 * Connections to PostgreSQL. The driver pg makes them and logs in, and wire.ts asks. Every member of the driver's configuration is given:
 * what is not, it looks for in variables and files of whoever runs the server.
 */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { Client, ClientConfig } from 'pg';
import type { Clock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import type { PostgresAddress, PostgresHost, PostgresTls } from './address.ts';
import { stateOf } from './failure.ts';
import { type RawRow, type Statement, type Step, textArray, type Value } from './messages.ts';
import { findPassword } from './password.ts';
import { type Result, Wire } from './wire.ts';

/** Milliseconds. */
export interface Deadlines {
  /** Until a connection is made, or one of the pool is free. */
  readonly connect: number;
  /** Until the server gives a statement up; the client waits a little longer for its word. */
  readonly statement: number;
}

export const standardDeadlines: Deadlines = { connect: 5_000, statement: 10_000 };

export interface Login {
  readonly address: PostgresAddress;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly deadlines: Deadlines;
  readonly clock: Clock;
  /** The session's `application_name`; `coffer` if absent. */
  readonly name?: string;
}

/** A row as the server wrote it: PostgreSQL's text form of each column. */
export type Row = readonly (string | null)[];

export interface Answer {
  readonly command: string;
  readonly rows: readonly Row[];
}

/** For a server that does not answer a goodbye. */
const goodbyeMilliseconds = 3_000;
/** Behind the server's own deadline, so that its word comes first where there is one. */
const graceMilliseconds = 2_000;

function clientConfig(
  { address, env, deadlines, name = 'coffer' }: Login,
  { host, port }: PostgresHost,
): ClientConfig {
  const { username, database, tls } = address;
  return {
    host,
    port,
    user: username,
    database,
    password: () => address.password ?? findPassword({ host, port, database, username }, env),
    ssl: tlsOptions(tls) ?? false,
    application_name: name,
    client_encoding: 'UTF8',
    options: '',
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: deadlines.connect,
    enableChannelBinding: tls.mode !== 'disable',
  };
}

/** Read at each connection, so that a renewed certificate needs no restart. */
function tlsOptions({ mode, authority, certificate, key }: PostgresTls): ConnectionOptions | undefined {
  if (mode === 'disable') return undefined;
  return {
    rejectUnauthorized: mode !== 'require',
    minVersion: 'TLSv1.2',
    ...(authority === undefined ? {} : { ca: readPem(authority) }),
    ...(certificate === undefined ? {} : { cert: readPem(certificate) }),
    ...(key === undefined ? {} : { key: readPem(key) }),
    ...(mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
  };
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CofferError('store_unusable', `cannot read ${path}, which the storage URL names`, { cause });
  }
}

/**
 * What every connection is told: deadlines for what hangs; a commit is on disk when it is answered; rows are found by their index,
 * also while the planner knows nothing of a new table. By way of pg_settings, for not every system has every setting.
 */
function settingsOf({ statement }: Deadlines): Readonly<Record<string, string>> {
  return {
    statement_timeout: String(statement),
    lock_timeout: String(statement),
    idle_in_transaction_session_timeout: String(statement),
    client_connection_check_interval: '1000',
    bytea_output: 'hex',
    enable_seqscan: 'off',
    // What is sent under one Sync is a transaction of these: see commits.ts.
    default_transaction_isolation: 'read committed',
    // Of no effect on what is asked here, and seen by a write that would run outside of a transaction: see commits.ts.
    default_transaction_deferrable: 'on',
    jit: 'off',
  };
}

const prepare: Statement = {
  text:
    'SELECT set_config(s.name, wanted.value, false) FROM pg_catalog.pg_settings s ' +
    'JOIN unnest($1::text[], $2::text[]) AS wanted(name, value) ON wanted.name = s.name ' +
    "WHERE s.name <> 'synchronous_commit' OR s.setting = 'off'",
};

const introduce: Statement = {
  text:
    "SELECT current_setting('server_version_num'), pg_catalog.pg_is_in_recovery(), current_setting('transaction_read_only'), " +
    'floor(extract(epoch FROM clock_timestamp()))',
};

export interface Introduction {
  readonly versionNumber: number;
  readonly replica: boolean;
  readonly readOnly: boolean;
  /** The server's time when the connection was made, in seconds. */
  readonly time: number;
}

/** Sets a new connection up. Rejects with `unavailable` for a server that takes no writes: what it answers may be old. */
async function greet(wire: Wire, deadlines: Deadlines): Promise<Introduction> {
  const settings = { ...settingsOf(deadlines), synchronous_commit: 'on' };
  const [, { rows }] = await Promise.all([
    ask(wire, prepare, [textArray(Object.keys(settings)), textArray(Object.values(settings))]),
    ask(wire, introduce, []),
  ]);
  const [version, recovery, readOnly, time] = rows[0] ?? [];
  const introduction = {
    versionNumber: Number(version),
    replica: recovery === 't',
    readOnly: readOnly === 'on',
    time: Number(time),
  };
  if (introduction.replica) {
    throw new CofferError(
      'unavailable',
      'PostgreSQL is a replica here: the store needs the server that takes writes',
    );
  }
  if (introduction.readOnly) {
    throw new CofferError(
      'unavailable',
      'PostgreSQL is read only for this user or database: the store needs to write',
    );
  }
  return introduction;
}

async function ask(wire: Wire, statement: Statement, values: readonly Value[]): Promise<Answer> {
  const [result] = await wire.exchange([{ statement, values }]);
  if (result === undefined) throw new Error('a statement was not answered');
  return {
    command: result.command,
    rows: result.rows.map((row) => row.map((each) => each?.toString() ?? null)),
  };
}

/** One connection, set up. */
export class Session {
  readonly introduction: Introduction;
  readonly #client: Client;
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #since: number;
  #usable = true;
  #unconfirmed = false;

  private constructor(client: Client, wire: Wire, introduction: Introduction, clock: Clock) {
    this.#client = client;
    this.#wire = wire;
    this.introduction = introduction;
    this.#clock = clock;
    this.#since = clock.now();
    const spent = () => {
      this.#usable = false;
    };
    client.on('error', spent);
    client.on('end', spent);
  }

  /** Of a client that is connected, and has asked nothing yet. Rejects as `greet`. */
  static async take(client: Client, { deadlines, clock }: Login): Promise<Session> {
    const { stream } = client.connection;
    // From here on the driver hears nothing but that the connection ends.
    stream.removeAllListeners('data');
    let session: Session | undefined;
    const wire = new Wire({
      stream,
      clock,
      deadline: deadlines.statement + graceMilliseconds,
      notice: (routine) => {
        if (session !== undefined && routine === 'SyncRepWaitForLSN') session.#unconfirmed = true;
      },
    });
    session = new Session(client, wire, await greet(wire, deadlines), clock);
    return session;
  }

  /** False once the connection is known to be gone. */
  get usable(): boolean {
    return this.#usable;
  }

  /** A commit was answered that the other servers it has to reach have not confirmed. */
  get unconfirmed(): boolean {
    return this.#unconfirmed;
  }

  /** The minute since 1970 that it is for the server, as far as can be told from here. */
  get minute(): number {
    return Math.floor((this.introduction.time + (this.#clock.now() - this.#since) / 1_000) / 60);
  }

  /** Sends a statement at once, whatever is under way: answers come in order. Rejects as `Wire.exchange`. */
  ask(statement: Statement, values: readonly Value[] = []): Promise<Answer> {
    return ask(this.#wire, statement, values);
  }

  /** The same, and rows as they came. */
  async rows(statement: Statement, values: readonly Value[]): Promise<readonly RawRow[]> {
    return (await this.#wire.exchange([{ statement, values }]))[0]?.rows ?? [];
  }

  /** Statements under one Sync: see `Wire.exchange`. */
  exchange(steps: readonly Step[]): Promise<readonly Result[]> {
    return this.#wire.exchange(steps);
  }

  /** Hands what is asked within over in one piece: it is one packet, and one turn of the server. */
  together<T>(action: () => T): T {
    const { stream } = this.#client.connection;
    stream.cork();
    try {
      return action();
    } finally {
      stream.uncork();
    }
  }

  /** Without waiting for what is under way. */
  drop(): void {
    this.#usable = false;
    this.#client.connection.stream.destroy();
  }

  /** What is under way ends first, unless the server says nothing more. */
  async close(): Promise<void> {
    this.#usable = false;
    using _late = this.#clock.after(goodbyeMilliseconds, () => this.drop());
    await this.#wire.quiet();
    await this.#client.end().catch(() => undefined);
  }
}

/** A connection to the first host that takes writes. Rejects as `greet` does, or with what the last host said. */
export async function openSession(login: Login): Promise<Session> {
  const { Client } = await import('pg');
  let last: unknown;
  for (const host of login.address.hosts) {
    const client = new Client(clientConfig(login, host));
    // Without a listener a server that ends an idle connection would end the process.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await Session.take(client, login);
    } catch (error) {
      client.connection.stream.destroy();
      last = error;
      // A refused login is refused by every host, and one that is tried too often may be locked.
      if (stateOf(error)?.startsWith('28') === true) break;
    }
  }
  throw last;
}
