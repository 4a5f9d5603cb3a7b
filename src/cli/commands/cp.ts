import { defineCommand } from '../command.ts';
import { openSafe } from '../context.ts';
import { moveOptions, moveOrder } from '../move-order.ts';
import { moveSecrets } from '../move-secrets.ts';

export const command = defineCommand({
  summary: 'Copy a secret, or all below a name',
  details: [
    'Nothing is copied onto a secret that is there, unless --overwrite says so. With --recursive, FROM/ and TO/ are ' +
      'all secrets below them; a large copy is a job of the server, and goes on when this command is interrupted.',
  ],
  operands: { FROM: 'one', TO: 'one' },
  options: moveOptions,
  examples: ['coffer cp db/staging db/test', 'coffer cp --recursive staging/ test/'],
  async run({ options, operands }, shell) {
    const order = moveOrder('copy', operands.FROM, operands.TO, options);
    await moveSecrets(shell, await openSafe(shell, options), order, options.yes);
  },
});
