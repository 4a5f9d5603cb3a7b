import { CofferError } from '../errors.ts';
import { type Command, isGroup } from './command.ts';
import type { Shell } from './shell.ts';

/**
 * A command that the program brings along, which opens the data directory itself. Throws `unsupported_operation` with this hint
 * where it brings none.
 */
export async function hostProgram({ programs }: Shell, name: string, hint: string): Promise<Command> {
  const load = programs?.[name];
  const command = load === undefined ? undefined : (await load()).command;
  if (command !== undefined && !isGroup(command)) return command;
  throw new CofferError('unsupported_operation', `this program opens no data directory: ${hint}`);
}
