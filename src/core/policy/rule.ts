/** One rule of a policy, read from what stands between its braces. */
import type { JsonValue } from '../../json.ts';
import { emptyObject } from '../../json.ts';
import { parseDuration } from '../ttl.ts';
import { type ApprovalRule, mergeApproval, readApproval, readControlGroup } from './approval-rule.ts';
import {
  type CapabilitySet,
  capabilitySetOf,
  denyCapabilities,
  isCapability,
  knownCapabilities,
  noCapabilities,
  oldWords,
  union,
} from './capability.ts';
import type { HclObject, HclValue } from './hcl.ts';
import type { ParameterRules, ParameterValues } from './parameters.ts';
import type { Pattern } from './pattern.ts';
import { quote } from './position.ts';
import type { Problems } from './problems.ts';
import { noWrappingRule, type WrappingRule } from './wrapping-rule.ts';

export interface PolicyRule {
  readonly pattern: Pattern;
  readonly capabilities: CapabilitySet;
  /** Empty for a rule that denies. */
  readonly parameters: ParameterRules;
  /** No constraint for a rule that denies. */
  readonly wrapping: WrappingRule;
  /** Undefined where nobody else need consent, and for a rule that denies. */
  readonly approval: ApprovalRule | undefined;
}

interface Draft {
  capabilities: CapabilitySet;
  allowed: ParameterValues | undefined;
  denied: ParameterValues | undefined;
  required: readonly string[];
  leastWrapping: number | undefined;
  mostWrapping: number | undefined;
  approval: ApprovalRule | undefined;
}

interface Context {
  readonly draft: Draft;
  /** Notes a problem of this rule. */
  readonly refuse: (value: Pick<HclValue, 'at'>, message: string) => void;
}

type Reader = (value: HclValue, context: Context) => void;

const readers: Readonly<Record<string, Reader>> = {
  capabilities: readCapabilities,
  policy: readOldWord,
  allowed_parameters: (value, context) => {
    context.draft.allowed = readParameters(value, context);
    if (context.draft.allowed?.size === 0) {
      context.refuse(
        value,
        'allowed_parameters is empty; name a parameter, or "*" for any, or leave the key out',
      );
    }
  },
  denied_parameters: (value, context) => {
    context.draft.denied = readParameters(value, context);
  },
  required_parameters: (value, context) => {
    context.draft.required = readTexts(value, context, 'required_parameters').map(({ text }) => text);
  },
  min_wrapping_ttl: (value, context) => {
    context.draft.leastWrapping = readTtl(value, context, 'min_wrapping_ttl');
  },
  max_wrapping_ttl: (value, context) => {
    context.draft.mostWrapping = readTtl(value, context, 'max_wrapping_ttl');
  },
  approval: (value, { draft, refuse }) => {
    draft.approval = mergeApproval(draft.approval, readApproval(value, refuse));
  },
  control_group: (value, { draft, refuse }) => {
    draft.approval = mergeApproval(draft.approval, readControlGroup(value, refuse));
  },
  comment: (value, context) => {
    if (value.kind !== 'text') context.refuse(value, 'comment is a text');
  },
};

/** Keys of the language that mean something elsewhere. Taking them without doing what they say would be a hole. */
const notEnforced: ReadonlySet<string> = new Set([
  'mfa_methods',
  'expiration',
  'pagination_limit',
  'list_scan_response_keys_filter_path',
  'subscribe_event_types',
]);
const capabilitiesNotEnforced: ReadonlySet<string> = new Set(['recover', 'subscribe']);

/** Reads a rule's body; what is wrong with it goes to `problems`. */
export function readRule(pattern: Pattern, body: HclObject, problems: Problems): PolicyRule {
  const draft: Draft = {
    capabilities: noCapabilities,
    allowed: undefined,
    denied: undefined,
    required: [],
    leastWrapping: undefined,
    mostWrapping: undefined,
    approval: undefined,
  };
  const where = `path ${quote(pattern.text)}`;
  const context: Context = {
    draft,
    refuse: (value, message) => problems.add(value.at, `${where}: ${message}`),
  };
  const seen = new Set<string>();
  for (const member of body.members) {
    if (seen.has(member.key)) context.refuse(member, `${quote(member.key)} is given twice`);
    else if (notEnforced.has(member.key)) {
      context.refuse(
        member,
        `${quote(member.key)} is not supported, and a rule is not taken without what it asks for`,
      );
    } else if (Object.hasOwn(readers, member.key)) readers[member.key]?.(member.value, context);
    else
      context.refuse(
        member,
        `unknown key ${quote(member.key)}; known are ${Object.keys(readers).join(', ')}`,
      );
    seen.add(member.key);
  }
  const { capabilities, allowed, denied, required, leastWrapping: least, mostWrapping: most } = draft;
  if (least !== undefined && most !== undefined && most < least) {
    context.refuse(body, 'max_wrapping_ttl is less than min_wrapping_ttl, so that nothing would be allowed');
  }
  const denies = capabilities === denyCapabilities;
  return {
    pattern,
    capabilities,
    parameters: denies ? noParameterRules : { allowed, denied, required },
    wrapping: denies ? noWrappingRule : { least, most },
    approval: denies ? undefined : draft.approval,
  };
}

export const noParameterRules: ParameterRules = { allowed: undefined, denied: undefined, required: [] };

function readCapabilities(value: HclValue, context: Context): void {
  for (const { text, at } of readTexts(value, context, 'capabilities')) {
    if (isCapability(text))
      context.draft.capabilities = union(context.draft.capabilities, capabilitySetOf([text]));
    else if (capabilitiesNotEnforced.has(text))
      context.refuse({ at }, `capability ${quote(text)} is not supported`);
    else
      context.refuse({ at }, `unknown capability ${quote(text)}; known are ${knownCapabilities.join(', ')}`);
  }
}

/** Seconds. Zero would say that nothing is asked for, and be read as if it did. */
function readTtl(value: HclValue, context: Context, key: string): number | undefined {
  const seconds =
    value.kind === 'text' ? parseDuration(value.text) : value.kind === 'number' ? value.value : undefined;
  if (seconds !== undefined && Number.isSafeInteger(seconds) && seconds >= 1) return seconds;
  context.refuse(value, `${key} is a number of seconds or a duration like "5m", of a second at least`);
  return undefined;
}

function readOldWord(value: HclValue, context: Context): void {
  const set = value.kind === 'text' ? oldWords.get(value.text) : undefined;
  if (set === undefined) context.refuse(value, `policy is one of ${[...oldWords.keys()].join(', ')}`);
  else context.draft.capabilities = union(context.draft.capabilities, set);
}

type Text = HclValue & { readonly kind: 'text' };

/** A list of texts; one text alone counts as a list, as it does for HCL 1. */
function readTexts(value: HclValue, context: Context, key: string): readonly Text[] {
  const items = value.kind === 'list' ? value.items : [value];
  const texts = items.filter((item): item is Text => item.kind === 'text');
  if (texts.length !== items.length) context.refuse(value, `${key} is a list of texts`);
  return texts;
}

function readParameters(value: HclValue, context: Context): ParameterValues | undefined {
  if (value.kind !== 'object') {
    context.refuse(value, 'parameters are given as { "name" = [values] }');
    return undefined;
  }
  const parameters = new Map<string, readonly JsonValue[]>();
  for (const member of value.members) {
    const name = member.key.toLowerCase();
    if (parameters.has(name)) context.refuse(member, `parameter ${quote(name)} is given twice`);
    if (member.value.kind === 'object') {
      context.refuse(member, `parameter ${quote(name)} takes a list of values`);
    }
    const items = member.value.kind === 'list' ? member.value.items : [member.value];
    parameters.set(
      name,
      items.map((item) => toJson(item, context)),
    );
  }
  return parameters;
}

function toJson(value: HclValue, context: Context): JsonValue {
  switch (value.kind) {
    case 'text':
      return value.text;
    case 'number':
    case 'boolean':
      return value.value;
    case 'null':
      return null;
    case 'list':
      return value.items.map((item) => toJson(item, context));
    case 'object': {
      const object = emptyObject();
      for (const member of value.members) {
        if (Object.hasOwn(object, member.key)) context.refuse(member, `${quote(member.key)} is given twice`);
        object[member.key] = toJson(member.value, context);
      }
      return object;
    }
  }
}
