/** A session of PostgreSQL, for one call of a provider at a time. What is to happen together goes as one simple query, which the server takes as one transaction. */
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { Client } from 'pg';
import { CofferError } from '../../errors.ts';
import { guardedAddress } from '../../outgoing/guarded-lookup.ts';
import type { Login, Place } from './settings.ts';

export type Row = Readonly<Record<string, unknown>>;

export interface Session {
  /** False once nothing more can be asked of it. */
  readonly usable: boolean;
  /** Whether the login may do everything here. */
  readonly isSuperuser: boolean;
  rows(sql: string, values: readonly (string | readonly string[])[]): Promise<readonly Row[]>;
  /** All of them or none. What met others' changes is tried again. */
  run(statements: readonly string[]): Promise<void>;
  close(): void;
}

/** Makes texts and names safe to stand in statements: the driver's own. */
export interface Quoting {
  text(value: string): string;
  name(value: string): string;
}

/** Milliseconds. */
const connecting = 5_000;
const answering = 15_000;
/** Roles that change side by side change the same rows of the catalogue: the server has one of them try again. */
const mostTries = 20;
const changedMeanwhile = ['40001', '40P01', 'XX000'];

export async function quoting(): Promise<Quoting> {
  const { escapeIdentifier, escapeLiteral } = await import('pg');
  return { text: escapeLiteral, name: escapeIdentifier };
}

/**
 * Logs in.
 *
 * @returns undefined where the server does not take the login
 * @throws `unavailable`, and `invalid_request` where there is no such database
 */
export async function connect(place: Place, login: Login, signal: AbortSignal): Promise<Session | undefined> {
  const { Client } = await import('pg');
  // The very address that was looked at, by whatever name a resolver would answer next.
  const address = await guardedAddress(place.host);
  const client = new Client({
    host: address,
    port: place.port,
    user: login.username,
    password: () => login.password,
    database: place.database,
    ssl: tlsOf(place),
    application_name: 'coffer',
    // Texts have no backslash escapes but where they say so: quoting relies on it.
    options: `-c standard_conforming_strings=on -c client_min_messages=error -c lock_timeout=${answering}`,
    connectionTimeoutMillis: connecting,
    statement_timeout: answering,
    query_timeout: answering + 2_000,
  });
  // Without a listener a server that ends an idle session would end the process.
  client.on('error', () => undefined);
  try {
    await during(signal, client, () => client.connect());
    const [row] = (await client.query<Row>("SELECT current_setting('is_superuser') = 'on' AS all")).rows;
    // An idle session keeps no process alive. The driver's types leave it out.
    (client as Client & { unref(): void }).unref();
    return new PostgresSession(client, row?.['all'] === true);
  } catch (error) {
    client.end().catch(() => undefined);
    if (stateOf(error)?.startsWith('28') === true) return undefined;
    throw explained(error);
  }
}

/** Ends the session with the signal; what waits for it then fails. */
export async function during<T>(
  signal: AbortSignal,
  session: Pick<Client, 'end'> | Session,
  action: () => Promise<T>,
): Promise<T> {
  const end = () => {
    if ('close' in session) session.close();
    else session.end().catch(() => undefined);
  };
  if (signal.aborted) {
    end();
    throw new CofferError('unavailable', 'there was no time left to ask the database');
  }
  signal.addEventListener('abort', end, { once: true });
  try {
    return await action();
  } finally {
    signal.removeEventListener('abort', end);
  }
}

function tlsOf({ tls, ca, host }: Place) {
  if (tls === 'disable') return false;
  return {
    rejectUnauthorized: tls !== 'require',
    minVersion: 'TLSv1.2' as const,
    ...(ca === '' ? {} : { ca }),
    // By what the host is called here, since the connection goes to an address.
    servername: /^[\d.]+$|:/.test(host) ? '' : host,
    checkServerIdentity: (_name: string, certificate: PeerCertificate) =>
      tls === 'verify-full' ? checkServerIdentity(host, certificate) : undefined,
  };
}

class PostgresSession implements Session {
  readonly isSuperuser: boolean;
  readonly #client: Client;
  #usable = true;

  constructor(client: Client, isSuperuser: boolean) {
    this.#client = client;
    this.isSuperuser = isSuperuser;
    const over = () => {
      this.#usable = false;
    };
    client.on('end', over);
    client.on('error', over);
  }

  get usable(): boolean {
    return this.#usable;
  }

  async rows(sql: string, values: readonly (string | readonly string[])[]): Promise<readonly Row[]> {
    try {
      return (await this.#client.query<Row>(sql, [...values])).rows;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async run(statements: readonly string[]): Promise<void> {
    if (statements.length === 0) return;
    for (let tries = 1; ; tries++) {
      try {
        await this.#client.query(statements.join(';\n'));
        return;
      } catch (error) {
        if (tries < mostTries && changedMeanwhile.includes(stateOf(error) ?? '')) continue;
        throw this.#failed(error);
      }
    }
  }

  close(): void {
    this.#usable = false;
    this.#client.end().catch(() => undefined);
  }

  #failed(error: unknown): CofferError {
    const failed = explained(error);
    if (failed.code === 'unavailable') this.#usable = false;
    return failed;
  }
}

/** SQLSTATE of an error that the server sent. */
function stateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { readonly code?: unknown; readonly severity?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && severity !== undefined ? code : undefined;
}

const meanings: Readonly<Record<string, string>> = {
  '2BP01':
    'something in some database depends on the role, or it has rights there: take them away, and it is deleted with the next try',
  '3D000': 'there is no such database',
  '42501':
    'the provider’s login may not do that: it needs CREATEROLE, and of roles that it grants, the right to pass them on',
  '42704': 'a role that it names is not there',
  '42710': 'a role of that name is there already',
  '0LP01': 'a role may not be granted to itself, or in a circle',
  '53300': 'too many connections',
  '55P03': 'something that it needs is locked',
};

/** The server's own words quote statements: only its code goes further. */
function explained(error: unknown): CofferError {
  if (error instanceof CofferError) return error;
  const state = stateOf(error);
  if (state === undefined) {
    return new CofferError('unavailable', 'the database cannot be reached, or broke the connection');
  }
  const meaning = meanings[state];
  const why = `${meaning === undefined ? '' : `${meaning} `}(SQLSTATE ${state})`;
  if (state === '42501') return new CofferError('permission_denied', `the database refuses: ${why}`);
  // Connections, resources, locks, operators and the system; and what met others' changes for too long.
  const mayPass = /^(?:08|53|55|57|58)/.test(state) || changedMeanwhile.includes(state);
  return new CofferError(mayPass ? 'unavailable' : 'invalid_request', `the database refuses: ${why}`);
}
