/** `setup`. */
import { readFileSync } from 'node:fs';
import { emptyObject, isJsonObject, type JsonObject } from '../../json.ts';
import { writePrivateFile } from '../private-file.ts';
import { contextWords } from './context-words.ts';
import { failed } from './failure.ts';
import type { Session } from './session.ts';
import { helpOption, type Verb, type Verbs } from './verb.ts';

const setup: Verb<Session> = {
  usage: '',
  summary: 'Make the table, billed by request',
  options: {
    ...helpOption,
    kmsRegion: { names: ['--save-kms-region'], takes: 1, help: 'keep the region of the key in ~/.credstash' },
    tags: { names: ['--tags'], takes: 'rest', help: 'key=value ..., tags of the table' },
  },
  operands: [0, 0],
  async run({ shell, options, session }) {
    const tags = contextWords(options.all('tags').at(-1) ?? []).map((word) => {
      const at = word.indexOf('=');
      return [word.slice(0, at), word.slice(at + 1)] as const;
    });
    const region = options.text('kmsRegion');
    if (region !== undefined) {
      saveKmsRegion(session.kmsFile, region);
      shell.ui.text(`KMS region set to ${region}\n`);
    }
    const { setupPlainTable } = await import('../../credstash/setup-plain-table.ts');
    const steps: Readonly<Record<string, string>> = {
      creating: 'Creating table...\n',
      waiting: 'Waiting for table to be created...\n',
    };
    const created = await setupPlainTable(
      session.address(),
      { tags: Object.fromEntries([['Name', 'credstash'], ...tags]) },
      { env: shell.env, pause: shell.pause, say: (step) => shell.ui.text(steps[step] ?? '') },
    );
    shell.ui.text(
      created
        ? 'Table has been created. Go read the README about how to create your KMS key\n'
        : 'Credential Store table already exists\n',
    );
  },
};

export const verbs: Verbs<Session> = { setup };

/** What else is in the file stays. */
function saveKmsRegion(path: string, region: string): void {
  if (!/^[a-z]{2}[a-z0-9-]{1,40}$/.test(region)) {
    throw failed('an AWS region is a word such as eu-central-1');
  }
  writePrivateFile(path, JSON.stringify({ ...saved(path), 'kms-region': region }));
}

function saved(path: string): JsonObject {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return emptyObject();
  }
  try {
    const options: unknown = JSON.parse(text);
    if (isJsonObject(options)) return options;
  } catch {
    // Told below, without a piece of the text.
  }
  throw failed(`${path} is no JSON object; nothing was changed`);
}
