/** The settings of `coffer server` as its flags name them, and what of them only the file system can say. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { OptionSpec, Options } from '../cli/command.ts';
import { type Shell, variable } from '../cli/shell.ts';
import type { Found } from '../config/found.ts';
import { type Loaded, loadSettings } from '../config/load.ts';
import type { Problem } from '../config/problem.ts';
import { flagOf, listenerTable, type Setting, table } from '../config/table.ts';
import { asCofferError } from '../errors.ts';
import { readCertificate } from './certificate.ts';
import { laxDirectories, laxKeyFile } from './private-place.ts';

const words: Readonly<Record<string, string>> = { data: 'DIR', keyfile: 'FILE' };

/** One option for each setting. Their values are read by the table, so that all that is wrong is told together. */
export const settingOptions: Options = Object.fromEntries(
  Object.entries<Setting<unknown>>({ ...table, ...listenerTable }).map(([name, setting]) => [
    flagOf(name, setting),
    optionOf(name, setting),
  ]),
);

function optionOf(name: string, { bare, help, kind }: Setting<unknown>): OptionSpec {
  if (bare === true) return { type: 'flag', help };
  return { type: name === 'address' ? 'list' : 'text', value: words[name] ?? kind.placeholder, help };
}

/** Flags by name, as the command line gave them. */
export type Flags = Parameters<typeof loadSettings>[0]['flags'];

export function loadServerSettings(flags: Flags, shell: Pick<Shell, 'env'>): Loaded {
  const named = flags['config'];
  const config = typeof named === 'string' ? named : variable(shell.env, 'COFFER_CONFIG');
  const short = flags['dev-listen-address'];
  const listen = [...list(flags['listen']), ...(typeof short === 'string' ? [short] : [])];
  return loadSettings({ config, flags: { ...flags, listen }, env: shell.env, directory: resolve('.') });
}

function list(value: Flags[string]): readonly string[] {
  return Array.isArray(value) ? value : [];
}

/** Certificates that cannot be used. Reads their files and nothing else. */
export function certificateProblems({ settings, found }: Loaded): readonly Problem[] {
  const origins = found.filter(({ name }) => name.endsWith('.tls_cert'));
  return settings.listeners.flatMap(({ tls }, index) => {
    if (tls === undefined) return [];
    try {
      readCertificate(tls);
      return [];
    } catch (error) {
      return problemOf(origins[index], asCofferError(error).message);
    }
  });
}

/** Modes that let others reach what is there. */
export function placeProblems({ settings, found }: Loaded, data: string): readonly Problem[] {
  const { keyfile } = settings;
  const of = (name: string) => found.find((each) => each.name === name);
  const lax = keyfile === undefined || !existsSync(keyfile) ? undefined : laxKeyFile(keyfile);
  return [
    ...laxDirectories(data).flatMap((message) => problemOf(of('data'), message)),
    ...(lax === undefined ? [] : problemOf(of('keyfile'), lax)),
  ];
}

function problemOf(found: Found<unknown> | undefined, message: string): readonly Problem[] {
  return found === undefined ? [] : [found.origin.problem(message)];
}
