import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeMetricsReference } from './make-metrics-reference.ts';
import { readDocument, root } from './source-tree.ts';

const path = 'docs/reference/metrics.md';

test('the page on metrics says what the server counts', () => {
  const wanted = makeMetricsReference();
  if (process.env['COFFER_WRITE_REFERENCE'] === '1') writeFileSync(join(root, path), wanted);
  expect(readDocument(path)).toBe(wanted);
});
