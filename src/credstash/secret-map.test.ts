import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isJsonObject } from '../json.ts';
import { writtenFormats } from './format.ts';
import { decodeSecret, encodeSecret } from './secret-map.ts';

const texts = fc.string({ unit: 'binary', maxLength: 20 });
const binary = fc.uint8Array({ maxLength: 30 }).map((bytes) => {
  return `data:application/octet-stream;base64,${Buffer.from(bytes).toString('base64')}`;
});
const bare = fc.oneof(texts, binary, fc.constantFrom('', '{}', '{"a":1}', '[1]', '\ud800', '"x"', '\u0000'));
const secrets = fc.oneof(
  bare.map((value) => ({ value })),
  fc.dictionary(texts, fc.jsonValue(), { minKeys: 1, maxKeys: 4 }),
);

describe.each(writtenFormats)('a secret in the format of %s', (format) => {
  it('comes back as it was, whatever it holds', () => {
    fc.assert(
      fc.property(secrets, (secret) => {
        const given: unknown = JSON.parse(JSON.stringify(secret));
        if (!isJsonObject(given)) return;
        expect(decodeSecret(encodeSecret(given, format))).toEqual(given);
      }),
    );
  });
});

it('of an old program is a map only where nothing would be lost', () => {
  const read = (text: string) => decodeSecret({ bytes: Buffer.from(text), shape: undefined });
  expect(read('{"a":"1"}')).toEqual({ a: '1' });
  for (const text of ['{}', '[1]', '{"a":1,"a":2}', '{"a":12345678901234567891}', '{"a":', 'a'])
    expect(read(text)).toEqual({ value: text });
});
