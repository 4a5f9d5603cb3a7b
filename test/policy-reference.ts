/**
 * Vault's rules of precedence, slow and obvious: every pattern is held against the path by itself, and every match against every
 * other. Written from the language's description alone, as the measure for the compiled matcher.
 */
import type { JsonValue } from '../src/json.ts';

export interface PlainRule {
  readonly path: string;
  readonly capabilities: readonly string[];
  readonly allowed?: Readonly<Record<string, readonly JsonValue[]>>;
  readonly denied?: Readonly<Record<string, readonly JsonValue[]>>;
  readonly required?: readonly string[];
  /** Seconds. */
  readonly minWrapping?: number;
  readonly maxWrapping?: number;
}

export interface PlainPolicy {
  readonly name: string;
  readonly rules: readonly PlainRule[];
}

export interface PlainRequest {
  readonly path: string;
  readonly operation: string;
  readonly data: Readonly<Record<string, JsonValue>>;
  readonly sudo: boolean;
  readonly wrapTtl?: number;
}

export interface Verdict {
  readonly verdict: string;
  readonly pattern?: string;
  readonly policies?: readonly string[];
}

interface Holder {
  readonly policy: string;
  readonly rule: PlainRule;
}

export function plainDecide(policies: readonly PlainPolicy[], request: PlainRequest): Verdict {
  if (request.operation === 'help') return { verdict: 'allow' };
  const pattern = decidingPattern(policies, request.path, request.operation);
  if (pattern === undefined) return { verdict: 'no-rule' };
  const holders = holdersOf(policies, pattern);
  const told = { pattern, policies: [...new Set(holders.map(({ policy }) => policy))] };
  const words = holders.flatMap(({ rule }) => rule.capabilities);
  if (words.includes('deny')) return { verdict: 'deny-rule', ...told };
  if (!words.includes(request.operation)) return { verdict: 'capability', ...told };
  if (request.sudo && !words.includes('sudo')) return { verdict: 'sudo', ...told };
  if (
    !wrappingPasses(
      holders.map(({ rule }) => rule),
      request.wrapTtl ?? 0,
    )
  ) {
    return { verdict: 'wrapping', ...told };
  }
  if (['read', 'create', 'update', 'patch'].includes(request.operation)) {
    const rules = holders.map(({ rule }) => rule);
    if (!parametersPass(rules, request.data)) return { verdict: 'parameter', ...told };
  }
  return { verdict: 'allow', ...told };
}

function wrappingPasses(rules: readonly PlainRule[], ttl: number): boolean {
  const least = Math.min(...rules.flatMap(({ minWrapping }) => minWrapping ?? []));
  const most = Math.min(...rules.flatMap(({ maxWrapping }) => maxWrapping ?? []));
  const constrained = Number.isFinite(least) || Number.isFinite(most);
  if (!constrained) return true;
  if (ttl === 0) return false;
  return (!Number.isFinite(least) || ttl >= least) && (!Number.isFinite(most) || ttl <= most);
}

export function plainCapabilities(policies: readonly PlainPolicy[], path: string): readonly string[] {
  const pattern = decidingPattern(policies, path, 'list');
  const words =
    pattern === undefined ? [] : holdersOf(policies, pattern).flatMap(({ rule }) => rule.capabilities);
  if (words.length === 0 || words.includes('deny')) return ['deny'];
  const order = ['sudo', 'read', 'list', 'update', 'delete', 'create', 'patch', 'scan'];
  return order.filter((word) => words.includes(word));
}

/** Ours, beyond the language: what is denied without its slash is neither listed nor scanned with it. */
function isDenied(policies: readonly PlainPolicy[], pattern: string | undefined): boolean {
  if (pattern === undefined) return false;
  return holdersOf(policies, pattern).some(({ rule }) => rule.capabilities.includes('deny'));
}

function holdersOf(policies: readonly PlainPolicy[], pattern: string): readonly Holder[] {
  return policies.flatMap(({ name, rules }) =>
    rules.filter(({ path }) => path === pattern).map((rule) => ({ policy: name, rule })),
  );
}

function decidingPattern(
  policies: readonly PlainPolicy[],
  path: string,
  operation: string,
): string | undefined {
  const patterns = [...new Set(policies.flatMap(({ rules }) => rules.map((rule) => rule.path)))];
  const exact = patterns.filter((pattern) => !hasWildcard(pattern));
  if (exact.includes(path)) return path;
  const folder = path.endsWith('/') && (operation === 'list' || operation === 'scan');
  if (folder && exact.includes(path.slice(0, -1))) return path.slice(0, -1);
  const winner = contest(patterns, path);
  if (!folder) return winner;
  const bare = contest(patterns, path.slice(0, -1));
  if (isDenied(policies, bare)) return bare;
  return operation === 'list' ? (winner ?? bare) : winner;
}

function contest(patterns: readonly string[], path: string): string | undefined {
  const matching = patterns.filter((pattern) => hasWildcard(pattern) && matchesPattern(pattern, path));
  const prefixes = matching.filter((pattern) => plusCount(pattern) === 0);
  const longest = Math.max(...prefixes.map((pattern) => pattern.length));
  const entered = matching.filter((pattern) => plusCount(pattern) > 0 || pattern.length === longest);
  const winners = entered.filter((one) => entered.every((other) => one === other || beats(one, other)));
  if (winners.length > 1) throw new Error('two patterns beat all others');
  return winners[0];
}

function beats(one: string, other: string): boolean {
  const wildcardOne = firstWildcard(one);
  const wildcardOther = firstWildcard(other);
  if (wildcardOne !== wildcardOther) return wildcardOne > wildcardOther;
  if (one.endsWith('*') !== other.endsWith('*')) return other.endsWith('*');
  if (plusCount(one) !== plusCount(other)) return plusCount(one) < plusCount(other);
  const bytesOne = Buffer.from(one);
  const bytesOther = Buffer.from(other);
  if (bytesOne.length !== bytesOther.length) return bytesOne.length > bytesOther.length;
  return Buffer.compare(bytesOne, bytesOther) > 0;
}

function hasWildcard(pattern: string): boolean {
  return pattern.endsWith('*') || plusCount(pattern) > 0;
}

function plusCount(pattern: string): number {
  return pattern.split('/').filter((segment) => segment === '+').length;
}

function firstWildcard(pattern: string): number {
  let position = 0;
  for (const segment of pattern.split('/')) {
    if (segment === '+') return position;
    position += segment.length + 1;
  }
  return pattern.length - 1;
}

function matchesPattern(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const given = path.split('/');
  const open = pattern.endsWith('*');
  if (open ? given.length < wanted.length : given.length !== wanted.length) return false;
  return wanted.every((segment, index) => {
    if (segment === '+') return true;
    const isOpenEnd = open && index === wanted.length - 1;
    return isOpenEnd ? given[index]?.startsWith(segment.slice(0, -1)) : given[index] === segment;
  });
}

function parametersPass(rules: readonly PlainRule[], data: Readonly<Record<string, JsonValue>>): boolean {
  const required = rules.flatMap((rule) => rule.required ?? []);
  const sent = Object.entries(data);
  if (!required.every((name) => name.toLowerCase() in data || name in data)) return false;
  if (sent.length === 0) return true;
  const denied = mergedValues(rules.map((rule) => rule.denied));
  const allowed = mergedValues(rules.map((rule) => rule.allowed));
  if (denied.some(([name]) => name === '*')) return false;
  for (const [name, value] of sent) {
    const refused = denied.find(([one]) => one === name.toLowerCase())?.[1];
    if (refused !== undefined && listed(refused, value)) return false;
    if (allowed.length === 0) continue;
    const admitted = allowed.find(([one]) => one === name.toLowerCase())?.[1];
    if (admitted === undefined && !allowed.some(([one]) => one === '*')) return false;
    if (admitted !== undefined && !listed(admitted, value)) return false;
  }
  return true;
}

function mergedValues(
  maps: readonly (Readonly<Record<string, readonly JsonValue[]>> | undefined)[],
): readonly (readonly [string, readonly JsonValue[]])[] {
  const entries = maps
    .flatMap((map) => Object.entries(map ?? {}))
    .map(([name, list]) => [name.toLowerCase(), list] as const);
  const names = [...new Set(entries.map(([name]) => name))];
  return names.map((name) => {
    const lists = entries.filter(([one]) => one === name).map(([, list]) => list);
    return [name, lists.some((list) => list.length === 0) ? [] : lists.flat()] as const;
  });
}

function listed(values: readonly JsonValue[], sent: JsonValue): boolean {
  if (values.length === 0) return true;
  return values.some((value) => {
    if (typeof value !== 'string' || typeof sent !== 'string')
      return JSON.stringify(value) === JSON.stringify(sent);
    const middle = value.replace(/^\*|\*$/g, '');
    if (value.startsWith('*') && value.endsWith('*')) return sent.includes(middle);
    if (value.startsWith('*')) return sent.endsWith(middle);
    return value.endsWith('*') ? sent.startsWith(middle) : value === sent;
  });
}
