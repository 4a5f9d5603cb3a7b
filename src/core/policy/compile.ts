/** Policies to one matcher: the rules of all of a token's policies, arranged so that a decision is a few lookups. */
import type { ApiPath } from '../path.ts';
import type { Acl, Capability, Decision, DecisionRequest, RuleReference } from './acl.ts';
import { type ApprovalRule, wantedFor } from './approval-rule.ts';
import { rootPolicyName } from './builtin.ts';
import {
  type CapabilitySet,
  capabilitiesOf,
  denyCapabilities,
  grants,
  has,
  noCapabilities,
  permits,
} from './capability.ts';
import { matchesPath } from './matching.ts';
import { type MergedRule, RuleMerger } from './merge.ts';
import { type ParameterRules, refusedParameter } from './parameters.ts';
import { compareSpecificity, type Pattern } from './pattern.ts';
import type { Policy } from './policy.ts';
import { PrefixTree } from './prefix-tree.ts';
import { type Matcher, Reach } from './reach.ts';
import { SegmentTree } from './segment-tree.ts';
import { type Filling, filledRules, fillPolicies } from './template.ts';
import { constrainsWrapping, permitsWrapping, type WrappingRule } from './wrapping-rule.ts';

/** A rule with all its answers ready, so that deciding makes no objects. */
interface CompiledRule {
  readonly pattern: Pattern;
  /** Place among the patterns with wildcards, the most specific last; 0 for exact ones, which are not compared. */
  readonly rank: number;
  readonly capabilities: CapabilitySet;
  readonly parameters: ParameterRules | undefined;
  readonly wrapping: WrappingRule | undefined;
  readonly approval: ApprovalRule | undefined;
  readonly reference: RuleReference;
  readonly allow: Decision;
  readonly denyRule: Decision;
  readonly denyCapability: Decision;
  readonly denySudo: Decision;
  readonly denyWrapping: Decision;
}

const noRule: Decision = { kind: 'deny', reason: 'no-rule' };
/** Help needs no rule; a reference without policies says so. */
const helpAllowed: Decision = { kind: 'allow', rule: { pattern: '*', policies: [] } };
const rootAllowed: Decision = { kind: 'allow', rule: { pattern: '*', policies: [rootPolicyName] } };

/** What the `root` policy allows: everything. */
export const rootAcl: Acl = {
  decide: () => rootAllowed,
  capabilities: () => ['root'],
  reaches: () => true,
};

/** Allows nothing: where what a policy denies cannot be told. */
const closedAcl: Acl = {
  decide: ({ operation }) => (operation === 'help' ? helpAllowed : noRule),
  capabilities: () => ['deny'],
  reaches: () => false,
};

/** Rules of templates that are put over what everyone shares; with more of them all is compiled. */
const mostOver = 32;

/**
 * The same for one subject and its login, with templates filled. Most of it is what everyone with these policies shares (`shared`, compiled of the
 * rules without templates), so that a subject of its own costs only its own rules.
 */
export function compileFor(shared: Acl, policies: readonly Policy[], filling: Filling): Acl {
  const merger = new RuleMerger();
  for (const policy of policies) {
    const rules = filledRules(policy, filling);
    if (rules === undefined) return closedAcl;
    for (const rule of rules) merger.add(rule, policy.name);
  }
  const over = merger.rules();
  if (over.length === 0) return shared;
  const base = shared instanceof CompiledAcl && over.length <= mostOver ? shared : undefined;
  if (base?.holdsNone(over) === true) return new CompiledAcl(over, base);
  return compileAcl(fillPolicies(policies, filling) ?? []);
}

/** Rules of the same pattern are merged across the policies, and then the most specific match alone decides. Templates are left out. */
export function compileAcl(policies: readonly Policy[]): Acl {
  const merger = new RuleMerger();
  for (const policy of policies) {
    for (const rule of policy.rules) merger.add(rule, policy.name);
  }
  return new CompiledAcl(merger.rules());
}

class CompiledAcl implements Acl {
  readonly #exact = new Map<string, CompiledRule>();
  readonly #prefixes = new PrefixTree<CompiledRule>();
  readonly #segments = new SegmentTree<CompiledRule>();
  readonly #reach: Reach;
  /** What these rules are put over. They are few then: those with wildcards are looked through one by one. */
  readonly #base: CompiledAcl | undefined;
  readonly #patterns: ReadonlySet<string>;
  readonly #over: readonly CompiledRule[];

  constructor(rules: readonly MergedRule[], base?: CompiledAcl) {
    this.#base = base;
    this.#over =
      base === undefined
        ? []
        : rules.filter(({ pattern }) => pattern.kind !== 'exact').map((rule) => compileRule(rule, 0));
    for (const rule of rules) {
      if (rule.pattern.kind === 'exact') this.#exact.set(rule.pattern.text, compileRule(rule, 0));
    }
    // The order does not depend on the request, so that finding the winner is comparing ranks.
    const byRank = rules
      .filter((rule) => base === undefined && rule.pattern.kind !== 'exact')
      .toSorted((one, other) => compareSpecificity(one.pattern, other.pattern));
    for (const [rank, rule] of byRank.entries()) {
      const compiled = compileRule(rule, rank);
      if (rule.pattern.kind === 'prefix') this.#prefixes.set(rule.pattern.stem, compiled);
      else this.#segments.add(compiled);
    }
    this.#reach = new Reach(rules);
    this.#patterns = new Set(rules.map(({ pattern }) => pattern.text));
  }

  decide(request: DecisionRequest): Decision {
    const { operation } = request;
    if (operation === 'help') return helpAllowed;
    const rule =
      operation === 'list' || operation === 'scan'
        ? this.#findFolder(request.path, operation === 'list')
        : this.#find(request.path);
    return rule === undefined ? noRule : decideBy(rule, request);
  }

  capabilities(path: ApiPath): readonly (Capability | 'root')[] {
    // As for a list, so that the answer for a folder is the one its listing would get.
    const rule = this.#findFolder(path, true);
    return rule === undefined ? ['deny'] : capabilitiesOf(rule.capabilities);
  }

  /** Whether none of the patterns has a rule here, which it would have to be merged with. */
  holdsNone(rules: readonly MergedRule[]): boolean {
    return rules.every(({ pattern }) => !this.#patterns.has(pattern.text));
  }

  reaches(prefix: string): boolean {
    const matcher: Matcher = {
      isGranted: (path) => grants(this.#find(path)?.capabilities ?? noCapabilities),
      isListed: (folder) =>
        permits(this.#findFolder(folder, true)?.capabilities ?? noCapabilities, 'list') ||
        permits(this.#findFolder(folder, false)?.capabilities ?? noCapabilities, 'scan'),
    };
    if (this.#reach.reaches(prefix, matcher)) return true;
    return this.#base === undefined ? false : this.#base.#reach.reaches(prefix, matcher);
  }

  #find(path: string): CompiledRule | undefined {
    return this.#findExact(path) ?? this.#findWildcard(path);
  }

  #findExact(path: string): CompiledRule | undefined {
    const own = this.#exact.get(path);
    return own === undefined && this.#base !== undefined ? this.#base.#exact.get(path) : own;
  }

  /**
   * For a folder `x/` an exact rule for `x` counts too; and for lists, where nothing else matches, any rule for `x`. What is
   * denied as `x` is neither listed nor scanned as `x/`.
   */
  #findFolder(path: string, orWithoutSlash: boolean): CompiledRule | undefined {
    if (!path.endsWith('/')) return this.#find(path);
    const withoutSlash = path.slice(0, -1);
    const exact = this.#findExact(path) ?? this.#findExact(withoutSlash);
    if (exact !== undefined) return exact;
    const folder = this.#findWildcard(path);
    const bare = this.#findWildcard(withoutSlash);
    if (bare?.capabilities === denyCapabilities) return bare;
    return folder ?? (orWithoutSlash ? bare : undefined);
  }

  #findWildcard(path: string): CompiledRule | undefined {
    if (this.#base !== undefined) return this.#findOver(path, this.#base.#findWildcard(path));
    const prefix = this.#prefixes.longest(path);
    return this.#segments.isEmpty ? prefix : this.#segments.find(path, prefix);
  }

  /** The most specific of these rules and of the one that the base found. */
  #findOver(path: string, below: CompiledRule | undefined): CompiledRule | undefined {
    let winner = below;
    for (const rule of this.#over) {
      if (!matchesPath(rule.pattern, path)) continue;
      if (winner === undefined || compareSpecificity(rule.pattern, winner.pattern) > 0) winner = rule;
    }
    return winner;
  }
}

function compileRule(
  { pattern, policies, capabilities, parameters, wrapping, approval }: MergedRule,
  rank: number,
): CompiledRule {
  const reference: RuleReference = { pattern: pattern.text, policies };
  const constrains =
    parameters.allowed !== undefined || parameters.denied !== undefined || parameters.required.length > 0;
  return {
    pattern,
    rank,
    capabilities,
    parameters: constrains ? parameters : undefined,
    wrapping: constrainsWrapping(wrapping) ? wrapping : undefined,
    approval,
    reference,
    allow: { kind: 'allow', rule: reference },
    denyRule: { kind: 'deny', reason: 'deny-rule', rule: reference },
    denyCapability: { kind: 'deny', reason: 'capability', rule: reference },
    denySudo: { kind: 'deny', reason: 'sudo', rule: reference },
    denyWrapping: { kind: 'deny', reason: 'wrapping', rule: reference },
  };
}

function decideBy(rule: CompiledRule, request: DecisionRequest): Decision {
  const { operation } = request;
  if (rule.capabilities === denyCapabilities) return rule.denyRule;
  if (!permits(rule.capabilities, operation)) return rule.denyCapability;
  if (request.sudo && !has(rule.capabilities, 'sudo')) return rule.denySudo;
  if (rule.wrapping !== undefined && !permitsWrapping(rule.wrapping, request.wrapTtl ?? 0))
    return rule.denyWrapping;
  if (rule.parameters === undefined) return granted(rule, operation);
  // Lists and deletes carry no fields of the object.
  if (operation === 'list' || operation === 'scan' || operation === 'delete') return granted(rule, operation);
  if (request.data === undefined) return { kind: 'deny', reason: 'parameter', rule: rule.reference };
  const parameter = refusedParameter(rule.parameters, request.data);
  if (parameter === undefined) return granted(rule, operation);
  return { kind: 'deny', reason: 'parameter', rule: rule.reference, parameter };
}

/** Nothing of the rule speaks against it; whether somebody else must consent is left. */
function granted(rule: CompiledRule, operation: DecisionRequest['operation']): Decision {
  if (rule.approval === undefined) return rule.allow;
  const approval = wantedFor(rule.approval, operation);
  return approval === undefined ? rule.allow : { kind: 'needs-approval', rule: rule.reference, approval };
}
