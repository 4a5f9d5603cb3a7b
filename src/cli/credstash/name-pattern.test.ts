import fc from 'fast-check';
import { expect, it } from 'vitest';
import { shellPattern, starPattern } from './name-pattern.ts';

it.each([
  ['a*', 'a.b/c', true],
  ['a.*', 'axb', false],
  ['*', '', true],
  ['a?c', 'abc', true],
  ['a?c', 'a?c', true],
  ['?', '🔑', true],
  ['[abc]x', 'bx', true],
  ['[!abc]x', 'bx', false],
  ['[!abc]x', 'dx', true],
  ['[a-c]', 'b', true],
  ['[a-c]', '-', false],
  ['[]x]', ']', true],
  ['[!]]', ']', false],
  ['[a-]', '-', true],
  ['[ab', '[ab', true],
  ['a[', 'a[', true],
  ['A', 'a', false],
  ['*a*b', 'xaxxb', true],
  ['*a*b', 'xaxxbc', false],
])('%s and %s: %s', (pattern, name, wanted) => expect(shellPattern(pattern)(name)).toBe(wanted));

it('of credstash knows the star alone', () => {
  expect(starPattern('a?[b]*')('a?[b].c')).toBe(true);
  expect(starPattern('a?')('ab')).toBe(false);
  const texts = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.'), maxLength: 8 });
  fc.assert(
    fc.property(texts, texts, (pattern, name) => {
      const parts = pattern.split('*').map((part) => part.replace(/\./g, '\\.'));
      expect(starPattern(pattern)(name)).toBe(new RegExp(`^${parts.join('.*')}$`, 's').test(name));
    }),
  );
});

it('threat 15: a pattern of many stars costs no more than both lengths', () => {
  expect(shellPattern(`${'*a'.repeat(2_000)}b`)('a'.repeat(4_000))).toBe(false);
});
