import { CofferError } from '../../errors.ts';
import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { openSafe } from '../context.ts';
import { safeOptions } from '../options.ts';
import { parseFolder } from '../secret-name.ts';
import { drawTree } from '../tree.ts';
import { secretsBelow } from '../walk.ts';

export const command = defineCommand({
  summary: 'Show names of secrets as a tree',
  details: [
    'A folder that you may not list is marked, and the command then ends with 4. --format json is an array of ' +
      'whole names.',
  ],
  operands: { PREFIX: 'optional' },
  options: {
    depth: { type: 'integer', value: 'N', help: 'go down at most N levels' },
    ...safeOptions,
  },
  async run({ options, operands }, shell) {
    if (options.depth === 0) throw usageError('tree', '--depth must be at least 1');
    const folder = parseFolder(operands.PREFIX ?? '');
    const safe = await openSafe(shell, options);
    let denied = 0;
    const onDenied = () => {
      denied++;
    };
    const { ui } = shell;
    const top = folder === '' ? safe.title : folder;
    const depth = options.depth ?? Number.POSITIVE_INFINITY;
    const count =
      ui.format === 'json'
        ? await ui.stream(secretsBelow(safe, folder, { denied: onDenied, depth }))
        : await ui.stream(drawTree(safe, folder, { ui, top, depth, denied: onDenied }), (line) => line);
    if (count === 0 && denied === 0) {
      await safe.requireUsable(folder);
      ui.talk(`no secrets below ${top}`);
    }
    if (denied > 0) {
      const folders = denied === 1 ? 'one folder' : `${denied} folders`;
      throw new CofferError('permission_denied', `${folders} could not be listed: permission denied`);
    }
  },
});
