/** What a shell has to know to complete a command line, out of the declarations. */
import { type Command, type CommandGroup, commonOptions, isGroup, type OptionSpec } from '../command.ts';

/**
 * What may stand at a place: nothing we know, files, a program and its words, or one of a list of words; or what only the
 * server knows (`dynamicKinds`).
 */
export type ValueKind = 'text' | 'file' | 'program' | DynamicKind;

/** What `coffer __complete` can find out. */
export const dynamicKinds = ['secret', 'policy', 'mount', 'auth'] as const;
export type DynamicKind = (typeof dynamicKinds)[number];

export interface CompletedOption {
  /** With its dashes: `--format`, and `-f` where there is a short form. */
  readonly names: readonly string[];
  /** Undefined for a flag. */
  readonly value: ValueKind | readonly string[] | undefined;
}

export interface CompletedCommand {
  /** As typed: `policy show`. */
  readonly name: string;
  readonly options: readonly CompletedOption[];
  /** By position; `repeats` says that the last one may come again. */
  readonly operands: readonly ValueKind[];
  readonly repeats: boolean;
}

export interface CompletionModel {
  /** First words. */
  readonly words: readonly string[];
  /** Verbs of the words that have some. */
  readonly verbs: ReadonlyMap<string, readonly string[]>;
  readonly commands: readonly CompletedCommand[];
}

/** Options that send a command elsewhere than `coffer __complete` would look. */
export const elsewhereOptions: readonly string[] = [
  '--safe',
  '--address',
  '--namespace',
  '--token-file',
  '--data',
];

/** @param commands by name, as typed: `get`, and `operator backup` for a verb that another part of the program brings */
export function completionModel(commands: ReadonlyMap<string, Command | CommandGroup>): CompletionModel {
  const verbs = new Map<string, string[]>();
  const completed: CompletedCommand[] = [];
  const words = [...commands.keys()].filter((name) => !name.includes(' '));
  for (const [name, command] of commands) {
    const [group = '', verb] = name.split(' ');
    if (verb !== undefined) verbs.set(group, [...(verbs.get(group) ?? []), verb]);
    if (!isGroup(command)) {
      completed.push(completedCommand(name, command));
      continue;
    }
    const known = [...(verbs.get(name) ?? []), ...Object.keys(command.commands)];
    verbs.set(name, [...new Set(known)]);
    for (const [inner, one] of Object.entries(command.commands)) {
      completed.push(completedCommand(`${name} ${inner}`, one));
    }
  }
  return { words: [...words, 'help'], verbs, commands: completed };
}

function completedCommand(name: string, command: Command): CompletedCommand {
  const options: readonly [string, OptionSpec][] = Object.entries({ ...command.options, ...commonOptions });
  const operands = Object.entries(command.operands);
  return {
    name,
    options: options.map(([option, spec]) => ({
      names: [`--${option}`, ...(spec.short === undefined ? [] : [`-${spec.short}`])],
      value: optionValue(option, spec),
    })),
    operands: operands
      .filter(([, count]) => count !== 'behind')
      .map(([operand], index) => operandKind(name, operand, command, index)),
    repeats: operands.some(([, count]) => count === 'some' || count === 'many'),
  };
}

function optionValue(name: string, spec: OptionSpec): CompletedOption['value'] {
  if (spec.type === 'flag') return undefined;
  if (spec.choices !== undefined) return spec.choices;
  if (spec.value === 'FILE' || spec.value === 'DIR') return 'file';
  return name === 'policy' ? 'policy' : 'text';
}

/** The names of operands as the declarations have them. */
function operandKind(name: string, operand: string, command: Command, index: number): ValueKind {
  if (operand === 'FILE' || operand === 'DIR' || operand === 'DIRECTORY') return 'file';
  if (name.startsWith('policy ') && operand === 'NAME') return 'policy';
  if (/^mount (tune|disable)$/.test(name)) return 'mount';
  if (/^auth (tune|disable)$/.test(name)) return 'auth';
  // A command that knows the option works on secrets; what follows a name is fields, except where it is another name.
  const onSecrets = Object.hasOwn(command.options, 'safe');
  const isName = /^(NAME|PREFIX|FROM|TO|OTHER|SOURCE|TARGET|SECRET|FOLDER)S?$/.test(operand);
  return onSecrets && (isName || index === 0) && name !== 'find' ? 'secret' : 'text';
}
