import { version } from '../../version.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  summary: 'Print the version',
  operands: {},
  options: {},
  async run(_input, { ui }) {
    if (ui.format === 'json') ui.json({ version });
    else ui.text(`coffer ${version}\n`);
  },
});
