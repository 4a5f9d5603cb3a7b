import { isJsonObject } from '../../json.ts';
import { usageError } from '../args.ts';
import { type CommandGroup, defineCommand } from '../command.ts';
import { confirmed } from '../confirm.ts';
import { connect } from '../context.ts';
import { listKeys } from '../listing.ts';
import { serverOptions, yesOption } from '../options.ts';
import { printData, showWarnings } from '../print-data.ts';
import { dataOf } from '../safe.ts';

const lookup = defineCommand({
  summary: 'Show when a lease ends',
  operands: { ID: 'one' },
  options: serverOptions,
  async run({ options, operands }, shell) {
    const client = await connect(shell, options);
    const answer = await client.request('POST', 'sys/leases/lookup', { body: { lease_id: operands.ID } });
    printData(shell.ui, dataOf(answer.body));
  },
});

const renew = defineCommand({
  summary: 'Give a lease more time',
  operands: { ID: 'one' },
  options: { increment: { type: 'text', value: 'TTL', help: 'how much, such as 1h' }, ...serverOptions },
  async run({ options, operands }, shell) {
    const client = await connect(shell, options);
    const increment = options.increment === undefined ? {} : { increment: options.increment };
    const answer = await client.request('POST', 'sys/leases/renew', {
      body: { lease_id: operands.ID, ...increment },
    });
    showWarnings(shell.ui, answer.body);
    const body = isJsonObject(answer.body) ? answer.body : {};
    printData(shell.ui, {
      lease_id: body['lease_id'] ?? '',
      lease_duration: body['lease_duration'] ?? 0,
      renewable: body['renewable'] ?? false,
    });
  },
});

const revoke = defineCommand({
  summary: 'End a lease and what was handed out with it',
  details: [
    'With --force the leases below a path are forgotten also where what they handed out could not be taken back: it ' +
      'may then go on to work.',
  ],
  operands: { ID: 'one' },
  options: {
    prefix: { type: 'flag', help: 'ID is a path: end all leases below it' },
    force: { type: 'flag', help: 'with --prefix: forget them also where the engine fails' },
    ...yesOption,
    ...serverOptions,
  },
  examples: ['coffer lease revoke --prefix database/creds/web'],
  async run({ options, operands }, shell) {
    if (options.force && !options.prefix) throw usageError('lease revoke', '--force needs --prefix');
    if (options.force) {
      const question = `forget all leases below ${operands.ID}, even where what they handed out lives on?`;
      await confirmed(shell, options.yes, question);
    }
    const client = await connect(shell, options);
    if (options.prefix) {
      const prefix = operands.ID.replace(/\/$/, '');
      const verb = options.force ? 'revoke-force' : 'revoke-prefix';
      await client.request('POST', `sys/leases/${verb}/${prefix}`);
    } else {
      await client.request('POST', 'sys/leases/revoke', { body: { lease_id: operands.ID } });
    }
    shell.ui.done(options.prefix ? 'leases revoked' : 'lease revoked', {
      [options.prefix ? 'prefix' : 'lease_id']: operands.ID,
    });
  },
});

const list = defineCommand({
  summary: 'List leases below a path',
  details: ['One level at a time: names that end in "/" have more below them. Needs sudo.'],
  operands: { PREFIX: 'optional' },
  options: serverOptions,
  examples: ['coffer lease list database/creds/web'],
  async run({ options, operands }, shell) {
    const prefix = (operands.PREFIX ?? '').replace(/^\/+|\/+$/g, '');
    const path = prefix === '' ? 'sys/leases/lookup' : `sys/leases/lookup/${prefix}/`;
    const keys = await listKeys(await connect(shell, options), path);
    if (keys.length === 0) shell.ui.talk('no lease');
    shell.ui.lines(keys);
  },
});

const stuck = defineCommand({
  summary: 'List leases that could not be ended and are not tried any more',
  operands: {},
  options: serverOptions,
  details: ['Mend the cause and say `coffer lease revoke ID`, which tries once more.'],
  async run({ options }, shell) {
    const client = await connect(shell, options);
    const answer = await client.request('GET', 'sys/leases', { query: { type: 'irrevocable' } });
    const { leases } = dataOf(answer.body);
    const ids = Array.isArray(leases)
      ? leases.map((lease) => (isJsonObject(lease) ? lease['lease_id'] : ''))
      : [];
    if (ids.length === 0) shell.ui.talk('no lease is stuck');
    shell.ui.lines(ids.map(String));
  },
});

export const command: CommandGroup = {
  summary: 'List, renew and revoke leases',
  commands: { list, lookup, renew, revoke, stuck },
};
