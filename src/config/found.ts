/** One setting's value, and who said so. */
import type { ConfigFile } from './file.ts';
import type { KeyPath, Place } from './key-places.ts';
import { type Problem, problemIn } from './problem.ts';
import { flagOf, type Setting, variableOf } from './table.ts';

export interface Origin {
  readonly kind: 'flag' | 'environment' | 'file' | 'default';
  /** `--log-level`, `COFFER_LOG_LEVEL`, `coffer.toml:3:1`, `default`. */
  readonly text: string;
  /** The problem of this setting as it stands there. */
  problem(message: string): Problem;
}

export interface Found<T> {
  readonly name: string;
  /** The default where what was said is wrong. */
  readonly value: T;
  /** As it may be written. */
  readonly shown: string;
  readonly origin: Origin;
  /** What was said can be taken. */
  readonly sound: boolean;
}

/** Where settings come from, the strongest first. */
export interface Sources {
  /** By flag, without dashes: a text, true for a bare flag, a list for one that may be repeated. */
  readonly flags: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly file: ConfigFile | undefined;
  /** Absolute; relative paths of flags and variables start here. */
  readonly directory: string;
}

/** A table of the file: its members, and the way to it. */
export interface FileTable {
  readonly members: Readonly<Record<string, unknown>>;
  readonly path: KeyPath;
}

export interface Said {
  readonly raw: unknown;
  readonly base: string;
  readonly origin: Origin;
}

export const byDefault: Origin = {
  kind: 'default',
  text: 'default',
  problem: (message) => ({ where: 'default', message }),
};

export function byFlag(flag: string): Origin {
  const text = `--${flag}`;
  return { kind: 'flag', text, problem: (message) => ({ where: text, message }) };
}

export function byVariable(name: string): Origin {
  return { kind: 'environment', text: name, problem: (message) => ({ where: name, message }) };
}

export function byFile(file: ConfigFile, path: KeyPath): Origin {
  const place: Place = file.place(path);
  const { where } = problemIn(file.name, place, '');
  return { kind: 'file', text: where, problem: (message) => problemIn(file.name, place, message) };
}

/** What the strongest source says of a setting: flag, then environment, then file. An empty variable says nothing. */
export function said(
  name: string,
  setting: Setting<unknown>,
  sources: Sources,
  table: FileTable | undefined,
): Said | undefined {
  const flag = flagOf(name, setting);
  const given = sources.flags[flag];
  const { directory: base } = sources;
  if (given === true) return { raw: true, base, origin: byFlag(flag) };
  if (typeof given === 'string') return { raw: setting.kind.fromText(given), base, origin: byFlag(flag) };
  const variable = variableOf(name, setting);
  const text = sources.env[variable];
  if (text !== undefined && text !== '') {
    return { raw: setting.kind.fromText(text), base, origin: byVariable(variable) };
  }
  const key = name.slice(name.lastIndexOf('.') + 1);
  if (sources.file === undefined || table === undefined || !Object.hasOwn(table.members, key))
    return undefined;
  const origin = byFile(sources.file, [...table.path, key]);
  return { raw: table.members[key], base: sources.file.directory, origin };
}

/** Reads what was said; a problem goes to `problems`, and the default stands in. */
export function readSaid<T>(
  name: string,
  setting: Setting<T>,
  spoken: Said | undefined,
  problems: Problem[],
): Found<T> {
  if (spoken === undefined) {
    const shown = setting.kind.show(setting.default);
    return { name, value: setting.default, shown, origin: byDefault, sound: true };
  }
  const { origin } = spoken;
  const reading = setting.kind.read(spoken.raw, spoken.base);
  if ('value' in reading) {
    return { name, value: reading.value, shown: setting.kind.show(reading.value), origin, sound: true };
  }
  problems.push(origin.problem(`${name} ${reading.problem}`));
  return { name, value: setting.default, shown: '', origin, sound: false };
}
