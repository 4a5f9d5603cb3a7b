import { defineCommand } from '../command.ts';
import { openSafe } from '../context.ts';
import { listKeys } from '../listing.ts';
import { safeOptions } from '../options.ts';

export const command = defineCommand({
  summary: 'List names of secrets',
  details: ['Names that end in "/" hold further names.'],
  operands: { PREFIX: 'optional' },
  options: safeOptions,
  async run({ options, operands }, shell) {
    const safe = await openSafe(shell, options);
    const prefix = (operands.PREFIX ?? '').replace(/\/$/, '');
    const names = await listKeys(safe.client, `${safe.mount}/metadata${prefix === '' ? '' : `/${prefix}`}`);
    if (names.length === 0) {
      await safe.requireVersioned(prefix);
      shell.ui.talk(`no secrets below ${prefix === '' ? safe.mount : prefix}`);
    }
    shell.ui.lines(names);
  },
});
