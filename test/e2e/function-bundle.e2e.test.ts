// What Lambda loads before the first request: each file, and each kind of mount that a store may not have, is time of every cold start.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { mountTypes } from '../../src/main/catalog.ts';

const folder = fileURLToPath(new URL('../../dist/lambda/', import.meta.url));
const textOf = (name: string) => readFileSync(folder + name, 'utf8');

/** The files that one loads before it runs, itself included. */
function startOf(name: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(name)) return found;
  found.add(name);
  for (const [, other = ''] of textOf(name).matchAll(/(?:from|import)"\.\/([\w-]+\.mjs)"/g)) {
    startOf(other, found);
  }
  return found;
}

it.each(['public.mjs', 'duties.mjs'])('%s starts with few files, and with no kind of mount', async (name) => {
  const files = [...startOf(name)];
  expect(files.join(' ')).toContain('joined-');
  expect(files.length).toBeLessThanOrEqual(3);
  const start = files.map(textOf).join('');
  const all = readdirSync(folder).map(textOf).join('');
  for (const row of [...mountTypes.engines.values(), ...mountTypes.authMethods.values()]) {
    const { summary } = await row.load();
    // Other letters are spelled otherwise in a bundle.
    const [words = ''] = summary.split(/[^\w ,/()-]+/).toSorted((a, b) => b.length - a.length);
    expect([words, all.includes(words), start.includes(words)]).toEqual([words, true, false]);
  }
});
