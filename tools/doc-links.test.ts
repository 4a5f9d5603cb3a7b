import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkLinks } from './doc-links.ts';
import { readDocument, root } from './source-tree.ts';

function pagesHere(): ReadonlyMap<string, string> {
  const docs = readdirSync(`${root}/docs`, { recursive: true, encoding: 'utf8' })
    .map((path) => `docs/${path.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.md'));
  const top = readdirSync(root).filter((name) => /^[A-Z]+\.md$/.test(name));
  return new Map([...docs, ...top].map((path) => [path, readDocument(path)]));
}

describe('the pages', () => {
  it('lead to each other', () => {
    const pages = pagesHere();
    expect(pages.size).toBeGreaterThan(100);
    expect(checkLinks(pages)).toEqual([]);
  });

  it.each([
    ['a fragment of another page', '[x](b.md#nothing)', 'links to b.md#nothing'],
    ['a fragment of its own', '[x](#nothing)', 'links to #nothing'],
    ['a heading that only code has', '[x](b.md#code)', 'links to b.md#code'],
    ['a third of two', '[x](b.md#two-2)', 'links to b.md#two-2'],
  ])('are found out with %s', (_, text, problem) => {
    const b = '# B\n## Two\n## Two\n```sh\n# code\n```\n';
    const pages = new Map([
      ['docs/reference/a.md', `${text} [b](b.md)`],
      ['docs/reference/b.md', `${b}[a](a.md)`],
    ]);
    expect(checkLinks(pages)).toEqual([expect.stringContaining(problem)]);
  });

  it('are missed where no other page leads to them', () => {
    const pages = new Map([
      ['docs/guide/a.md', '# A\n[myself](#a), [b](../reference/b.md)\n```text\n[c](c.md)\n```\n'],
      ['docs/reference/b.md', ''],
      ['docs/guide/c.md', '[b](../reference/b.md)'],
      ['docs/adr/0001-x.md', ''],
    ]);
    expect(checkLinks(pages)).toEqual([
      'no page links to docs/guide/a.md',
      'no page links to docs/guide/c.md',
    ]);
  });

  it('are guides that lead to the reference', () => {
    const pages = new Map([
      ['docs/guide/a.md', '[b](b.md)'],
      ['docs/guide/b.md', '[a](a.md), [c](../reference/c.md)'],
      ['docs/reference/c.md', ''],
    ]);
    expect(checkLinks(pages)).toEqual(['docs/guide/a.md leads to no reference']);
  });

  it.each(['two-1', 'first-coffer-doctor', 'a-link-and-_more_', 'größe'])(
    'have the heading %s',
    (fragment) => {
      const text = '## Two\n## Two\n## First: `coffer doctor`\n## A [link](x.md) and _more_\n## Größe\n';
      expect(checkLinks(new Map([['docs/adr/a.md', `${text}[x](#${fragment})`]]))).toEqual([]);
    },
  );
});
