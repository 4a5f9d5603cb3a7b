/**
 * Fields of secrets as variables. A field is the variable of its own name; where several secrets come together, a bare value is
 * named for its secret (the last part of its name). What is not the name of a variable is refused, or mapped by `--upper`:
 * letters become upper-case and anything else but digits becomes `_`. Two fields that meet in one name are refused.
 */
import { CofferError } from '../errors.ts';
import type { JsonValue } from '../json.ts';
import { bareField, bareValue } from '../secret-value.ts';
import type { Options } from './command.ts';
import { type Field, isVariableName, type NamedSecret } from './format/format.ts';
import { steersPrograms } from './steering-variables.ts';

export const variableOptions = {
  only: { type: 'list', value: 'A,B', help: 'these fields and no others' },
  prefix: { type: 'text', value: 'TEXT', help: 'what every variable begins with' },
  upper: { type: 'flag', help: 'NAMES_LIKE_THIS, whatever the fields are called' },
} as const satisfies Options;

export interface VariableWishes {
  readonly only: readonly string[];
  readonly prefix: string | undefined;
  readonly upper: boolean;
}

interface Candidate {
  /** What the field is called where secrets come together. */
  readonly label: string;
  readonly source: string;
  readonly value: JsonValue;
}

/**
 * @param nameBare whether a bare value is named for its secret
 * @throws `usage` for names that cannot be or that meet, `not_found` for a field of `--only` that is not there
 */
export function variablesOf(
  secrets: readonly NamedSecret[],
  wishes: VariableWishes,
  nameBare: boolean,
): readonly Field[] {
  const variables = new Variables(wishes, nameBare);
  const fields = secrets.flatMap((secret) => variables.of(secret));
  variables.end();
  return fields;
}

/** The same, secret by secret: what is held is names. */
export class Variables {
  readonly #wishes: VariableWishes;
  readonly #nameBare: boolean;
  readonly #only: ReadonlySet<string>;
  /** Where each variable comes from. */
  readonly #sources = new Map<string, string>();
  readonly #labels = new Set<string>();

  constructor(wishes: VariableWishes, nameBare: boolean) {
    this.#wishes = wishes;
    this.#nameBare = nameBare;
    this.#only = new Set(wishes.only.flatMap((list) => list.split(',')).map((name) => name.trim()));
  }

  of(secret: NamedSecret): readonly Field[] {
    const candidates = candidatesOf(secret, this.#nameBare);
    for (const { label } of candidates) this.#labels.add(label);
    return candidates
      .filter(({ label }) => this.#only.size === 0 || this.#only.has(label))
      .map((candidate) => this.#field(candidate));
  }

  /** Behind the last secret. Throws `not_found` for a field of `--only` that none had. */
  end(): void {
    for (const name of this.#only) {
      if (this.#labels.has(name)) continue;
      const known = [...this.#labels].join(', ') || 'none';
      throw new CofferError('not_found', `--only names a field that is not there; there are: ${known}`);
    }
  }

  #field(candidate: Candidate): Field {
    const name = nameOf(candidate, this.#wishes, this.#only.has(candidate.label));
    const other = this.#sources.get(name);
    if (other !== undefined) {
      const help = '--only picks fields; --prefix keeps the variables of several calls apart';
      throw new CofferError('usage', `${other} and ${candidate.source} would both be ${name}; ${help}`);
    }
    this.#sources.set(name, candidate.source);
    return { name, value: candidate.value };
  }
}

function candidatesOf({ name, data }: NamedSecret, nameBare: boolean): readonly Candidate[] {
  if (nameBare && bareValue(data) !== undefined) {
    const label = name.slice(name.lastIndexOf('/') + 1);
    return [{ label, source: name, value: data[bareField] ?? null }];
  }
  return Object.entries(data).map(([field, value]) => ({
    label: field,
    source: `${field} of ${name}`,
    value,
  }));
}

function nameOf({ label, source }: Candidate, wishes: VariableWishes, chosen: boolean): string {
  const mapped = wishes.upper ? label.toUpperCase().replace(/[^A-Z0-9]/g, '_') : label;
  const name = `${wishes.prefix ?? ''}${mapped}`;
  if (!isVariableName(name)) {
    const hint = wishes.upper
      ? '--prefix gives it a beginning'
      : '--upper makes one of it, --only leaves it out';
    throw new CofferError('usage', `${source} is not the name of a variable; ${hint}`);
  }
  if (!chosen && steersPrograms(name)) {
    const why = 'would steer how programs run; if that is meant, name it with --only';
    throw new CofferError('usage', `${source} is ${name}, which ${why}`);
  }
  return name;
}
