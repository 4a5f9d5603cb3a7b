/** The words of `--help` and of the overview, made from the declarations. */
import {
  type Command,
  type CommandGroup,
  commonOptions,
  isGroup,
  type OperandTypes,
  type OptionSpec,
} from './command.ts';
import { pageWidth, wrapText } from './text-wrap.ts';

/** The help of one command or group, as typed: `policy write`. */
export function helpText(name: string, command: Command | CommandGroup): string {
  return isGroup(command) ? groupHelp(name, command) : commandHelp(name, command);
}

function commandHelp(name: string, command: Command): string {
  const operands = Object.entries(command.operands).map(([operand, count]) => operandUsage(operand, count));
  const options = { ...command.options, ...commonOptions };
  const parts = [
    `Usage: ${['coffer', name, '[options]', ...operands].join(' ')}`,
    `${command.summary}.`,
    ...(command.details ?? []).map(wrap),
    `Options:\n${columns(Object.entries(options).map(([option, spec]) => [optionUsage(option, spec), spec.help]))}`,
  ];
  if (command.examples !== undefined) {
    parts.push(`Examples:\n${command.examples.map((example) => `  ${example}`).join('\n')}`);
  }
  return `${parts.join('\n\n')}\n`;
}

function groupHelp(name: string, group: CommandGroup): string {
  const own = Object.entries(group.commands).map(([verb, { summary }]): [string, string] => [verb, summary]);
  const rows = [...own, ...Object.entries(group.brought ?? {})].map(([verb, summary]): [string, string] => [
    `${name} ${verb}`,
    summary,
  ]);
  return `Usage: coffer ${name} COMMAND\n\n${group.summary}.\n\nCommands:\n${columns(rows)}\n\nMore: coffer ${name} COMMAND --help\n`;
}

/** @param rows name and summary of each command, under the heading it belongs to */
export function overview(sections: Readonly<Record<string, readonly (readonly [string, string])[]>>): string {
  const width = Math.max(...Object.values(sections).flatMap((rows) => rows.map(([name]) => name.length)));
  const blocks = Object.entries(sections).map(([heading, rows]) => `${heading}:\n${columns(rows, width)}`);
  return `Usage: coffer COMMAND [options] [arguments]\n\n${blocks.join('\n\n')}\n\nMore: coffer COMMAND --help\n`;
}

/** Paragraphs are declared as one text. */
function wrap(paragraph: string): string {
  return wrapText(paragraph, pageWidth).join('\n');
}

function operandUsage(name: string, count: keyof OperandTypes): string {
  const shapes = {
    one: name,
    optional: `[${name}]`,
    some: `${name}...`,
    many: `[${name}...]`,
    behind: `-- ${name}...`,
  } as const satisfies Record<keyof OperandTypes, string>;
  return shapes[count];
}

function optionUsage(name: string, spec: OptionSpec): string {
  const short = spec.short === undefined ? '' : `-${spec.short}, `;
  return `${short}--${name}${spec.type === 'flag' ? '' : ` ${spec.value ?? 'TEXT'}`}`;
}

function columns(rows: readonly (readonly [string, string])[], width?: number): string {
  const first = width ?? Math.max(...rows.map(([left]) => left.length));
  const indent = `\n${' '.repeat(first + 4)}`;
  return rows
    .map(([left, right]) => `  ${left.padEnd(first)}  ${wrapText(right, pageWidth - first - 4).join(indent)}`)
    .join('\n');
}
