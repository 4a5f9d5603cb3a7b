/** `coffer agent`. */
import { defineCommand } from '../cli/command.ts';

export const command = defineCommand({
  summary: 'Keep credentials and files of secrets up to date on this host',
  operands: {},
  options: {},
  async run() {},
});
