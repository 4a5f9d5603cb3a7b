import { expect, it } from 'vitest';
import { encodeTexts, memberOf } from './go-json.ts';

it('texts stand as Go indents and escapes them', () => {
  expect(encodeTexts(['hunter2'])).toBe('[\n     "hunter2"\n ]');
  expect(encodeTexts(['a', 'b'])).toBe('[\n     "a",\n     "b"\n ]');
  expect(encodeTexts([])).toBe('null');
  const hard = 'p\u00e4ss <&> \u2713\n\t\\b \\f \b\f\u0000\u2028\u2029\u007f"';
  const text = encodeTexts([hard]);
  expect(text).toBe(
    '[\n     "p\u00e4ss \\u003c\\u0026\\u003e \u2713\\n\\t\\\\b \\\\f \\u0008\\u000c\\u0000\\u2028\\u2029\u007f\\""\n ]',
  );
  expect(JSON.parse(text)).toEqual([hard]);
});

it('members are found in whatever case, the last of them', () => {
  expect(memberOf({ secret: 'a', SECRET: 'b' }, 'Secret')).toBe('b');
  expect(memberOf({ Secrets: 'a' }, 'Secret')).toBeUndefined();
});
