/** Constraints of a rule on consent: what it allows is carried out once others have approved of the very request. */
import type { Operation } from '../request.ts';
import { parseDuration } from '../ttl.ts';
import { type CapabilitySet, capabilitySetOf, isCapability, permits } from './capability.ts';
import type { HclMember, HclObject, HclValue } from './hcl.ts';
import { quote } from './position.ts';

const approverKinds = ['group', 'group-id', 'entity', 'entity-id'] as const;
export type ApproverKind = (typeof approverKinds)[number];

/** Who may approve: an entity, or whoever is in a group, directly or by other groups. */
export interface ApproverName {
  readonly kind: ApproverKind;
  readonly name: string;
}

/** So many different entities of those named must approve. */
export interface ApprovalFactor {
  /** As the policy calls it; empty for the one of an `approval` block. */
  readonly name: string;
  /** Never empty: nobody could approve. */
  readonly from: readonly ApproverName[];
  readonly count: number;
  /** What it is wanted for; undefined for all that the rule grants. */
  readonly capabilities: CapabilitySet | undefined;
}

export interface ApprovalRule {
  /** Seconds that a request waits, and in which it is carried out. */
  readonly ttl: number;
  /** All of them are wanted. */
  readonly factors: readonly ApprovalFactor[];
}

export const approvalLimits = {
  /** Approvals that one factor may want. */
  count: 20,
  /** Names of one factor. */
  from: 32,
  factors: 8,
  /** Seconds. */
  ttl: 2_764_800,
} as const;

/** Seconds, where a block names none: an hour for ours, and a day for Vault's. */
const usualTtl = { approval: 3_600, control_group: 86_400 } as const;

/** Notes a problem of the rule that is read. */
type Refuse = (value: Pick<HclValue, 'at'>, message: string) => void;

/** What of the rule is wanted for one operation; undefined where nothing is. */
export function wantedFor(rule: ApprovalRule, operation: Operation): ApprovalRule | undefined {
  const factors = rule.factors.filter(
    ({ capabilities }) => capabilities === undefined || permits(capabilities, operation),
  );
  if (factors.length === rule.factors.length) return rule;
  return factors.length === 0 ? undefined : { ttl: rule.ttl, factors };
}

/** Of two rules for one pattern: all that either wants, within the shorter time. */
export function mergeApproval(
  one: ApprovalRule | undefined,
  other: ApprovalRule | undefined,
): ApprovalRule | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return { ttl: Math.min(one.ttl, other.ttl), factors: [...one.factors, ...other.factors] };
}

/** `approval { from = ["group/admins", "entity/ann"] count = 2 ttl = "10m" }`. Undefined where it is refused. */
export function readApproval(value: HclValue, refuse: Refuse): ApprovalRule | undefined {
  const members = membersOf(value, ['from', 'count', 'ttl', 'capabilities'], 'approval', refuse);
  if (members === undefined) return undefined;
  const from = readFrom(members.get('from'), refuse);
  const factor = {
    name: '',
    from,
    count: readCount(members.get('count'), 'approval: count', refuse),
    capabilities: readCapabilities(members.get('capabilities'), 'approval: capabilities', refuse),
  };
  checkFactor(factor, value, 'approval', refuse);
  return { ttl: readTtl(members.get('ttl'), 'approval', refuse), factors: [factor] };
}

/**
 * Vault's block: `control_group { ttl = "4h" factor "leads" { identity { group_names = ["leads"] approvals = 2 } } }`. Undefined where
 * it is refused.
 */
export function readControlGroup(value: HclValue, refuse: Refuse): ApprovalRule | undefined {
  const root = single(value);
  if (root === undefined) {
    refuse(value, 'control_group is a block: { ttl = "4h" factor "name" { identity { … } } }');
    return undefined;
  }
  const factors: ApprovalFactor[] = [];
  let ttl: HclValue | undefined;
  for (const { key, at, value: inner } of root.members) {
    if (key === 'factor') factors.push(...readFactors(inner, refuse));
    else if (key !== 'ttl') refuse({ at }, `control_group: unknown key ${quote(key)}; known are ttl, factor`);
    else if (ttl !== undefined) refuse({ at }, 'control_group: "ttl" is given twice');
    else ttl = inner;
  }
  const names = new Set(factors.map(({ name }) => name));
  if (names.size < factors.length) refuse(value, 'control_group: a factor is given twice');
  if (factors.length === 0) {
    refuse(value, 'control_group has no factor: say who approves, as in factor "name" { identity { … } }');
  }
  if (factors.length > approvalLimits.factors) {
    refuse(value, `control_group has more than ${approvalLimits.factors} factors`);
  }
  return { ttl: readTtl(ttl, 'control_group', refuse), factors };
}

/** What stands behind `factor`: an object of factors by name, or a list of such objects. */
function readFactors(value: HclValue, refuse: Refuse): readonly ApprovalFactor[] {
  return (value.kind === 'list' ? value.items : [value]).flatMap((item) => {
    if (item.kind === 'object') return item.members.map((member) => readFactor(member, refuse));
    refuse(item, 'a factor has a name and a block: factor "name" { identity { … } }');
    return [];
  });
}

function readFactor({ key: name, value }: HclMember, refuse: Refuse): ApprovalFactor {
  const what = `factor ${quote(name)}`;
  const members = membersOf(value, ['identity', 'controlled_capabilities'], what, refuse);
  const identity = members?.get('identity');
  if (members !== undefined && identity === undefined) {
    refuse(value, `${what} has no identity: say who approves, as in identity { group_names = ["leads"] }`);
  }
  const inner =
    identity === undefined
      ? undefined
      : membersOf(identity, ['group_names', 'group_ids', 'approvals'], `${what}: identity`, refuse);
  const from = [
    ...readNames(inner?.get('group_names'), 'group', `${what}: group_names`, refuse),
    ...readNames(inner?.get('group_ids'), 'group-id', `${what}: group_ids`, refuse),
  ];
  const factor = {
    name,
    from,
    count: readCount(inner?.get('approvals'), `${what}: approvals`, refuse),
    capabilities: readCapabilities(
      members?.get('controlled_capabilities'),
      `${what}: controlled_capabilities`,
      refuse,
    ),
  };
  if (inner !== undefined) checkFactor(factor, value, what, refuse);
  return factor;
}

/** What nobody could ever satisfy would be a denial that does not look like one. */
function checkFactor({ from, count }: ApprovalFactor, value: HclValue, what: string, refuse: Refuse): void {
  if (from.length === 0) {
    refuse(value, `${what} names nobody who could approve: name a group or an entity`);
  }
  if (from.length > approvalLimits.from) {
    refuse(value, `${what} names more than ${approvalLimits.from} groups and entities`);
  }
  const people = new Set(from.map(({ kind, name }) => `${kind}/${name}`));
  if (from.length > 0 && from.every(({ kind }) => kind.startsWith('entity')) && people.size < count) {
    refuse(value, `${what} wants ${count} approvals, and only ${people.size} could give one`);
  }
}

function readFrom(value: HclValue | undefined, refuse: Refuse): readonly ApproverName[] {
  if (value === undefined) return [];
  return textsOf(value, 'approval: from', refuse).flatMap((text) => {
    const slash = text.indexOf('/');
    const kind = approverKinds.find((known) => known === text.slice(0, slash));
    const name = text.slice(slash + 1);
    if (kind !== undefined && isName(name)) return [{ kind, name }];
    refuse(
      value,
      `approval: ${quote(text)} is nobody; from names "group/NAME", "entity/NAME", "group-id/ID" or "entity-id/ID"`,
    );
    return [];
  });
}

function readNames(
  value: HclValue | undefined,
  kind: ApproverKind,
  what: string,
  refuse: Refuse,
): readonly ApproverName[] {
  if (value === undefined) return [];
  return textsOf(value, what, refuse).flatMap((name) => {
    if (isName(name)) return [{ kind, name }];
    refuse(value, `${what}: ${quote(name)} is no name`);
    return [];
  });
}

/** Of somebody in particular: neither a wildcard nor a template, which would be taken for the name itself. */
function isName(text: string): boolean {
  return text !== '' && text.length <= 512 && text.trim() === text && !/[*{}]/.test(text);
}

function readCount(value: HclValue | undefined, what: string, refuse: Refuse): number {
  if (value === undefined) return 1;
  const { count } = approvalLimits;
  const isCount =
    value.kind === 'number' && Number.isInteger(value.value) && value.value >= 1 && value.value <= count;
  if (isCount) return value.value;
  refuse(value, `${what} is a whole number from 1 to ${count}`);
  return 1;
}

/** Seconds. */
function readTtl(value: HclValue | undefined, block: keyof typeof usualTtl, refuse: Refuse): number {
  if (value === undefined) return usualTtl[block];
  const seconds =
    value.kind === 'text' ? parseDuration(value.text) : value.kind === 'number' ? value.value : undefined;
  const fits = seconds !== undefined && Number.isSafeInteger(seconds) && seconds >= 1;
  if (fits && seconds <= approvalLimits.ttl) return seconds;
  refuse(value, `${block}: ttl is a number of seconds or a duration like "10m", from a second to 32 days`);
  return usualTtl[block];
}

function readCapabilities(
  value: HclValue | undefined,
  what: string,
  refuse: Refuse,
): CapabilitySet | undefined {
  if (value === undefined) return undefined;
  const words = textsOf(value, what, refuse);
  const known = words.filter(isCapability).filter((word) => word !== 'deny' && word !== 'sudo');
  if (known.length < words.length || known.length === 0) {
    refuse(value, `${what} is a list of create, read, update, patch, delete, list and scan, and not empty`);
  }
  return capabilitySetOf(known);
}

function textsOf(value: HclValue, what: string, refuse: Refuse): readonly string[] {
  const items = value.kind === 'list' ? value.items : [value];
  const texts = items.flatMap((item) => (item.kind === 'text' ? [item.text] : []));
  if (texts.length < items.length) refuse(value, `${what} is a list of texts`);
  return texts;
}

/** The members of one block by their keys. Undefined where it is no block. */
function membersOf(
  value: HclValue,
  known: readonly string[],
  what: string,
  refuse: Refuse,
): ReadonlyMap<string, HclValue> | undefined {
  const block = single(value);
  if (block === undefined) {
    refuse(value, `${what} is a block: { ${known[0]} = … }`);
    return undefined;
  }
  const members = new Map<string, HclValue>();
  for (const { key, at, value: member } of block.members) {
    if (!known.includes(key))
      refuse({ at }, `${what}: unknown key ${quote(key)}; known are ${known.join(', ')}`);
    else if (members.has(key)) refuse({ at }, `${what}: ${quote(key)} is given twice`);
    else members.set(key, member);
  }
  return members;
}

/** A block; a list of one block counts as that, as JSON of HCL 1 has it. */
function single(value: HclValue): HclObject | undefined {
  if (value.kind === 'object') return value;
  const [only, ...more] = value.kind === 'list' ? value.items : [];
  return more.length === 0 && only?.kind === 'object' ? only : undefined;
}

const mostTold = 5;

/** `2 of "group/admins", "entity/ann"`, and the same of every other factor: for people. */
export function approversText({ factors }: ApprovalRule): string {
  const told = factors.slice(0, mostTold).map(({ from, count }) => {
    const names = from.slice(0, mostTold).map(({ kind, name }) => quote(`${kind}/${name}`));
    return `${count} of ${names.join(', ')}${from.length > mostTold ? ' and others' : ''}`;
  });
  return `${told.join('; ')}${factors.length > mostTold ? '; and more' : ''}`;
}
