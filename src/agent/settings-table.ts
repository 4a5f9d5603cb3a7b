/** Reads tables of the agent's configuration: each key by its kind, and what nobody asked for is a problem. */
import type { ConfigFile } from '../config/file.ts';
import type { KeyPath } from '../config/key-places.ts';
import type { Kind } from '../config/kinds.ts';
import { type Problem, problemIn } from '../config/problem.ts';
import { suggest } from '../suggest.ts';

export class SettingsTable {
  readonly #file: ConfigFile;
  readonly #members: Readonly<Record<string, unknown>>;
  readonly #path: KeyPath;
  readonly #problems: Problem[];
  readonly #asked = new Set<string>();

  constructor(
    file: ConfigFile,
    members: Readonly<Record<string, unknown>>,
    path: KeyPath,
    problems: Problem[],
  ) {
    this.#file = file;
    this.#members = members;
    this.#path = path;
    this.#problems = problems;
  }

  has(name: string): boolean {
    this.#asked.add(name);
    return Object.hasOwn(this.#members, name);
  }

  /** The value, or undefined where there is none, or a wrong one, which is a problem. */
  optional<T>(name: string, kind: Kind<T>): T | undefined {
    if (!this.has(name)) return undefined;
    const reading = kind.read(this.#members[name], this.#file.directory);
    if ('value' in reading) return reading.value;
    this.problem(`${name} ${reading.problem}`, name);
    return undefined;
  }

  or<T>(name: string, kind: Kind<T>, otherwise: T): T {
    return this.optional(name, kind) ?? otherwise;
  }

  /** As `optional`; where there is none, that is a problem. */
  required<T>(name: string, kind: Kind<T>): T | undefined {
    if (!this.has(name)) this.problem(`${name} is missing: ${kind.looks}`);
    return this.optional(name, kind);
  }

  /** A table below this one; undefined where there is none. */
  table(name: string): SettingsTable | undefined {
    if (!this.has(name)) return undefined;
    const members = this.#members[name];
    if (isTable(members))
      return new SettingsTable(this.#file, members, [...this.#path, name], this.#problems);
    this.problem(`${name} must be a table: [${name}]`, name);
    return undefined;
  }

  /** Tables that are written `[[name]]`. */
  tables(name: string): readonly SettingsTable[] {
    if (!this.has(name)) return [];
    const list = this.#members[name];
    if (Array.isArray(list) && list.every(isTable)) {
      return list.map(
        (members, index) =>
          new SettingsTable(this.#file, members, [...this.#path, name, index], this.#problems),
      );
    }
    this.problem(`${name} must be a list of tables, each written [[${name}]]`, name);
    return [];
  }

  /** Names and texts. */
  texts(): readonly (readonly [string, string])[] {
    return Object.entries(this.#members).flatMap(([name, value]) => {
      this.#asked.add(name);
      if (typeof value === 'string') return [[name, value] as const];
      this.problem(`${name} must be text`, name);
      return [];
    });
  }

  problem(message: string, name?: string): void {
    const path = name === undefined ? this.#path : [...this.#path, name];
    this.#problems.push(problemIn(this.#file.name, this.#file.place(path), message));
  }

  /** Keys that were never asked for. */
  end(): void {
    for (const name of Object.keys(this.#members)) {
      if (this.#asked.has(name)) continue;
      const near = suggest(name, [...this.#asked]);
      const hint =
        near === undefined ? `known are ${[...this.#asked].join(', ')}` : `did you mean "${near}"?`;
      this.problem(`unknown key ${JSON.stringify(name.slice(0, 80))} (${hint})`, name);
    }
  }
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
