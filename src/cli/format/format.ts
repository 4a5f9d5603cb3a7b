/**
 * The seam of `export` and `import`: secrets as other programs write them down.
 *
 * A flat format holds one map of variables; a tree format can hold several secrets by name. What a format cannot carry it refuses
 * (`unsupported_operation`, naming the field): nothing is changed to make it fit. Reading is strict: what is not understood is
 * refused with its line (`invalid_request`). No message repeats a value.
 */
import { CofferError } from '../../errors.ts';
import type { JsonObject, JsonValue } from '../../json.ts';

export interface Field {
  readonly name: string;
  readonly value: JsonValue;
}

export interface NamedSecret {
  readonly name: string;
  readonly data: JsonObject;
}

export interface FlatFormat {
  readonly kind: 'flat';
  /** Numbers, lists and maps are carried as such; otherwise they are JSON text, and come back as that. */
  readonly exact: boolean;
  /** One after another they are the whole text. Ends in a newline. */
  encode(fields: readonly Field[]): string;
  /** In the order of the file, each name once. */
  decode(text: string): readonly Field[];
}

export interface TreeFormat {
  readonly kind: 'tree';
  encodeOne(secret: NamedSecret): string;
  /** For several by name, in the order in which they come. */
  series(): Series;
  decodeOne(text: string): JsonObject;
  /** Names are as they stand in the text, each once; the caller checks what they mean. */
  decodeMany(text: string): readonly NamedSecret[];
}

export type SecretFormat = FlatFormat | TreeFormat;

/** The writing of several secrets, each as it comes: none is held. The pieces and the end together are the text. */
export interface Series {
  /** Names come once each; what they are below has been taken off. */
  piece(secret: NamedSecret): string;
  end(): string;
}

export function encodeMany(format: TreeFormat, secrets: readonly NamedSecret[]): string {
  const series = format.series();
  return secrets.map((secret) => series.piece(secret)).join('') + series.end();
}

/** Where a text is not understood. `line` counts from 1. */
export function lineError(line: number, problem: string): CofferError {
  return new CofferError('invalid_request', `line ${line}: ${problem}`);
}

export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

export function cannotCarry(format: string, field: string, what: string): CofferError {
  return new CofferError(
    'unsupported_operation',
    `${format} cannot carry the field ${field}: ${what}; --as json and yaml carry every value`,
  );
}

/** The text of a value where there is nothing but text: JSON for numbers, lists and maps. */
export function flatText(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A name of the environment: IEEE Std 1003.1 §8.1, with the lower-case letters that programs use too. */
export function isVariableName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

/** Collects what a text assigns, and refuses a name that comes twice. */
export class Assignments {
  readonly #fields = new Map<string, JsonValue>();

  /** @param line counted only where it is told: counting takes time in proportion to the text */
  add(name: string, value: JsonValue, line: () => number): void {
    if (this.#fields.has(name)) throw lineError(line(), `${name} is given twice`);
    this.#fields.set(name, value);
  }

  get fields(): readonly Field[] {
    return [...this.#fields].map(([name, value]) => ({ name, value }));
  }
}
