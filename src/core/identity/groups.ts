/**
 * Making, changing and ending groups. A group's own record says who is in it, and changes in one commit. Members carry a hint to
 * the group, written before or with that commit and taken away with or after it, so that a hint may be there in vain but never
 * missing. While many hints are being written the group notes for whom (`joining`), so that nobody takes them away meanwhile.
 */
import type { PlainWrite } from '../../barrier/store.ts';
import { CofferError } from '../../errors.ts';
import type { Expectation } from '../../storage/storage.ts';
import { retryOnConflict } from '../retry.ts';
import { deleteGroup } from './group-end.ts';
import type { Identities, Stored } from './identities.ts';
import {
  entitiesAtOnce,
  giveHints,
  groupHints,
  groupWrite,
  type Hints,
  hintsOf,
  shown,
  takeHints,
  without,
} from './member-hints.ts';
import { claimedName, renamed } from './name-claim.ts';
import { parseIdentityName } from './names.ts';
import {
  encodeIdentity,
  encodePointer,
  type GroupKind,
  type GroupRecord,
  groupKey,
  groupNameKey,
  identityLimits,
  nobody,
} from './record.ts';
import { wantedIds, wantedMetadata, wantedPolicies } from './wishes.ts';

/** What of a group is to be as said; the rest stays. */
export interface GroupWish {
  readonly name?: string | undefined;
  readonly kind?: GroupKind | undefined;
  readonly policies?: readonly string[] | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly entities?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
}

/** New members of one change: they stand in the record twice for a while. */
const mostJoining = 1_500;

/** Throws `invalid_request` for a name that is taken, unknown members, or a circle. */
export async function createGroup(identities: Identities, wish: GroupWish): Promise<GroupRecord> {
  const now = identities.now();
  const kind = wish.kind ?? 'internal';
  const empty: GroupRecord = {
    id: identities.newId(),
    name: identities.newName('group'),
    kind,
    policies: [],
    metadata: {},
    members: nobody,
    joining: nobody,
    memberOf: [],
    alias: null,
    createdAt: now,
    updatedAt: now,
  };
  const wanted = applied(identities, wish, empty);
  return retryOnConflict(async () => {
    const name = claimedName(await identities.groupByName(wanted.name), wanted, 'a group');
    return createWithMembers(identities, { ...empty, name: wanted.name }, wanted, name);
  });
}

async function createWithMembers(
  identities: Identities,
  empty: GroupRecord,
  wanted: GroupRecord,
  name: Expectation,
): Promise<GroupRecord> {
  const plan = await planOf(identities, empty, wanted);
  if (isSmall(plan)) {
    await identities.store.commit(
      [...newGroupWrites(wanted), ...plan.writes, ...plan.entities.writes],
      [name, ...plan.expectations, ...plan.entities.expectations],
    );
    return wanted;
  }
  // It stands there without members and without policies until the hints of all are written.
  const [revision] = await identities.store.commit(newGroupWrites(empty), [name]);
  if (revision === undefined) throw new CofferError('internal', 'a commit without revisions');
  try {
    await changeInSteps(identities, { record: empty, revision }, wanted, plan, new Set());
  } catch (error) {
    await deleteGroup(identities, empty.id);
    throw error;
  }
  return wanted;
}

function newGroupWrites(record: GroupRecord): readonly PlainWrite[] {
  return [
    { key: groupKey(record.id), value: encodeIdentity(record) },
    { key: groupNameKey(record.name), value: encodePointer({ id: record.id, name: record.name }) },
  ];
}

/** False where there is no such group. */
export async function updateGroup(identities: Identities, id: string, wish: GroupWish): Promise<boolean> {
  const hinted = new Set<string>();
  return retryOnConflict(async () => {
    const stored = await identities.group(id);
    if (stored === undefined) return false;
    const after = applied(identities, wish, stored.record);
    const plan = await planOf(identities, stored.record, after);
    if (hinted.size > 0 || !isSmall(plan)) {
      await changeInSteps(identities, stored, after, plan, hinted);
      return true;
    }
    await identities.store.commit(
      [groupWrite(after), ...plan.writes, ...plan.entities.writes],
      [{ key: groupKey(id), revision: stored.revision }, ...plan.expectations, ...plan.entities.expectations],
    );
    return true;
  });
}

function isSmall({ entities }: Plan): boolean {
  return entities.added.length + entities.removed.length <= entitiesAtOnce;
}

/**
 * First the hints of those who come, then the group as it is to be, then the hints of those who went. `hinted` has those whose hints
 * an earlier attempt wrote: they hold for as long as the group has noted them as joining, so that of several such changes at once
 * each comes to its end.
 */
async function changeInSteps(
  identities: Identities,
  { record: before, revision: asRead }: Stored<GroupRecord>,
  after: GroupRecord,
  plan: Plan,
  hinted: Set<string>,
): Promise<void> {
  const { store } = identities;
  const key = groupKey(before.id);
  const { added, removed } = plan.entities;
  const noted = new Set(before.joining.entities);
  const pending = added.filter((id) => !hinted.has(id) || !noted.has(id));
  let revision = asRead;
  let joining = before.joining.entities;
  if (pending.length > 0) {
    const all = [...new Set([...joining, ...added])];
    joining = all.length > mostJoining ? added : all;
    const begun = { ...before, joining: { entities: joining, groups: [] } };
    [revision = asRead] = await store.commit([groupWrite(begun)], [{ key, revision }]);
    await giveHints(identities, before.id, pending);
    for (const id of pending) hinted.add(id);
  }
  const left = without(joining, added);
  const [done] = await store.commit(
    [groupWrite({ ...after, joining: { entities: left, groups: [] } }), ...plan.writes],
    [{ key, revision }, ...plan.expectations],
  );
  await takeHints(identities, before.id, without(removed, left), done ?? null);
}

function applied(identities: Identities, wish: GroupWish, before: GroupRecord): GroupRecord {
  if (wish.kind !== undefined && wish.kind !== before.kind) {
    throw new CofferError('invalid_request', "a group's type cannot be changed");
  }
  if (before.kind === 'external' && (wish.entities ?? wish.groups) !== undefined) {
    throw new CofferError(
      'invalid_request',
      'the members of an external group are those whose logins name its alias: member_entity_ids and member_group_ids are for internal groups',
    );
  }
  const { members: most } = identityLimits;
  const members = {
    entities:
      wish.entities === undefined
        ? before.members.entities
        : wantedIds(wish.entities, most, 'member entities'),
    groups: wish.groups === undefined ? before.members.groups : wantedIds(wish.groups, most, 'member groups'),
  };
  return {
    ...before,
    name:
      wish.name === undefined || wish.name === ''
        ? before.name
        : parseIdentityName(wish.name, "a group's name"),
    policies: wish.policies === undefined ? before.policies : wantedPolicies(wish.policies),
    metadata: wish.metadata === undefined ? before.metadata : wantedMetadata(wish.metadata),
    members,
    joining: nobody,
    updatedAt: identities.now(),
  };
}

/** What goes along with a group's change. */
interface Plan extends Hints {
  /** Their hints come with it where they are few; these are then its writes and expectations. */
  readonly entities: Hints & { readonly added: readonly string[]; readonly removed: readonly string[] };
}

async function planOf(identities: Identities, before: GroupRecord, after: GroupRecord): Promise<Plan> {
  const added = without(after.members.entities, before.members.entities);
  const removed = without(before.members.entities, after.members.entities);
  if (added.length > mostJoining) {
    throw new CofferError('invalid_request', `at most ${mostJoining} entities can join at once`);
  }
  const unknown = (await identities.entities(added)).indexOf(undefined);
  if (unknown >= 0) throw new CofferError('invalid_request', `invalid entity ID "${shown(added[unknown])}"`);
  const few = added.length + removed.length <= entitiesAtOnce;
  const hints = few ? await hintsOf(identities, after.id, added, removed) : { writes: [], expectations: [] };
  const groups = await groupHints(identities, before, after);
  const writes: PlainWrite[] = [...groups.writes];
  const expectations: Expectation[] = [...groups.expectations];
  if (after.name !== before.name) {
    expectations.push(claimedName(await identities.groupByName(after.name), after, 'a group'));
    writes.push(...renamed(groupNameKey(before.name), groupNameKey(after.name), after));
  }
  return { writes, expectations, entities: { ...hints, added, removed } };
}
