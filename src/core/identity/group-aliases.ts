/** Aliases of external groups: the name by which an auth method knows a group. */
import { CofferError } from '../../errors.ts';
import type { Expectation } from '../../storage/storage.ts';
import { retryOnConflict } from '../retry.ts';
import { createGroup } from './groups.ts';
import { type Identities, lookAlike, type Stored } from './identities.ts';
import type { LoginMount } from './login.ts';
import { parseIdentityName } from './names.ts';
import {
  encodeIdentity,
  encodePointer,
  type GroupAliasPointer,
  type GroupAliasRecord,
  type GroupRecord,
  groupAliasKey,
  groupKey,
  isIdentityId,
} from './record.ts';

export interface GroupAliasWish {
  readonly name?: string | undefined;
  readonly mount?: LoginMount | undefined;
  /** Id of the group. */
  readonly group?: string | undefined;
}

export interface FoundGroupAlias {
  readonly alias: GroupAliasRecord;
  readonly group: GroupRecord;
}

interface StoredGroupAlias extends Stored<GroupRecord> {
  readonly alias: GroupAliasRecord;
}

export async function findGroupAlias(
  identities: Identities,
  id: string,
): Promise<FoundGroupAlias | undefined> {
  const stored = await storedAlias(identities, id);
  return stored === undefined ? undefined : { alias: stored.alias, group: stored.record };
}

/** Undefined for a name that only looks like one there is. */
export async function findGroupAliasByName(
  identities: Identities,
  mount: string,
  name: string,
): Promise<FoundGroupAlias | undefined> {
  const { pointer } = await identities.groupAliasByName(mount, name);
  return pointer === undefined || pointer.name !== name ? undefined : findGroupAlias(identities, pointer.id);
}

async function storedAlias(identities: Identities, id: string): Promise<StoredGroupAlias | undefined> {
  if (!isIdentityId(id)) return undefined;
  const pointer = await identities.pointer<GroupAliasPointer>(groupAliasKey(id));
  const stored = pointer === undefined ? undefined : await identities.group(pointer.group);
  const alias = stored?.record.alias;
  return stored === undefined || alias === undefined || alias === null || alias.id !== id
    ? undefined
    : { ...stored, alias };
}

/**
 * Makes an alias, or moves the one of this name to another group. Without a group an external one is made. Throws `invalid_request`
 * for a group that is internal, not there, or has an alias already, and for a name that looks like another of the mount.
 */
export async function writeGroupAlias(
  identities: Identities,
  wish: GroupAliasWish,
): Promise<FoundGroupAlias> {
  const { name, mount } = wish;
  if (name === undefined || name === '') throw new CofferError('invalid_request', 'missing alias name');
  if (mount === undefined) throw new CofferError('invalid_request', 'missing mount_accessor');
  parseIdentityName(name, "an alias's name");
  const known = await findGroupAliasByName(identities, mount.uuid, name);
  if (known !== undefined) return (await changeGroupAlias(identities, known.alias.id, wish)) ?? known;
  const group =
    wish.group === undefined || wish.group === ''
      ? (await createGroup(identities, { kind: 'external' })).id
      : wish.group;
  return retryOnConflict(async () => {
    const now = identities.now();
    const alias: GroupAliasRecord = {
      id: identities.newId(),
      name,
      mount: mount.uuid,
      mountAccessor: mount.accessor,
      createdAt: now,
      updatedAt: now,
    };
    return put(identities, alias, await withoutAlias(identities, group), []);
  });
}

/** Undefined where there is no such alias. Members that were in by its former name are out until they log in again. */
export async function changeGroupAlias(
  identities: Identities,
  id: string,
  wish: GroupAliasWish,
): Promise<FoundGroupAlias | undefined> {
  return retryOnConflict(async () => {
    const stored = await storedAlias(identities, id);
    if (stored === undefined) return undefined;
    const alias: GroupAliasRecord = {
      ...stored.alias,
      name:
        wish.name === undefined || wish.name === ''
          ? stored.alias.name
          : parseIdentityName(wish.name, "an alias's name"),
      mount: wish.mount?.uuid ?? stored.alias.mount,
      mountAccessor: wish.mount?.accessor ?? stored.alias.mountAccessor,
      updatedAt: identities.now(),
    };
    const stays = wish.group === undefined || wish.group === '' || wish.group === stored.record.id;
    const to = stays ? stored : await withoutAlias(identities, wish.group ?? '');
    return put(identities, alias, to, [stored]);
  });
}

/** Ends an alias: nobody is in its group any more. Ending what is not there is fine. */
export async function deleteGroupAlias(identities: Identities, id: string): Promise<void> {
  await retryOnConflict(async () => {
    const stored = await storedAlias(identities, id);
    if (stored === undefined) return;
    const { alias, record, revision } = stored;
    await identities.store.commit(
      [
        groupWrite({ ...record, alias: null }),
        { key: groupAliasKey(id), value: null },
        { key: identities.groupAliasNameKey(alias.mount, alias.name), value: null },
      ],
      [{ key: groupKey(record.id), revision }],
    );
  });
}

async function put(
  identities: Identities,
  alias: GroupAliasRecord,
  to: Stored<GroupRecord>,
  from: readonly StoredGroupAlias[],
): Promise<FoundGroupAlias> {
  const group = { ...to.record, alias, updatedAt: alias.updatedAt };
  const pointer = encodePointer({ id: alias.id, name: alias.name, group: group.id });
  const nameKey = identities.groupAliasNameKey(alias.mount, alias.name);
  const left = from.flatMap((stored) => [
    { key: identities.groupAliasNameKey(stored.alias.mount, stored.alias.name), value: null },
    groupWrite({ ...stored.record, alias: null }),
  ]);
  const writes = [
    ...left,
    groupWrite(group),
    { key: groupAliasKey(alias.id), value: pointer },
    { key: nameKey, value: pointer },
  ];
  const expectations = [
    await freeName(identities, alias),
    { key: groupKey(group.id), revision: to.revision },
    ...from.map(({ record, revision }) => ({ key: groupKey(record.id), revision })),
  ];
  await identities.store.commit(
    [...new Map(writes.map((write) => [write.key, write])).values()],
    [...new Map(expectations.map((one) => [one.key, one])).values()],
  );
  return { alias, group };
}

async function freeName(identities: Identities, alias: GroupAliasRecord): Promise<Expectation> {
  const { pointer, asRead } = await identities.groupAliasByName(alias.mount, alias.name);
  if (pointer === undefined || pointer.id === alias.id) return asRead;
  if (pointer.name !== alias.name) throw lookAlike('the name of the alias');
  throw new CofferError('invalid_request', 'an alias of this name exists in the mount already');
}

async function withoutAlias(identities: Identities, group: string): Promise<Stored<GroupRecord>> {
  const stored = await identities.group(group);
  if (stored === undefined) {
    throw new CofferError(
      'invalid_request',
      `invalid canonical ID "${group.slice(0, 60)}": there is no such group`,
    );
  }
  if (stored.record.kind !== 'external') {
    throw new CofferError('invalid_request', 'an alias can be set only on a group of type "external"');
  }
  if (stored.record.alias !== null)
    throw new CofferError('invalid_request', 'the group already has an alias');
  return stored;
}

function groupWrite(record: GroupRecord) {
  return { key: groupKey(record.id), value: encodeIdentity(record) };
}
