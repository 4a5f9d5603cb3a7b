import { defineCommand } from '../command.ts';
import { connect } from '../context.ts';
import { fieldOption, serverOptions } from '../options.ts';
import { printData } from '../print-data.ts';
import { readWrappingToken, wrapInfoOf, wrappingTokenDetails, wrappingTokenOptions } from '../wrapped.ts';

export const command = defineCommand({
  summary: 'Put what is wrapped under a new token',
  details: [
    `${wrappingTokenDetails} What it holds is kept for as long again under a new wrapping token, which is printed; the ` +
      'old one ends.',
  ],
  operands: { TOKEN: 'optional' },
  options: { ...wrappingTokenOptions, ...fieldOption, ...serverOptions },
  examples: ['coffer rewrap --file wrapped --field token'],
  async run({ options, operands }, shell) {
    const token = await readWrappingToken(shell, 'rewrap', operands.TOKEN, options.file);
    const client = await connect(shell, options);
    const answer = await client.request('POST', 'sys/wrapping/rewrap', { body: { token }, wrapped: true });
    printData(shell.ui, wrapInfoOf(answer.body), options.field);
  },
});
