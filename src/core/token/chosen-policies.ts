/** Which policies a new token gets: from what was asked, its maker's own, and the role's lists (Vault API, token auth). */
import { CofferError } from '../../errors.ts';
import { parseAssignablePolicies, withDefault } from '../policy/assignable.ts';
import { matchesGlob } from '../policy/glob.ts';
import { isRoot, type TokenRecord } from './record.ts';
import type { TokenRole } from './role.ts';

export interface PolicyWish {
  /** As sent; nothing and an empty list are the same. */
  readonly policies?: readonly string[] | undefined;
  readonly noDefaultPolicy: boolean;
}

/** Sorted. `sudo`: the maker may do what needs `sudo` on this path. Throws `invalid_request`. */
export function chosenPolicies(
  parent: TokenRecord,
  sudo: boolean,
  wish: PolicyWish,
  role: TokenRole | undefined,
): readonly string[] {
  const noDefault = wish.noDefaultPolicy || role?.noDefaultPolicy === true;
  const policies =
    role !== undefined && hasLists(role)
      ? byRole(parent, asked(parent, wish), noDefault, role)
      : byParent(parent, sudo, asked(parent, wish), noDefault);
  if (policies.includes('root') && policies.length > 1) {
    throw new CofferError('invalid_request', 'root tokens may not have other policies');
  }
  return policies;
}

function hasLists(role: TokenRole): boolean {
  const { allowedPolicies, allowedPoliciesGlob, disallowedPolicies, disallowedPoliciesGlob } = role;
  return [allowedPolicies, allowedPoliciesGlob, disallowedPolicies, disallowedPoliciesGlob].some(
    (list) => list.length > 0,
  );
}

/** Undefined where none were asked for. Only root hands `root` on. */
function asked(parent: TokenRecord, { policies }: PolicyWish): readonly string[] | undefined {
  if (policies === undefined || policies.length === 0) return undefined;
  return parseAssignablePolicies(policies, { root: isRoot(parent) });
}

function byParent(
  parent: TokenRecord,
  sudo: boolean,
  wanted: readonly string[] | undefined,
  noDefault: boolean,
): readonly string[] {
  if (wanted === undefined) {
    return parent.policies.filter((name) => !noDefault || name !== 'default').toSorted();
  }
  if (sudo) return withDefault(wanted, noDefault);
  if (!wanted.every((name) => parent.policies.includes(name))) {
    throw new CofferError('invalid_request', 'child policies must be subset of parent');
  }
  return withDefault(wanted, noDefault || !parent.policies.includes('default'));
}

/** The role's lists decide in place of the maker's policies, which may be others altogether. */
function byRole(
  parent: TokenRecord,
  wanted: readonly string[] | undefined,
  noDefault: boolean,
  role: TokenRole,
): readonly string[] {
  const isDisallowed = isListed(role.disallowedPolicies, role.disallowedPoliciesGlob);
  const leaveOut = noDefault || isDisallowed('default');
  const mayAsk = role.allowedPolicies.length > 0 || role.allowedPoliciesGlob.length > 0;
  const start = wanted ?? (mayAsk ? role.allowedPolicies : parent.policies);
  const policies = withDefault(
    leaveOut ? start.filter((name) => name !== 'default' || wanted !== undefined) : start,
    leaveOut,
  );
  const isAllowed = isListed(role.allowedPolicies, role.allowedPoliciesGlob);
  for (const name of policies) {
    const added = name === 'default' && !leaveOut;
    if (mayAsk && !added && !isAllowed(name)) {
      throw new CofferError(
        'invalid_request',
        `token policies (${shown(policies)}) must be subset of the role's allowed policies (${shown(role.allowedPolicies)}) or glob policies (${shown(role.allowedPoliciesGlob)})`,
      );
    }
    if (isDisallowed(name)) {
      throw new CofferError('invalid_request', `token policy "${name}" is disallowed by this role`);
    }
  }
  return policies;
}

function isListed(names: readonly string[], globs: readonly string[]): (name: string) => boolean {
  return (name) => names.includes(name) || globs.some((glob) => matchesGlob(glob, name));
}

function shown(names: readonly string[]): string {
  return names
    .slice(0, 20)
    .map((name) => `"${name}"`)
    .join(' ');
}
