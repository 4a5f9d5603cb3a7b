import { defineCommand } from '../command.ts';
import { openSafe } from '../context.ts';
import { moveOptions, moveOrder } from '../move-order.ts';
import { moveSecrets } from '../move-secrets.ts';

export const command = defineCommand({
  summary: 'Move a secret, or all below a name',
  details: [
    'A secret moves with all its versions and what is known of it. Nothing is moved onto a secret that is there, ' +
      'unless --overwrite says so. With --recursive, FROM/ and TO/ are all secrets below them; a large move is a ' +
      'job of the server, and goes on when this command is interrupted.',
  ],
  operands: { FROM: 'one', TO: 'one' },
  options: moveOptions,
  examples: ['coffer mv db/pasword db/password', 'coffer mv --recursive --dry-run staging/ old/staging/'],
  async run({ options, operands }, shell) {
    const order = moveOrder('move', operands.FROM, operands.TO, options);
    await moveSecrets(shell, await openSafe(shell, options), order, options.yes);
  },
});
