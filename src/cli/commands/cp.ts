import { defineCommand } from '../command.ts';
import { moveAsAsked } from '../move-elsewhere.ts';
import { moveOptions, moveOrder } from '../move-order.ts';

export const command = defineCommand({
  summary: 'Copy a secret, or all below a name',
  details: [
    'Nothing is copied onto a secret that is there, unless --overwrite says so. With --recursive, FROM/ and TO/ are ' +
      'all secrets below them; a large copy is a job of the server, and goes on when this command is interrupted.',
    '--to-safe copies from one credstash:// table to another, of any region and account: each version is sealed anew there.',
  ],
  operands: { FROM: 'one', TO: 'one' },
  options: moveOptions,
  examples: [
    'coffer cp db/staging db/test',
    'coffer cp --recursive staging/ test/',
    "coffer cp db db --to-safe 'credstash://T?region=eu-west-1'",
  ],
  async run({ options, operands }, shell) {
    const order = moveOrder('copy', operands.FROM, operands.TO, options);
    await moveAsAsked(shell, order, options);
  },
});
