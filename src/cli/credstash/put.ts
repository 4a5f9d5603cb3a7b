/** `put` and `putall`. */

import { credstashFormat } from '../../credstash/credstash-format.ts';
import { writableDigests } from '../../credstash/digest.ts';
import type { OldTable } from '../../credstash/old-table.ts';
import { asCofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { readSecretLine } from '../prompt.ts';
import type { Shell } from '../shell.ts';
import { escapeLine } from '../terminal-text.ts';
import { contextWords, isPair } from './context-words.ts';
import { failed, misuse } from './failure.ts';
import type { Session } from './session.ts';
import { told } from './told.ts';
import { readValueWord } from './value-word.ts';
import { anyNumber, helpOption, operand, type Verb, type VerbCall, type Verbs } from './verb.ts';
import { padded, versionAfter } from './version-word.ts';
import type { Given, OptionRules } from './words.ts';

type Digest = (typeof writableDigests)[number];

const writeOptions = {
  ...helpOption,
  key: { names: ['-k', '--key'], takes: 1, help: 'the KMS key (alias/credstash)' },
  comment: { names: ['-c', '--comment'], takes: 1, help: 'kept beside the value, not encrypted' },
  version: { names: ['-v', '--version'], takes: 1, help: 'the version to write (1)' },
  autoversion: {
    names: ['-a', '--autoversion'],
    takes: 0,
    help: 'write the version after the latest; -v is ignored',
  },
  digest: { names: ['-d', '--digest'], takes: 1, help: `${writableDigests.join(', ')} (SHA256)` },
} as const satisfies OptionRules;

const put: Verb<Session> = {
  usage: 'credential [value] [key=value ...]',
  summary: 'Put a credential into the store; value is text, @FILE or - for standard input',
  options: { ...writeOptions, prompt: { names: ['-P', '--prompt'], takes: 0, help: 'ask for the value' } },
  operands: [1, anyNumber],
  async run(call) {
    const { shell, options } = call;
    const name = operand(call);
    const digest = digestOf(options);
    const { value, context } = await valueAndContext(call, name);
    using table = call.session.open({ key: options.text('key'), context });
    await write(table, options, { name, value, digest, comment: options.text('comment') });
    shell.ui.text(`${name} has been stored\n`);
  },
};

/** With `-P` nothing but a value that is thrown away may stand between the name and the context. */
async function valueAndContext(
  { shell, options, operands: [, ...words] }: VerbCall<Session>,
  name: string,
): Promise<{ readonly value: string; readonly context: readonly string[] }> {
  const [first = ''] = words;
  if (!options.has('prompt')) {
    const context = contextWords(words.slice(1));
    return { value: await readValueWord(shell, first, 'value'), context };
  }
  const context = contextWords(isPair(first) ? words : words.slice(1));
  return { value: await readSecretLine(shell, name), context };
}

const putall: Verb<Session> = {
  usage: 'credentials [key=value ...]',
  summary:
    'Put credentials of a JSON object into the store; credentials is the text, @FILE or - for standard input',
  options: writeOptions,
  operands: [1, anyNumber],
  async run(call) {
    const {
      shell,
      options,
      operands: [word = '', ...rest],
    } = call;
    const digest = digestOf(options);
    const context = contextWords(rest);
    const all = credentialsOf(await readValueWord(shell, word, 'credentials'));
    using table = call.session.open({ key: options.text('key'), context });
    let problems = 0;
    for (const [name, value] of Object.entries(all)) {
      try {
        if (typeof value !== 'string') throw failed(`${name}: a value must be text`);
        await write(table, options, { name, value, digest, comment: undefined });
        shell.ui.text(`${name} has been stored\n`);
      } catch (error) {
        problems++;
        say(shell, told(asCofferError(error)));
      }
    }
    if (problems > 0) throw failed(`${problems} of ${Object.keys(all).length} credentials were not stored`);
  },
};

export const verbs: Verbs<Session> = { put, putall };

interface Writing {
  readonly name: string;
  readonly value: string;
  readonly digest: Digest | undefined;
  readonly comment: string | undefined;
}

/** Lost races are run again: each is another writer's success. */
const mostRaces = 100;

async function write(
  table: OldTable,
  options: Given,
  { name, value, digest, comment }: Writing,
): Promise<void> {
  const writing = {
    name,
    bytes: Buffer.from(value),
    format: credstashFormat,
    ...(digest === undefined ? {} : { digest }),
    ...(comment === undefined ? {} : { comment }),
  };
  if (!options.has('autoversion')) {
    // With putall the old program took 0 for what its own help calls 1.
    const version = padded(options.text('version') ?? '1');
    if (await table.write({ ...writing, version })) return;
    throw failed(
      `${name} version ${await latestText(table, name)} is already in the credential store. Use the -v flag to specify a new version`,
      'conflict',
    );
  }
  for (let race = 0; race < mostRaces; race++) {
    if (await table.write({ ...writing, version: await nextVersion(table, name) })) return;
  }
  throw failed(`${name}: somebody else wrote first, ${mostRaces} times in a row; try again`, 'conflict');
}

async function latestText(table: OldTable, name: string): Promise<string> {
  return (await table.history(name)).at(-1)?.versionText ?? 'of this name';
}

/** Behind the latest, and behind every number: versions of the oldest releases are not padded, and hide greater ones. */
async function nextVersion(table: OldTable, name: string): Promise<string> {
  const texts = (await table.history(name)).map(({ versionText }) => versionText);
  const latest = texts.at(-1) ?? '0';
  if (!/^\d+$/.test(latest)) {
    throw failed(`Can not autoincrement version. The current version: ${latest} is not an int`);
  }
  const numbers = texts.filter((text) => /^\d+$/.test(text)).map(BigInt);
  const greatest = numbers.reduce((best, each) => (each > best ? each : best), 0n);
  return versionAfter(String(greatest)) ?? padded('1');
}

function digestOf(options: Given): Digest | undefined {
  const text = options.text('digest');
  const digest = writableDigests.find((each) => each === text);
  if (text === undefined || digest !== undefined) return digest;
  throw misuse(
    `argument -d/--digest: choose from ${writableDigests.join(', ')}; SHA and MD5 are read and no longer written`,
  );
}

function credentialsOf(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch {
    // No cause: the parser's message repeats a piece of the text.
    throw failed('the credentials are not JSON');
  }
  throw failed('the credentials must be a JSON object of names and texts');
}

function say(shell: Shell, line: string): void {
  shell.stderr.write(`${escapeLine(line)}\n`);
}
