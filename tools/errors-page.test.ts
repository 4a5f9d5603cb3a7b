import { expect, test } from 'vitest';
import { errorCodes, exitCodeOf, statusOf } from '../src/errors.ts';
import { readDocument } from './source-tree.ts';

test('the page on errors is the table of the error family', () => {
  const page = readDocument('docs/reference/errors.md');
  const rows = [...page.matchAll(/^\| `(\w+)` +\| (\d{3}) +\| (\d+) +\| (.+) \|$/gm)];
  const documented = rows.map(([, code, status, exit]) => `${code} ${status} ${exit}`);
  expect(documented).toEqual(errorCodes.map((code) => `${code} ${statusOf(code)} ${exitCodeOf(code)}`));
});
