import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseConfig } from './file.ts';
import { resolveSettings } from './load.ts';
import { settingReference } from './reference.ts';
import { flagOf, listenerTable, type Setting, table, variableOf } from './table.ts';

const page = new URL('../../docs/reference/configuration.md', import.meta.url);
const heading = '## Settings\n\n';
const settings = Object.entries<Setting<unknown>>({ ...table, ...listenerTable });

/** After a change of a declaration: `npm run docs`. */
it('is the table', () => {
  const text = readFileSync(page, 'utf8');
  const wanted = text.slice(0, text.indexOf(heading) + heading.length) + settingReference();
  if (process.env['COFFER_WRITE_REFERENCE'] === '1') writeFileSync(page, wanted);
  expect(readFileSync(page, 'utf8')).toBe(wanted);
});

it('begins with an example that is sound', () => {
  const [, example = ''] = /```toml\n([^`]*)```/.exec(readFileSync(page, 'utf8')) ?? [];
  const { file, problems } = parseConfig('coffer.toml', example);
  expect(problems).toEqual([]);
  const loaded = resolveSettings({ flags: {}, env: {}, file, directory: '/' });
  expect(loaded.problems).toEqual([]);
  expect(loaded.settings.listeners).toHaveLength(2);
});

it('has a flag and a variable of its own for each setting, named alike', () => {
  const flags = settings.map(([name, setting]) => flagOf(name, setting));
  expect(new Set(flags).size).toBe(settings.length);
  for (const [name, setting] of settings) {
    const flag = flagOf(name, setting);
    expect(variableOf(name, setting)).toBe(`COFFER_${flag.replaceAll('-', '_').toUpperCase()}`);
  }
});
