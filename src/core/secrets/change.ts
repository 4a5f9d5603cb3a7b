/**
 * What one secret's turn comes to: decided by the caller's policies, audited, and made ready as the writes of one commit. Nothing
 * is visible before that commit, and it expects everything to be as it was read.
 */
import type { PlainWrite } from '../../barrier/store.ts';
import type { StoredSecret, TreeChange } from '../../engine/secret-tree.ts';
import { CofferError } from '../../errors.ts';
import type { Expectation } from '../../storage/storage.ts';
import { dueWrite } from '../due.ts';
import { MountView } from '../mount/view.ts';
import type { Decision } from '../policy/acl.ts';
import type { CoreRooms } from '../rooms.ts';
import { type Address, checkName, denied, fullName } from './address.ts';
import { secretLine } from './audit-line.ts';
import type { Caller } from './caller.ts';
import { decideSource, decideTarget, decideUndelete, decideWrite } from './rights.ts';
import { type Reason, reasonText, type Task } from './task.ts';

export interface Prepared {
  readonly writes: readonly PlainWrite[];
  readonly expectations: readonly Expectation[];
}

export type Outcome =
  | { readonly kind: 'change'; readonly prepared: Prepared }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'skip'; readonly reason: Reason };

export interface Turn {
  readonly rooms: CoreRooms;
  readonly task: Task;
  readonly caller: Caller;
  /** One secret. */
  readonly from: Address;
  /** Where a move or a copy puts it. */
  readonly to: Address | undefined;
  readonly job: string | undefined;
  /** For what is committed ahead of the change: a job's fence. */
  readonly fence: readonly Expectation[];
}

/** What is meant to be done, before anything is. */
interface Plan {
  readonly decision: Decision;
  readonly outcome: Reason | 'unchanged' | (() => Promise<readonly MountChange[]>);
}

interface MountChange {
  readonly at: Address;
  readonly change: TreeChange;
}

/** Throws `conflict` when something changed in between, and what the engine says of a secret that it cannot read or take. */
export async function prepareChange(turn: Turn): Promise<Outcome> {
  const { rooms, task, caller, from, to, job } = turn;
  const { decision, outcome } = await planFor(turn);
  const told = typeof outcome === 'function' ? (task.dryRun ? 'tried' : 'allowed') : outcome;
  const path = fullName(from, from.name);
  const target = to === undefined ? undefined : fullName(to, to.name);
  const line = { verb: task.verb, path, to: target, caller, job, decision, outcome: told };
  await rooms.audit.append(secretLine(rooms.audit, line), 'kernel');
  if (outcome === 'unchanged') return { kind: 'unchanged' };
  if (typeof outcome === 'string') return { kind: 'skip', reason: outcome };
  const changes = task.dryRun ? [] : await outcome();
  return { kind: 'change', prepared: await combine(turn, changes) };
}

/** Rights come before existence: who may not do it is not told what is there. */
async function planFor(turn: Turn): Promise<Plan> {
  const { task, caller, from, to } = turn;
  const decision = decideSource(caller.acl, task.verb, from, from.name);
  if (decision.kind !== 'allow') return { decision, outcome: 'denied' };
  const source = await from.tree.find(viewOf(turn, from), from.name);
  if (source === undefined) return { decision, outcome: 'absent' };
  switch (task.verb) {
    case 'move':
    case 'copy':
      if (to === undefined) throw new CofferError('internal', 'a move without a target');
      return planTransfer(turn, source, to);
    case 'remove':
      return { decision, outcome: async () => [{ at: from, change: source.removed() }] };
    case 'delete': {
      const change = source.deleted();
      return { decision, outcome: change === undefined ? 'unchanged' : async () => [{ at: from, change }] };
    }
    case 'restore':
      return planRestore(turn, source, decision);
  }
}

async function planTransfer(turn: Turn, source: StoredSecret, to: Address): Promise<Plan> {
  const { task, caller, from } = turn;
  if (source.hasDeleted) {
    // At the new place the caller may well have the right to undelete: they must have it where the versions were deleted.
    const undelete = decideUndelete(caller.acl, from, from.name);
    if (undelete.kind !== 'allow') return { decision: undelete, outcome: 'denied' };
  }
  checkName(to, to.name);
  const there = await to.tree.find(viewOf(turn, to), to.name);
  if (there !== undefined && !task.overwrite) {
    // That something is there is told to who may write over it; others are refused as they would be by a write.
    const write = decideWrite(caller.acl, to, to.name, there);
    return { decision: write, outcome: write.kind === 'allow' ? 'exists' : 'denied' };
  }
  const decision = decideTarget(caller.acl, to, to.name, source, there);
  if (decision.kind !== 'allow') return { decision, outcome: 'denied' };
  const room: TreeChange =
    there === undefined ? { ...nothing, expectations: [to.tree.absent(to.name)] } : there.cleared();
  const put = async (): Promise<readonly MountChange[]> => {
    if (task.verb === 'move' && from.mount === to.mount) {
      return [
        { at: to, change: room },
        { at: to, change: source.renamed(to.name) },
      ];
    }
    const copy = await to.tree.receive(viewOf(turn, to), to.name, source.content());
    const left: TreeChange =
      task.verb === 'move' ? source.removed() : { ...nothing, expectations: [source.unchanged] };
    return [
      { at: to, change: room },
      { at: to, change: copy },
      { at: from, change: left },
    ];
  };
  return { decision, outcome: put };
}

function planRestore(turn: Turn, source: StoredSecret, decision: Decision): Plan {
  const { task, caller, from } = turn;
  const restoration = source.asOf(task.at);
  if (restoration.kind !== 'restore') return { decision, outcome: restoration.kind };
  if (restoration.undeletes) {
    const undelete = decideUndelete(caller.acl, from, from.name);
    if (undelete.kind !== 'allow') return { decision: undelete, outcome: 'denied' };
  }
  return { decision, outcome: async () => [{ at: from, change: await restoration.change() }] };
}

const nothing: TreeChange = { writes: [], expectations: [], due: [] };

/** A mount's records; what is committed through it carries the fence. */
function viewOf({ rooms, fence }: Turn, at: Address): MountView {
  return new MountView(rooms.store, at.mount.entry.uuid, (writes, expectations) =>
    rooms.store.commit(writes, [...expectations, ...fence]),
  );
}

/** All changes as one commit, which expects the mounts and what was decided by to be there as they were. */
async function combine(turn: Turn, changes: readonly MountChange[]): Promise<Prepared> {
  const { rooms, caller } = turn;
  const writes: PlainWrite[] = [];
  const expectations = [...caller.guards];
  for (const { at, change } of changes) {
    const { uuid } = at.mount.entry;
    const view = viewOf(turn, at);
    writes.push(...view.writes(change.writes));
    writes.push(...change.due.map((due) => dueWrite(due.at, 'mount', `${uuid}/${due.name}`)));
    expectations.push(...view.expectations(change.expectations));
  }
  for (const uuid of new Set(changes.map(({ at }) => at.mount.entry.uuid))) {
    expectations.push(await rooms.mounts.expectMounted(uuid));
  }
  return { writes, expectations: unique(expectations) };
}

/** Each key once: what is expected of it twice in one turn was read at once. */
export function unique(expectations: readonly Expectation[]): readonly Expectation[] {
  return [...new Map(expectations.map((expectation) => [expectation.key, expectation])).values()];
}

/** For one secret that was asked for by name: that nothing was done is an error. */
export function refuse({ from, to }: Turn, reason: Reason): CofferError {
  if (reason === 'denied') return denied();
  if (reason !== 'exists') {
    return new CofferError('not_found', `${fullName(from, from.name)}: ${reasonText(reason)}`);
  }
  const target = to === undefined ? '' : fullName(to, to.name);
  return new CofferError('conflict', `${target} exists: say overwrite to replace it with all its versions`);
}
