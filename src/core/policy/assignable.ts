import { CofferError } from '../../errors.ts';
import { defaultPolicyName, rootPolicyName } from './builtin.ts';
import { parsePolicyName } from './name.ts';

/**
 * The policy names that a token or role is to hold: folded and validated once, here. `root` is refused unless the caller may
 * hand it on; names that are not assignable always. Policies that do not exist are no error: they grant nothing.
 */
export function parseAssignablePolicies(
  names: readonly string[],
  may: { readonly root: boolean },
): readonly string[] {
  const parsed = names.map((name) => parsePolicyName(name));
  if (parsed.some((name) => name === 'response-wrapping')) {
    throw new CofferError('invalid_request', 'the policy "response-wrapping" cannot be assigned');
  }
  if (!may.root && parsed.some((name) => name === 'root')) {
    throw new CofferError('invalid_request', 'the policy "root" cannot be assigned here');
  }
  return [...new Set<string>(parsed)].toSorted();
}

/** Sorted, without repetition, `default` among them unless it is not wanted. */
export function withDefault(policies: readonly string[], noDefault: boolean): readonly string[] {
  const all = new Set<string>(policies);
  if (!noDefault && !all.has(rootPolicyName)) all.add(defaultPolicyName);
  return [...all].toSorted();
}
