/** Ending groups, and taking what has ended out of them. */
import { retryOnConflict } from '../retry.ts';
import type { Identities } from './identities.ts';
import { groupWrite, takeHints } from './member-hints.ts';
import { externalPrefix, type GroupRecord, groupAliasKey, groupKey, groupNameKey } from './record.ts';

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
