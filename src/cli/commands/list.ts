import { defineCommand } from '../command.ts';
import { openSafe } from '../context.ts';
import { safeOptions } from '../options.ts';
import { parseFolder } from '../secret-name.ts';
import { namesIn } from '../walk.ts';

export const command = defineCommand({
  summary: 'List names of secrets',
  details: ['Names that end in "/" hold further names.'],
  operands: { PREFIX: 'optional' },
  options: safeOptions,
  async run({ options, operands }, shell) {
    const prefix = parseFolder(operands.PREFIX ?? '');
    const safe = await openSafe(shell, options);
    const count = await shell.ui.stream(namesIn(safe, prefix));
    if (count > 0) return;
    await safe.requireUsable(prefix);
    shell.ui.talk(`no secrets below ${prefix === '' ? safe.title : prefix}`);
  },
});
