/**
 * Templates in the paths of rules: `secret/data/{{identity.entity.name}}/*`. They are filled with what is known of the caller's entity and
 * of its login, and what is filled in counts as a literal piece of one segment. A value that could mean more than itself (`*`, `+`, `/`)
 * fills nothing.
 */
import { CofferError } from '../../errors.ts';
import type { TokenRecord } from '../token/record.ts';
import { parsePattern } from './pattern.ts';
import type { Policy } from './policy.ts';
import { quote } from './position.ts';

type Pairs = Readonly<Record<string, string>>;

/** Whom templates speak of. */
export interface TemplateSubject {
  readonly entity: {
    readonly id: string;
    readonly name: string;
    readonly metadata: Pairs;
    readonly aliases: readonly {
      readonly id: string;
      readonly name: string;
      readonly mountAccessor: string;
      readonly metadata: Pairs;
      readonly customMetadata: Pairs;
    }[];
  };
  /** Those it is in, directly and by other groups. */
  readonly groups: readonly { readonly id: string; readonly name: string; readonly metadata: Pairs }[];
}

/** Undefined where there is no such value. */
export type Selector = (subject: TemplateSubject) => string | undefined;

/** A member of the metadata of the token that asks. */
interface OfToken {
  readonly metadata: string;
}

export interface Template {
  readonly text: string;
  readonly parts: readonly (string | Selector | OfToken)[];
}

/**
 * What templates are filled with. Metadata is what an auth method said of the very login that the token is of; undefined for a token that
 * no login made, because whoever makes a token by another says what its metadata is.
 */
export interface Filling {
  readonly subject: TemplateSubject | undefined;
  readonly metadata: Pairs | undefined;
}

const noMetadata: Pairs = {};

/** What an auth method said of the login that a token is of; undefined for a token that no login made: its maker chose the words. */
export function loginMetadata(
  token: Pick<TokenRecord, 'mount' | 'principal' | 'metadata'>,
): Filling['metadata'] {
  const { mount, principal, metadata } = token;
  return principal === undefined || mount === null ? undefined : (metadata ?? noMetadata);
}

/** Throws `invalid_request` for a selector that there is not, or braces that do not close. */
export function parseTemplate(text: string): Template {
  const parts = text.split(/(\{\{.*?\}\})/).map((part) => {
    const inner = /^\{\{(.*)\}\}$/.exec(part)?.[1];
    if (inner !== undefined) return parsePart(inner.trim());
    if (part.includes('{{') || part.includes('}}')) {
      throw new CofferError(
        'invalid_request',
        `${quote(text)}: a template begins with "{{" and ends with "}}"`,
      );
    }
    return part;
  });
  return { text, parts };
}

export function isTemplate(text: string): boolean {
  return text.includes('{{');
}

/** The text with every selector in place of a word, for looking at its shape. */
export function sampleOf({ parts }: Template): string {
  return parts.map((part) => (typeof part === 'string' ? part : 'x')).join('');
}

function parsePart(text: string): Selector | OfToken {
  const key = /^token\.metadata\.(.+)$/s.exec(text)?.[1];
  return key === undefined ? parseSelector(text) : { metadata: key };
}

/** What identity has of somebody. Throws `invalid_request`, naming what there is. */
export function parseSelector(text: string): Selector {
  const entity = /^identity\.entity\.(.+)$/s.exec(text)?.[1];
  const groups = /^identity\.groups\.(ids|names)\.(.+)$/s.exec(text);
  const selector =
    entity !== undefined
      ? entitySelector(entity)
      : groups !== null
        ? groupSelector(groups[1], groups[2] ?? '')
        : undefined;
  if (selector !== undefined) return selector;
  throw new CofferError(
    'invalid_request',
    `unknown template {{${text.slice(0, 80)}}}; known are token.metadata.<key> (in policies), identity.entity.id, .name, .metadata.<key>, .aliases.<accessor>.id|name|metadata.<key>|custom_metadata.<key>, identity.groups.ids.<id>.name|metadata.<key>, identity.groups.names.<name>.id|metadata.<key>`,
  );
}

function entitySelector(rest: string): Selector | undefined {
  if (rest === 'id') return ({ entity }) => entity.id;
  if (rest === 'name') return ({ entity }) => entity.name;
  const key = /^metadata\.(.+)$/s.exec(rest)?.[1];
  if (key !== undefined) return ({ entity }) => own(entity.metadata, key);
  const [, accessor, field, of] =
    /^aliases\.([^.]+)\.(id|name|metadata|custom_metadata)(?:\.(.+))?$/s.exec(rest) ?? [];
  const named = field === 'metadata' || field === 'custom_metadata';
  if (accessor === undefined || named !== (of !== undefined)) return undefined;
  return ({ entity }) => {
    const alias = entity.aliases.find(({ mountAccessor }) => mountAccessor === accessor);
    if (alias === undefined) return undefined;
    if (field === 'id') return alias.id;
    if (field === 'name') return alias.name;
    return own(field === 'metadata' ? alias.metadata : alias.customMetadata, of ?? '');
  };
}

function groupSelector(by: string | undefined, rest: string): Selector | undefined {
  const [, known, shown, key] = /^(.+?)\.(?:(id|name)|metadata\.(.+))$/s.exec(rest) ?? [];
  if (known === undefined || (shown !== undefined && shown === (by === 'ids' ? 'id' : 'name')))
    return undefined;
  return ({ groups }) => {
    const group = groups.find(({ id, name }) => known === (by === 'ids' ? id : name));
    if (group === undefined) return undefined;
    if (key !== undefined) return own(group.metadata, key);
    return shown === 'id' ? group.id : group.name;
  };
}

function own(pairs: Pairs, key: string): string | undefined {
  return Object.hasOwn(pairs, key) ? pairs[key] : undefined;
}

type Filled =
  | { readonly kind: 'filled'; readonly text: string }
  /** The subject has no such value. */
  | { readonly kind: 'missing' }
  /** It has, and it cannot stand in a path without meaning more than itself; or nobody knows what it would be. */
  | { readonly kind: 'unfit' };

function fill({ parts }: Template, filling: Filling): Filled {
  let text = '';
  for (const part of parts) {
    if (typeof part === 'string') {
      text += part;
      continue;
    }
    if (typeof part !== 'function' && filling.metadata === undefined) return { kind: 'unfit' };
    const value = valueFor(part, filling);
    if (value === undefined) return { kind: 'missing' };
    if (value === '' || /[*+/{}]/.test(value)) return { kind: 'unfit' };
    text += value;
  }
  return { kind: 'filled', text };
}

function valueFor(part: Selector | OfToken, { subject, metadata }: Filling): string | undefined {
  if (typeof part === 'function') return subject === undefined ? undefined : part(subject);
  return metadata === undefined ? undefined : own(metadata, part.metadata);
}

/**
 * The policies as they are for one subject. A rule that cannot be filled is left out. Undefined where what would be left out denies
 * something, for a value that is unfit: then nothing is to be allowed, since nobody can tell what was meant to be denied.
 */
export function fillPolicies(policies: readonly Policy[], filling: Filling): readonly Policy[] | undefined {
  const filled: Policy[] = [];
  for (const policy of policies) {
    if (policy.templated.length === 0) filled.push(policy);
    else {
      const rules = filledRules(policy, filling);
      if (rules === undefined) return undefined;
      filled.push({ ...policy, rules: [...policy.rules, ...rules], templated: [] });
    }
  }
  return filled;
}

/** The rules of templates alone. Undefined as for `fillPolicies`. */
export function filledRules({ templated }: Policy, filling: Filling): Policy['rules'] | undefined {
  const rules: Policy['rules'][number][] = [];
  for (const { template, rule, denies } of templated) {
    const result = fill(template, filling);
    const pattern = result.kind === 'filled' ? fittingPattern(result.text) : undefined;
    if (pattern !== undefined) rules.push({ ...rule, pattern });
    else if (denies && result.kind !== 'missing') return undefined;
  }
  return rules;
}

/** Undefined for what no request's path could match: a value of `..`, say. */
function fittingPattern(text: string) {
  try {
    return parsePattern(text);
  } catch (error) {
    if (error instanceof CofferError) return undefined;
    throw error;
  }
}
