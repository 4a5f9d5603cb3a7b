import { expect, test } from 'vitest';
import { wrapText } from './text-wrap.ts';

test('text is broken between words, and a long word stays whole', () => {
  expect(wrapText('one two three', 7)).toEqual(['one two', 'three']);
  expect(wrapText(`a ${'x'.repeat(20)} b`, 7)).toEqual(['a', 'x'.repeat(20), 'b']);
  expect(wrapText('', 7)).toEqual(['']);
});

test('what stands in front of the first line counts', () => {
  expect(wrapText('one two three', 7, 4)).toEqual(['one', 'two', 'three']);
});

test('cells count, not characters', () => {
  expect(wrapText('日本 日本', 8)).toEqual(['日本', '日本']);
});
