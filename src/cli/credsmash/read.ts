/** `get`, `get-all`, `find-one`, `find-many`, `list`. */
import { type Item, keyOf } from '../../credstash/item.ts';
import type { OldTable } from '../../credstash/old-table.ts';
import { spellings } from '../../credstash/version.ts';
import type { Pairs } from '../credstash/documents.ts';
import { failed, misuse } from '../credstash/failure.ts';
import { shellPattern } from '../credstash/name-pattern.ts';
import { filled } from '../credstash/names.ts';
import { helpOption, operand, type Verb, type VerbCall, type Verbs } from '../credstash/verb.ts';
import type { Given, OptionRules } from '../credstash/words.ts';
import { writeDestination } from './files.ts';
import { asText, encodeMany, formatFor } from './formats.ts';
import type { Session } from './session.ts';

type Call = VerbCall<Session>;

const formatOption = {
  ...helpOption,
  format: { names: ['-f', '--format'], takes: 1, help: 'raw, json, yaml or csv; else as DESTINATION ends' },
} as const satisfies OptionRules;

const oneOptions = {
  ...formatOption,
  version: { names: ['-v', '--version'], takes: 1, help: 'this version in place of the latest' },
} as const satisfies OptionRules;

const get: Verb<Session> = {
  usage: 'SECRET_NAME [DESTINATION]',
  summary: 'Fetch the latest, or a specific version of a secret',
  options: oneOptions,
  operands: [1, 2],
  async run(call) {
    const version = versionOf(call.options);
    using table = call.session.open();
    await writeOne(call, table, operand(call), version);
  },
};

const findOne: Verb<Session> = {
  usage: 'PATTERN [DESTINATION]',
  summary: 'Fetch the one secret whose name matches',
  options: oneOptions,
  operands: [1, 2],
  async run(call) {
    const version = versionOf(call.options);
    const pattern = operand(call);
    using table = call.session.open();
    const names = await matching(table, pattern);
    const [name] = names;
    if (name === undefined) throw failed(`No matching secrets found for pattern=${pattern}`, 'not_found');
    if (names.length > 1) throw failed(`Too many results (${names.length}) for pattern=${pattern}`);
    await writeOne(call, table, name, version);
  },
};

async function writeOne(
  call: Call,
  table: OldTable,
  name: string,
  version: number | undefined,
): Promise<void> {
  const destination = call.operands[1] ?? '-';
  const format = formatFor(call.options.text('format'), destination, 'raw');
  const value = await table.open(await itemOf(table, name, version));
  if (format === 'raw') return writeDestination(call.shell, destination, value);
  const text = asText(value);
  if (text === undefined) throw failed(`${name} is no text: ${format} cannot carry it; -f raw can`);
  writeDestination(call.shell, destination, Buffer.from(await encodeMany([[name, text]], format)));
}

/** Version 0 is the latest, as the old program has it. */
async function itemOf(table: OldTable, name: string, version = 0): Promise<Item> {
  const item = version === 0 ? await table.latest(name) : await table.version(name, spellings(version));
  if (item !== undefined) return item;
  throw failed(
    `Item {'name': '${name}', 'version': ${version === 0 ? 'None' : version}} couldn't be found.`,
    'not_found',
  );
}

const getAll: Verb<Session> = {
  usage: '[DESTINATION]',
  summary: 'Fetch the latest version of all secrets',
  options: formatOption,
  operands: [0, 1],
  async run(call) {
    using table = call.session.open();
    await writeMany(call, operand(call) || '-', await opened(call, table));
  },
};

const findMany: Verb<Session> = {
  usage: 'PATTERN [DESTINATION]',
  summary: 'Fetch all secrets whose names match',
  options: formatOption,
  operands: [1, 2],
  async run(call) {
    using table = call.session.open();
    await writeMany(call, call.operands[1] ?? '-', await opened(call, table, shellPattern(operand(call))));
  },
};

async function writeMany(call: Call, destination: string, pairs: Pairs): Promise<void> {
  const format = formatFor(call.options.text('format'), destination, 'json');
  writeDestination(call.shell, destination, Buffer.from(await encodeMany(pairs, format)));
}

/** Values that are no text are left out, and told. */
async function opened(
  { session }: Call,
  table: OldTable,
  wanted?: (name: string) => boolean,
): Promise<Pairs> {
  const items = await table.latestItems(wanted);
  const values = await table.openAll(items);
  return items.flatMap((item, index) => {
    const { name } = keyOf(item);
    const text = asText(values[index] ?? Buffer.alloc(0));
    if (text !== undefined) return [[name, text] as const];
    session.log('WARNING', 'util', `Could not decode ${name} as utf-8`);
    return [];
  });
}

const list: Verb<Session> = {
  usage: '[PATTERN]',
  summary: 'List all secrets and their versions',
  options: helpOption,
  operands: [0, 1],
  async run(call) {
    using table = call.session.open();
    const [pattern] = call.operands;
    const wanted = pattern === undefined || pattern === '' ? () => true : shellPattern(pattern);
    const heads = (await table.heads()).filter(({ name }) => wanted(name));
    const width = heads.reduce((most, { name }) => Math.max(most, [...name].length), 0);
    const lines = heads.map(
      ({ name, version, versionText }) => `${filled(name, width)} -- version ${version ?? versionText}\n`,
    );
    call.shell.ui.text(lines.join(''));
  },
};

export const verbs: Verbs<Session> = {
  list,
  get,
  'get-all': getAll,
  'find-one': findOne,
  'find-many': findMany,
};

/** Names that match, sorted. */
export async function matching(table: OldTable, pattern: string): Promise<readonly string[]> {
  const wanted = shellPattern(pattern);
  return [...new Set((await table.heads()).map(({ name }) => name).filter(wanted))];
}

/** Throws a misuse for what is no version. */
export function versionOf(options: Given): number | undefined {
  const text = options.text('version');
  if (text === undefined) return undefined;
  const version = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(version)) return version;
  throw misuse("Invalid value for '--version' / '-v': it must be a whole number, not negative");
}
