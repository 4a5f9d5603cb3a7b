import { describe, expect, it } from 'vitest';
import { readDocument } from './source-tree.ts';

/** Rows like `| what | \`file\`: "test" |`. */
function heldBy(page: string): readonly { readonly file: string; readonly test: string }[] {
  return [...page.matchAll(/\| `(test\/[\w./-]+\.ts)`: "([^"]+)" +\|$/gm)].map(
    ([, file = '', test = '']) => ({
      file,
      test,
    }),
  );
}

describe('the page on the wire', () => {
  const rows = heldBy(readDocument('docs/reference/wire.md'));

  it('has its table', () => {
    expect(rows.length).toBeGreaterThan(15);
  });

  it.each(rows)('names a test that is there: $file, $test', ({ file, test }) => {
    // A name may be cut short, but it begins as the test's does.
    expect(readDocument(file)).toMatch(
      new RegExp(`(?:it|describe|test)(?:\\.each)?[^\\n]*\\('${test.replaceAll(/[.*+?()[\]\\]/g, '\\$&')}`),
    );
  });
});
