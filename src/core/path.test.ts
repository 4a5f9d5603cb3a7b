import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asFolder, parseApiPath } from './path.ts';

describe('threat 12: a request’s path', () => {
  it.each([
    '',
    'a',
    'a/',
    'a/b',
    'ü/ñ',
    'a b',
    'a..b',
    '...',
    '.a',
    'a%2fb',
    '%2e%2e/a',
    'a?b',
    '~',
    '*',
    '+/a',
  ])('may be %j, and is kept as it is', (text) => {
    expect(parseApiPath(text)).toBe(text);
  });

  it.each([
    '/a',
    'a//b',
    'a/b//',
    '//',
    '/',
    '.',
    '..',
    'a/..',
    '../a',
    'a/../b',
    'a/./b',
    './a',
    'a\\b',
    '..\\a',
    'a\u0000b',
    'a\nb',
    'a\u007fb',
    'a\u0085b',
    'a\u2028b',
    'a\u2029b',
    '\ud800',
    'a/\udfff/b',
    'x'.repeat(701),
    'ü'.repeat(351),
  ])('is not %j', (text) => {
    expect(() => parseApiPath(text)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('has 700 bytes at most', () => {
    expect(parseApiPath('x'.repeat(700))).toHaveLength(700);
    expect(parseApiPath('ü'.repeat(350))).toHaveLength(350);
  });

  it('that is taken never leads elsewhere', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', '.', '..', '/', '\\', '%2e', '\u0000', 'ü')), (parts) => {
        const text = parts.join('');
        let path: string;
        try {
          path = parseApiPath(text);
        } catch {
          return;
        }
        expect(new URL(`http://host/base/${encodeURI(path)}`).pathname.startsWith('/base/')).toBe(true);
        expect(path.split('/').slice(0, -1)).not.toContain('');
        expect(path.split('/')).not.toContain('..');
      }),
    );
  });

  it('as a folder ends in one slash', () => {
    expect([asFolder(parseApiPath('a')), asFolder(parseApiPath('a/')), asFolder(parseApiPath(''))]).toEqual([
      'a/',
      'a/',
      '',
    ]);
  });
});
