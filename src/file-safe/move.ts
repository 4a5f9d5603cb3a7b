/** Moves, copies, deletes and restores, of one secret or of all below a folder. Nobody has to be asked for rights. */
import { retryOnConflict } from '../core/retry.ts';
import type { View, ViewExpectation } from '../core/view.ts';
import type { Restoration, SecretTree, StoredSecret, TreeChange } from '../engine/secret-tree.ts';
import { CofferError } from '../errors.ts';

export interface MoveTask {
  readonly verb: 'move' | 'copy' | 'delete' | 'restore';
  /** A name; with `recursive` a folder without its closing `/`, `''` for the whole safe. */
  readonly from: string;
  /** Of a move or a copy. */
  readonly to?: string;
  /** Of a restore, in milliseconds since 1970. */
  readonly at?: number;
  readonly recursive: boolean;
  readonly overwrite: boolean;
  /** Of a delete: with all versions. */
  readonly forGood: boolean;
  readonly dryRun: boolean;
}

export interface Tally {
  readonly changed: number;
  readonly unchanged: number;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

type Outcome =
  | { readonly kind: 'changed' }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'skipped'; readonly code: 'not_found' | 'conflict'; readonly reason: string };

/** Of one secret, that nothing can be done is an error; of many, it is counted. */
export async function carryOut(tree: SecretTree, view: View, task: MoveTask): Promise<Tally> {
  let [changed, unchanged] = [0, 0];
  const skipped: { name: string; reason: string }[] = [];
  const folder = task.recursive && task.from !== '' ? `${task.from}/` : '';
  // All names first: what is moved to below the folder must not be met again.
  const names = task.recursive ? await namesBelow(tree, view, folder) : [task.from];
  if (names.length === 0) throw new CofferError('not_found', `there are no secrets below ${folder}`);
  for (const name of names) {
    const to = task.to === undefined ? undefined : targetOf(task, folder, name, task.to);
    const outcome = await retryOnConflict(() => carryOutOne(tree, view, task, name, to));
    if (outcome.kind === 'changed') changed++;
    else if (outcome.kind === 'unchanged') unchanged++;
    else if (!task.recursive) throw new CofferError(outcome.code, `${name}: ${outcome.reason}`);
    else skipped.push({ name, reason: outcome.reason });
  }
  return { changed, unchanged, skipped };
}

function targetOf({ recursive }: MoveTask, folder: string, name: string, to: string): string {
  if (!recursive) return to;
  return (to === '' ? '' : `${to}/`) + name.slice(folder.length);
}

async function namesBelow(tree: SecretTree, view: View, folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  let after: string | undefined;
  do {
    const page = await tree.children(view, folder, {
      limit: 1_000,
      ...(after === undefined ? {} : { after }),
    });
    for (const name of page.items) {
      if (name.endsWith('/')) names.push(...(await namesBelow(tree, view, folder + name)));
      else names.push(folder + name);
    }
    after = page.next;
  } while (after !== undefined);
  return names;
}

async function carryOutOne(
  tree: SecretTree,
  view: View,
  task: MoveTask,
  name: string,
  to: string | undefined,
): Promise<Outcome> {
  const source = await tree.find(view, name);
  if (source === undefined) return { kind: 'skipped', code: 'not_found', reason: 'there is no such secret' };
  if (to !== undefined) return transfer(tree, view, task, source, to);
  if (task.verb === 'restore') return restore(view, task, source.asOf(task.at ?? 0));
  const change = task.forGood ? source.removed() : source.deleted();
  return change === undefined ? { kind: 'unchanged' } : commit(view, task, async () => [change]);
}

async function transfer(
  tree: SecretTree,
  view: View,
  task: MoveTask,
  source: StoredSecret,
  to: string,
): Promise<Outcome> {
  const there = await tree.find(view, to);
  if (there !== undefined && !task.overwrite) {
    return {
      kind: 'skipped',
      code: 'conflict',
      reason: `${to} exists; --overwrite replaces it with all its versions`,
    };
  }
  const room: TreeChange =
    there === undefined ? { ...nothing, expectations: [tree.absent(to)] } : there.cleared();
  return commit(view, task, async () => {
    if (task.verb === 'move') return [room, source.renamed(to)];
    const copy = await tree.receive(view, to, source.content());
    return [room, copy, { ...nothing, expectations: [source.unchanged] }];
  });
}

const reasons = {
  later: 'it was made later than that time',
  deleted: 'it was deleted at that time',
  gone: 'its value of that time is gone',
} as const;

async function restore(view: View, task: MoveTask, restoration: Restoration): Promise<Outcome> {
  if (restoration.kind === 'unchanged') return { kind: 'unchanged' };
  if (restoration.kind !== 'restore') {
    return { kind: 'skipped', code: 'conflict', reason: reasons[restoration.kind] };
  }
  return commit(view, task, async () => [await restoration.change()]);
}

const nothing: TreeChange = { writes: [], expectations: [], due: [] };

async function commit(
  view: View,
  { dryRun }: MoveTask,
  make: () => Promise<readonly TreeChange[]>,
): Promise<Outcome> {
  if (dryRun) return { kind: 'changed' };
  const changes = await make();
  await view.commit(
    changes.flatMap(({ writes }) => writes),
    unique(changes.flatMap(({ expectations }) => expectations)),
    changes.flatMap(({ due }) => due),
  );
  return { kind: 'changed' };
}

/** What is expected of one record twice was read at once. */
function unique(expectations: readonly ViewExpectation[]): readonly ViewExpectation[] {
  return [...new Map(expectations.map((each) => [each.path, each])).values()];
}
