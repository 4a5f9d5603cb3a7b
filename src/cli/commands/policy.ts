import type { Client } from '../../client/client.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { usageError } from '../args.ts';
import { type CommandGroup, defineCommand } from '../command.ts';
import { connect } from '../context.ts';
import { listKeys } from '../listing.ts';
import { ValueReader } from '../operands.ts';
import { serverOptions } from '../options.ts';
import { explain, whoCan } from '../policy-questions.ts';
import { test } from '../policy-test.ts';
import { showWarnings } from '../print-data.ts';
import { isInteractive } from '../prompt.ts';
import { dataOf } from '../safe.ts';

const policies = 'sys/policies/acl';

const list = defineCommand({
  summary: 'List policies',
  operands: {},
  options: serverOptions,
  async run({ options }, shell) {
    shell.ui.lines(await listKeys(await connect(shell, options), policies));
  },
});

const show = defineCommand({
  summary: "Print a policy's text",
  operands: { NAME: 'one' },
  options: serverOptions,
  async run({ options, operands }, shell) {
    const client = await connect(shell, options);
    const data = await readPolicy(client, operands.NAME);
    if (shell.ui.format === 'json') shell.ui.json(data);
    else shell.ui.text(String(data['policy'] ?? ''));
  },
});

const write = defineCommand({
  summary: 'Create or replace a policy',
  details: ['The text is HCL or JSON, from FILE, or from standard input with - or when it is piped in.'],
  operands: { NAME: 'one', FILE: 'optional' },
  options: serverOptions,
  examples: ['coffer policy write web web.hcl'],
  async run({ options, operands }, shell) {
    const file = operands.FILE;
    if (file === undefined && isInteractive(shell)) throw usageError('policy write', 'FILE is missing');
    const reader = new ValueReader(shell);
    const bytes = await reader.readFile(file ?? '-');
    const policy = Buffer.from(bytes).toString('utf8');
    if (policy.trim() === '') throw new CofferError('usage', 'the policy is empty');
    const client = await connect(shell, options);
    const answer = await client.request('PUT', `${policies}/${operands.NAME}`, { body: { policy } });
    showWarnings(shell.ui, answer.body);
    shell.ui.done(`policy ${operands.NAME} written`, { name: operands.NAME });
  },
});

const remove = defineCommand({
  summary: 'Delete a policy',
  operands: { NAME: 'one' },
  options: serverOptions,
  async run({ options, operands }, shell) {
    const client = await connect(shell, options);
    await client.request('DELETE', `${policies}/${operands.NAME}`);
    // The wire says the same for one that never was.
    shell.ui.done(`there is no policy ${operands.NAME} now`, { name: operands.NAME });
  },
});

async function readPolicy(client: Client, name: string): Promise<JsonObject> {
  try {
    return dataOf((await client.request('GET', `${policies}/${name}`)).body);
  } catch (error) {
    if (asCofferError(error).code !== 'not_found') throw error;
    throw new CofferError('not_found', `there is no policy ${name}`, { cause: error });
  }
}

export const command: CommandGroup = {
  summary: 'Say who may do what',
  commands: { list, show, write, delete: remove, test, explain, 'who-can': whoCan },
};
