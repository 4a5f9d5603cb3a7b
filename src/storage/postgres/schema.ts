/**
 * The tables, and how they come to be: steps that only go forward, each applied once, under a lock, so that any number of nodes may
 * start at the same moment.
 *
 * - `coffer_store`: one row, which says that the tables are Coffer's and which step they are at.
 * - `coffer_records`: key and value as bytes, so that neither the encoding nor the collation of the database has a say in their order.
 * - `coffer_commits`: a mark of each commit of the last minutes, by which one whose answer was lost is told from one that never was.
 */
import { CofferError } from '../../errors.ts';
import { stateOf } from './failure.ts';
import type { Session } from './session.ts';

/** Names of the tables, qualified and quoted. */
export interface Tables {
  /** As the server names it: a pooler may have it under other names as well. */
  readonly database: string;
  readonly schema: string;
  readonly store: string;
  readonly records: string;
  readonly commits: string;
}

/** Of one step: statements, the tables already being named. */
export type Step = (tables: Tables) => readonly string[];

export const steps: readonly Step[] = [
  ({ records, commits }) => [
    `CREATE TABLE ${records} (key bytea PRIMARY KEY, revision bigint NOT NULL, value bytea NOT NULL)`,
    `CREATE TABLE ${commits} (minute bigint NOT NULL, id uuid NOT NULL, kept boolean NOT NULL, broken int[] NOT NULL, PRIMARY KEY (minute, id))`,
  ],
];

/** Sealed bytes do not get smaller: without this the server would try at each write. Not every system has the word. */
export const notCompressed = ({ records }: Tables): string =>
  `ALTER TABLE ${records} ALTER COLUMN value SET STORAGE EXTERNAL`;

const format = 'coffer';
/** Of advisory locks: "coffer" in ASCII, so that it is nobody else's. */
const migrationLock = '109340797466994';

export interface SchemaOptions {
  readonly schema: string | undefined;
  /** Make the tables where there are none. */
  readonly create: boolean;
  /** Take no step: tables of an earlier Coffer are refused. */
  readonly readOnly?: boolean;
  readonly steps?: readonly Step[];
}

/**
 * Finds the tables, or makes them, and brings them to the newest step. Rejects with `store_unusable` where there are none (without
 * `create`), where they are somebody else's or a newer Coffer's, and where the user may not make or use them.
 */
export async function prepareTables(session: Session, options: SchemaOptions): Promise<Tables> {
  const tables = await namesIn(session, options.schema);
  const wanted = options.steps ?? steps;
  try {
    const at = await stepOf(session, tables);
    if (at === undefined && !options.create) throw noStore(tables);
    if (at !== undefined && at < wanted.length && options.readOnly === true)
      throw older(tables, at, wanted.length);
    if (at === undefined || at < wanted.length) await migrate(session, tables, wanted, options.create);
    if (at !== undefined && at > wanted.length) throw newer(tables, at, wanted.length);
    await requireRights(session, tables);
    return tables;
  } catch (error) {
    throw explained(error, tables);
  }
}

async function namesIn(session: Session, wanted: string | undefined): Promise<Tables> {
  const found =
    wanted === undefined
      ? await session.ask({ text: 'SELECT current_schema(), current_database()' })
      : await session.ask(
          { text: 'SELECT nspname, current_database() FROM pg_catalog.pg_namespace WHERE nspname = $1' },
          [wanted],
        );
  const [schema, database] = found.rows[0] ?? [];
  if (typeof schema !== 'string' || typeof database !== 'string') {
    const which = wanted === undefined ? 'no schema of the search path' : `no schema ${wanted}`;
    throw new CofferError(
      'store_unusable',
      `there is ${which} in the database, or this user may not see it; an administrator makes one with: CREATE SCHEMA ${quoted(wanted ?? 'coffer')} AUTHORIZATION …`,
    );
  }
  const inside = quoted(schema);
  const named = (name: string) => `${inside}.${quoted(name)}`;
  return {
    database,
    schema,
    store: named('coffer_store'),
    records: named('coffer_records'),
    commits: named('coffer_commits'),
  };
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

const ours: Readonly<Record<string, readonly string[]>> = {
  coffer_commits: ['broken:integer[]', 'id:uuid', 'kept:boolean', 'minute:bigint'],
  coffer_records: ['key:bytea', 'revision:bigint', 'value:bytea'],
  coffer_store: ['format:text', 'step:bigint'],
};

/** Which step the tables are at; undefined where there are none. Rejects for tables of these names that are not ours. */
async function stepOf(session: Session, tables: Tables): Promise<number | undefined> {
  const { rows } = await session.ask(
    {
      text:
        "SELECT c.relname, a.attname || ':' || pg_catalog.format_type(a.atttypid, NULL) FROM pg_catalog.pg_class c " +
        'JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid ' +
        'WHERE n.nspname = $1 AND c.relname = ANY($2::text[]) AND a.attnum > 0 AND NOT a.attisdropped',
    },
    [tables.schema, `{${Object.keys(ours).join(',')}}`],
  );
  if (rows.length === 0) return undefined;
  const columns = new Set(rows.map(([table, column]) => `${table}.${column}`));
  const isOurs = (table: string) =>
    ours[table]?.every((column) => columns.has(`${table}.${column}`)) === true;
  const names = [...new Set(rows.map(([table]) => table ?? ''))];
  // A newer Coffer may have changed the other two: what step it is at is asked first.
  if (!isOurs('coffer_store')) throw foreign(tables, names);
  const [row] = (await session.ask({ text: `SELECT format, step FROM ${tables.store}` })).rows;
  if (row?.[0] !== format) throw foreign(tables, ['coffer_store']);
  const step = Number(row[1]);
  if (step <= steps.length && !Object.keys(ours).every(isOurs)) throw foreign(tables, names);
  return step;
}

async function migrate(
  session: Session,
  tables: Tables,
  wanted: readonly Step[],
  create: boolean,
): Promise<void> {
  const run = (text: string) => session.ask({ text });
  await run('BEGIN ISOLATION LEVEL READ COMMITTED');
  try {
    // A system that has none serialises what is done to tables by itself.
    await session.ask({ text: `SELECT pg_advisory_xact_lock(${migrationLock})` });
    let at = await stepOf(session, tables);
    if (at === undefined) {
      if (!create) throw noStore(tables);
      await run(`CREATE TABLE ${tables.store} (format text PRIMARY KEY, step bigint NOT NULL)`);
      await run(`INSERT INTO ${tables.store} (format, step) VALUES ('${format}', 0)`);
      at = 0;
    }
    for (const step of wanted.slice(at)) for (const statement of step(tables)) await run(statement);
    await run(`UPDATE ${tables.store} SET step = ${Math.max(at, wanted.length)} WHERE format = '${format}'`);
    await run('COMMIT');
  } catch (error) {
    await run('ROLLBACK').catch(() => session.drop());
    throw error;
  }
  if (session.usable) await run(notCompressed(tables)).catch(() => undefined);
}

async function requireRights(session: Session, tables: Tables): Promise<void> {
  const wanted: readonly (readonly [string, string])[] = [
    [tables.records, 'SELECT'],
    [tables.records, 'INSERT'],
    [tables.records, 'UPDATE'],
    [tables.records, 'DELETE'],
    [tables.commits, 'SELECT'],
    [tables.commits, 'INSERT'],
    [tables.commits, 'DELETE'],
  ];
  const asked = wanted
    .map((_, index) => `has_table_privilege($${2 * index + 1}, $${2 * index + 2})`)
    .join(', ');
  const [row = []] = (await session.ask({ text: `SELECT ${asked}` }, wanted.flat())).rows;
  const missing = wanted
    .filter((_, index) => row[index] !== 't')
    .map(([table, right]) => `${right} on ${table}`);
  if (missing.length === 0) return;
  throw new CofferError(
    'store_unusable',
    `the user may not use the tables of the store; an administrator says: GRANT SELECT, INSERT, UPDATE, DELETE ON ${tables.records}, ${tables.commits} TO … (missing: ${missing.join(', ')})`,
  );
}

function noStore({ schema }: Tables): CofferError {
  return new CofferError(
    'store_unusable',
    `there is no store in this database (schema ${schema}). Is it the wrong one? To make a new store there, say --init`,
  );
}

function foreign({ schema }: Tables, names: readonly string[]): CofferError {
  return new CofferError(
    'store_unusable',
    `${names.toSorted().join(', ')} in schema ${schema} was not made by Coffer, or is damaged; nothing was changed. Name another schema with ?schema=`,
  );
}

function newer({ schema }: Tables, step: number, known: number): CofferError {
  return new CofferError(
    'store_unusable',
    `the tables in schema ${schema} were made by a newer Coffer (step ${step}; this one knows ${known}). Start that version`,
  );
}

function older({ schema }: Tables, step: number, known: number): CofferError {
  return new CofferError(
    'store_unusable',
    `the tables in schema ${schema} are still those of an earlier Coffer (step ${step}; this one wants ${known}), and were to be read only: start a server of this version first`,
  );
}

/** Rights that are missing are for an administrator, not for waiting. */
function explained(error: unknown, { schema }: Tables): unknown {
  if (stateOf(error) !== '42501') return error;
  return new CofferError(
    'store_unusable',
    `the user may not make or read tables in schema ${schema}; an administrator says: GRANT USAGE, CREATE ON SCHEMA ${quoted(schema)} TO …, or if they are there already: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${quoted(schema)} TO …`,
  );
}
