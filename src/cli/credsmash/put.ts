/** `put` and `put-many`. */
import { timingSafeEqual } from 'node:crypto';
import { keyOf } from '../../credstash/item.ts';
import type { OldTable } from '../../credstash/old-table.ts';
import { encodeVersion, versionNumber } from '../../credstash/version.ts';
import { failed } from '../credstash/failure.ts';
import { helpOption, operand, type Verb, type Verbs } from '../credstash/verb.ts';
import type { Given, OptionRules } from '../credstash/words.ts';
import { readSource } from './files.ts';
import { decodeMany, formatFor } from './formats.ts';
import { versionOf } from './read.ts';
import type { Session } from './session.ts';
import type { Settings } from './settings.ts';

const compareOptions = {
  ...helpOption,
  format: { names: ['-f', '--format'], takes: 1, help: 'raw, json, yaml or csv; else as SOURCE ends' },
  compare: { names: ['--compare'], takes: 0, help: 'skip a value that is the latest already (the default)' },
  noCompare: { names: ['--no-compare'], takes: 0, help: 'write it in any case' },
} as const satisfies OptionRules;

const put: Verb<Session> = {
  usage: 'SECRET_NAME SOURCE',
  summary: 'Store a secret from a file, or - for standard input',
  options: {
    ...compareOptions,
    version: { names: ['-v', '--version'], takes: 1, help: 'write this version' },
  },
  operands: [2, 2],
  async run(call) {
    const { shell, options, session } = call;
    const [name, source] = [operand(call), operand(call, 1)];
    const version = versionOf(options);
    const format = formatFor(options.text('format'), source, 'raw');
    const content = await readSource(shell, source, 'SOURCE');
    const bytes = format === 'raw' ? content : await memberOf(content, format, source, name);
    using table = session.open();
    const stored =
      version === undefined
        ? await putNext(table, session.settings, name, bytes, compares(options))
        : await putVersion(table, session.settings, name, bytes, version);
    session.log('INFO', 'cli', `Stored ${name} @ version ${stored}`);
  },
};

async function memberOf(content: Buffer, format: string, source: string, name: string): Promise<Buffer> {
  const found = (await decodeMany(content, format, source)).find(([each]) => each === name);
  if (found === undefined) throw failed(`${source} has no value for ${name}; -f raw takes the file as it is`);
  return Buffer.from(found[1]);
}

const putMany: Verb<Session> = {
  usage: 'SOURCE',
  summary: 'Store many secrets from a file of names and values',
  options: compareOptions,
  operands: [1, 1],
  async run(call) {
    const { shell, options, session } = call;
    const source = operand(call);
    const format = formatFor(options.text('format'), source, 'json');
    const pairs = await decodeMany(await readSource(shell, source, 'SOURCE'), format, source);
    using table = session.open();
    for (const [name, value] of pairs) {
      const stored = await putNext(table, session.settings, name, Buffer.from(value), compares(options));
      session.log('INFO', 'cli', `Stored ${name} @ version ${stored}`);
    }
  },
};

export const verbs: Verbs<Session> = { put, 'put-many': putMany };

function compares(options: Given): boolean {
  return !options.has('noCompare') || options.has('compare');
}

async function putVersion(
  table: OldTable,
  settings: Settings,
  name: string,
  bytes: Buffer,
  version: number,
): Promise<number> {
  if (await table.write({ ...written(settings), name, bytes, version: encodeVersion(version) }))
    return version;
  throw failed(`${name} has a version ${version} already`, 'conflict');
}

/** Lost races are run again: each is another writer's success. */
const mostRaces = 100;

/** Behind the latest, and behind a deleted one, whose number is taken. @returns the version, also of a value that was there already */
async function putNext(
  table: OldTable,
  settings: Settings,
  name: string,
  bytes: Buffer,
  compare: boolean,
): Promise<number> {
  for (let race = 0; race < mostRaces; race++) {
    const latest = await table.latest(name);
    const current =
      latest === undefined ? await greatest(table, name) : numberOf(name, keyOf(latest).version);
    if (latest !== undefined && compare && same(await table.open(latest), bytes)) return current;
    const version = current + 1;
    if (await table.write({ ...written(settings), name, bytes, version: encodeVersion(version) }))
      return version;
  }
  throw failed(`${name}: somebody else wrote first, ${mostRaces} times in a row; try again`, 'conflict');
}

async function greatest(table: OldTable, name: string): Promise<number> {
  return (await table.history(name)).reduce((most, { version = 0 }) => Math.max(most, version), 0);
}

function numberOf(name: string, text: string): number {
  const number = versionNumber(text);
  if (number === undefined) throw failed(`${name}: Could not unwrap as integer: ${text}`);
  return number;
}

function written({ format, keyLength, digest }: Settings) {
  return { format, keyLength, ...(digest === undefined ? {} : { digest }) };
}

function same(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
