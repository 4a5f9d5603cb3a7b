import { isJsonObject } from '../../json.ts';
import { type CommandGroup, defineCommand } from '../command.ts';
import { connect } from '../context.ts';
import { serverOptions } from '../options.ts';
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
  operands: { ID: 'one' },
  options: {
    prefix: { type: 'flag', help: 'ID is a path: end all leases below it' },
    ...serverOptions,
  },
  async run({ options, operands }, shell) {
    const client = await connect(shell, options);
    if (options.prefix) {
      const prefix = operands.ID.replace(/\/$/, '');
      await client.request('POST', `sys/leases/revoke-prefix/${prefix}`);
    } else {
      await client.request('POST', 'sys/leases/revoke', { body: { lease_id: operands.ID } });
    }
    shell.ui.done(options.prefix ? 'leases revoked' : 'lease revoked', {
      [options.prefix ? 'prefix' : 'lease_id']: operands.ID,
    });
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
  summary: 'Look up, renew and revoke leases',
  commands: { lookup, renew, revoke, stuck },
};
