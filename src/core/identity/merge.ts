/** Making one entity of several: on purpose, by one commit, and refused where it is not plain what should come of it. */
import type { PlainWrite } from '../../barrier/store.ts';
import { CofferError } from '../../errors.ts';
import { type Expectation, storageLimits } from '../../storage/storage.ts';
import { retryOnConflict } from '../retry.ts';
import { aliasEnd } from './entities.ts';
import type { Identities, Stored } from './identities.ts';
import { externalIn, indexWrites } from './login.ts';
import {
  type AliasRecord,
  type EntityRecord,
  encodeIdentity,
  encodePointer,
  entityKey,
  entityNameKey,
  type GroupRecord,
  groupKey,
  identityLimits,
  mergedKey,
} from './record.ts';
import { wantedIds, wantedPolicies } from './wishes.ts';

export interface MergeWish {
  readonly from: readonly string[];
  readonly to: string;
  /** Ids of aliases that stay where two entities have one of the same mount: the others end. */
  readonly keep: readonly string[];
}

/** Entities that are merged at once. */
const mostMerged = 12;

/**
 * The entities of `from` become part of `to`, which gets their aliases, policies and groups; tokens and logins of theirs are its own
 * from then on. Throws `invalid_request`, with nothing changed, for entities that are not there or disabled, for aliases of the same
 * mount of which none is to be kept, and for more than fits a commit.
 */
export async function mergeEntities(identities: Identities, wish: MergeWish): Promise<void> {
  const from = wantedIds(wish.from, mostMerged, 'entities can be merged at once');
  if (from.length === 0) throw new CofferError('invalid_request', 'missing "from_entity_ids"');
  if (from.includes(wish.to)) {
    throw new CofferError('invalid_request', 'to_entity_id should not be present in from_entity_ids');
  }
  await retryOnConflict(async () => {
    const [to, ...others] = await found(identities, [wish.to, ...from]);
    if (to === undefined) throw new CofferError('internal', 'an entity without a place in the list');
    const { kept, dropped } = aliasesOf([to, ...others], wish.keep);
    const groups = await groupsOf(identities, others);
    const memberOf = [...new Set([...to.record.memberOf, ...groups.map(({ record }) => record.id)])];
    const into: EntityRecord = {
      ...to.record,
      aliases: kept,
      policies: wantedPolicies([to, ...others].flatMap(({ record }) => record.policies)),
      memberOf: memberOf.toSorted(),
      merged: [...to.record.merged, ...others.flatMap(({ record }) => [record.id, ...record.merged])],
      updatedAt: identities.now(),
    };
    checkSize(into);
    await commitWithin(
      identities,
      [
        { key: entityKey(into.id), value: encodeIdentity(into) },
        ...others.flatMap(({ record }) => endInto(record, into.id)),
        ...dropped.flatMap((alias) => aliasEnd(identities, alias)),
        ...indexWrites(into.id, externalIn(to.record), externalIn(into)),
        ...groups.map(({ record }) => withInstead(record, from, into.id)),
      ],
      [
        ...[to, ...others].map(({ record, revision }) => ({ key: entityKey(record.id), revision })),
        ...groups.map(({ record, revision }) => ({ key: groupKey(record.id), revision })),
      ],
    );
  });
}

async function found(
  identities: Identities,
  ids: readonly string[],
): Promise<readonly Stored<EntityRecord>[]> {
  const read = await Promise.all(ids.map((id) => identities.entity(id)));
  return read.map((stored, at) => {
    const id = (ids[at] ?? '').slice(0, 60);
    if (stored === undefined) throw new CofferError('invalid_request', `invalid entity ID "${id}"`);
    // Or whoever it was disabled for would be let in by the other's name.
    if (stored.record.disabled) {
      throw new CofferError('invalid_request', `entity "${id}" is disabled: enable it before it is merged`);
    }
    return stored;
  });
}

/** At most one alias a mount stays. Throws `invalid_request` where it is not said which. */
function aliasesOf(
  entities: readonly Stored<EntityRecord>[],
  keep: readonly string[],
): { readonly kept: readonly AliasRecord[]; readonly dropped: readonly AliasRecord[] } {
  const byMount = new Map<string, AliasRecord[]>();
  for (const alias of entities.flatMap(({ record }) => record.aliases)) {
    byMount.set(alias.mount, [...(byMount.get(alias.mount) ?? []), alias]);
  }
  const kept: AliasRecord[] = [];
  const dropped: AliasRecord[] = [];
  for (const aliases of byMount.values()) {
    const chosen = aliases.length === 1 ? aliases : aliases.filter(({ id }) => keep.includes(id));
    const [one, another] = chosen;
    if (one === undefined || another !== undefined) {
      throw new CofferError(
        'invalid_request',
        `conflicting aliases of the mount ${aliases[0]?.mountAccessor}: name the one that stays in conflicting_alias_ids_to_keep, of ${aliases.map(({ id }) => id).join(', ')}`,
      );
    }
    kept.push(one);
    dropped.push(...aliases.filter((alias) => alias !== one));
  }
  return { kept, dropped };
}

/** The internal groups that name one of the entities. */
async function groupsOf(
  identities: Identities,
  entities: readonly Stored<EntityRecord>[],
): Promise<readonly Stored<GroupRecord>[]> {
  const ids = [...new Set(entities.flatMap(({ record }) => record.memberOf))];
  const groups = await identities.groups(ids);
  return groups.filter(
    (stored): stored is Stored<GroupRecord> =>
      stored !== undefined &&
      entities.some(({ record }) => stored.record.members.entities.includes(record.id)),
  );
}

function withInstead(group: GroupRecord, from: readonly string[], to: string): PlainWrite {
  const { entities, groups } = group.members;
  const members = new Set([...entities.filter((id) => !from.includes(id)), to]);
  const changed = { ...group, members: { entities: [...members].toSorted(), groups } };
  return { key: groupKey(group.id), value: encodeIdentity(changed) };
}

/** An entity ends and leaves a pointer; so does what was merged into it, so that nobody has to follow two. */
function endInto(record: EntityRecord, to: string): readonly PlainWrite[] {
  return [
    { key: entityKey(record.id), value: null },
    { key: entityNameKey(record.name), value: null },
    ...[record.id, ...record.merged].map((id) => ({
      key: mergedKey(id),
      value: encodePointer({ into: to }),
    })),
    ...externalIn(record).flatMap((group) => indexWrites(record.id, [group], [])),
  ];
}

function checkSize({ aliases, memberOf, merged }: EntityRecord): void {
  const { aliases: mostAliases, memberOf: mostGroups, merged: mostInto } = identityLimits;
  if (aliases.length <= mostAliases && memberOf.length <= mostGroups && merged.length <= mostInto) return;
  throw new CofferError(
    'invalid_request',
    `an entity has at most ${mostAliases} aliases, ${mostGroups} groups and ${mostInto} merged entities`,
  );
}

async function commitWithin(
  identities: Identities,
  writes: readonly PlainWrite[],
  expectations: readonly Expectation[],
): Promise<void> {
  const keys = new Set([...writes, ...expectations].map(({ key }) => key));
  if (keys.size > storageLimits.commitItems) {
    throw new CofferError(
      'invalid_request',
      `this merge changes ${keys.size} records, and at most ${storageLimits.commitItems} change at once: merge fewer entities, or take them out of some groups first`,
    );
  }
  await identities.store.commit(writes, expectations);
}
