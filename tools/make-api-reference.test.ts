import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { apiReferencePath, makeApiReference } from './make-api-reference.ts';
import { readDocument, root } from './source-tree.ts';

/** After a change of a declaration: `npm run docs`. */
test('the page on the API says what the endpoints declare', async () => {
  const wanted = await makeApiReference();
  if (process.env['COFFER_WRITE_REFERENCE'] === '1') writeFileSync(join(root, apiReferencePath), wanted);
  expect(readDocument(apiReferencePath)).toBe(wanted);
});

test('the page has the endpoints of the core, of every engine and of every auth method', async () => {
  const page = await makeApiReference();
  for (const path of ['sys/seal', 'auth/token/create', 'secret/data/:path*', 'auth/approle/login']) {
    expect(page).toContain(`### \`${path}\`\n`);
  }
});
