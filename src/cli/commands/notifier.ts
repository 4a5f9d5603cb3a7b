import type { Client } from '../../client/client.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { given, givenMap, pairsOf } from '../body-fields.ts';
import { type CommandGroup, defineCommand } from '../command.ts';
import { confirmed } from '../confirm.ts';
import { connect } from '../context.ts';
import { listKeys } from '../listing.ts';
import { serverOptions, yesOption } from '../options.ts';
import { cellText, printData } from '../print-data.ts';
import { readPrivateText } from '../private-text.ts';
import { dataOf } from '../safe.ts';

const root = 'sys/notifiers';

const list = defineCommand({
  summary: 'List notifiers',
  operands: {},
  options: serverOptions,
  async run({ options }, shell) {
    const client = await connect(shell, options);
    const data = await orNothing(client.request('LIST', root));
    const info = isJsonObject(data['key_info']) ? data['key_info'] : {};
    const lines = Object.entries(info).map(([name, each]) => [name, ...cells(each)]);
    shell.ui.table(['NAME', 'TYPE', 'KINDS', 'STATE', 'PROBLEM'], lines, info);
  },
});

function cells(notifier: unknown): string[] {
  if (!isJsonObject(notifier)) return ['', '', '', ''];
  const { type, kinds, state, problem } = notifier;
  return [cellText(type), Array.isArray(kinds) ? kinds.join(',') : '', cellText(state), cellText(problem)];
}

const show = defineCommand({
  summary: 'Show a notifier, and how many notices wait for it',
  operands: { NAME: 'one' },
  options: serverOptions,
  async run({ options, operands }, shell) {
    const client = await connect(shell, options);
    printData(shell.ui, await requireNotifier(client, operands.NAME));
  },
});

const add = defineCommand({
  summary: 'Add a notifier, or change one',
  details: [
    'TYPE is webhook, sns or smtp; a program is run for notices where the server’s own configuration says so. What is not given of ' +
      'a notifier that is there stays, but a secret has to be given again where its options change.',
  ],
  operands: { NAME: 'one' },
  options: {
    type: { type: 'text', value: 'TYPE', help: 'webhook, sns or smtp; needed for a new one' },
    kind: {
      type: 'list',
      value: 'KIND',
      help: 'kind of notices that it wants, such as credentials.issued or *.refused; all unless told; may be repeated',
    },
    option: { type: 'list', short: 'o', value: 'NAME=TEXT', help: 'an option of the type; may be repeated' },
    'secret-file': {
      type: 'text',
      value: 'FILE',
      help: 'its key or password is the first line of FILE or -',
    },
    description: { type: 'text', help: 'for people' },
    ...serverOptions,
  },
  examples: [
    'coffer notifier add ops --type webhook -o url=URL --secret-file -',
    "coffer notifier add mail --type sns --kind 'credentials.*' -o topic_arn=ARN",
  ],
  async run({ options, operands }, shell) {
    const file = options['secret-file'];
    const secret = file === undefined ? undefined : await readPrivateText(shell, file);
    const body: JsonObject = {
      ...given('type', options.type),
      ...(options.kind.length === 0 ? {} : { kinds: [...options.kind] }),
      ...givenMap('options', pairsOf('notifier add', 'option', options.option)),
      ...given('description', options.description),
      ...given('secret', secret),
    };
    const client = await connect(shell, options);
    await client.request('POST', `${root}/${operands.NAME}`, { body });
    shell.ui.done(`notifier ${operands.NAME} written`, { name: operands.NAME });
  },
});

const remove = defineCommand({
  summary: 'Remove a notifier, and the notices that wait for it',
  operands: { NAME: 'one' },
  options: { ...yesOption, ...serverOptions },
  async run({ options, operands }, shell) {
    const { NAME: name } = operands;
    await confirmed(shell, options.yes, `remove the notifier ${name}, and the notices that wait for it?`);
    const client = await connect(shell, options);
    await requireNotifier(client, name);
    await client.request('DELETE', `${root}/${name}`);
    shell.ui.done(`notifier ${name} removed`, { name });
  },
});

const test = defineCommand({
  summary: 'Send a notice now, to see whether it comes through',
  operands: { NAME: 'one' },
  options: serverOptions,
  async run({ options, operands }, shell) {
    const client = await connect(shell, options);
    await client.request('POST', `${root}/${operands.NAME}/test`);
    shell.ui.done(`notifier ${operands.NAME} accepted a notice`, { name: operands.NAME, accepted: true });
  },
});

const undelivered = defineCommand({
  summary: 'List notices that a notifier did not accept in time, or show one',
  operands: { NAME: 'one', ID: 'optional' },
  options: serverOptions,
  async run({ options, operands }, shell) {
    const client = await connect(shell, options);
    const path = `${root}/${operands.NAME}/dead-letters`;
    if (operands.ID === undefined) {
      await requireNotifier(client, operands.NAME);
      shell.ui.lines(await listKeys(client, path));
      return;
    }
    const found = await orNothing(client.request('GET', `${path}/${operands.ID}`));
    if (Object.keys(found).length === 0) throw new CofferError('not_found', 'there is no such notice');
    printData(shell.ui, found);
  },
});

const resend = defineCommand({
  summary: 'Send notices again that were not accepted',
  operands: { NAME: 'one', ID: 'some' },
  options: serverOptions,
  async run({ options, operands }, shell) {
    const client = await connect(shell, options);
    for (const id of operands.ID) {
      await client.request('POST', `${root}/${operands.NAME}/dead-letters/${id}`);
    }
    shell.ui.done(counted(operands.ID.length, 'put up again'), { resent: operands.ID.length });
  },
});

const drop = defineCommand({
  summary: 'Drop notices that were not accepted',
  operands: { NAME: 'one', ID: 'some' },
  options: serverOptions,
  async run({ options, operands }, shell) {
    const client = await connect(shell, options);
    for (const id of operands.ID) {
      await client.request('DELETE', `${root}/${operands.NAME}/dead-letters/${id}`);
    }
    shell.ui.done(counted(operands.ID.length, 'dropped'), { dropped: operands.ID.length });
  },
});

function counted(many: number, what: string): string {
  return `${many} ${many === 1 ? 'notice' : 'notices'} ${what}`;
}

/** Throws `not_found`: the wire removes what is not there without a word. */
async function requireNotifier(client: Client, name: string): Promise<JsonObject> {
  const found = await orNothing(client.request('GET', `${root}/${name}`));
  if (Object.keys(found).length > 0) return found;
  throw new CofferError('not_found', `there is no notifier ${name}`);
}

/** An empty object where there is nothing. */
async function orNothing(answer: ReturnType<Client['request']>): Promise<JsonObject> {
  try {
    return dataOf((await answer).body);
  } catch (error) {
    if (asCofferError(error).code === 'not_found') return {};
    throw error;
  }
}

export const command: CommandGroup = {
  summary: 'Who is told of what happens',
  commands: { list, show, add, remove, test, undelivered, resend, drop },
};
