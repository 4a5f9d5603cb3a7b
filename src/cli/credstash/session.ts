/** The table that the words name, opened when a verb first needs it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type OldTable, openOldTable } from '../../credstash/old-table.ts';
import { parseTableAddress, type TableAddress } from '../../credstash/table-address.ts';
import { isJsonObject } from '../../json.ts';
import { type Shell, variable } from '../shell.ts';
import { oldRegion } from './aws-region.ts';
import { failed, misuse } from './failure.ts';
import type { Given, OptionRules } from './words.ts';

export const globalOptions = {
  help: { names: ['-h', '--help'], takes: 0, help: 'show this help' },
  region: { names: ['-r', '--region'], takes: 1, help: 'the region of the table' },
  kmsRegion: { names: ['--kms-region'], takes: 1, help: 'the region of the key, if it is another' },
  table: {
    names: ['-t', '--table'],
    takes: 1,
    help: 'the table (CREDSTASH_DEFAULT_TABLE, else credential-store)',
  },
  logLevel: { names: ['--log-level'], takes: 1, help: 'taken and not used' },
  logFile: { names: ['--log-file'], takes: 1, help: 'taken and not used: no log file is written' },
  profile: { names: ['-p', '--profile'], takes: 1, help: 'a profile of the AWS configuration' },
  arn: { names: ['-n', '--arn'], takes: 1, help: 'a role to assume' },
} as const satisfies OptionRules;

export interface SessionWishes {
  /** `-k` of a verb that writes. */
  readonly key?: string | undefined;
  /** `KEY=VALUE` words. */
  readonly context?: readonly string[];
}

export class Session {
  readonly #shell: Shell;
  readonly #globals: Given;

  constructor(shell: Shell, globals: Given) {
    this.#shell = shell;
    this.#globals = globals;
  }

  get kmsFile(): string {
    return join(variable(this.#shell.env, 'HOME') ?? '/', '.credstash');
  }

  /** Throws a misuse for options that contradict each other or cannot be. */
  address({ key }: SessionWishes = {}): TableAddress {
    const globals = this.#globals;
    if (globals.has('profile') && globals.has('arn')) {
      throw misuse('argument -n/--arn: not allowed with argument -p/--profile');
    }
    const { env } = this.#shell;
    const table = globals.text('table') ?? variable(env, 'CREDSTASH_DEFAULT_TABLE') ?? 'credential-store';
    const profile = globals.text('profile');
    const region = oldRegion(env, { region: globals.text('region'), profile });
    const kmsRegion = globals.text('kmsRegion') ?? savedKmsRegion(this.kmsFile) ?? region;
    return oldAddress(table, {
      region,
      ...(kmsRegion === region ? {} : { kms_region: kmsRegion }),
      profile,
      role_arn: globals.text('arn'),
      key,
    });
  }

  open(wishes: SessionWishes = {}): OldTable {
    const { env, now } = this.#shell;
    return openOldTable(this.address(wishes), wishes.context ?? [], { env, now, latest: 'text' });
  }
}

/** The address of a table, checked as every address is. */
export function oldAddress(
  table: string,
  options: Readonly<Record<string, string | undefined>>,
): TableAddress {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options)) if (value !== undefined) query.set(name, value);
  return parseTableAddress(`credstash://${encodeURIComponent(table)}?${query}`);
}

function savedKmsRegion(path: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const region = kmsRegionIn(text);
  if (region === undefined) throw failed(`${path} is not as setup writes it: {"kms-region": "eu-central-1"}`);
  return region === '' ? undefined : region;
}

/** Empty where the file says nothing of it; undefined for what is no such file. */
function kmsRegionIn(text: string): string | undefined {
  try {
    const options: unknown = JSON.parse(text);
    if (!isJsonObject(options)) return undefined;
    const region = options['kms-region'] ?? '';
    return typeof region === 'string' ? region : undefined;
  } catch {
    return undefined;
  }
}
