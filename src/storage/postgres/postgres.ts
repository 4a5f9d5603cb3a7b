import { type Clock, systemClock } from '../../clock.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import { checkReadMany } from '../listing.ts';
import type { OccupiedStorage } from '../occupants.ts';
import type { SnapshotStorage, StorageSnapshot } from '../snapshot.ts';
import {
  checkCommit,
  type Expectation,
  type KeyedRecord,
  type Page,
  type PageRequest,
  type Revision,
  type StorageKey,
  type StorageRecord,
  type Write,
} from '../storage.ts';
import type { Gate } from '../storage-type.ts';
import { parsePostgresAddress } from './address.ts';
import { Commits, closedError, locksHold } from './commits.ts';
import { failureOf, isCut, isTimeout, stateOf } from './failure.ts';
import { passGate } from './gate.ts';
import { Lanes } from './lanes.ts';
import type { RawRow, Statement, Value } from './messages.ts';
import { askOccupants, nameSession, newOccupancy, type Occupancy } from './occupancy.ts';
import { requireOwnSessions } from './own-session.ts';
import { askChildren, askRange } from './pages.ts';
import { Reads } from './reads.ts';
import { prepareTables, type Tables } from './schema.ts';
import { type Deadlines, type Login, openSession, type Session, standardDeadlines } from './session.ts';
import { SessionPool } from './session-pool.ts';
import { PostgresSnapshot } from './snapshot.ts';
import { type Statements, statementsFor } from './statements.ts';

export interface PostgresOptions {
  /** As `parsePostgresAddress` takes it. */
  readonly url: string;
  /** Make the tables where there are none; without it such a place is refused. */
  readonly create: boolean;
  /** Every commit is refused. */
  readonly readOnly?: boolean;
  /** Where a password is looked for that the URL does not have. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly deadlines?: Deadlines;
  readonly clock?: Clock;
  /** `serializable` where the server is to keep commits apart by itself; by default that is found out. */
  readonly isolation?: 'locks' | 'serializable';
  /** Asked at each connection that is made once the store is open. */
  readonly gate?: Gate;
  /** Told what an operator should know: a constant message and its fields. */
  readonly log?: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** A session ends a moment after the process that had it: who is gone must not be told as there. Milliseconds. */
const beforeNextLook = 100;
const looksAgain = 10;

/** Idle connections that a restart of the server broke may be handed out before anybody has noticed. */
const mostListTries = 10;
/** The oldest that is tested with and that its makers still knew in 2025. */
const leastVersion = 130_000;

/**
 * Opens a store in PostgreSQL 13 or newer, or in a system that speaks its protocol.
 *
 * Throws `invalid_request` for a URL that is none; `store_unusable` for a database with no store (without `create`), for tables of
 * somebody else or of a newer Coffer, for a login that is refused and rights that are missing; `unavailable` for a server that
 * cannot be reached or takes no writes.
 */
export async function openPostgresStorage(options: PostgresOptions): Promise<SnapshotStorage> {
  const { env = {}, deadlines = standardDeadlines, clock = systemClock, log = () => {} } = options;
  const address = parsePostgresAddress(options.url);
  let login: Login = { address, env, deadlines, clock };
  // The first session has nothing to ask: who opens the store looks at the gate next.
  let admit = async (session: Session): Promise<Session> => session;
  const open = async () => admit(await openSession(login));
  // Finding out about locks takes two.
  const most = Math.max(2, address.connections);
  const pool = new SessionPool({ open, most, patience: deadlines.connect, clock });
  try {
    // Before anything is made there.
    await requireOwnSessions(pool);
    const tables = await pool.lend((session) => prepare(session, address.schema, options, log));
    const space = `${tables.database}\0${tables.schema}`;
    const occupancy = newOccupancy(space);
    await pool.lend((session) => nameSession(session, occupancy));
    login = { ...login, name: occupancy.name };
    const locks =
      options.isolation === undefined ? await locksHold(pool, space) : options.isolation === 'locks';
    const statements = statementsFor(tables, locks);
    const { gate } = options;
    if (gate !== undefined) admit = (session) => passGate(session, gate, statements);
    const patience = deadlines.connect + deadlines.statement;
    const lanes = new Lanes(open);
    const onDemoted = () => {
      pool.renew();
      lanes.renew();
    };
    const commits = new Commits({ pool, statements, space, locks, clock, patience, onDemoted });
    return new PostgresStorage({
      pool,
      lanes,
      reads: new Reads(lanes, statements.readMany, clock),
      open,
      tables,
      statements,
      commits,
      occupancy,
      clock,
      readOnly: options.readOnly === true,
    });
  } catch (error) {
    await pool.close();
    throw openingFailure(error, address.place);
  }
}

async function prepare(
  session: Session,
  schema: string | undefined,
  { create, readOnly = false }: PostgresOptions,
  log: NonNullable<PostgresOptions['log']>,
): Promise<Tables> {
  if (session.introduction.versionNumber < leastVersion) {
    throw new CofferError('store_unusable', 'this PostgreSQL is too old: a store needs version 13 or newer');
  }
  const tables = await prepareTables(session, { schema, create: create && !readOnly, readOnly });
  const [row] = (
    await session.ask({ text: "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'fsync'" })
  ).rows;
  if (row?.[0] === 'off')
    log('PostgreSQL has fsync off: what it acknowledges does not survive a power cut', {});
  return tables;
}

/** Says which place it is about; a login that is refused is for an administrator, not for waiting. */
function openingFailure(error: unknown, place: string): CofferError {
  const state = stateOf(error) ?? '';
  const { code, message, cause } = asCofferError(failureOf(error));
  const ours = state.startsWith('28') || ['3D000', '42501'].includes(state);
  return new CofferError(ours ? 'store_unusable' : code, `${place}: ${message}`, { cause });
}

interface Parts {
  readonly pool: SessionPool;
  readonly lanes: Lanes;
  readonly reads: Reads;
  readonly open: () => Promise<Session>;
  readonly tables: Tables;
  readonly statements: Statements;
  readonly commits: Commits;
  readonly occupancy: Occupancy;
  readonly clock: Clock;
  readonly readOnly: boolean;
}

class PostgresStorage implements SnapshotStorage, OccupiedStorage {
  readonly kind = 'postgres';
  readonly #parts: Parts;
  readonly #snapshots = new Set<PostgresSnapshot>();
  #closing: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async read(key: StorageKey): Promise<StorageRecord | undefined> {
    return (await this.#parts.reads.read([key]))[0];
  }

  async readMany(keys: readonly StorageKey[]): Promise<readonly (StorageRecord | undefined)[]> {
    checkReadMany(keys);
    return keys.length === 0 ? [] : await this.#parts.reads.read(keys);
  }

  async children(prefix: string, page: PageRequest): Promise<Page<string>> {
    this.#requireOpen();
    return await askChildren(this.#parts.statements, prefix, page, this.#list);
  }

  async range(prefix: string, page: PageRequest): Promise<Page<KeyedRecord>> {
    this.#requireOpen();
    return await askRange(this.#parts.statements, prefix, page, this.#list);
  }

  async commit(
    writes: readonly Write[],
    expectations: readonly Expectation[] = [],
  ): Promise<readonly Revision[]> {
    this.#requireOpen();
    if (this.#parts.readOnly) throw new CofferError('unavailable', 'the store is open for reading only');
    checkCommit(writes, expectations);
    if (writes.length === 0 && expectations.length === 0) return [];
    return await this.#parts.commits.commit(writes, expectations);
  }

  async snapshot(): Promise<StorageSnapshot> {
    this.#requireOpen();
    const { open, tables, statements } = this.#parts;
    const session = await open().catch((error: unknown) => {
      throw failureOf(error);
    });
    const snapshot = await PostgresSnapshot.take(session, tables, statements, (ended) =>
      this.#snapshots.delete(ended),
    );
    this.#snapshots.add(snapshot);
    if (this.#closing !== undefined) snapshot[Symbol.dispose]();
    return snapshot;
  }

  async occupants(): Promise<readonly string[]> {
    this.#requireOpen();
    const { pool, occupancy, clock } = this.#parts;
    const look = () => pool.lend((session) => askOccupants(session, occupancy));
    try {
      let found = await look();
      for (let again = 0; found.length > 0 && again < looksAgain; again++) {
        await new Promise<void>((resolve) => clock.after(beforeNextLook, resolve));
        found = await look();
      }
      return found;
    } catch (error) {
      throw failureOf(error);
    }
  }

  /** Waits for what is under way, and ends the snapshots. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const snapshot of this.#snapshots) snapshot[Symbol.dispose]();
    await this.#parts.commits.idle();
    await Promise.all([this.#parts.pool.close(), this.#parts.lanes.close()]);
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw closedError();
  }

  /** Not where small reads are: a long list would stand before them. What a cut connection took along is asked again. */
  readonly #list = async (statement: Statement, values: readonly Value[]): Promise<readonly RawRow[]> => {
    for (let tries = 1; ; tries++) {
      let cut = false;
      try {
        return await this.#parts.pool.lend(async (session) => {
          try {
            return await session.rows(statement, values);
          } catch (error) {
            cut = isCut(stateOf(error)) && !isTimeout(error);
            if (cut) session.drop();
            throw error;
          }
        });
      } catch (error) {
        if (!cut || tries > mostListTries) throw failureOf(error);
      }
    }
  };
}
