import { defineCommand } from '../command.ts';
import { connect } from '../context.ts';
import { serverOptions } from '../options.ts';
import { removeTokenFile } from '../token-file.ts';

export const command = defineCommand({
  summary: 'Forget the token',
  operands: {},
  options: {
    revoke: { type: 'flag', help: 'also revoke it at the server, with all that was made from it' },
    ...serverOptions,
  },
  async run({ options }, shell) {
    if (options.revoke) {
      const client = await connect(shell, options);
      await client.request('POST', 'auth/token/revoke-self');
    }
    const removed = removeTokenFile(shell.places.tokenFile);
    shell.ui.done(removed ? `removed ${shell.places.tokenFile}` : 'there was no token to forget', {
      removed,
    });
  },
});
