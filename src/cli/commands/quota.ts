import { asCofferError, CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { usageError } from '../args.ts';
import { given } from '../body-fields.ts';
import { type CommandGroup, defineCommand } from '../command.ts';
import { connect } from '../context.ts';
import { listKeys } from '../listing.ts';
import { serverOptions } from '../options.ts';
import { printData } from '../print-data.ts';
import { dataOf } from '../safe.ts';

const quotas = 'sys/quotas/rate-limit';

const list = defineCommand({
  summary: 'List quotas',
  operands: {},
  options: serverOptions,
  async run({ options }, shell) {
    shell.ui.lines(await listKeys(await connect(shell, options), quotas));
  },
});

const show = defineCommand({
  summary: 'Show a quota',
  operands: { NAME: 'one' },
  options: serverOptions,
  async run({ options, operands }, shell) {
    const client = await connect(shell, options);
    const answer = await client.request('GET', `${quotas}/${operands.NAME}`).catch((error: unknown) => {
      if (asCofferError(error).code !== 'not_found') throw error;
      throw new CofferError('not_found', `there is no quota ${operands.NAME}`, { cause: error });
    });
    printData(shell.ui, dataOf(answer.body));
  },
});

const write = defineCommand({
  summary: 'Create or change a quota',
  details: [
    'Each client address may make --rate requests in an --interval, on each node. What is not given stays as it is; ' +
      'a new quota needs --rate.',
  ],
  operands: { NAME: 'one' },
  options: {
    rate: { type: 'text', value: 'N', help: 'requests of one client, such as 100 or 0.5' },
    interval: { type: 'text', value: 'TIME', help: 'in how long a time (1s)' },
    block: { type: 'text', value: 'TIME', help: 'how long a client that went beyond is refused altogether' },
    path: {
      type: 'text',
      value: 'PATH',
      help: 'a mount or a path, perhaps with * at its end; all unless told',
    },
    ...serverOptions,
  },
  examples: ['coffer quota write logins --path auth/userpass/login/* --rate 5 --interval 1m'],
  async run({ options, operands }, shell) {
    if (options.rate !== undefined && !(Number(options.rate) > 0)) {
      throw usageError('quota write', '--rate must be a number above 0');
    }
    const body: JsonObject = {
      ...given('rate', options.rate === undefined ? undefined : Number(options.rate)),
      ...given('interval', options.interval),
      ...given('block_interval', options.block),
      ...given('path', options.path),
    };
    const client = await connect(shell, options);
    await client.request('POST', `${quotas}/${operands.NAME}`, { body });
    shell.ui.done(`quota ${operands.NAME} written`, { name: operands.NAME });
  },
});

const remove = defineCommand({
  summary: 'Delete a quota',
  operands: { NAME: 'one' },
  options: serverOptions,
  async run({ options, operands }, shell) {
    const client = await connect(shell, options);
    await client.request('DELETE', `${quotas}/${operands.NAME}`);
    // The wire says the same for one that never was.
    shell.ui.done(`there is no quota ${operands.NAME} now`, { name: operands.NAME });
  },
});

export const command: CommandGroup = {
  summary: 'Limits to how fast clients may go',
  commands: { list, show, write, delete: remove },
};
