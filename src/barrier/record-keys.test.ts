import { describe, expect, it } from 'vitest';
import { takesKeyBytes } from '../crypto/hkdf.ts';
import { systemRandom } from '../crypto/random.ts';
import { keyOf } from './barrier.fixture.ts';
import { deriveRecordKey, forgetKey, type PassingKey } from './record.ts';
import { RecordKeys } from './record-keys.ts';
import { generateTerm } from './term.ts';

const term = generateTerm(1, systemRandom, 0);
const later = generateTerm(2, systemRandom, 0);

/** A key's bytes, whichever form it has. */
const hex = ({ key }: PassingKey) => (Buffer.isBuffer(key) ? key : key.export()).toString('hex');

describe('RecordKeys', () => {
  it('keeps a key that is asked for again, and hands the same one out from then on', () => {
    const keys = new RecordKeys(8);
    const once = keys.find(term, keyOf('a'));
    expect(keys.size).toBe(0);
    const first = keys.find(term, keyOf('a'));
    expect(hex(first)).toBe(hex(once));
    expect(keys.size).toBe(1);
    expect(keys.find(term, keyOf('a'))).toBe(first);
    expect(hex(first)).toBe(hex(deriveRecordKey(term, keyOf('a'))));
  });

  it('never hands out a key of another term or another record', () => {
    const keys = new RecordKeys(4);
    for (let round = 0; round < 50; round++) {
      for (const one of [term, later]) {
        const identity = keyOf(`record ${(round * 7) % 5}`);
        const found = keys.find(one, identity);
        expect(found.term).toBe(one.id);
        expect(hex(found)).toBe(hex(deriveRecordKey(one, identity)));
      }
    }
  });

  it('keeps nothing of what is asked for once, and hands out what is kept', () => {
    const keys = new RecordKeys(8);
    expect(hex(keys.findOnce(term, keyOf('a')))).toBe(hex(deriveRecordKey(term, keyOf('a'))));
    expect(keys.size).toBe(0);
    keys.find(term, keyOf('b'));
    const kept = keys.find(term, keyOf('b'));
    expect(keys.findOnce(term, keyOf('b'))).toBe(kept);
    expect(keys.findOnce(later, keyOf('b')).term).toBe(later.id);
  });

  it('threat 25: bytes of a key that is not kept are zeroed after use, and a kept key goes on', () => {
    const keys = new RecordKeys(8);
    const passing = keys.findOnce(term, keyOf('a'));
    forgetKey(passing);
    expect(Buffer.isBuffer(passing.key) ? /^0*$/.test(hex(passing)) : takesKeyBytes).toBe(
      Buffer.isBuffer(passing.key),
    );
    keys.find(term, keyOf('b'));
    const kept = keys.find(term, keyOf('b'));
    const before = hex(kept);
    forgetKey(kept);
    expect(hex(keys.find(term, keyOf('b')))).toBe(before);
  });

  it('keeps at once the key of a record that changes', () => {
    const keys = new RecordKeys(8);
    const kept = keys.find(term, keyOf('a'), true);
    expect(keys.find(term, keyOf('a'))).toBe(kept);
  });

  it('is bounded, and keeps what stays in use', () => {
    const keys = new RecordKeys(64);
    keys.find(term, keyOf('used'));
    const used = keys.find(term, keyOf('used'));
    for (let count = 0; count < 1_000; count++) {
      for (let time = 0; time < 2; time++) keys.find(term, keyOf(`passing/${count}`));
      expect(keys.find(term, keyOf('used'))).toBe(used);
      expect(keys.size).toBeLessThanOrEqual(64);
    }
  });

  it('keeps nothing of a walk over very many records', () => {
    const keys = new RecordKeys(64);
    for (let count = 0; count < 1_000; count++) keys.find(term, keyOf(`once/${count}`));
    expect(keys.size).toBeLessThan(8);
  });
});
