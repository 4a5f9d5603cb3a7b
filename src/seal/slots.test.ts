import { describe, expect, it } from 'vitest';
import { randomUuid, systemRandom } from '../crypto/random.ts';
import { decodeSlots, encodeSlots, isUuid, type Slot } from './slots.ts';

function slot(id = randomUuid(systemRandom)): Slot {
  return { id, kind: 'keyfile', body: { wrapped: 'AA==', nested: [1, { a: null }] } };
}

describe('slots', () => {
  it('are read as they were written', () => {
    for (const count of [1, 2, 32]) {
      const slots = Array.from({ length: count }, () => slot());
      expect(decodeSlots(encodeSlots(slots))).toEqual(slots);
    }
  });

  it('are at least one, at most 32, and differ', () => {
    const twice = slot();
    const wrong = [
      [],
      Array.from({ length: 33 }, () => slot()),
      [twice, twice],
      [slot('not a uuid')],
      [{ ...slot(), kind: 'Key File' }],
    ];
    for (const slots of wrong) {
      expect(() => encodeSlots(slots)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    }
  });

  it('of a newer Coffer say which format', () => {
    const newer = Buffer.from(JSON.stringify({ format: 2, slots: 'who knows', more: true }));
    expect(() => decodeSlots(newer)).toThrow(expect.objectContaining({ code: 'store_unusable' }));
    expect(() => decodeSlots(newer)).toThrow(/format 2 .* newer Coffer; this one reads format 1/);
  });

  it('that are damaged are refused', () => {
    const good = slot();
    const records: unknown[] = [
      null,
      [],
      {},
      { format: 1 },
      { format: 1, slots: [] },
      { format: 1, slots: {} },
      { format: 1, slots: [good], more: 1 },
      { format: '1', slots: [good] },
      { format: 0, slots: [good] },
      { format: 1.5, slots: [good] },
      { slots: [good] },
      { format: 1, slots: [good, good] },
      { format: 1, slots: [null] },
      { format: 1, slots: [{ ...good, id: good.id.toUpperCase() }] },
      { format: 1, slots: [{ ...good, id: 7 }] },
      { format: 1, slots: [{ ...good, kind: '' }] },
      { format: 1, slots: [{ ...good, body: [] }] },
      { format: 1, slots: [{ ...good, extra: 1 }] },
      { format: 1, slots: [{ id: good.id, kind: 'keyfile' }] },
    ];
    const texts = ['', '{', '\0\0\0', '\ufeff{}', ...records.map((record) => JSON.stringify(record))];
    for (const text of texts) {
      expect(() => decodeSlots(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'integrity' }));
    }
    const bytes = encodeSlots([good]);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSlots(bytes.subarray(0, length))).toThrow(
        expect.objectContaining({ code: 'integrity' }),
      );
    }
  });
});

describe('isUuid', () => {
  it('takes lower-case uuids and nothing else', () => {
    const id = randomUuid(systemRandom);
    expect(isUuid(id)).toBe(true);
    for (const value of [
      id.toUpperCase().replaceAll(/\d/g, 'A'),
      `${id} `,
      ` ${id}`,
      `${id}\n`,
      '',
      id.slice(1),
      5,
      null,
    ]) {
      expect(isUuid(value)).toBe(false);
    }
  });
});
