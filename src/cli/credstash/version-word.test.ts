import { expect, it } from 'vitest';
import { padded, storedTexts, versionAfter } from './version-word.ts';

it('pads any text, and never cuts one', () => {
  expect(padded('v5')).toBe('00000000000000000v5');
  expect(padded('')).toBe('0'.repeat(19));
  expect(padded('x'.repeat(25))).toBe('x'.repeat(25));
});

it('finds a version padded, and as the oldest releases wrote it', () => {
  expect(storedTexts('2')).toEqual(['0000000000000000002', '2']);
  expect(storedTexts('0000000000000000002')).toEqual(['0000000000000000002', '2']);
  expect(storedTexts('2020-01-02')).toEqual(['0000000002020-01-02', '2020-01-02']);
});

it('counts beyond what a number holds', () => {
  expect(versionAfter('9007199254740993')).toBe('0009007199254740994');
  expect(versionAfter('v5')).toBeUndefined();
});
