/**
 * Flags as Go's `flag` package reads them, which old scripts rely on: one dash or two, `-name=value` or `-name value`, a bare flag
 * of a truth value, and an end at the first word that is no flag. Messages name flags, never values.
 */
import { suggest } from '../../suggest.ts';
import { misuse } from './failure.ts';

export interface FlagSpec {
  /** `list` may be given several times; `pairs` are `name=value`, and may be too. */
  readonly type: 'bool' | 'text' | 'int' | 'duration' | 'list' | 'pairs';
  readonly help: string;
}

export type FlagSpecs = Readonly<Record<string, FlagSpec>>;

/** The flags that were given, by name. */
export class Flags {
  readonly #given: ReadonlyMap<string, readonly string[]>;

  constructor(given: ReadonlyMap<string, readonly string[]> = new Map()) {
    this.#given = given;
  }

  has(name: string): boolean {
    return this.#given.has(name);
  }

  /** False when it is not given. */
  bool(name: string): boolean {
    return truths.get(this.text(name) ?? 'false') === true;
  }

  /** The last one that was given; undefined when there is none. */
  text(name: string): string | undefined {
    return this.#given.get(name)?.at(-1);
  }

  int(name: string): number | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : Number(text);
  }

  list(name: string): readonly string[] {
    return this.#given.get(name) ?? [];
  }

  pairs(name: string): Readonly<Record<string, string>> {
    const pairs: Record<string, string> = Object.create(null);
    for (const pair of this.list(name)) {
      const at = pair.indexOf('=');
      pairs[pair.slice(0, at)] = pair.slice(at + 1);
    }
    return pairs;
  }
}

/** As Go's `strconv.ParseBool`. */
const truths = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text): [string, boolean] => [text, true]),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text): [string, boolean] => [text, false]),
]);

export interface ParsedWords {
  readonly flags: Flags;
  readonly args: readonly string[];
  /** Words behind the first argument that look like flags of this command and were not read as such. */
  readonly late: readonly string[];
}

/** Throws `usage` for a flag that is not known, that lacks its value or has one that cannot be. */
export function parseFlags(specs: FlagSpecs, words: readonly string[]): ParsedWords {
  const given = new Map<string, readonly string[]>();
  const rest = [...words];
  while (rest[0] !== undefined && rest[0].length > 1 && rest[0].startsWith('-')) {
    const word = rest.shift() ?? '';
    if (word === '--') break;
    const { name, value } = splitFlag(word);
    const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
    if (spec === undefined) throw unknownFlag(name, specs);
    const text = value ?? (spec.type === 'bool' ? 'true' : rest.shift());
    if (text === undefined) throw misuse(`flag needs an argument: -${name}`);
    check(name, spec, text);
    const several = spec.type === 'list' || spec.type === 'pairs';
    given.set(name, several ? [...(given.get(name) ?? []), text] : [text]);
  }
  const late = rest.filter((word) => word.length > 1 && word.startsWith('-') && isKnown(word, specs));
  return { flags: new Flags(given), args: rest, late: late.map((word) => `-${splitFlag(word).name}`) };
}

function splitFlag(word: string): { readonly name: string; readonly value: string | undefined } {
  const bare = word.replace(/^--?/, '');
  const at = bare.indexOf('=');
  return at === -1
    ? { name: bare, value: undefined }
    : { name: bare.slice(0, at), value: bare.slice(at + 1) };
}

function isKnown(word: string, specs: FlagSpecs): boolean {
  return Object.hasOwn(specs, splitFlag(word).name);
}

function unknownFlag(name: string, specs: FlagSpecs): ReturnType<typeof misuse> {
  const near = suggest(name, Object.keys(specs));
  // What does not look like a flag's name may be a secret that begins with a dash.
  const shown = /^[a-z][a-z0-9-]{0,40}$/.test(name) ? `: -${name}` : '';
  return misuse(
    `flag provided but not defined${shown}${near === undefined ? '' : ` (did you mean -${near}?)`}`,
  );
}

const unit = '(?:ns|us|µs|ms|s|m|h|d)';
const duration = new RegExp(`^-?(?:\\d+(?:\\.\\d+)?|(?:\\d+(?:\\.\\d+)?${unit})+)$`);

function check(name: string, { type }: FlagSpec, text: string): void {
  const problem =
    type === 'bool' && !truths.has(text)
      ? 'must be true or false'
      : type === 'int' && !/^\d{1,15}$/.test(text)
        ? 'must be a whole number'
        : type === 'duration' && text !== '' && text !== 'system' && !duration.test(text)
          ? 'must be a duration such as 3600, 90s or 1h30m'
          : type === 'pairs' && !(text.indexOf('=') > 0)
            ? 'must be name=value'
            : undefined;
  if (problem !== undefined) throw misuse(`invalid value for flag -${name}: ${problem}`);
}
