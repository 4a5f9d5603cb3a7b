import { expect, it } from 'vitest';
import { isShown } from './shown-output.ts';

it.each([
  ['a\nb', 'a\nb\n'],
  ['a  1', 'a\t1\n'],
  ['made at …', 'made at 12:00\n'],
  ['…\nlast', 'first\nsecond\nlast'],
  ['first\n…', 'first\n'],
  ['a (b) [c] $d *', 'a (b) [c] $d *'],
])('%j stands for %j', (shown, said) => {
  expect(isShown(shown, said)).toBe(true);
});

it.each([
  ['a', 'a\nb'],
  ['b', 'a\nb'],
  ['a.c', 'abc'],
  ['made at …', 'made at \n'],
  ['made at …', 'made at 12\nand more'],
  ['…\nlast', 'last\nmore'],
  ['', 'something'],
])('%j does not stand for %j', (shown, said) => {
  expect(isShown(shown, said)).toBe(false);
});
