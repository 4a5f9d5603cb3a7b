import { describe, expect, test } from 'vitest';
import { checkEncoding, parseBody } from './body.ts';
import { BodyBudget } from './body-budget.ts';
import { defaultLimits, limitsWith } from './limits.ts';

const form = 'application/x-www-form-urlencoded';

function fields(body: string | Buffer, contentType?: string, limits = defaultLimits) {
  return { ...parseBody(Buffer.from(body), contentType, limits) };
}

describe('parseBody', () => {
  test.each(['', ' ', '\r\n\t '])('%j is no fields, whatever its type', (body) => {
    expect(fields(body)).toEqual({});
    expect(fields(body, form)).toEqual({});
    expect(fields(body, 'application/json')).toEqual({});
  });

  test.each([undefined, form, `${form}; charset=utf-8`, 'text/plain', 'application/json', 'nonsense'])(
    'JSON is read as type %j',
    (type) => {
      expect(fields(' {"a":"b"}', type)).toEqual({ a: 'b' });
      expect(() => fields('["a"]', type)).toThrow('must be a JSON object');
    },
  );

  test.each([
    ['a=b', { a: 'b' }],
    ['a=b+c&d=%7B', { a: 'b c', d: '{' }],
    ['policies=a&policies=b', { policies: 'a,b' }],
    ['a', { a: '' }],
    ['é=é', { é: 'é' }],
  ])('form %j', (body, data) => {
    expect(fields(body, form)).toEqual(data);
    expect(fields(body, `${form.toUpperCase()};charset=utf-8`)).toEqual(data);
    expect(() => fields(body)).toThrow('not valid JSON');
    expect(() => fields(body, 'text/plain')).toThrow('not valid JSON');
  });

  test('a form is bounded and checked like JSON', () => {
    expect(() => fields('a&b&c', form, limitsWith({ jsonNames: 2 }))).toThrow('has more than 2 fields');
    expect(() => fields(Buffer.from('613dff', 'hex'), form)).toThrow('not UTF-8');
    expect(() => fields('a=%zz', form)).toThrow('%');
    const data = parseBody(Buffer.from('__proto__=x'), form, defaultLimits);
    expect(Object.keys(data)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(data)).toBeNull();
  });
});

describe('checkEncoding', () => {
  test.each([undefined, '', 'identity', 'Identity'])('%j is taken', (encoding) => {
    expect(checkEncoding(encoding === undefined ? {} : { 'content-encoding': encoding })).toBeUndefined();
  });
  test.each(['gzip', 'br', 'deflate', 'identity, gzip', 'zstd'])('threat 15: %j is 415', (encoding) => {
    expect(() => checkEncoding({ 'content-encoding': encoding })).toThrow(
      expect.objectContaining({ code: 'unsupported_media_type' }),
    );
  });
});

describe('BodyBudget', () => {
  test('holds for all and for each, and a refusal takes nothing', () => {
    const budget = new BodyBudget(() => ({ bodyBytesInAll: 100, bodyBytesPerAddress: 60 }));
    const [one, other] = [{ bodyBytes: 0 }, { bodyBytes: 0 }];
    budget.take(one, 60);
    expect(() => budget.take(one, 1)).toThrow(expect.objectContaining({ code: 'unavailable' }));
    budget.take(other, 40);
    expect(() => budget.take(other, 1)).toThrow(expect.objectContaining({ code: 'unavailable' }));
    expect([budget.bytes, one.bodyBytes, other.bodyBytes]).toEqual([100, 60, 40]);
    budget.give(one, 60);
    budget.take(other, 20);
    expect(budget.bytes).toBe(60);
  });
});

describe('limitsWith', () => {
  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('%d is no limit', (value) => {
    expect(() => limitsWith({ bodyBytes: value })).toThrow(/bodyBytes/);
  });
});
