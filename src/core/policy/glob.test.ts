import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesGlob } from './glob.ts';

test('a star at an end stands for any text there, and elsewhere for itself', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['v', 'v', true],
    ['v', 'vw', false],
    ['', '', true],
    ['', 'v', false],
    ['v*', 'vw', true],
    ['v*', 'v', true],
    ['v*', 'wv', false],
    ['*v', 'wv', true],
    ['*v', 'vw', false],
    ['*v*', 'wvw', true],
    ['*v*', 'w', false],
    ['*', '', true],
    ['*', 'anything', true],
    ['**', '', true],
    ['**', 'anything', true],
    ['a*b', 'a*b', true],
    ['a*b', 'axb', false],
    ['V', 'v', false],
  ];
  for (const [glob, text, matches] of cases) expect(matchesGlob(glob, text), `${glob} ${text}`).toBe(matches);
});

test('threat 15: linear matching — a long middle is found exactly where the runtime’s search finds it', () => {
  const letters = fc
    .array(fc.constantFrom('a', 'b'), { minLength: 33, maxLength: 40 })
    .map((list) => list.join(''));
  fc.assert(
    fc.property(
      letters,
      fc.array(fc.constantFrom('a', 'b'), { maxLength: 200 }),
      fc.boolean(),
      (needle, rest, inside) => {
        const text = inside
          ? `${rest.join('')}${needle.slice(0, 20)}${needle}${rest.join('')}`
          : rest.join('');
        expect(matchesGlob(`*${needle}*`, text)).toBe(text.includes(needle));
      },
    ),
    { numRuns: 2_000 },
  );
  // A needle for which a search that starts over at each place compares 10^10 characters: here it returns at all.
  const half = 'a'.repeat(50_000);
  expect(matchesGlob(`*${half}b${half}*`, 'a'.repeat(1 << 20))).toBe(false);
});
