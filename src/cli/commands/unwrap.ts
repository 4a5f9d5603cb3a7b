import { defineCommand } from '../command.ts';
import { connectAnonymously } from '../context.ts';
import { fieldOption, serverOptions } from '../options.ts';
import { printData, showWarnings } from '../print-data.ts';
import { dataOf } from '../safe.ts';
import { readWrappingToken, unwrappedData, wrappingTokenDetails, wrappingTokenOptions } from '../wrapped.ts';

export const command = defineCommand({
  summary: 'Take out what a wrapping token holds',
  details: [
    `${wrappingTokenDetails} Nothing else is needed, also no login. It works once: if somebody was faster, say so to ` +
      'whoever sent it.',
  ],
  operands: { TOKEN: 'optional' },
  options: {
    lookup: { type: 'flag', help: 'only show when and where it was wrapped; it stays wrapped' },
    ...wrappingTokenOptions,
    ...fieldOption,
    ...serverOptions,
  },
  examples: ['coffer unwrap', 'coffer unwrap --file wrapped --field client_token'],
  async run({ options, operands }, shell) {
    const token = await readWrappingToken(shell, 'unwrap', operands.TOKEN, options.file);
    const client = connectAnonymously(shell, options);
    if (options.lookup) {
      const answer = await client.request('POST', 'sys/wrapping/lookup', { body: { token } });
      printData(shell.ui, dataOf(answer.body), options.field);
      return;
    }
    // It is its own right to be unwrapped: nobody's login is needed.
    const answer = await client.request('POST', 'sys/wrapping/unwrap', { token, wrapped: true });
    showWarnings(shell.ui, answer.body);
    printData(shell.ui, unwrappedData(answer.body), options.field);
  },
});
