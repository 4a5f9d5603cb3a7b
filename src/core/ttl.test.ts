import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDuration, parseDuration } from './ttl.ts';

describe('parseDuration', () => {
  test.each([
    ['0', 0],
    ['60', 60],
    ['3600', 3_600],
    ['+60', 60],
    ['-60', -60],
    ['-0', 0],
    ['0s', 0],
    ['10s', 10],
    ['5m', 300],
    ['1h30m', 5_400],
    ['1.5h', 5_400],
    ['.5h', 1_800],
    ['1.h', 3_600],
    ['1h0m0s', 3_600],
    ['2d', 172_800],
    ['1d12h', 129_600],
    ['-5m', -300],
    ['500ms', 1],
    ['-500ms', -1],
    ['1500ms', 2],
    ['1ns', 1],
    ['1us', 1],
    ['1µs', 1],
    ['1μs', 1],
    ['0.1s0.9s', 1],
    ['0.1s0.2s0.7s', 1],
    ['9223372036', 9_223_372_036],
  ])('%s is %d seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  test.each([
    [''],
    [' '],
    [' 60'],
    ['60 '],
    ['60\n'],
    ['s'],
    ['.s'],
    ['.'],
    ['-'],
    ['+-1s'],
    ['1.5'],
    ['1e3'],
    ['0x10'],
    ['1h30'],
    ['1 h'],
    ['1S'],
    ['1w'],
    ['Infinity'],
    ['NaN'],
    ['１０'],
    ['9223372037'],
    ['300000d'],
    ['1h'.repeat(40)],
    ['__proto__'],
    ['1constructor'],
  ])('%j is no duration', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe('formatDuration', () => {
  test.each([
    [0, '0s'],
    [59, '59s'],
    [60, '1m0s'],
    [1_800, '30m0s'],
    [3_600, '1h0m0s'],
    [12_319, '3h25m19s'],
    [90_000, '25h0m0s'],
    [-60, '-1m0s'],
    [1.9, '1s'],
    [-0.5, '0s'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  test('what it writes, parseDuration reads back', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1_000_000_000, max: 1_000_000_000 }), (seconds) => {
        expect(parseDuration(formatDuration(seconds))).toBe(seconds);
      }),
    );
  });
});
