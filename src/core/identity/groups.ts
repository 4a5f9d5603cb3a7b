/**
 * Making, changing and ending groups. A group's own record says who is in it, and changes in one commit. Members carry a hint to
 * the group, written before or with that commit and taken away with or after it, so that a hint may be there in vain but never
 * missing. While many hints are being written the group notes for whom (`joining`), so that nobody takes them away meanwhile.
 */
import type { PlainWrite } from '../../barrier/store.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import type { Expectation, Revision } from '../../storage/storage.ts';
import { retryOnConflict } from '../retry.ts';
import type { Identities, Stored } from './identities.ts';
import { claimedName, renamed } from './name-claim.ts';
import { parseIdentityName } from './names.ts';
import {
  type EntityRecord,
  encodeIdentity,
  encodePointer,
  entityKey,
  externalPrefix,
  type GroupKind,
  type GroupRecord,
  groupAliasKey,
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

/** Entities whose hints go into the commit of the group itself. */
const entitiesAtOnce = 20;
/** New members of one change: they stand in the record twice for a while. */
const mostJoining = 1_500;
/** Member groups that come or go in one change. */
const groupsAtOnce = 12;
/** Groups above one that gains member groups, which its commit expects to stay as they are. */
const mostAbove = 16;

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
  if (plan.entities.added.length <= entitiesAtOnce) {
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
    await changeInSteps(identities, { record: empty, revision }, wanted, plan);
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
  return retryOnConflict(async () => {
    const stored = await identities.group(id);
    if (stored === undefined) return false;
    const after = applied(identities, wish, stored.record);
    const plan = await planOf(identities, stored.record, after);
    const { added, removed } = plan.entities;
    if (added.length + removed.length > entitiesAtOnce) {
      await changeInSteps(identities, stored, after, plan);
      return true;
    }
    await identities.store.commit(
      [groupWrite(after), ...plan.writes, ...plan.entities.writes],
      [{ key: groupKey(id), revision: stored.revision }, ...plan.expectations, ...plan.entities.expectations],
    );
    return true;
  });
}

function groupWrite(record: GroupRecord): PlainWrite {
  return { key: groupKey(record.id), value: encodeIdentity(record) };
}

/** First the hints of those who come, then the group as it is to be, then the hints of those who went. */
async function changeInSteps(
  identities: Identities,
  { record: before, revision }: Stored<GroupRecord>,
  after: GroupRecord,
  plan: Plan,
): Promise<void> {
  const { store } = identities;
  const { added, removed } = plan.entities;
  const joining: GroupRecord = { ...before, joining: { entities: added, groups: [] } };
  const begun = await store.commit([groupWrite(joining)], [{ key: groupKey(before.id), revision }]);
  for (let start = 0; start < added.length; start += entitiesAtOnce) {
    const some = added.slice(start, start + entitiesAtOnce);
    await retryOnConflict(async () => {
      const hints = await hintsOf(identities, before.id, some, []);
      await store.commit(hints.writes, hints.expectations);
    });
  }
  const done = await store.commit(
    [groupWrite(after), ...plan.writes],
    [{ key: groupKey(before.id), revision: begun[0] ?? null }, ...plan.expectations],
  );
  await takeHints(identities, before.id, removed, done[0] ?? null);
}

/** Takes hints away for as long as the group stays as it is: whoever changes it next looks after them. */
async function takeHints(
  identities: Identities,
  group: string,
  entities: readonly string[],
  revision: Revision | null,
): Promise<void> {
  for (let start = 0; start < entities.length; start += entitiesAtOnce) {
    const hints = await hintsOf(identities, group, [], entities.slice(start, start + entitiesAtOnce));
    if (hints.writes.length === 0) continue;
    try {
      await identities.store.commit(hints.writes, [
        ...hints.expectations,
        { key: groupKey(group), revision },
      ]);
    } catch (error) {
      // A hint in vain does no harm.
      if (!(error instanceof ConflictError)) throw error;
    }
  }
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

interface Hints {
  readonly writes: readonly PlainWrite[];
  readonly expectations: readonly Expectation[];
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

/** Entities with a hint to the group more, or less. Throws `invalid_request` for one that is gone or has too many. */
async function hintsOf(
  identities: Identities,
  group: string,
  added: readonly string[],
  removed: readonly string[],
): Promise<Hints> {
  const ids = [...added, ...removed];
  const entities = await identities.entities(ids);
  const writes: PlainWrite[] = [];
  const expectations: Expectation[] = [];
  for (const [at, stored] of entities.entries()) {
    const joins = at < added.length;
    if (stored === undefined) {
      if (joins) throw new CofferError('invalid_request', `invalid entity ID "${shown(ids[at])}"`);
      continue;
    }
    const memberOf = withHint(stored.record, group, joins);
    expectations.push({ key: entityKey(stored.record.id), revision: stored.revision });
    if (memberOf === stored.record.memberOf) continue;
    writes.push({ key: entityKey(stored.record.id), value: encodeIdentity({ ...stored.record, memberOf }) });
  }
  return { writes, expectations };
}

function withHint(
  { memberOf }: Pick<EntityRecord | GroupRecord, 'memberOf'>,
  group: string,
  joins: boolean,
): readonly string[] {
  if (memberOf.includes(group) === joins) return memberOf;
  if (!joins) return memberOf.filter((id) => id !== group);
  if (memberOf.length >= identityLimits.memberOf) {
    throw new CofferError(
      'invalid_request',
      `an entity or group is in at most ${identityLimits.memberOf} groups`,
    );
  }
  return [...memberOf, group].toSorted();
}

/** The same for member groups. None may be the group itself or above it; what is above must stay so until the commit. */
async function groupHints(identities: Identities, before: GroupRecord, after: GroupRecord): Promise<Hints> {
  const added = without(after.members.groups, before.members.groups);
  const removed = without(before.members.groups, after.members.groups);
  if (added.length === 0 && removed.length === 0) return { writes: [], expectations: [] };
  if (added.length + removed.length > groupsAtOnce) {
    throw new CofferError('invalid_request', `at most ${groupsAtOnce} member groups can come or go at once`);
  }
  const above = added.length === 0 ? [] : await groupsAbove(identities, after);
  const circle = added.find((id) => id === after.id || above.some(({ record }) => record.id === id));
  if (circle !== undefined) {
    throw new CofferError(
      'invalid_request',
      `cyclic relationship: group "${shown(circle)}" has this group below it`,
    );
  }
  const ids = [...added, ...removed];
  const groups = await identities.groups(ids);
  const writes: PlainWrite[] = [];
  const expectations = above.map(({ record, revision }) => ({ key: groupKey(record.id), revision }));
  for (const [at, stored] of groups.entries()) {
    const joins = at < added.length;
    if (stored === undefined) {
      if (joins) throw new CofferError('invalid_request', `invalid group ID "${shown(ids[at])}"`);
      continue;
    }
    const memberOf = withHint(stored.record, after.id, joins);
    expectations.push({ key: groupKey(stored.record.id), revision: stored.revision });
    if (memberOf !== stored.record.memberOf) writes.push(groupWrite({ ...stored.record, memberOf }));
  }
  return { writes, expectations };
}

/** Groups that hold this one, directly and by others. Throws `invalid_request` where they are too many. */
async function groupsAbove(
  identities: Identities,
  group: GroupRecord,
): Promise<readonly Stored<GroupRecord>[]> {
  const found = new Map<string, Stored<GroupRecord>>();
  let level: readonly GroupRecord[] = [group];
  while (level.length > 0) {
    const ids = [...new Set(level.flatMap(({ memberOf }) => memberOf))].filter((id) => !found.has(id));
    const next: GroupRecord[] = [];
    for (const stored of await identities.groups(ids)) {
      if (stored === undefined || stored.record.id === group.id) continue;
      const { record } = stored;
      if (!level.some(({ id }) => record.members.groups.includes(id))) continue;
      found.set(record.id, stored);
      next.push(record);
    }
    if (found.size > mostAbove) {
      throw new CofferError(
        'invalid_request',
        `a group that has groups in it is in at most ${mostAbove} groups`,
      );
    }
    level = next;
  }
  return [...found.values()];
}

/** Ends a group in one commit: from then on it grants nothing. What named it is tidied up after. Ending what is not there is fine. */
export async function deleteGroup(identities: Identities, id: string): Promise<void> {
  const ended = await retryOnConflict(async () => {
    const stored = await identities.group(id);
    if (stored === undefined) return undefined;
    const { record } = stored;
    const { alias } = record;
    await identities.store.commit(
      [
        { key: groupKey(id), value: null },
        { key: groupNameKey(record.name), value: null },
        ...(alias === null
          ? []
          : [
              { key: groupAliasKey(alias.id), value: null },
              { key: identities.groupAliasNameKey(alias.mount, alias.name), value: null },
            ]),
      ],
      [{ key: groupKey(id), revision: stored.revision }],
    );
    return record;
  });
  if (ended === undefined) return;
  await takeHints(identities, id, [...ended.members.entities, ...ended.joining.entities], null);
  for (const parent of ended.memberOf) await dropMemberGroup(identities, parent, id);
  await clearIndex(identities, id);
}

async function clearIndex(identities: Identities, group: string): Promise<void> {
  for (;;) {
    const page = await identities.store.range(externalPrefix(group), { limit: 48 });
    if (page.items.length === 0) return;
    await identities.store.commit(page.items.map(({ key }) => ({ key, value: null })));
  }
}

/** Takes an entity that is gone out of a group. */
export function dropMember(identities: Identities, group: string, entity: string): Promise<void> {
  return rewriteMembers(identities, group, (members) => ({
    ...members,
    entities: members.entities.filter((id) => id !== entity),
  }));
}

function dropMemberGroup(identities: Identities, group: string, member: string): Promise<void> {
  return rewriteMembers(identities, group, (members) => ({
    ...members,
    groups: members.groups.filter((id) => id !== member),
  }));
}

function rewriteMembers(
  identities: Identities,
  group: string,
  change: (members: GroupRecord['members']) => GroupRecord['members'],
): Promise<void> {
  return retryOnConflict(async () => {
    const stored = await identities.group(group);
    if (stored === undefined) return;
    const members = change(stored.record.members);
    const size = ({ entities, groups }: GroupRecord['members']) => entities.length + groups.length;
    if (size(members) === size(stored.record.members)) return;
    await identities.store.commit(
      [groupWrite({ ...stored.record, members })],
      [{ key: groupKey(group), revision: stored.revision }],
    );
  });
}

function without(ids: readonly string[], others: readonly string[]): readonly string[] {
  const left = new Set(others);
  return ids.filter((id) => !left.has(id));
}

/** An id as somebody gave it, fit for a message. */
function shown(id: string | undefined): string {
  return (id ?? '').slice(0, 60);
}
