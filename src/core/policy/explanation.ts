/** A decision told in full: the rule, the rules that lost against it, and what it would take. Holds no field's value. */
import { assertNever } from '../../errors.ts';
import type { ResponseSchema } from '../endpoint.ts';
import type { Decision } from './acl.ts';
import { approversText } from './approval-rule.ts';
import { capabilitiesOf } from './capability.ts';
import { explainDecision } from './explain.ts';
import { matchingRules, whyBehind } from './matching.ts';
import type { Policy } from './policy.ts';
import { quote } from './position.ts';
import type { AskedOperation, Judged, Question } from './question.ts';

export const explanationSchema = {
  path: { type: 'string' },
  operation: { type: 'string' },
  decision: { type: 'string', help: '`allow`, `deny` or `needs-approval`.' },
  reason: { type: 'string', help: 'The decision in a sentence.' },
  rule: { type: 'string', nullable: true, help: 'Pattern of the rule that decided.' },
  rules: {
    type: 'list',
    help: 'Every rule that matches, the deciding one first.',
    items: {
      pattern: { type: 'string' },
      policies: { type: 'list' },
      capabilities: { type: 'list' },
      decides: { type: 'bool' },
      why: { type: 'string', help: 'Why it does not decide; empty where it does.' },
    },
  },
  needed: { type: 'list', help: 'Capabilities that the request needs.' },
  advice: { type: 'string', nullable: true, help: 'What would allow it.' },
  notes: { type: 'list', help: 'What else the server makes of such a request.' },
  policies: { type: 'list', help: 'Policies that were asked.' },
  unknown_policies: { type: 'list', help: 'Those among them that do not exist; they grant nothing.' },
} as const satisfies ResponseSchema;

/** Rules shown; a path that more rules match is explained by the ones that come nearest. */
const mostRules = 100;

/**
 * @param policies as loaded, in the order of `names`; missing ones are told as such
 * @param tellsMounts whether what is enabled there may be told
 */
export function explanationOf(
  question: Question,
  judged: Judged,
  names: readonly string[],
  policies: readonly Policy[],
  tellsMounts: boolean,
) {
  const { decision } = judged;
  const needed = neededFor(question.operation, judged);
  const known = new Set<string>(policies.map(({ name }) => name));
  return {
    path: question.path,
    operation: question.operation,
    decision: decision.kind,
    reason: reasonOf(decision),
    rule: 'rule' in decision ? (decision.rule?.pattern ?? null) : null,
    rules: matched(question.operation, judged, policies),
    needed,
    advice: 'rule' in decision || decision.kind === 'deny' ? advice(judged, decision, needed) : null,
    notes: [...pathNotes(question, judged), ...(tellsMounts ? mountNotes(question, judged) : [])],
    policies: names,
    unknown_policies: names.filter((name) => name !== 'root' && !known.has(name)),
  };
}

export function reasonOf(decision: Judged['decision']): string {
  return decision.kind === 'allow' && 'reason' in decision
    ? `allowed: ${decision.reason}`
    : explainDecision(decision);
}

function matched(operation: AskedOperation, { decision, path }: Judged, policies: readonly Policy[]) {
  const folder = operation === 'list' || operation === 'scan';
  const rules = matchingRules(policies, path, folder);
  const decided = 'rule' in decision ? decision.rule?.pattern : undefined;
  const winner = rules.find(({ pattern }) => pattern.text === decided);
  return rules
    .toSorted((one, other) => Number(other === winner) - Number(one === winner))
    .slice(0, mostRules)
    .map((rule) => ({
      pattern: rule.pattern.text,
      policies: rule.policies,
      capabilities: capabilitiesOf(rule.capabilities),
      decides: rule === winner,
      why: winner === undefined || rule === winner ? '' : whyBehind(rule.pattern, winner.pattern),
    }));
}

function neededFor(operation: AskedOperation, { destination }: Judged): readonly string[] {
  return destination.spec?.sudo === true ? [operation, 'sudo'] : [operation];
}

function advice({ path }: Judged, decision: Decision, needed: readonly string[]): string | null {
  if (decision.kind === 'needs-approval') {
    return `the request itself: it is kept and answered with a token, which is unwrapped once it is approved by ${approversText(decision.approval)}`;
  }
  if (decision.kind !== 'deny') return null;
  const list = needed.map((name) => `"${name}"`).join(', ');
  const own = `path ${JSON.stringify(path)} { capabilities = [${list}] }`;
  const rule = decision.rule === undefined ? '' : `path ${quote(decision.rule.pattern)}`;
  switch (decision.reason) {
    case 'no-rule':
      return `a policy with ${own}`;
    case 'deny-rule':
      return `no rule for the same pattern overrules deny: take it out of ${rule}, or add a more specific rule, such as ${own}`;
    case 'capability':
    case 'sudo':
      return `the capabilities ${list} in ${rule}, or a more specific rule, such as ${own}`;
    case 'wrapping':
      return `a request for a wrapped answer (X-Vault-Wrap-TTL) for as long as ${rule} wants it`;
    case 'parameter':
      return `a request whose parameter ${quote(decision.parameter ?? '')} is as ${rule} wants it`;
    default:
      return assertNever(decision.reason);
  }
}

/** The road's own rules about the form of a path. */
function pathNotes(question: Question, { path, destination }: Judged): readonly string[] {
  if (path === question.path) return [];
  const folded = destination.endpoint?.foldsNames === true && path.toLowerCase() === path;
  return [
    folded
      ? `names in this path count in lower case: the rules for ${quote(path)} decide`
      : `a "/" at the end counts only for lists: the rules for ${quote(path)} decide`,
  ];
}

function mountNotes({ operation }: Question, { destination }: Judged): readonly string[] {
  const { route, endpoint, spec } = destination;
  if (route === undefined) return ['nothing is enabled at this path: an allowed request is answered 404'];
  const mount = `${route.mount.entry.type} at ${route.mount.entry.path}`;
  if (endpoint === undefined)
    return [`${mount} has no endpoint at this path: an allowed request is answered 404`];
  if (spec === undefined) {
    const known = Object.keys(endpoint.operations).join(', ');
    return [`this endpoint of ${mount} knows only ${known}: an allowed request is answered 405`];
  }
  const writes = operation === 'update' || operation === 'create';
  return [
    ...(spec.sudo === true ? ['this endpoint needs sudo besides the capability of the operation'] : []),
    ...(writes && endpoint.exists !== undefined
      ? ['a write here is create while nothing is stored at the path, and update afterwards']
      : []),
    ...(operation === 'create' && endpoint.exists === undefined
      ? ['every write to this endpoint is update, never create']
      : []),
  ];
}
