/**
 * Command lines as Python's argparse and as click read them, which scripts of the old programs rely on: options among operands, values
 * joined or apart, flags in one cluster. Messages name options, never the words behind them: those may be secrets.
 */
import { misuse } from './failure.ts';

export interface OptionRule {
  /** As typed: `-v`, `--version`. */
  readonly names: readonly string[];
  /** Words behind it; `rest` is all up to the next option. */
  readonly takes: 0 | 1 | 2 | 'rest';
  readonly help: string;
}

/** By the name that the program knows it by. */
export type OptionRules = Readonly<Record<string, OptionRule>>;

/** What both programs do with a command line, and where they differ. */
export interface Manner {
  /** argparse takes the beginning of a long name, takes a word with a blank or a negative number for an operand, and wants a value that is no option. */
  readonly kind: 'argparse' | 'click';
  /** Ends at the first operand: what follows is a command's. */
  readonly untilOperand?: boolean;
}

export interface ReadWords {
  /** Words of each option, each time that it was given. */
  readonly given: ReadonlyMap<string, readonly (readonly string[])[]>;
  readonly operands: readonly string[];
}

/** Throws a misuse (exit 2) for an option that is not known or lacks its value. */
export function readWords(rules: OptionRules, words: readonly string[], manner: Manner): ReadWords {
  const given = new Map<string, (readonly string[])[]>();
  const operands: string[] = [];
  const rest = [...words];
  const add: Add = (key, values) => void given.set(key, [...(given.get(key) ?? []), values]);
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') {
      operands.push(...rest.splice(0));
    } else if (!isOption(word, rules, manner)) {
      operands.push(word);
      if (manner.untilOperand === true) operands.push(...rest.splice(0));
    } else if (word.startsWith('--')) readLong(word, rules, rest, manner, add);
    else readCluster(word, rules, rest, manner, add);
  }
  return { given, operands };
}

type Add = (key: string, values: readonly string[]) => void;

function isOption(word: string, rules: OptionRules, { kind }: Manner): boolean {
  if (!word.startsWith('-') || word === '-') return false;
  if (kind === 'click') return true;
  if (Object.values(rules).some(({ names }) => names.includes(word))) return true;
  return !word.includes(' ') && !/^-(\d+|\d*\.\d+)$/.test(word);
}

function readLong(word: string, rules: OptionRules, rest: string[], manner: Manner, add: Add): void {
  const at = word.indexOf('=');
  const name = at === -1 ? word : word.slice(0, at);
  const [key, rule] = findLong(name, rules, manner);
  if (at !== -1 && rule.takes !== 1) throw misuse(`option ${name} takes no value behind "="`);
  add(key, at === -1 ? valuesOf(name, rule, rules, rest, manner) : [word.slice(at + 1)]);
}

function findLong(name: string, rules: OptionRules, { kind }: Manner): readonly [string, OptionRule] {
  const all = Object.entries(rules);
  const exact = all.find(([, { names }]) => names.includes(name));
  if (exact !== undefined) return exact;
  const near =
    kind === 'argparse' ? all.filter(([, { names }]) => names.some((each) => each.startsWith(name))) : [];
  const [only, another] = near;
  if (only !== undefined && another === undefined) return only;
  if (only !== undefined) throw misuse(`ambiguous option: ${name}`);
  throw unknown(name);
}

/** `-nv 3`, `-v3`, `-v=3` as argparse has it. */
function readCluster(word: string, rules: OptionRules, rest: string[], manner: Manner, add: Add): void {
  for (let index = 1; index < word.length; index++) {
    const name = `-${word[index]}`;
    const found = Object.entries(rules).find(([, { names }]) => names.includes(name));
    if (found === undefined) throw unknown(name);
    const [key, rule] = found;
    const joined = word.slice(index + 1);
    if (rule.takes === 0) {
      add(key, []);
      continue;
    }
    if (joined !== '' && rule.takes !== 1) throw misuse(`option ${name} needs its words apart`);
    const value = manner.kind === 'argparse' ? joined.replace(/^=/, '') : joined;
    add(key, joined === '' ? valuesOf(name, rule, rules, rest, manner) : [value]);
    return;
  }
}

function valuesOf(
  name: string,
  { takes }: OptionRule,
  rules: OptionRules,
  rest: string[],
  manner: Manner,
): readonly string[] {
  const mayTake = (word: string | undefined) =>
    word !== undefined && (manner.kind === 'click' || (word !== '--' && !isOption(word, rules, manner)));
  const values: string[] = [];
  while ((takes === 'rest' || values.length < takes) && mayTake(rest[0])) values.push(rest.shift() ?? '');
  if (takes === 'rest' || values.length === takes) return values;
  throw misuse(`option ${name}: expected ${takes === 1 ? 'one argument' : `${takes} arguments`}`);
}

function unknown(name: string) {
  // What does not look like an option may be a secret that begins with a dash.
  return misuse(
    /^--?[a-z][a-z-]{0,30}$/i.test(name) ? `no such option: ${name}` : 'no such option (-- ends options)',
  );
}

/** The options that were given, by the name that the program knows them by. */
export class Given {
  readonly #given: ReadWords['given'];

  constructor(given: ReadWords['given']) {
    this.#given = given;
  }

  has(key: string): boolean {
    return this.#given.has(key);
  }

  /** The last one counts. */
  text(key: string): string | undefined {
    return this.#given.get(key)?.at(-1)?.[0];
  }

  /** Every time that it was given. */
  all(key: string): readonly (readonly string[])[] {
    return this.#given.get(key) ?? [];
  }
}
