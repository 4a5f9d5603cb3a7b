/**
 * A snapshot is a transaction that only reads, of isolation REPEATABLE READ (PostgreSQL: Snapshot Isolation), on a connection of its
 * own. While it is held the server keeps every version of a record that was replaced since.
 */
import { CofferError } from '../../errors.ts';
import type { StorageSnapshot } from '../snapshot.ts';
import type { KeyedRecord, Page, PageRequest } from '../storage.ts';
import { failureOf } from './failure.ts';
import { askRange } from './pages.ts';
import type { Tables } from './schema.ts';
import type { Session } from './session.ts';
import type { Statements } from './statements.ts';

/** Up to here records are counted; beyond, the server's estimate is enough. */
const mostCounted = 100_000;

export class PostgresSnapshot implements StorageSnapshot {
  readonly records: number;
  readonly #session: Session;
  readonly #statements: Statements;
  readonly #afterwards: (snapshot: PostgresSnapshot) => void;
  #ended = false;

  private constructor(
    session: Session,
    records: number,
    statements: Statements,
    afterwards: (snapshot: PostgresSnapshot) => void,
  ) {
    this.#session = session;
    this.records = records;
    this.#statements = statements;
    this.#afterwards = afterwards;
  }

  /** Takes the session over. Rejects as it does. */
  static async take(
    session: Session,
    tables: Tables,
    statements: Statements,
    afterwards: (snapshot: PostgresSnapshot) => void,
  ): Promise<PostgresSnapshot> {
    try {
      // Its holder decides for how long: between two pages a disk or a network may be slow.
      await session.ask({ text: "SELECT set_config('idle_in_transaction_session_timeout', '0', false)" });
      await session.ask({ text: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY' });
      const counted = `SELECT count(*) FROM (SELECT 1 FROM ${tables.records} LIMIT ${mostCounted + 1}) AS counted`;
      const [row] = (await session.ask({ text: counted })).rows;
      const count = Number(row?.[0]);
      const records = count <= mostCounted ? count : Math.max(count, await estimate(session, tables));
      return new PostgresSnapshot(session, records, statements, afterwards);
    } catch (error) {
      session.drop();
      throw failureOf(error);
    }
  }

  async range(prefix: string, page: PageRequest): Promise<Page<KeyedRecord>> {
    if (this.#ended) throw new CofferError('unavailable', 'the snapshot of the store has ended');
    try {
      return await askRange(this.#statements, prefix, page, async (statement, values) => {
        return await this.#session.rows(statement, values);
      });
    } catch (error) {
      throw failureOf(error);
    }
  }

  [Symbol.dispose](): void {
    if (this.#ended) return;
    this.#ended = true;
    void this.#session.close();
    this.#afterwards(this);
  }
}

async function estimate(session: Session, { records }: Tables): Promise<number> {
  const [row] = (
    await session.ask(
      { text: 'SELECT reltuples::bigint FROM pg_catalog.pg_class WHERE oid = $1::regclass' },
      [records],
    )
  ).rows;
  return Number(row?.[0]);
}
