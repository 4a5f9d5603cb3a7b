import { expect, it } from 'vitest';
import { readSources } from '../../tools/source-tree.ts';

const eager = /^(?:import|export)(?! type)\b[^;]*?from\s*'@(?:aws-sdk|smithy)\//m;
const sources = [...readSources('src')].filter(([path]) => !path.endsWith('.test.ts'));
const named = sources
  .filter(([path]) => /^aws\/(?:[\w-]+-sdk|json-client)\.ts$/.test(path))
  .map(([path]) => path);

it('the SDK is loaded by whoever calls AWS, and by nobody who only might', () => {
  expect(eager.test("import { KMSClient } from '@aws-sdk/client-kms';")).toBe(true);
  expect(eager.test("import type { KMSClient } from '@aws-sdk/client-kms';")).toBe(false);
  const users = sources.filter(([, source]) => /'@(?:aws-sdk|smithy)\//.test(source));
  expect(users.length).toBeGreaterThan(0);
  const loading = users.filter(([, source]) => eager.test(source)).map(([path]) => path);
  expect(loading.toSorted()).toEqual(named.toSorted());
});

it('what names the parts of the SDK comes with the first call too', () => {
  expect(named.length).toBeGreaterThan(0);
  const files = named.map((path) => path.split('/').at(-1) ?? path);
  const direct = new RegExp(
    `^(?:import|export)(?! type)\\b[^;]*?from\\s*'[^']*/(?:${files.join('|')})'`,
    'm',
  );
  expect(direct.test("import { kmsSdk } from './kms-sdk.ts';")).toBe(true);
  expect(direct.test("import type { KmsSdk } from './kms-sdk.ts';")).toBe(false);
  expect(sources.filter(([, source]) => direct.test(source)).map(([path]) => path)).toEqual([]);
});
