import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { openSafe } from '../context.ts';
import { findNames } from '../find-names.ts';
import { safeOptions } from '../options.ts';
import { parseFolder } from '../secret-name.ts';

export const command = defineCommand({
  summary: 'Find secrets by their names',
  details: [
    'NAME is a part of the name, or a pattern: * is any text, ? one character. One without "/" is held against the ' +
      'last part of a name, one with "/" against all below PREFIX. Letters count as written. Names that you may ' +
      'not list are not found.',
  ],
  operands: { NAME: 'one', PREFIX: 'optional' },
  options: safeOptions,
  examples: ['coffer find password', "coffer find '*-key' web", "coffer find 'prod/*/token'"],
  async run({ options, operands }, shell) {
    if (operands.NAME === '') throw usageError('find', 'NAME must not be empty');
    const folder = parseFolder(operands.PREFIX ?? '');
    const safe = await openSafe(shell, options);
    let denied = 0;
    const count = await shell.ui.stream(findNames(safe, folder, operands.NAME, () => denied++));
    if (denied > 0) shell.ui.warn(`${denied} folders could not be listed and were passed over`);
    if (count > 0) return;
    await safe.requireUsable(folder);
    shell.ui.talk('no secret has such a name');
  },
});
