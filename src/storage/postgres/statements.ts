/** What is asked of PostgreSQL while the store works. Keys, revisions and values come as text or as bytes; see messages.ts. */

import { heldSetting } from './locks.ts';
import type { Statement } from './messages.ts';
import type { Tables } from './schema.ts';

export interface Statements {
  /** `$1` keys. Rows: key, revision, value; in one snapshot, as a statement is. */
  readonly readMany: Statement;
  /** `$1` first key, `$2` end (not included), `$3` most rows, `$4` most bytes of values. Rows: key, revision, value. */
  readonly range: Statement;
  /** `$1` first key, `$2` end (not included), `$3` bytes of the prefix, `$4` most rows. Rows: the first key of each child. */
  readonly children: Statement;
  /** Writes commits whose expectations hold. Rows: place of a commit whose do not, and the key of the first. The values are in group.ts. */
  readonly write: Statement;
  /** `$1` minute, `$2` id: from now on the commit of that id cannot land any more, unless it has. */
  readonly bury: Statement;
  /** The same values. A row: whether it has landed, and without which of its group; none where it is too late to tell. */
  readonly fate: Statement;
  /** Forgets marks that are too old to be asked for. */
  readonly sweep: Statement;
}

/** Minutes for which the fate of a commit can be asked; it lands in this time or never. */
const markMinutes = 10;
/** Marks outlive that time, so that whoever finds none within it knows there was none. */
const sweptMinutes = 15;
const sweptAtOnce = 1_000;
const minuteNow = 'floor(extract(epoch FROM clock_timestamp()) / 60)';

/** @param locks whether commits are kept apart by the locks of locks.ts, else by the server */
export function statementsFor({ records, commits }: Tables, locks: boolean): Statements {
  return {
    readMany: {
      name: 'coffer_read_many',
      text: `SELECT key, revision, value FROM ${records} WHERE key = ANY($1::bytea[])`,
      binary: true,
    },
    range: {
      name: 'coffer_range',
      text:
        'SELECT key, revision, value FROM (SELECT key, revision, value, sum(octet_length(value)) OVER (ORDER BY key) - ' +
        `octet_length(value) AS before FROM (SELECT key, revision, value FROM ${records} WHERE key >= $1::bytea AND key < $2::bytea ` +
        'ORDER BY key LIMIT $3::int) AS page) AS counted WHERE before < $4::int ORDER BY key',
      binary: true,
    },
    children: { name: 'coffer_children', text: childrenText(records), binary: true },
    write: {
      name: 'coffer_write',
      text: writeText(records, commits, locks ? locksAreHeld : inTransaction),
      binary: true,
    },
    bury: {
      text:
        `INSERT INTO ${commits} (minute, id, kept, broken) SELECT $1::bigint, $2::uuid, false, '{}'::int[] ` +
        `WHERE $1::bigint >= ${minuteNow} - ${markMinutes} ON CONFLICT (minute, id) DO NOTHING`,
    },
    fate: {
      text: `SELECT kept, array_to_string(broken, ',') FROM ${commits} WHERE minute = $1::bigint AND id = $2::uuid`,
    },
    sweep: {
      text:
        `DELETE FROM ${commits} WHERE (minute, id) IN (SELECT minute, id FROM ${commits} WHERE minute < ` +
        `${minuteNow} - ${sweptMinutes} ORDER BY minute LIMIT ${sweptAtOnce} FOR UPDATE SKIP LOCKED)`,
    },
  };
}

/**
 * From child to child by the index, never through a folder: behind a name with a slash nothing sorts below the name with `0`, which
 * follows `/`, and the first key behind any other is the key and a zero byte.
 */
function childrenText(records: string): string {
  const first = (from: string) =>
    `(SELECT r.key FROM ${records} r WHERE r.key >= ${from} AND r.key < $2::bytea ORDER BY r.key LIMIT 1)`;
  const slash = `position('\\x2f'::bytea IN substring(walk.key FROM $3::int + 1))`;
  const behind =
    `CASE WHEN ${slash} = 0 THEN walk.key || '\\x00'::bytea ` +
    `ELSE substring(walk.key FROM 1 FOR $3::int + ${slash} - 1) || '\\x30'::bytea END`;
  return (
    `WITH RECURSIVE walk(key) AS (SELECT ${first('$1::bytea')} UNION ALL SELECT ${first(behind)} FROM walk WHERE walk.key IS NOT NULL) ` +
    'SELECT key FROM walk WHERE key IS NOT NULL LIMIT $4::int'
  );
}

/** In the transaction that took the locks for this mark, and nowhere else. */
const locksAreHeld = `current_setting('${heldSetting}', true) = $12::uuid::text`;
/** By what only the `BEGIN` of commits.ts says; where the word is not known, nothing can be told. */
const inTransaction = "current_setting('transaction_deferrable', true) IS DISTINCT FROM 'on'";

/**
 * A group of commits; each value that belongs to one of them has its place in the group, its owner.
 *
 * `$1` to `$3` expected keys, revisions (NULL for absent) and owners; `$4` to `$7` keys, revisions, values and owners of what is put;
 * `$8`, `$9` keys and owners of what is deleted; `$10` how many commits there are; `$11`, `$12` minute and id of the mark.
 *
 * @param together what is true where all that belongs to the commit is one transaction
 */
function writeText(records: string, commits: string, together: string): string {
  const holds = (owner: string) => `NOT EXISTS (SELECT 1 FROM broken b WHERE b.owner = ${owner})`;
  return [
    'WITH broken AS MATERIALIZED (SELECT DISTINCT ON (e.owner) e.owner, e.key ',
    'FROM unnest($1::bytea[], $2::bigint[], $3::int[]) WITH ORDINALITY AS e(key, revision, owner, place) ',
    `LEFT JOIN ${records} r ON r.key = e.key WHERE r.revision IS DISTINCT FROM e.revision ORDER BY e.owner, e.place), `,
    // No mark that could be asked for, or no transaction, no commit: NULL is refused, and everything undone.
    `marked AS (INSERT INTO ${commits} (minute, id, kept, broken) SELECT CASE WHEN abs($11::bigint - ${minuteNow}) <= ${markMinutes} `,
    `AND ${together} `,
    'THEN $11::bigint END, $12::uuid, true, ARRAY(SELECT owner FROM broken) WHERE (SELECT count(*) FROM broken) < $10::int), ',
    `gone AS (DELETE FROM ${records} WHERE key IN (SELECT g.key FROM unnest($8::bytea[], $9::int[]) AS g(key, owner) `,
    `WHERE ${holds('g.owner')})), `,
    `put AS (INSERT INTO ${records} (key, revision, value) SELECT w.key, w.revision, w.value `,
    'FROM unnest($4::bytea[], $5::bigint[], $6::bytea[], $7::int[]) AS w(key, revision, value, owner) ',
    `WHERE ${holds('w.owner')} ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, value = excluded.value) `,
    'SELECT owner, key FROM broken',
  ].join('');
}
