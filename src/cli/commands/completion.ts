import { CofferError } from '../../errors.ts';
import { usageError } from '../args.ts';
import { type Command, type CommandGroup, defineCommand } from '../command.ts';
import { bashScript } from '../completion/bash.ts';
import { fishScript } from '../completion/fish.ts';
import { type CompletionModel, completionModel } from '../completion/model.ts';
import { zshScript } from '../completion/zsh.ts';

const scripts: Readonly<Record<string, (model: CompletionModel) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

export const command = defineCommand({
  summary: 'Print completion for bash, zsh or fish',
  details: [
    'Commands, options and their choices are completed from the script alone. Names of secrets, policies and mounts ' +
      'are asked of the server that you are logged in to; without an answer within a second there are none. Values ' +
      'are never asked for.',
    'bash: source <(coffer completion bash) in ~/.bashrc. zsh: source <(coffer completion zsh) behind compinit in ' +
      '~/.zshrc. fish: coffer completion fish > ~/.config/fish/completions/coffer.fish.',
  ],
  operands: { SHELL: 'one' },
  options: {},
  examples: ['source <(coffer completion bash)'],
  async run({ operands }, shell) {
    const script = Object.hasOwn(scripts, operands.SHELL) ? scripts[operands.SHELL] : undefined;
    if (script === undefined)
      throw usageError('completion', `SHELL must be one of: ${Object.keys(scripts).join(', ')}`);
    if (shell.ui.format === 'json') throw new CofferError('usage', 'a script is no JSON; leave --format out');
    const commands = new Map<string, Command | CommandGroup>();
    for (const [name, load] of shell.commands()) commands.set(name, (await load()).command);
    shell.ui.text(script(completionModel(commands)));
  },
});
