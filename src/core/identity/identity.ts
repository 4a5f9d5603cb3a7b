/** Who a token's holder is as of one request: the entity, the groups it is in, and what policies follow from them. */
import type { Expectation } from '../../storage/storage.ts';
import type { AliasRecord, EntityRecord, GroupRecord } from './record.ts';

export interface Identity {
  readonly entity: EntityRecord;
  /** Direct and by other groups, in order of their ids. */
  readonly groups: readonly GroupRecord[];
  /** Of the entity and of all its groups, sorted; never `root`. */
  readonly policies: readonly string[];
  /** For a commit that rests on it: the entity first. */
  readonly guards: readonly Expectation[];
}

/** Policies that identity never grants, whatever a record says. */
const neverByIdentity: ReadonlySet<string> = new Set(['root', 'response-wrapping']);

export function identityOfRecords(
  entity: EntityRecord,
  groups: readonly GroupRecord[],
  guards: readonly Expectation[],
): Identity {
  const names = new Set([...entity.policies, ...groups.flatMap(({ policies }) => policies)]);
  return {
    entity,
    groups: groups.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    policies: [...names].filter((name) => !neverByIdentity.has(name)).toSorted(),
    guards,
  };
}

/** Unions are made once for each token as it is decoded, and go with the identity. */
const unions = new WeakMap<Identity, WeakMap<readonly string[], readonly string[]>>();

/**
 * A token's policies and those of its identity: the same list each time, so that what is compiled of it can be kept with it. A token
 * with `root`, and one that carries a wrapped answer, gets nothing added: what these may do is settled by that alone.
 */
export function effectivePolicies(own: readonly string[], identity: Identity | undefined): readonly string[] {
  if (identity === undefined || identity.policies.length === 0) return own;
  if (own.some((name) => neverByIdentity.has(name))) return own;
  let known = unions.get(identity);
  if (known === undefined) {
    known = new WeakMap();
    unions.set(identity, known);
  }
  const kept = known.get(own);
  if (kept !== undefined) return kept;
  const all = new Set([...own, ...identity.policies]);
  const union = all.size === own.length ? own : [...all].toSorted();
  known.set(own, union);
  return union;
}

/** Whether the alias's last login put the entity into this external group, and the group is still known by that name. */
export function isExternalMember(aliases: readonly AliasRecord[], group: GroupRecord): boolean {
  const { alias, kind, id } = group;
  if (kind !== 'external' || alias === null) return false;
  return aliases.some(
    ({ mount, external }) =>
      mount === alias.mount && external.some((one) => one.group === id && one.name === alias.name),
  );
}
