import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkNamedFiles } from './named-files.ts';
import { readDocument, root } from './source-tree.ts';

const notOurs = /^(node_modules|dist|\.git)(\/|$)/;

/** Every file of the checkout. */
function filesHere(): ReadonlySet<string> {
  const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => !notOurs.test(entry.name));
  const files = folders.flatMap((entry) =>
    entry.isDirectory()
      ? readdirSync(`${root}/${entry.name}`, { recursive: true, encoding: 'utf8' }).map(
          (path) => `${entry.name}/${path.replaceAll('\\', '/')}`,
        )
      : [entry.name],
  );
  return new Set(files);
}

describe('the files that documents name', () => {
  it('are there', () => {
    const files = filesHere();
    const pages = [...files].filter((file) => /^(docs\/.*|[A-Z]+)\.md$/.test(file));
    expect(pages).toContain('ARCHITECTURE.md');
    expect(checkNamedFiles(new Map(pages.map((page) => [page, readDocument(page)])), files)).toEqual([]);
  });

  const files = new Set(['src/core/road.ts', 'src/core/policy/hcl-escape.ts', 'docs/guide/a.md']);

  it.each([
    ['`src/core/rode.ts`', 'docs/b.md names src/core/rode.ts'],
    ['`ad.ts`', 'docs/b.md names ad.ts'],
    ['`hcx*.ts`', 'docs/b.md names hcx*.ts'],
    ['[x](guide/b.md)', 'docs/b.md links to guide/b.md'],
    ['[x](a.md#part)', 'docs/b.md links to a.md'],
  ])('are missed in %s', (text, problem) => {
    expect(checkNamedFiles(new Map([['docs/b.md', text]]), files)).toEqual([problem]);
  });

  it.each([
    '`src/core/road.ts`, `core/road.ts`, `road.ts`',
    '`hcl*.ts`',
    '[x](guide/a.md#part), [x](guide/), [x](../src/core)',
    '[x](https://example.com/y.md), [x](#part)',
  ])('are found in %s', (text) => {
    expect(checkNamedFiles(new Map([['docs/b.md', text]]), files)).toEqual([]);
  });
});
