import { expect, it } from 'vitest';
import { resolveSettings } from '../config/load.ts';
import { CofferError } from '../errors.ts';
import { dialectProblems, openDialect } from './configured-dialects.ts';

it('a listener speaks what its setting names, with options that the dialect knows', () => {
  expect(openDialect('vault')).toBeUndefined();
  expect(openDialect('dssss?auth=team/aws&role=old&secrets=shop')).toBeDefined();
});

it.each([
  'vault?x=y',
  'dsss',
  'dssss?secrets=a&secrets=b',
  'dssss?mount=a',
  'dssss?secrets=/a',
  'dssss?auth=a b',
])('%s is refused', (text) => {
  expect(() => openDialect(text)).toThrow(CofferError);
});

it('what cannot be is told where it was said', () => {
  const load = (dialect: string) =>
    resolveSettings({ flags: { dialect }, env: {}, file: undefined, directory: '/' });
  expect(dialectProblems(load('vault'))).toEqual([]);
  expect(dialectProblems(load('stsfw'))).toMatchObject([
    { where: '--dialect', message: expect.stringContaining('there are vault, dssss') },
  ]);
});
