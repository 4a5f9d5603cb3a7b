/**
 * Moves, copies, deletes and restores in a table, and moves and copies from one to another. Of these each version is opened and
 * sealed anew for its new name, the newest first, so that the goal's latest is right from the first write on; only then goes
 * what was copied. Interrupted, it is whole at its old name still, and the same command goes on.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Head } from '../credstash/head.ts';
import { shapeOf } from '../credstash/secret-map.ts';
import type { SecretTable } from '../credstash/secret-table.ts';
import { asCofferError, CofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import type { MoveOrder, MoveOutcome, Mover } from './secret-safe.ts';
import { restoreOne } from './table-restore.ts';

/** Skipped names that are told. */
const mostNamed = 50;
const past = { move: 'moved', copy: 'copied', delete: 'deleted', restore: 'restored' } as const;

/** Where secrets come from and where they go: the same table, or another one of any region and account. */
export interface Ends {
  readonly source: SecretTable;
  readonly goal: SecretTable;
}

/** @param below names below a folder of the source */
export function tableMover(ends: Ends, below: (folder: string) => Promise<readonly string[]>): Mover {
  const { title } = ends.source;
  return {
    async start(order: MoveOrder): Promise<MoveOutcome> {
      if (!order.recursive) {
        const done = await carryOut(ends, order, order.from, order.to ?? '');
        return outcome(order, { done: done ? 1 : 0, of: 1 }, []);
      }
      const names = await below(order.from);
      if (names.length === 0)
        throw new CofferError('not_found', `there are no secrets below ${order.from || title}`);
      return moveAll(ends, order, names);
    },
  };
}

async function moveAll(ends: Ends, order: MoveOrder, names: readonly string[]): Promise<MoveOutcome> {
  const skipped: { path: string; reason: string }[] = [];
  const start = order.from === '' ? 0 : order.from.length + 1;
  let done = 0;
  for (const name of names) {
    const goal =
      order.to === undefined || order.to === '' ? name.slice(start) : `${order.to}/${name.slice(start)}`;
    try {
      if (await carryOut(ends, order, name, goal)) done++;
    } catch (thrown) {
      const error = asCofferError(thrown);
      if (!ofThisName.some((code) => code === error.code)) throw thrown;
      skipped.push({ path: name, reason: error.message });
    }
  }
  return outcome(order, { done, of: names.length }, skipped);
}

/** @returns whether something changed, or with `dryRun` would */
async function carryOut(ends: Ends, order: MoveOrder, from: string, to: string): Promise<boolean> {
  if (order.verb === 'restore') {
    return restoreOne(ends.source, from, { at: order.at ?? 0, dryRun: order.dryRun });
  }
  await moveOne(ends, order, from, to);
  return true;
}

/** Codes that say something of one secret; any other stops the rest. */
const ofThisName = [
  'conflict',
  'permission_denied',
  'wrong_key',
  'integrity',
  'not_found',
  'unsupported_operation',
  'usage',
] as const;

function outcome(
  { verb, dryRun }: MoveOrder,
  { done, of }: { readonly done: number; readonly of: number },
  skipped: readonly { readonly path: string; readonly reason: string }[],
): MoveOutcome {
  const result: JsonObject = {
    [past[verb]]: done,
    unchanged: of - done - skipped.length,
    skipped: skipped.length,
    skipped_paths: skipped.slice(0, mostNamed).map((each) => ({ ...each })),
    dry_run: dryRun,
  };
  return { kind: 'done', result };
}

async function moveOne(ends: Ends, order: MoveOrder, from: string, to: string): Promise<void> {
  const { source, goal } = ends;
  const heads = await source.history(from);
  if (heads.length === 0) throw new CofferError('not_found', `there is no secret ${from}`);
  if (order.verb === 'delete') return deleteOne(source, order, from, heads);
  const there = await goal.history(to);
  await requireOther(ends, heads, there);
  if (order.dryRun) {
    if (there.length > 0 && !order.overwrite) throw targetExists(to);
    return;
  }
  requireNumbers(from, heads);
  await requireKept(goal, from, heads);
  if (order.overwrite) await goal.remove(to);
  else await requireSame(ends, heads, to, there);
  await copyVersions(ends, to, heads);
  if (order.verb === 'move') await source.removeVersions(from, heads);
}

/**
 * Two addresses may name one table, or two replicas of one: what is removed here would be gone there too. Sealing anew makes another
 * data key, so that one and the same key means one and the same item.
 */
async function requireOther(
  { source, goal }: Ends,
  heads: readonly Head[],
  there: readonly Head[],
): Promise<void> {
  const name = heads[0]?.name;
  const both = heads.filter(({ versionText }) => there.some((head) => head.versionText === versionText));
  if (source === goal || both.length === 0 || there[0]?.name !== name) return;
  const [ours, theirs] = await Promise.all([source.readMany(both), goal.readMany(both)]);
  const isSame = ours.some((item) =>
    theirs.some((other) => item['key'] !== undefined && isDeepStrictEqual(item, other)),
  );
  if (!isSame) return;
  throw new CofferError('conflict', `${name} is one and the same item in both: the two safes are one table`);
}

/** In an old format nothing can be there and be deleted: a version that nobody may read would come back to life. */
async function requireKept(goal: SecretTable, name: string, heads: readonly Head[]): Promise<void> {
  const deleted = heads.find(({ state }) => state.kind === 'deleted');
  if (deleted === undefined || (await goal.settings()).format === 'coffer') return;
  throw new CofferError(
    'unsupported_operation',
    `${name} has a deleted version, ${deleted.versionText.replace(/^0+(?=\d)/, '')}, which ${goal.title} cannot keep as deleted: ` +
      'undelete it or destroy it first',
  );
}

async function deleteOne(
  table: SecretTable,
  { dryRun, forGood }: MoveOrder,
  name: string,
  heads: readonly Head[],
) {
  if (dryRun) return;
  if (forGood) await table.remove(name);
  else await table.delete(name, heads.slice(-1));
}

/** A destroyed version has nothing to bring along; one that is deleted comes as one that is deleted. */
async function copyVersions({ source, goal }: Ends, to: string, heads: readonly Head[]): Promise<void> {
  for (const head of heads.toReversed()) {
    if (head.state.kind === 'destroyed' || head.version === undefined) continue;
    const opened = await source.openVersion(head);
    const { bytes } = opened;
    const notes = head.comment === undefined ? {} : { comment: head.comment };
    try {
      await goal.writeVersion({ name: to, bytes, shape: shapeOf(opened), ...notes }, head.version, {
        created: head.created,
        deleted: head.state.kind === 'deleted',
      });
    } catch (error) {
      // An interrupted run may have written it already; anything else there is somebody's, and then nothing is removed.
      if (asCofferError(error).code !== 'conflict') throw error;
      if (!(await holds(goal, to, head.version, bytes))) throw targetExists(to);
      if (head.state.kind === 'deleted') await markDeleted(goal, to, head.version);
    } finally {
      bytes.fill(0);
    }
  }
}

async function holds(table: SecretTable, name: string, version: number, bytes: Buffer): Promise<boolean> {
  const found = (await table.history(name)).find((each) => each.version === version);
  if (found === undefined || found.state.kind === 'destroyed') return false;
  return (await table.openVersion(found)).bytes.equals(bytes);
}

async function markDeleted(table: SecretTable, name: string, version: number): Promise<void> {
  const copied = (await table.history(name)).filter((each) => each.version === version);
  await table.delete(name, copied);
}

/**
 * What is at the goal may only be what an interrupted run left: versions of this very secret, and older ones that have left the
 * source already, since those go oldest first.
 */
async function requireSame(
  { source, goal }: Ends,
  heads: readonly Head[],
  to: string,
  there: readonly Head[],
): Promise<void> {
  const oldest = heads[0]?.version ?? 0;
  let same = 0;
  for (const { version } of there) {
    if (version !== undefined && version < oldest) continue;
    const ours = heads.find((head) => head.version === version && head.state.kind !== 'destroyed');
    if (ours === undefined || version === undefined) throw targetExists(to);
    const { bytes } = await source.openVersion(ours);
    if (!(await holds(goal, to, version, bytes))) throw targetExists(to);
    same++;
  }
  if (there.length > 0 && same === 0) throw targetExists(to);
}

function requireNumbers(name: string, heads: readonly Head[]): void {
  const odd = heads.find(({ version }) => version === undefined);
  if (odd === undefined) return;
  throw new CofferError(
    'unsupported_operation',
    `${name} has versions that are no numbers, such as ${odd.versionText}`,
  );
}

function targetExists(name: string): CofferError {
  return new CofferError('conflict', `the target exists: ${name}`);
}
