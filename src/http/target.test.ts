import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseQuery, parseTarget } from './target.ts';

describe('parseTarget', () => {
  test.each([
    ['/v1/', '', ''],
    ['/v1/secret/a', 'secret/a', ''],
    ['/v1/secret/', 'secret/', ''],
    ['/v1/secret/a?list=true&b', 'secret/a', 'list=true&b'],
    ['/v1/secret/a?', 'secret/a', ''],
    ['/v1/secret/a?b?c', 'secret/a', 'b?c'],
    ['/v1/secret/a%20b', 'secret/a b', ''],
    ['/v1/secret/%C3%A9', 'secret/é', ''],
    ['/v1/secret/\xc3\xa9', 'secret/é', ''],
    ['/v1/secret/a+b', 'secret/a+b', ''],
    ['/v1/secret/a%2Eb', 'secret/a.b', ''],
    ['/v1/secret/%41', 'secret/A', ''],
    ['/v1/secret/...', 'secret/...', ''],
    ['/v1/secret/%25', 'secret/%', ''],
    ['http://host:8200/v1/secret/a?x=1', 'secret/a', 'x=1'],
    ['HTTPS://host/v1/secret/a', 'secret/a', ''],
  ])('%s is the path %j', (target, path, query) => {
    expect(parseTarget(target)).toEqual({ kind: 'path', path, query });
  });

  test.each([
    '/',
    '/v1',
    '/V1/a',
    '/v2/a',
    '/ui/',
    '/secret/v1/a',
    '*',
    '',
    'v1/a',
    'http://host',
    '//',
    '//host/a',
    '/%76%31/a',
  ])('%j is outside', (target) => {
    expect(parseTarget(target)).toEqual({ kind: 'outside' });
  });

  test.each([
    ['/v1//secret/a', '/v1/secret/a'],
    ['//v1/secret/a', '/v1/secret/a'],
    ['/v1/secret////a//', '/v1/secret/a/'],
    ['/v1/secret//a?list=true&x=//', '/v1/secret/a?list=true&x=//'],
    ['/v1/secret//a%20b', '/v1/secret/a%20b'],
  ])('%s leads to %s', (target, location) => {
    expect(parseTarget(target)).toEqual({ kind: 'redirect', location });
  });

  test.each([
    '/v1/secret/..',
    '/v1/secret/../sys/raw',
    '/v1/./secret',
    '/v1/secret/%2e%2e/sys',
    '/v1/secret/%2E./sys',
    '/v1/secret/.%2e',
    '/v1/secret/%2e',
    '/v1/secret/a%2fb',
    '/v1/secret/a%2Fb',
    '/v1/secret/a%5cb',
    '/v1/secret/a\\b',
    '/v1/secret/%00',
    '/v1/secret/a%0Ab',
    '/v1/secret/%7f',
    '/v1/secret/%c2%85',
    '/v1/secret/%ff',
    '/v1/secret/%c0%ae%c0%ae/sys',
    '/v1/secret/%ed%a0%80',
    '/v1/secret/\xff',
    '/v1/secret/%',
    '/v1/secret/%2',
    '/v1/secret/%zz',
    '/v1/secret/% 41',
    '/v1/secret/a#b',
    `/v1/${'a'.repeat(701)}`,
  ])('threat 12: %j is refused', (target) => {
    expect(() => parseTarget(target)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  test('threat 12: decoding happens once', () => {
    expect(parseTarget('/v1/secret/%252e%252e/%252f')).toEqual({
      kind: 'path',
      path: 'secret/%2e%2e/%2f',
      query: '',
    });
  });

  test('threat 12: whatever is sent, a path has no segment that walks and no second reading', () => {
    const piece = fc.constantFrom(
      'a',
      '/',
      '.',
      '..',
      '%2e',
      '%2f',
      '%5C',
      '%',
      '25',
      '%25',
      '\\',
      'é',
      '%00',
      '?',
      '#',
      '//',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const target = Buffer.from(`/v1/${pieces.join('')}`).toString('latin1');
        let parsed: ReturnType<typeof parseTarget>;
        try {
          parsed = parseTarget(target);
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid_request' });
          return;
        }
        if (parsed.kind === 'path') expect(parsed.path).not.toMatch(/(^|\/)\.\.?(\/|$)|\/\/|[\\\0]/);
        if (parsed.kind === 'redirect') expect(parsed.location).toMatch(/^\/v1\//);
      }),
      { numRuns: 2_000 },
    );
  });

  test('what is encoded segment by segment comes out again', () => {
    const segment = fc
      .string({ minLength: 1, unit: 'grapheme' })
      .filter((text) => !/[\p{C}\\/\u2028\u2029]/u.test(text) && text !== '.' && text !== '..');
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), (segments) => {
        const target = `/v1/${segments.map(encodeURIComponent).join('/')}`;
        expect(parseTarget(target)).toMatchObject({ path: segments.join('/') });
      }),
    );
  });
});

describe('parseQuery', () => {
  test.each([
    ['', {}],
    ['a=1', { a: '1' }],
    ['a', { a: '' }],
    ['a=', { a: '' }],
    ['&&a=1&&', { a: '1' }],
    ['a=1&b=2', { a: '1', b: '2' }],
    ['a=1&a=2&a=3', { a: ['1', '2', '3'] }],
    ['a=b=c', { a: 'b=c' }],
    ['a=b+c%2Bd', { a: 'b c+d' }],
    ['%C3%A9=%C3%A9', { é: 'é' }],
    ['versions=1,2', { versions: '1,2' }],
  ])('%j', (query, data) => {
    expect({ ...parseQuery(query) }).toEqual(data);
  });

  test.each(['a=%', 'a=%f', 'a=%gg', 'a=%ff', '%ff=a'])('%j is refused', (query) => {
    expect(() => parseQuery(query)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  test('threat 15: names of the prototype are names', () => {
    const data = parseQuery('__proto__=a&__proto__=b&constructor=c&toString=d');
    expect(Object.getPrototypeOf(data)).toBeNull();
    expect(Object.keys(data)).toEqual(['__proto__', 'constructor', 'toString']);
    expect(Object.entries(data)[0]).toEqual(['__proto__', ['a', 'b']]);
  });
});
