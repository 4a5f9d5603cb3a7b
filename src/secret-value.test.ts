import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bareValue, decodeValue, encodeValue, secretOf } from './secret-value.ts';

const mark = 'data:application/octet-stream;base64,';

function bytesOf(stored: string): Buffer {
  const value = decodeValue(stored);
  return value.kind === 'binary' ? value.bytes : Buffer.from(value.text);
}

test('whatever bytes are put come back', () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => bytesOf(encodeValue(bytes)).equals(bytes)));
});

test('whatever text is put comes back, also text that looks like the mark', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.base64String().map((encoded) => mark + encoded),
  );
  fc.assert(fc.property(text, (value) => bytesOf(encodeValue(Buffer.from(value))).toString() === value));
});

test('text is kept as text, with its byte order mark, NUL and line ends', () => {
  const text = '\ufeffa\u0000b\r\n';
  expect(encodeValue(Buffer.from(text))).toBe(text);
});

test('bytes that are no text are kept as a data URL', () => {
  expect(encodeValue(Buffer.from([0xff, 0x00]))).toBe(`${mark}/wA=`);
});

test.each([`${mark}!!`, `${mark}/wA`, `${mark}/wB=`, 'data:text/plain;base64,QQ=='])(
  'what another client wrote stays as it is: %s',
  (text) => {
    expect(decodeValue(text)).toEqual({ kind: 'text', text });
  },
);

test('other JSON is shown as JSON', () => {
  expect(decodeValue({ a: [1] })).toEqual({ kind: 'json', text: '{"a":[1]}' });
});

test('a bare value is one only when it is alone', () => {
  expect(bareValue({ value: 'x' })).toBe('x');
  expect(bareValue({ value: '' })).toBe('');
  expect(bareValue({ value: 'x', note: 'y' })).toBeUndefined();
  expect(bareValue({ other: 'x' })).toBeUndefined();
});

test('a field named __proto__ is only a field', () => {
  const secret = secretOf([['__proto__', 'x']]);
  expect(JSON.stringify(secret)).toBe('{"__proto__":"x"}');
});
