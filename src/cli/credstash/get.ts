/** `get` and `getall`. */
import { type Item, keyOf } from '../../credstash/item.ts';
import type { OldTable } from '../../credstash/old-table.ts';
import { contextWords } from './context-words.ts';
import { csvDocument, dotenvDocument, jsonDocument, type Pairs, yamlDocument } from './documents.ts';
import { failed, misuse } from './failure.ts';
import { starPattern } from './name-pattern.ts';
import type { Session } from './session.ts';
import { anyNumber, helpOption, operand, type Verb, type Verbs } from './verb.ts';
import { storedTexts } from './version-word.ts';
import type { Given, OptionRules } from './words.ts';

const formats = {
  json: async (pairs) => jsonDocument(pairs),
  csv: async (pairs) => csvDocument(pairs, '\n'),
  dotenv: async (pairs) => dotenvDocument(pairs),
  yaml: yamlDocument,
} satisfies Readonly<Record<string, (pairs: Pairs) => Promise<string>>>;
type Format = keyof typeof formats;

const readOptions = {
  ...helpOption,
  version: { names: ['-v', '--version'], takes: 1, help: 'this version in place of the latest' },
  format: { names: ['-f', '--format'], takes: 1, help: `${Object.keys(formats).join(', ')} (json)` },
} as const satisfies OptionRules;

const get: Verb<Session> = {
  usage: 'credential [key=value ...]',
  summary: 'Print a credential; a * in the name stands for any text, and all that match are printed',
  options: {
    ...readOptions,
    noline: { names: ['-n', '--noline'], takes: 0, help: 'without a newline at the end' },
  },
  operands: [1, anyNumber],
  async run(call) {
    const {
      shell,
      options,
      operands: [, ...words],
    } = call;
    const name = operand(call);
    const format = formatOf(options);
    using table = call.session.open({ context: contextWords(words) });
    if (name.includes('*')) {
      shell.ui.text(await formats[format](await many(table, options, starPattern(name))));
      return;
    }
    const value = await table.open(await one(table, name, options.text('version')));
    shell.ui.bytes(options.has('noline') ? value : Buffer.concat([value, Buffer.from('\n')]));
  },
};

const getall: Verb<Session> = {
  usage: '[key=value ...]',
  summary: 'Print all credentials',
  options: readOptions,
  operands: [0, anyNumber],
  async run({ shell, options, operands, session }) {
    const format = formatOf(options);
    using table = session.open({ context: contextWords(operands) });
    shell.ui.text(`${await formats[format](await many(table, options))}\n`);
  },
};

export const verbs: Verbs<Session> = { get, getall };

async function one(table: OldTable, name: string, version: string | undefined): Promise<Item> {
  const texts = version === undefined || version === '' ? undefined : storedTexts(version);
  const item = texts === undefined ? await table.latest(name) : await table.version(name, texts);
  return item ?? missing(name, texts?.[0]);
}

function missing(name: string, version: string | undefined): never {
  const which = version === undefined ? '' : `, 'version': '${version}'`;
  throw failed(`Item {'name': '${name}'${which}} couldn't be found.`, 'not_found');
}

/** All or nothing: the first that is missing or does not open ends it. */
async function many(table: OldTable, options: Given, wanted?: (name: string) => boolean): Promise<Pairs> {
  const version = options.text('version') ?? '';
  const items = version === '' ? await table.latestItems(wanted) : await versionOfAll(table, version, wanted);
  const values = await table.openAll(items);
  return items.map((item, index) => {
    const { name } = keyOf(item);
    return [name, textOf(name, values[index] ?? Buffer.alloc(0))];
  });
}

async function versionOfAll(
  table: OldTable,
  version: string,
  wanted: (name: string) => boolean = () => true,
): Promise<readonly Item[]> {
  const texts = storedTexts(version);
  const heads = (await table.heads()).filter(({ name }) => wanted(name));
  const found = new Map<string, string>();
  for (const text of texts.toReversed()) {
    for (const { name, versionText } of heads) if (versionText === text) found.set(name, text);
  }
  const names = new Set(heads.map(({ name }) => name));
  for (const name of names) if (!found.has(name)) missing(name, texts[0]);
  const items = new Map(
    (await table.readMany([...found].map(([name, text]) => ({ name, version: text })))).map((item) => [
      keyOf(item).name,
      item,
    ]),
  );
  return [...names].map((name) => items.get(name) ?? missing(name, texts[0]));
}

function textOf(name: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw failed(`${name} is no text; get it by its name alone`);
  }
}

function formatOf(options: Given): Format {
  const text = options.text('format') ?? 'json';
  const found = Object.keys(formats).find((each): each is Format => each === text);
  if (found !== undefined) return found;
  throw misuse(`argument -f/--format: choose from ${Object.keys(formats).join(', ')}`);
}
