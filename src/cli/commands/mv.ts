import { defineCommand } from '../command.ts';
import { moveAsAsked } from '../move-elsewhere.ts';
import { moveOptions, moveOrder } from '../move-order.ts';

export const command = defineCommand({
  summary: 'Move a secret, or all below a name',
  details: [
    'A secret moves with all its versions and what is known of it. Nothing is moved onto a secret that is there, ' +
      'unless --overwrite says so. With --recursive, FROM/ and TO/ are all secrets below them; a large move is a ' +
      'job of the server, and goes on when this command is interrupted.',
    '--to-safe moves from one credstash:// table to another, of any region and account: each version is read with the one ' +
      "safe's rights and key, and sealed anew with the other's. Interrupted, it is whole where it was, and the same command goes on.",
  ],
  operands: { FROM: 'one', TO: 'one' },
  options: moveOptions,
  examples: ['coffer mv db/pasword db/password', 'coffer mv --recursive --dry-run staging/ old/staging/'],
  async run({ options, operands }, shell) {
    const order = moveOrder('move', operands.FROM, operands.TO, options);
    await moveAsAsked(shell, order, options);
  },
});
