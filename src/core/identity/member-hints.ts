/** The hints to a group that its members carry, and what a change of a group's members does to them. */
import type { PlainWrite } from '../../barrier/store.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import type { Expectation, Revision } from '../../storage/storage.ts';
import { retryOnConflict } from '../retry.ts';
import type { Identities, Stored } from './identities.ts';
import {
  type EntityRecord,
  encodeIdentity,
  entityKey,
  type GroupRecord,
  groupKey,
  identityLimits,
} from './record.ts';

/** Entities whose hints go into one commit. */
export const entitiesAtOnce = 20;
/** Member groups that come or go in one change. */
const groupsAtOnce = 12;
/** Groups above one that gains member groups, which its commit expects to stay as they are. */
const mostAbove = 16;

export interface Hints {
  readonly writes: readonly PlainWrite[];
  readonly expectations: readonly Expectation[];
}

export async function giveHints(
  identities: Identities,
  group: string,
  entities: readonly string[],
): Promise<void> {
  for (let start = 0; start < entities.length; start += entitiesAtOnce) {
    const some = entities.slice(start, start + entitiesAtOnce);
    await retryOnConflict(async () => {
      const hints = await hintsOf(identities, group, some, []);
      await identities.store.commit(hints.writes, hints.expectations);
    });
  }
}

/** Takes hints away for as long as the group stays as it is: whoever changes it next looks after them. */
export async function takeHints(
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

/** Entities with a hint to the group more, or less. Throws `invalid_request` for one that is gone or has too many. */
export async function hintsOf(
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
export async function groupHints(
  identities: Identities,
  before: GroupRecord,
  after: GroupRecord,
): Promise<Hints> {
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

export function groupWrite(record: GroupRecord): PlainWrite {
  return { key: groupKey(record.id), value: encodeIdentity(record) };
}

export function without(ids: readonly string[], others: readonly string[]): readonly string[] {
  const left = new Set(others);
  return ids.filter((id) => !left.has(id));
}

/** An id as somebody gave it, fit for a message. */
export function shown(id: string | undefined): string {
  return (id ?? '').slice(0, 60);
}
