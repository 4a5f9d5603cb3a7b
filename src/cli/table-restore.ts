/**
 * Values of an earlier time in a table, secret by secret. Times are those that items of Coffer's own format carry, by the clocks of
 * their writers; the old formats keep none.
 */
import type { Head } from '../credstash/head.ts';
import type { SecretTable } from '../credstash/secret-table.ts';
import { CofferError } from '../errors.ts';

/**
 * Writes the value of that time as a new version, unless it is the current one still.
 *
 * @param at milliseconds since 1970
 * @returns whether something was, or with `dryRun` would be, written
 * @throws `conflict` where there is nothing to give back, or somebody else writes meanwhile; `unsupported_operation` where times are
 *   not known
 */
export async function restoreOne(
  table: SecretTable,
  name: string,
  { at, dryRun }: { readonly at: number; readonly dryRun: boolean },
): Promise<boolean> {
  const heads = await table.history(name);
  const newest = heads.at(-1);
  const then = versionAt(name, heads, at);
  if (newest === undefined || (newest === then && newest.state.kind === 'live')) return false;
  const { bytes, shape } = await table.openVersion(then);
  try {
    if (newest.state.kind === 'live' && (await holds(table, newest, bytes))) return false;
    if (dryRun) return true;
    const notes = then.comment === undefined ? {} : { comment: then.comment };
    await table.write({ name, bytes, shape: shape ?? 'bare', ...notes }, newest.version ?? 0);
    return true;
  } finally {
    bytes.fill(0);
  }
}

function versionAt(name: string, heads: readonly Head[], at: number): Head {
  const undated = heads.find(({ created }) => created === undefined);
  if (undated !== undefined) {
    throw new CofferError(
      'unsupported_operation',
      `${name} has versions in the format of ${undated.family ?? 'another program'}, which keeps no times: ` +
        '`coffer history` shows their numbers, `coffer rollback --to N` takes one',
    );
  }
  const then = heads.findLast(({ created = 0 }) => created <= at);
  if (then === undefined) throw new CofferError('conflict', 'it was made later than that time');
  const { state } = then;
  if (state.kind === 'destroyed') throw new CofferError('conflict', 'its value of that time is gone');
  if (state.kind === 'deleted' && state.at <= at)
    throw new CofferError('conflict', 'it was deleted at that time');
  return then;
}

async function holds(table: SecretTable, head: Head, bytes: Buffer): Promise<boolean> {
  const current = await table.openVersion(head);
  try {
    return current.bytes.equals(bytes);
  } finally {
    current.bytes.fill(0);
  }
}
