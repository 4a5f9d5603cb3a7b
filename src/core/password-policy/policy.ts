/**
 * Password policies: how passwords are made that a server makes for others (Vault, "password policies"). `length` and rules, each a
 * set of characters of which so many must be in.
 */
import { CofferError } from '../../errors.ts';
import { type HclObject, type HclValue, parseHcl } from '../policy/hcl.ts';
import { quote } from '../policy/position.ts';
import { Problems } from '../policy/problems.ts';

export interface PasswordPolicy {
  /** Characters of the password. */
  readonly length: number;
  readonly rules: readonly CharacterRule[];
}

export interface CharacterRule {
  /** Each once. */
  readonly characters: readonly string[];
  /** So many of them at least. */
  readonly least: number;
}

/** What Vault asks at least; what nobody types, but machines take. */
const shortest = 4;
const longest = 4_096;
const mostRules = 32;
const mostCharacters = 2_048;

/** Throws `invalid_request`, listing every problem with its line; where the text cannot be read at all, the first one. */
export function parsePasswordPolicy(text: string): PasswordPolicy {
  if (text.trim() === '') throw new CofferError('invalid_request', 'the password policy is empty');
  const root = parseHcl(text);
  const problems = new Problems();
  const draft: Draft = { length: undefined, rules: [] };
  const seen = new Set<string>();
  for (const { key, at, value } of root.members) {
    if (key === 'rule') readRules(value, draft, problems);
    else if (key !== 'length') {
      problems.add(at, `unknown key ${quote(key)}; a password policy has "length" and "rule"`);
    } else if (seen.has(key)) problems.add(at, '"length" is given twice');
    else draft.length = wholeNumber(value, shortest, longest, 'length', problems);
    seen.add(key);
  }
  if (!seen.has('length')) problems.add(root.at, 'length is missing');
  if (!seen.has('rule')) problems.add(root.at, 'at least one rule "charset" is needed');
  if (draft.rules.length > mostRules) problems.add(root.at, `there are more than ${mostRules} rules`);
  const least = draft.rules.reduce((sum, rule) => sum + rule.least, 0);
  if (draft.length !== undefined && least > draft.length) {
    problems.add(root.at, `the rules want ${least} characters, more than the ${draft.length} of the length`);
  }
  problems.throwIfAny();
  return { length: draft.length ?? shortest, rules: draft.rules };
}

interface Draft {
  length: number | undefined;
  readonly rules: CharacterRule[];
}

/** `rule "charset" { … }`, once or in a list. */
function readRules(value: HclValue, draft: Draft, problems: Problems): void {
  for (const named of value.kind === 'list' ? value.items : [value]) {
    if (named.kind !== 'object') {
      problems.add(named.at, 'a rule is a block: rule "charset" { charset = "…" }');
      continue;
    }
    for (const { key, at, value: body } of named.members) {
      for (const one of body.kind === 'list' ? body.items : [body]) {
        if (key !== 'charset') problems.add(at, `unknown rule ${quote(key)}; there is "charset"`);
        else if (one.kind !== 'object') problems.add(one.at, 'rule "charset" is a block');
        else draft.rules.push(readRule(one, problems));
      }
    }
  }
}

function readRule(body: HclObject, problems: Problems): CharacterRule {
  let characters: readonly string[] = [];
  let least = 0;
  const seen = new Set<string>();
  for (const { key, at, value } of body.members) {
    if (seen.has(key)) problems.add(at, `${quote(key)} is given twice`);
    else if (key === 'charset') characters = readCharacters(value, problems);
    else if (key === 'min-chars') least = wholeNumber(value, 0, longest, 'min-chars', problems) ?? 0;
    else problems.add(at, `unknown key ${quote(key)}; a rule has "charset" and "min-chars"`);
    seen.add(key);
  }
  if (!seen.has('charset')) problems.add(body.at, 'charset is missing');
  return { characters, least };
}

/** Characters are code points; what cannot be seen cannot be typed, and breaks what a password is written into. */
function readCharacters(value: HclValue, problems: Problems): readonly string[] {
  if (value.kind !== 'text' || value.text === '') {
    problems.add(value.at, 'charset is a text of at least one character');
    return [];
  }
  const characters = [...new Set(value.text)];
  if (characters.length > mostCharacters) {
    problems.add(value.at, `charset has more than ${mostCharacters} characters`);
  }
  if (characters.some((character) => /[\p{C}\p{M}\p{Zl}\p{Zp}]/u.test(character))) {
    problems.add(value.at, 'charset has characters that cannot be printed, or that only join others');
  }
  return characters;
}

function wholeNumber(
  value: HclValue,
  least: number,
  most: number,
  key: string,
  problems: Problems,
): number | undefined {
  const number = value.kind === 'number' ? value.value : Number.NaN;
  if (Number.isSafeInteger(number) && number >= least && number <= most) return number;
  problems.add(value.at, `${key} is a whole number from ${least} to ${most}`);
  return undefined;
}
