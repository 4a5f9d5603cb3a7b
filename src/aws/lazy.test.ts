import { expect, it } from 'vitest';
import { readSources } from '../../tools/source-tree.ts';

it('the SDK is loaded by whoever calls AWS, and by nobody who only might', () => {
  const eager = /^(?:import|export)(?! type)\b[^;]*?from\s*'@aws-sdk\//m;
  expect(eager.test("import { KMSClient } from '@aws-sdk/client-kms';")).toBe(true);
  expect(eager.test("import type { KMSClient } from '@aws-sdk/client-kms';")).toBe(false);
  const sources = [...readSources('src')].filter(
    ([path, source]) => source.includes('@aws-sdk/') && !path.endsWith('.test.ts'),
  );
  expect(sources.length).toBeGreaterThan(0);
  expect(sources.filter(([, source]) => eager.test(source)).map(([path]) => path)).toEqual([]);
});
