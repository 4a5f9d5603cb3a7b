/** Rules of the same pattern become one rule. */
import type { JsonValue } from '../../json.ts';
import { type ApprovalRule, mergeApproval } from './approval-rule.ts';
import { type CapabilitySet, denyCapabilities, union } from './capability.ts';
import type { PolicyName } from './name.ts';
import type { ParameterRules, ParameterValues } from './parameters.ts';
import type { Pattern } from './pattern.ts';
import { noParameterRules, type PolicyRule } from './rule.ts';
import { mergeWrapping, noWrappingRule, type WrappingRule } from './wrapping-rule.ts';

export interface MergedRule extends PolicyRule {
  /** The policies that hold the pattern, each once, in the order in which they came. */
  readonly policies: readonly PolicyName[];
}

type MutableValues = Map<string, JsonValue[]>;

interface Draft {
  readonly pattern: Pattern;
  readonly policies: Set<PolicyName>;
  capabilities: CapabilitySet;
  allowed: MutableValues | undefined;
  denied: MutableValues | undefined;
  readonly required: Set<string>;
  wrapping: WrappingRule;
  approval: ApprovalRule | undefined;
}

export class RuleMerger {
  readonly #drafts = new Map<string, Draft>();

  /**
   * Capabilities: all of both, but `deny` on either side leaves only `deny`. Parameters: all names, lists appended, an empty list
   * (any value) wins. Required names: all. Bounds of wrapping: the lesser. Approvals: all.
   */
  add(rule: PolicyRule, policy: PolicyName): void {
    const draft = this.#draft(rule.pattern);
    draft.policies.add(policy);
    draft.capabilities = union(draft.capabilities, rule.capabilities);
    // Nothing is granted any more, so there is nothing left to constrain.
    if (draft.capabilities === denyCapabilities) return;
    draft.allowed = mergeValues(draft.allowed, rule.parameters.allowed);
    draft.denied = mergeValues(draft.denied, rule.parameters.denied);
    for (const name of rule.parameters.required) draft.required.add(name);
    draft.wrapping = mergeWrapping(draft.wrapping, rule.wrapping);
    draft.approval = mergeApproval(draft.approval, rule.approval);
  }

  /** One rule a pattern, in the order of their first appearance. */
  rules(): readonly MergedRule[] {
    return Array.from(this.#drafts.values(), (draft) => ({
      pattern: draft.pattern,
      policies: [...draft.policies],
      capabilities: draft.capabilities,
      parameters: draft.capabilities === denyCapabilities ? noParameterRules : parametersOf(draft),
      wrapping: draft.capabilities === denyCapabilities ? noWrappingRule : draft.wrapping,
      approval: draft.capabilities === denyCapabilities ? undefined : draft.approval,
    }));
  }

  #draft(pattern: Pattern): Draft {
    const known = this.#drafts.get(pattern.text);
    if (known !== undefined) return known;
    const draft: Draft = {
      pattern,
      policies: new Set(),
      capabilities: 0 as CapabilitySet,
      allowed: undefined,
      denied: undefined,
      required: new Set(),
      wrapping: noWrappingRule,
      approval: undefined,
    };
    this.#drafts.set(pattern.text, draft);
    return draft;
  }
}

function parametersOf(draft: Draft): ParameterRules {
  return { allowed: draft.allowed, denied: draft.denied, required: [...draft.required] };
}

/** Changes and returns `into`, so that many rules of one pattern cost what they hold and not its square. */
function mergeValues(
  into: MutableValues | undefined,
  from: ParameterValues | undefined,
): MutableValues | undefined {
  if (from === undefined) return into;
  const merged = into ?? new Map<string, JsonValue[]>();
  for (const [name, values] of from) {
    const present = merged.get(name);
    if (present === undefined) merged.set(name, [...values]);
    else if (values.length === 0) present.length = 0;
    else if (present.length > 0) for (const value of values) present.push(value);
  }
  return merged;
}
