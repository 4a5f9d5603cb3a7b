/** The words of `-h`, for both programs. */
import { pageWidth, wrapText } from '../text-wrap.ts';
import type { Verb, Verbs } from './verb.ts';
import type { OptionRules } from './words.ts';

const column = 24;

export function programHelp<S>(program: string, globals: OptionRules, verbs: Verbs<S>): string {
  const rows = Object.entries(verbs).flatMap(([name, { summary }]) => row(`  ${name}`, summary));
  return [
    `usage: ${program} [options] COMMAND ...`,
    `Options, before the command:\n${optionLines(globals)}`,
    `Commands:\n${rows.join('\n')}`,
    `More: ${program} COMMAND -h\n`,
  ].join('\n\n');
}

export function verbHelp<S>(program: string, name: string, { usage, summary, options }: Verb<S>): string {
  const own = optionLines(options);
  return [
    `usage: ${program} ${name} [options] ${usage}`.trimEnd(),
    ...wrapText(`${summary}.`, pageWidth),
    ...(own === '' ? [''] : [`\nOptions:\n${own}\n`]),
  ].join('\n');
}

function optionLines(rules: OptionRules): string {
  return Object.values(rules)
    .flatMap(({ names, help }) => row(`  ${names.join(', ')}`, help))
    .join('\n');
}

function row(left: string, right: string): readonly string[] {
  const [first = '', ...rest] = wrapText(right, pageWidth - column);
  const more = rest.map((line) => ' '.repeat(column) + line);
  if (left.length > column - 2) return [left, ' '.repeat(column) + first, ...more];
  return [left.padEnd(column) + first, ...more];
}
