/** What the options, the configuration file and the environment say, in that order. */
import { readFileSync } from 'node:fs';
import { aesCtrFormat, aesGcmFormat } from '../../credstash/credsmash-format.ts';
import { credstashFormat } from '../../credstash/credstash-format.ts';
import { writableDigests } from '../../credstash/digest.ts';
import type { ItemFormat } from '../../credstash/format.ts';
import { asCofferError } from '../../errors.ts';
import { failed, misuse } from '../credstash/failure.ts';
import type { Given, OptionRules } from '../credstash/words.ts';
import { type IniFile, parseIni } from '../ini.ts';
import { systemReason } from '../private-file.ts';
import { type Shell, variable } from '../shell.ts';
import { isLevel, type Level, levels } from './log.ts';

/** Taken before the command and behind it, as the README shows them. */
export const globalOptions = {
  config: {
    names: ['-c', '--config'],
    takes: 1,
    help: 'configuration file (CREDSMASH_CONFIG, else /etc/credsmash.cfg)',
  },
  table: { names: ['-t', '--table-name'], takes: 1, help: 'the table (secret-store)' },
  key: { names: ['-k', '--key-id'], takes: 1, help: 'the KMS key (alias/credsmash)' },
  region: { names: ['-r', '--region'], takes: 1, help: 'the region (as AWS has it, else us-east-1)' },
  context: { names: ['--context'], takes: 2, help: 'KEY VALUE of the encryption context; may be repeated' },
} as const satisfies OptionRules;

export interface Settings {
  readonly table: string;
  readonly key: string;
  readonly region: string | undefined;
  /** `KEY=VALUE` each. */
  readonly context: readonly string[];
  readonly format: ItemFormat;
  /** Bytes of a data key; the format's own unless told. */
  readonly keyLength: number | undefined;
  readonly digest: (typeof writableDigests)[number] | undefined;
  readonly level: Level;
}

const usualFile = '/etc/credsmash.cfg';

/** Throws for a file that cannot be understood, naming the section, and for an option that is not known there. */
export function readSettings(shell: Shell, globals: Given): Settings {
  const config = readConfig(shell, globals.text('config') ?? variable(shell.env, 'CREDSMASH_CONFIG'));
  const main = section(config, 'credsmash', [
    'table_name',
    'key_id',
    'algorithm',
    'log_level',
    'key_service',
    'storage_service',
  ]);
  const key = globals.text('key');
  const keys =
    key === undefined
      ? serviceSection(config, main, 'key_service', 'kms', ['key_id', 'encryption_context'])
      : new Map();
  const table = globals.text('table');
  const storage =
    table === undefined
      ? serviceSection(config, main, 'storage_service', 'dynamodb', ['table_name'])
      : new Map();
  return {
    table: table ?? storage.get('table_name') ?? main.get('table_name') ?? 'secret-store',
    key: key ?? keys.get('key_id') ?? main.get('key_id') ?? 'alias/credsmash',
    region: globals.text('region'),
    context: contextOf(keys.get('encryption_context') ?? '', globals.all('context')),
    ...algorithmOf(config, main.get('algorithm') ?? 'aes-ctr'),
    level: levelOf(main.get('log_level') ?? 'INFO'),
  };
}

function readConfig(shell: Shell, named: string | undefined): IniFile {
  const path = named ?? usualFile;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const reason = systemReason(error);
    if (reason !== 'no such file or directory') throw failed(`cannot read ${path}: ${reason}`);
    // The old program says nothing of it; whoever named a file wants to know.
    if (named !== undefined) shell.stderr.write(`warning: there is no configuration file ${path}\n`);
    return new Map();
  }
  try {
    return parseIni(text);
  } catch (error) {
    throw failed(`${path}: ${asCofferError(error).message}`);
  }
}

type Section = ReadonlyMap<string, string>;

function section(config: IniFile, name: string, known: readonly string[]): Section {
  const found = config.get(name) ?? new Map<string, string>();
  for (const option of found.keys()) {
    if (known.includes(option)) continue;
    throw failed(`[${name}] has no option ${option.slice(0, 60)}; known are ${known.join(', ')}`);
  }
  return found;
}

function serviceSection(
  config: IniFile,
  main: Section,
  kind: string,
  only: string,
  known: readonly string[],
): Section {
  const service = main.get(kind) ?? only;
  if (service !== only) {
    throw failed(
      `Not found EntryPoint(group=credsmash.${kind},name=${service.slice(0, 60)}): only ${only} is here`,
    );
  }
  return section(config, `credsmash:${kind}:${only}`, known);
}

/** Of the file's nested lines and the command line's pairs; the latter come last and win. */
function contextOf(nested: string, pairs: readonly (readonly string[])[]): readonly string[] {
  const context = new Map<string, string>();
  for (const line of nested.split('\n').filter((each) => each.trim() !== '')) {
    const at = line.indexOf('=');
    if (at < 1) throw failed('encryption_context is lines of KEY = VALUE, indented below its name');
    context.set(line.slice(0, at).trim(), line.slice(at + 1).trim());
  }
  for (const [key = '', value = ''] of pairs) {
    if (key === '' || value === '' || key.includes('='))
      throw misuse('--context is KEY VALUE, neither of them empty');
    context.set(key, value);
  }
  return [...context].map(([key, value]) => `${key}=${value}`);
}

const algorithms: Readonly<
  Record<
    string,
    { readonly format: ItemFormat; readonly options: readonly string[]; readonly lengths: readonly number[] }
  >
> = {
  'aes-ctr': { format: aesCtrFormat, options: ['key_length', 'digest_method'], lengths: [32, 48, 64] },
  'aes-gcm': { format: aesGcmFormat, options: ['key_length', 'iv_length'], lengths: [16, 24, 32] },
  'aes-ctr-legacy': { format: credstashFormat, options: ['digest_method'], lengths: [64] },
};

function algorithmOf(config: IniFile, name: string): Pick<Settings, 'format' | 'keyLength' | 'digest'> {
  const found = Object.hasOwn(algorithms, name) ? algorithms[name] : undefined;
  if (found === undefined) {
    throw failed(`Unsupported algo: ${name.slice(0, 60)}; there are ${Object.keys(algorithms).join(', ')}`);
  }
  const options = section(config, `credsmash:${name}`, found.options);
  const wanted = options.get('key_length');
  const keyLength = found.lengths.find((each) => String(each) === wanted);
  if (wanted !== undefined && keyLength === undefined) {
    throw failed(`[credsmash:${name}] key_length is one of ${found.lengths.join(', ')}`);
  }
  if ((options.get('iv_length') ?? '12') !== '12')
    throw failed('[credsmash:aes-gcm] iv_length is 12 here (SP 800-38D 5.2.1.1)');
  return { format: found.format, keyLength, digest: digestOf(name, options.get('digest_method')) };
}

function digestOf(name: string, text: string | undefined): Settings['digest'] {
  const digest = writableDigests.find((each) => each === text);
  if (text === undefined || digest !== undefined) return digest;
  throw failed(`[credsmash:${name}] digest_method is one of ${writableDigests.join(', ')}`);
}

function levelOf(text: string): Level {
  const level = text.toUpperCase();
  if (isLevel(level)) return level;
  throw failed(`[credsmash] log_level is one of ${levels.join(', ')}`);
}
