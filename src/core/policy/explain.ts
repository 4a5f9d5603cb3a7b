import { assertNever } from '../../errors.ts';
import type { Decision, RuleReference } from './acl.ts';
import { approversText } from './approval-rule.ts';
import { quote } from './position.ts';

/** A decision in one line for people: which rule decided, of which policies, and why. Holds no field's value. */
export function explainDecision(decision: Decision): string {
  switch (decision.kind) {
    case 'allow':
      return decision.rule.policies.length === 0
        ? 'allowed: help needs no rule'
        : `allowed by ${ruleOf(decision.rule)}`;
    case 'needs-approval':
      return `needs approval by ${ruleOf(decision.rule)}: ${approversText(decision.approval)}`;
    case 'deny':
      return `denied: ${reasonOf(decision)}`;
    default:
      return assertNever(decision);
  }
}

function reasonOf(decision: Decision & { readonly kind: 'deny' }): string {
  const rule = decision.rule === undefined ? 'a rule' : ruleOf(decision.rule);
  switch (decision.reason) {
    case 'no-rule':
      return 'no rule matches this path';
    case 'deny-rule':
      return `${rule} says deny`;
    case 'capability':
      return `${rule} does not grant this operation`;
    case 'sudo':
      return `this path needs sudo, which ${rule} does not grant`;
    case 'wrapping':
      return `${rule} wants the answer wrapped, for a time within its bounds`;
    case 'parameter':
      return `parameter ${quote(decision.parameter ?? '')} is missing or not as ${rule} wants it`;
    default:
      return assertNever(decision.reason);
  }
}

function ruleOf({ pattern, policies }: RuleReference): string {
  return `path ${quote(pattern)} of ${policies.length === 1 ? 'policy' : 'policies'} ${policies.join(', ')}`;
}
