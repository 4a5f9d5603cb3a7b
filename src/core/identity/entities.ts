/** Making, changing and ending entities. */
import type { PlainWrite } from '../../barrier/store.ts';
import type { Expectation } from '../../storage/storage.ts';
import { retryOnConflict } from '../retry.ts';
import { dropMember } from './group-end.ts';
import type { Identities } from './identities.ts';
import { entityWrites, externalIn, indexWrites } from './login.ts';
import { claimedName, renamed } from './name-claim.ts';
import { parseIdentityName } from './names.ts';
import {
  type AliasRecord,
  aliasKey,
  type EntityRecord,
  encodeIdentity,
  entityKey,
  entityNameKey,
  mergedKey,
} from './record.ts';
import { wantedMetadata, wantedPolicies } from './wishes.ts';

/** What of an entity is to be as said; the rest stays. */
export interface EntityWish {
  readonly name?: string | undefined;
  readonly policies?: readonly string[] | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly disabled?: boolean | undefined;
}

/** Throws `invalid_request` for a name that is taken, or looks like one that is. */
export async function createEntity(identities: Identities, wish: EntityWish): Promise<EntityRecord> {
  const now = identities.now();
  const record = applied(identities, wish, {
    id: identities.newId(),
    name: identities.newName('entity'),
    policies: [],
    metadata: {},
    disabled: false,
    aliases: [],
    memberOf: [],
    merged: [],
    createdAt: now,
    updatedAt: now,
  });
  return retryOnConflict(async () => {
    const name = claimedName(await identities.entityByName(record.name), record, 'an entity');
    await identities.store.commit(entityWrites(identities, record), [name]);
    return record;
  });
}

/** False where there is no such entity. */
export async function updateEntity(identities: Identities, id: string, wish: EntityWish): Promise<boolean> {
  return retryOnConflict(async () => {
    const stored = await identities.entity(id);
    if (stored === undefined) return false;
    const before = stored.record;
    const after = applied(identities, wish, before);
    const writes: PlainWrite[] = [{ key: entityKey(id), value: encodeIdentity(after) }];
    const expectations: Expectation[] = [{ key: entityKey(id), revision: stored.revision }];
    if (after.name !== before.name) {
      expectations.push(claimedName(await identities.entityByName(after.name), after, 'an entity'));
      writes.push(...renamed(entityNameKey(before.name), entityNameKey(after.name), after));
    }
    await identities.store.commit(writes, expectations);
    return true;
  });
}

function applied(identities: Identities, wish: EntityWish, before: EntityRecord): EntityRecord {
  return {
    ...before,
    name:
      wish.name === undefined || wish.name === ''
        ? before.name
        : parseIdentityName(wish.name, "an entity's name"),
    policies: wish.policies === undefined ? before.policies : wantedPolicies(wish.policies),
    metadata: wish.metadata === undefined ? before.metadata : wantedMetadata(wish.metadata),
    disabled: wish.disabled ?? before.disabled,
    updatedAt: identities.now(),
  };
}

/**
 * Ends an entity with its name and its aliases in one commit: from then on its tokens are refused, and who logs in is somebody new.
 * What still names it afterwards (groups, entities that were merged into it) names nothing, and goes too. Ending what is not there
 * is fine.
 */
export async function deleteEntity(identities: Identities, id: string): Promise<void> {
  const ended = await retryOnConflict(async () => {
    const stored = await identities.entity(id);
    if (stored === undefined) return undefined;
    const { record } = stored;
    await identities.store.commit(
      [
        { key: entityKey(id), value: null },
        { key: entityNameKey(record.name), value: null },
        ...record.aliases.flatMap((alias) => aliasEnd(identities, alias)),
      ],
      [{ key: entityKey(id), revision: stored.revision }],
    );
    return record;
  });
  if (ended === undefined) return;
  const left = [
    ...indexWrites(id, externalIn(ended), []),
    ...ended.merged.map((merged) => ({ key: mergedKey(merged), value: null })),
  ];
  for (let start = 0; start < left.length; start += 48) {
    await identities.store.commit(left.slice(start, start + 48));
  }
  for (const group of ended.memberOf) await dropMember(identities, group, id);
}

export function aliasEnd(identities: Identities, alias: AliasRecord): readonly PlainWrite[] {
  return [
    { key: aliasKey(alias.id), value: null },
    { key: identities.aliasNameKey(alias.mount, alias.name), value: null },
  ];
}
