import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemRandom } from '../crypto/random.ts';
import { flatContext } from './encryption-context.ts';
import type { Shape, WrittenFormat } from './format.ts';
import { writtenFormats } from './format.ts';
import { formatNamed, formatOf } from './formats.ts';
import { type Attribute, type Item, sizeOf } from './item.ts';
import { encodeVersion } from './version.ts';

type WireItem = Record<string, Record<string, string>>;

interface Vector {
  readonly id: string;
  readonly kms: { readonly plaintext_key_hex: string; readonly ciphertext_blob_b64: string };
  readonly plaintext_hex?: string;
  readonly item?: WireItem;
  readonly item_hmac_B?: WireItem;
  readonly item_hmac_S?: WireItem;
  readonly expect: 'ok' | 'integrity-error';
}

interface OwnVector {
  readonly id: string;
  readonly data_key_hex: string;
  readonly context: Record<string, string>;
  readonly kms_context: Record<string, string>;
  readonly plaintext_hex: string;
  readonly shape: Shape;
  readonly item: WireItem;
}

function vectors<T>(name: string): readonly T[] {
  const url = new URL(`../../test/vectors/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(url, 'utf8')) as { vectors: readonly T[] }).vectors;
}

/** The wire has bytes in base64. */
function fromWire(item: WireItem): Item {
  const attribute = ([name, value]: [string, Record<string, string>]): [string, Attribute] => {
    const { B, S, N, SS } = value as { B?: string; S?: string; N?: string; SS?: string[] };
    if (B !== undefined) return [name, { B: Buffer.from(B, 'base64') }];
    if (S !== undefined) return [name, { S }];
    return N === undefined ? [name, { SS: SS ?? [] }] : [name, { N }];
  };
  return Object.fromEntries(Object.entries(item).map(attribute));
}

const theirs = vectors<Vector>('credstash-items').flatMap((vector) =>
  (['item', 'item_hmac_B', 'item_hmac_S'] as const).flatMap((variant) => {
    const item = vector[variant];
    return item === undefined ? [] : [{ ...vector, id: `${vector.id} ${variant}`, item: fromWire(item) }];
  }),
);

const key = (vector: Pick<Vector, 'kms'>) => Buffer.from(vector.kms.plaintext_key_hex, 'hex');

describe('items of credstash and credsmash', () => {
  it.each(theirs.filter((vector) => vector.expect === 'ok'))('$id opens', (vector) => {
    const format = formatOf(vector.item);
    expect(format.wrappedKey(vector.item).toString('base64')).toBe(vector.kms.ciphertext_blob_b64);
    const { bytes } = format.opening(vector.item, {})(key(vector));
    expect(bytes.toString('hex')).toBe(vector.plaintext_hex);
  });

  it.each(theirs.filter((vector) => vector.expect === 'integrity-error'))('$id is refused', (vector) => {
    expect(() => formatOf(vector.item).opening(vector.item, {})(key(vector))).toThrow(
      expect.objectContaining({ code: 'integrity' }),
    );
  });

  it('what credstash writes by default is written byte for byte', () => {
    const vector = theirs.find(({ id }) => id === 'cs-1-sha256 item_hmac_B');
    if (vector === undefined) throw new Error('the vector is gone');
    const sealed = formatNamed('credstash').seal(
      systemRandom,
      { plaintext: key(vector), wrapped: Buffer.from(vector.kms.ciphertext_blob_b64, 'base64') },
      {
        name: 'myapp.db.prod',
        version: encodeVersion(1),
        bytes: Buffer.from(vector.plaintext_hex ?? '', 'hex'),
        shape: 'bare',
        context: {},
        created: 0,
      },
    );
    expect(sealed).toEqual(vector.item);
  });

  it('threat 25: no bit of ciphertext, code or tag can be turned', () => {
    for (const vector of theirs.filter(({ expect: outcome }) => outcome === 'ok')) {
      for (const attribute of ['contents', 'hmac', 'tag']) {
        const value = vector.item[attribute];
        if (value === undefined || value.S === '') continue;
        const changed = { ...vector.item, [attribute]: flipped(value) };
        expect(
          () => formatOf(changed).opening(changed, {})(key(vector)),
          `${vector.id} ${attribute}`,
        ).toThrow(expect.objectContaining({ code: 'integrity' }));
      }
    }
  });

  it.each([
    ['an unknown digest', { digest: { S: 'WHIRLPOOL' } }, /"WHIRLPOOL"/],
    ['a digest that is a name of objects', { digest: { S: 'constructor' } }, /"constructor"/],
    ['an unknown algorithm', { algorithm: { S: 'rot13' } }, /"rot13"/],
    ['an algorithm that is a name of objects', { algorithm: { S: '__proto__' } }, /"__proto__"/],
    ['no ciphertext', { contents: undefined }, /"contents"/],
    ['ciphertext that is no base64', { contents: { S: 'äöü' } }, /"contents"/],
    ['a code that is no hex', { hmac: { S: 'XYZ' } }, /"hmac"/],
    ['a code that is a number', { hmac: { N: '1' } }, /"hmac"/],
    ['no wrapped key', { key: undefined }, /"key"/],
  ])('%s is told', (_what, change, message) => {
    const [vector] = theirs;
    if (vector === undefined) throw new Error('the vectors are gone');
    const entries = Object.entries({ ...vector.item, ...change }).filter(([, value]) => value !== undefined);
    const item = Object.fromEntries(entries) as Item;
    const open = () => {
      const format = formatOf(item);
      format.wrappedKey(item);
      format.opening(item, {})(key(vector));
    };
    expect(open).toThrow(
      expect.objectContaining({ code: 'integrity', message: expect.stringMatching(message) }),
    );
  });

  it('a digest of credsmash 2.0 under its other name is found', () => {
    const sha512 = theirs.find(({ id }) => id === 'cs-2-sha512-unicode-context item_hmac_S');
    if (sha512 === undefined) throw new Error('the vector is gone');
    const { digest, ...rest } = sha512.item;
    const item: Item = { ...rest, ...(digest === undefined ? {} : { digest_method: digest }) };
    expect(formatOf(item).opening(item, {})(key(sha512)).bytes.toString('hex')).toBe(sha512.plaintext_hex);
  });

  it('a data key of another length is refused', () => {
    for (const vector of theirs) {
      expect(() => formatOf(vector.item).opening(vector.item, {})(Buffer.alloc(40)), vector.id).toThrow(
        expect.objectContaining({ code: 'integrity' }),
      );
    }
  });
});

describe("Coffer's own items", () => {
  const own = vectors<OwnVector>('credstash-coffer-1');

  it.each(own)('$id opens', (vector) => {
    const item = fromWire(vector.item);
    const format = formatOf(item);
    const opened = format.opening(item, vector.context)(Buffer.from(vector.data_key_hex, 'hex'));
    expect(opened.bytes.toString('hex')).toBe(vector.plaintext_hex);
    expect(opened.shape).toBe(vector.shape);
    const place = { name: item['name']?.S ?? '', epoch: item['epoch']?.S };
    expect(format.contextFor(place, vector.context)).toEqual(vector.kms_context);
  });

  it('threat 25: an item is bound to its name, version, shape, time, epoch and context', () => {
    for (const vector of own) {
      const item = fromWire(vector.item);
      const dataKey = Buffer.from(vector.data_key_hex, 'hex');
      const changes: readonly Item[] = [
        { name: { S: 'another' } },
        { version: { S: encodeVersion(77) } },
        { version: { S: '7' } },
        { shape: { S: vector.shape === 'bare' ? 'map' : 'bare' } },
        { created: { N: '1' } },
        { epoch: { S: 'another' } },
        { comment: { S: 'another' } },
        { contents: flipped(item['contents'] ?? { S: '' }) },
        { contents: { B: Buffer.alloc(3) } },
      ];
      for (const change of changes) {
        const changed = { ...item, ...change };
        expect(
          () => formatOf(changed).opening(changed, vector.context)(dataKey),
          JSON.stringify(change),
        ).toThrow(expect.objectContaining({ code: 'integrity' }));
      }
      const contexts = [{}, { env: 'prod', more: 'x' }, { env: 'other' }, { e: 'nvprod' }];
      for (const context of contexts.filter(
        (each) => flatContext(each).join() !== flatContext(vector.context).join(),
      )) {
        expect(() => formatOf(item).opening(item, context)(dataKey)).toThrow(
          expect.objectContaining({ code: 'integrity' }),
        );
      }
      const otherKey = Buffer.from(dataKey);
      otherKey[0] = (otherKey[0] ?? 0) ^ 1;
      expect(() => formatOf(item).opening(item, vector.context)(otherKey)).toThrow(
        expect.objectContaining({ code: 'integrity' }),
      );
    }
  });

  it('a wrapped key tells KMS more than one of an old format', () => {
    const place = { name: 'db' };
    expect(formatNamed('coffer').contextFor(place, { a: 'b' })).toEqual({
      a: 'b',
      'coffer:format': '1',
      'coffer:name': 'db',
    });
    expect(formatNamed('credstash').contextFor(place, { a: 'b' })).toEqual({ a: 'b' });
  });
});

it.each([
  ['credstash', formatNamed('credstash'), 'SHA512'],
  ['aes-ctr', formatNamed('credsmash'), 'SHA384'],
  ['aes-gcm', formatOf({ algorithm: { S: 'aes-gcm' } }), undefined],
] as const)('%s is written with the digest that is asked for, and opens', (_name, format, digest) => {
  const plaintext = systemRandom.bytes(format.keyLength);
  const sealing = { name: 'db', version: encodeVersion(1), bytes: Buffer.from('x'), shape: 'bare' } as const;
  const item = format.seal(
    systemRandom,
    { plaintext, wrapped: Buffer.from('w') },
    { ...sealing, context: {}, created: 0, ...(digest === undefined ? {} : { digest }) },
  );
  expect(item['digest']?.S).toBe(digest);
  expect(formatOf(item).opening(item, {})(plaintext).bytes.toString()).toBe('x');
});

describe('every format that is written', () => {
  const place = fc.record({
    name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
    number: fc.nat(),
    bytes: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    shape: fc.constantFrom<Shape>('bare', 'map'),
    family: fc.constantFrom<WrittenFormat>(...writtenFormats),
  });

  it('opens what it sealed, and writes no plaintext', () => {
    fc.assert(
      fc.property(place, ({ name, number, bytes, shape, family }) => {
        const format = formatNamed(family);
        const dataKey = systemRandom.bytes(format.keyLength);
        const context = { env: 'prod' };
        const version = encodeVersion(number);
        const sealing = { name, version, bytes, shape, context, created: number };
        const item = format.seal(
          systemRandom,
          { plaintext: dataKey, wrapped: Buffer.from('wrapped') },
          sealing,
        );
        expect(formatOf(item).family).toBe(family);
        const opened = formatOf(item).opening(item, context)(dataKey);
        expect(opened.bytes.equals(bytes)).toBe(true);
        if (family === 'coffer') expect(opened.shape).toBe(shape);
        expect(sizeOf(item)).toBeGreaterThan(bytes.length);
      }),
    );
  });
});

function flipped(value: Attribute): Attribute {
  if (value.B !== undefined) {
    const bytes = Buffer.from(value.B);
    // Code in hex: a digit that becomes another digit.
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    return { B: bytes };
  }
  const text = value.S ?? '';
  const first = text.startsWith('0') ? '1' : '0';
  const bytes = Buffer.from(text, 'base64');
  if (/^[0-9a-f]+$/.test(text)) return { S: first + text.slice(1) };
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return { S: bytes.toString('base64') };
}
