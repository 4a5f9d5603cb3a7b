/** Which logins need a second factor, and which factors will do. */
import { CofferError } from '../../errors.ts';
import type { Identity } from '../identity/identity.ts';
import type { MfaMethod } from './method.ts';

export interface Enforcement {
  readonly name: string;
  /** A uuid. */
  readonly id: string;
  /** Any one of them will do. */
  readonly methods: readonly string[];
  /** A login is meant by any one of these four. */
  readonly accessors: readonly string[];
  readonly types: readonly string[];
  readonly groups: readonly string[];
  readonly entities: readonly string[];
}

/** A login, as far as enforcement goes by it. */
export interface LoginFacts {
  /** Of the auth mount. */
  readonly type: string;
  readonly accessor: string;
  /** Empty where the method knows the principal by nothing: then there can be no entity. */
  readonly alias: string;
  readonly identity: Identity | undefined;
}

/** What one enforcement wants: a code of any one of these methods. */
export interface Demand {
  readonly enforcement: string;
  readonly methods: readonly MfaMethod[];
}

/**
 * What a login has to show; empty for nothing. Throws `permission_denied` where a second factor is wanted and there is no way to
 * show one, and where it can't be told whether one is wanted.
 */
export function demandsOn(
  login: LoginFacts,
  enforcements: readonly Enforcement[],
  methods: ReadonlyMap<string, MfaMethod>,
): readonly Demand[] {
  const unclear = login.alias !== '' && login.identity === undefined;
  const meant = enforcements.filter((one) => isMeant(one, login));
  const byIdentity = enforcements.some(({ groups, entities }) => groups.length + entities.length > 0);
  // Codes are an entity's: without one there are none.
  if ((meant.length > 0 && login.identity === undefined) || (unclear && byIdentity)) throw denied();
  return meant.map((one) => {
    const usable = one.methods.map((id) => methods.get(id)).filter((method) => method !== undefined);
    if (usable.length === 0) throw denied();
    return { enforcement: one.name, methods: usable };
  });
}

function isMeant(enforcement: Enforcement, { type, accessor, identity }: LoginFacts): boolean {
  const { accessors, types, groups, entities } = enforcement;
  if (accessors.includes(accessor) || types.includes(type)) return true;
  if (identity === undefined) return false;
  const { id, merged } = identity.entity;
  return (
    identity.groups.some((group) => groups.includes(group.id)) ||
    // What was said of an entity holds for the one that it was merged into.
    [id, ...merged].some((one) => entities.includes(one))
  );
}

export function denied(): CofferError {
  return new CofferError('permission_denied', 'permission denied');
}
