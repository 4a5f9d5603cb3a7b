/** The words of `vault -help`. */
import { pageWidth, wrapText } from '../text-wrap.ts';
import { aligned } from './columns.ts';
import { connectionFlags } from './session.ts';
import { verbNames } from './table.ts';
import type { Verb } from './verb.ts';

export function overview(): string {
  const names = wrapText(verbNames.join(', '), pageWidth - 2).map((line) => `  ${line}`);
  return `Usage: vault <command> [options] [args]\n\nCommands:\n${names.join('\n')}\n\nMore: vault <command> -help`;
}

export function verbHelp(name: string, verb: Verb): string {
  const own = flagLines(verb.flags ?? {});
  const common = flagLines(connectionFlags);
  return [
    `Usage: vault ${name} [options] ${verb.usage}`.trimEnd(),
    `${verb.summary}.`,
    ...(own === '' ? [] : [`Options:\n${own}`]),
    `Options of every command (-format=table|json|yaml besides):\n${common}`,
  ].join('\n\n');
}

function flagLines(flags: NonNullable<Verb['flags']>): string {
  const rows = Object.entries(flags).map(([name, { help }]) => [`  -${name}`, help]);
  return aligned(rows, 2).join('\n');
}
