/** The reference page's part that follows from the declarations: the help of every command, in the overview's order. */
import { type Command, type CommandGroup, isGroup } from './command.ts';
import { helpText } from './help.ts';

/** @param commands by name, as the table has them */
export function commandReference(commands: ReadonlyMap<string, Command | CommandGroup>): string {
  const pages: [string, Command][] = [];
  for (const [name, command] of commands) {
    if (!isGroup(command)) pages.push([name, command]);
    else for (const [verb, inner] of Object.entries(command.commands)) pages.push([`${name} ${verb}`, inner]);
  }
  return pages
    .map(([name, command]) => `### coffer ${name}\n\n\`\`\`\n${helpText(name, command)}\`\`\`\n`)
    .join('\n');
}
