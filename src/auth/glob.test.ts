import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesAnything, matchesGlob } from './glob.ts';

/** Slow and obvious. */
function matchesByRegExp(pattern: string, text: string): boolean {
  const escaped = pattern.split('*').map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${escaped.join('[^]*')}$`).test(text);
}

describe('globs', () => {
  it('match as the obvious way does', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '\n'), maxLength: 9 });
    fc.assert(
      fc.property(letters, letters, (pattern, text) => {
        expect(matchesGlob(pattern, text)).toBe(matchesByRegExp(pattern, text));
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['a*a', 'a', false],
    ['ab*ba', 'aba', false],
    ['*a*', 'bab', true],
    ['refs/*/main', 'refs/heads/x/main', true],
    ['a.c', 'abc', false],
    ['[a]', 'a', false],
  ])('%s and %s: %s', (pattern, text, fits) => {
    expect(matchesGlob(pattern, text)).toBe(fits);
  });

  it('threat 15: take no time to speak of for patterns of stars', () => {
    // By backtracking this would not end within the age of the universe.
    expect(matchesGlob(`${'a*'.repeat(400)}b`, 'a'.repeat(10_000))).toBe(false);
  });

  it('know which match anything', () => {
    expect(['*', '**', '', 'a*', '*a'].map(matchesAnything)).toEqual([true, true, false, false, false]);
  });
});
