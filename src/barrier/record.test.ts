import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemRandom } from '../crypto/random.ts';
import { type CofferError, isErrorCode } from '../errors.ts';
import { keyOf } from './barrier.fixture.ts';
import { deriveRecordKey, openRecord, recordOverhead, recordTerm, sealRecord } from './record.ts';
import { generateTerm, type Term } from './term.ts';

const term = generateTerm(7, systemRandom, 0);
const identity = keyOf('logical/4f5e/secret');
const plaintext = Buffer.from('what nobody else should read');

/** Opens as the barrier does, from the header on. */
function open(sealed: Buffer, terms: readonly Term[] = [term], at = identity): Buffer | string {
  try {
    const id = recordTerm(sealed);
    const found = terms.find((one) => one.id === id);
    return found === undefined ? 'integrity' : openRecord(deriveRecordKey(found, at), sealed);
  } catch (error) {
    const { code } = error as CofferError;
    if (isErrorCode(code)) return code;
    throw error;
  }
}

const sealed = sealRecord(systemRandom, deriveRecordKey(term, identity), plaintext);

describe('a record', () => {
  it('opens to what was sealed, at any key, term and length', () => {
    const name = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 60 })
      .filter((text) => !text.includes('\0'));
    fc.assert(
      fc.property(name, fc.integer({ min: 1, max: 2 ** 32 - 1 }), fc.uint8Array(), (text, id, array) => {
        const anyTerm = generateTerm(id, systemRandom, 0);
        const recordKey = deriveRecordKey(anyTerm, keyOf(text));
        const record = sealRecord(systemRandom, recordKey, Buffer.from(array));
        expect(record.length).toBe(array.length + recordOverhead);
        expect(open(record, [anyTerm], keyOf(text))).toEqual(Buffer.from(array));
      }),
    );
  });

  it('threat 25: any flipped bit is refused', () => {
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const flipped = Buffer.from(sealed);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(open(flipped)).toMatch(/^(integrity|store_unusable)$/);
      if (bit >= 8) expect(open(flipped)).toBe('integrity');
    }
  });

  it('threat 25: cut at any length, or lengthened, it is refused', () => {
    for (let length = 0; length < sealed.length; length++) {
      expect(open(sealed.subarray(0, length))).toBe('integrity');
    }
    expect(open(Buffer.concat([sealed, Buffer.of(0)]))).toBe('integrity');
    expect(open(Buffer.alloc(1 << 20, 1))).toBe('integrity');
  });

  it('threat 25: moved to another key, another mount’s prefix or another spelling, it is refused', () => {
    const elsewhere = [
      'logical/4f5e/secret2',
      'logical/9a0b/secret',
      'logical/4f5e/secre',
      'logical/4f5e/Secret',
    ];
    for (const at of elsewhere) expect(open(sealed, [term], keyOf(at))).toBe('integrity');
    expect(open(sealed)).toEqual(plaintext);
  });

  it('threat 25: relabelled as another term’s, it is refused, even if both terms had one key', () => {
    const twin: Term = { ...term, id: 8 };
    const relabelled = Buffer.from(sealed);
    relabelled.writeUInt32BE(8, 1);
    expect(open(relabelled, [term, twin])).toBe('integrity');
    expect(open(relabelled, [term, generateTerm(8, systemRandom, 0)])).toBe('integrity');
  });

  it('threat 25: relabelled as another version’s, it is refused', () => {
    for (const version of [0, 2, 255]) {
      const relabelled = Buffer.from(sealed);
      relabelled.writeUInt8(version, 0);
      expect(open(relabelled)).toBe(version === 0 ? 'integrity' : 'store_unusable');
    }
  });

  it('of a newer Coffer says so', () => {
    const newer = Buffer.from(sealed);
    newer.writeUInt8(2, 0);
    expect(() => recordTerm(newer)).toThrow(/format 2 .* newer Coffer.* reads format 1/);
  });

  it('threat 25: sealed again, has another nonce and other bytes', () => {
    const recordKey = deriveRecordKey(term, identity);
    const nonces = new Set<string>();
    for (let count = 0; count < 500; count++) {
      nonces.add(sealRecord(systemRandom, recordKey, plaintext).toString('hex', 5, 17));
    }
    expect(nonces.size).toBe(500);
  });

  it('threat 25: two records never share a key', () => {
    const keys = ['a', 'b', 'a/b', 'ab'].flatMap((text) =>
      [term, { ...term, id: 8 }].map((one) => deriveRecordKey(one, keyOf(text)).key.export().toString('hex')),
    );
    expect(new Set(keys).size).toBe(8);
  });
});
