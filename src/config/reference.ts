/** The reference page's tables, out of the declarations. */
import {
  defaultText,
  flagOf,
  listenerTable,
  notifierTable,
  type Setting,
  table,
  variableOf,
} from './table.ts';

/** Markdown: every setting with its default, its flag and variable, and what a value looks like. */
export function settingReference(): string {
  const groups = new Map<string, [string, Setting<unknown>][]>();
  for (const [name, setting] of Object.entries<Setting<unknown>>(table)) {
    const dot = name.indexOf('.');
    const heading = dot === -1 ? 'At the top' : `\`[${name.slice(0, dot)}]\``;
    groups.set(heading, [...(groups.get(heading) ?? []), [name, setting]]);
  }
  const listener = Object.entries<Setting<unknown>>(listenerTable);
  const [first = ['', []], ...rest] = groups;
  const notifier = Object.entries<Setting<unknown>>(notifierTable);
  return [first, ['`[[listener]]`', listener] as const, ...rest, ['`[[notifier]]`', notifier] as const]
    .map(
      ([heading, settings]) => `### ${heading}\n\n${settings.map((row) => settingText(...row)).join('\n')}`,
    )
    .join('\n');
}

function settingText(name: string, setting: Setting<unknown>): string {
  const { kind, help, live } = setting;
  const key = name.slice(name.lastIndexOf('.') + 1);
  const value = setting.bare === true ? '' : ` ${kind.placeholder}`;
  const usual = setting.defaultText ?? `\`${defaultText(setting)}\``;
  return [
    `#### \`${key}\`\n`,
    `${sentence(help)}\n`,
    `- value: ${kind.looks}`,
    `- default: ${usual}`,
    Object.hasOwn(notifierTable, name)
      ? '- in the file alone'
      : `- flag \`--${flagOf(name, setting)}${value}\`, variable \`${variableOf(name, setting)}\``,
    ...(live === true ? ['- SIGHUP applies a change'] : []),
    '',
  ].join('\n');
}

function sentence(help: string): string {
  return `${help.charAt(0).toUpperCase()}${help.slice(1)}.`;
}
