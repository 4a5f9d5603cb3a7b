import { describe, expect, it } from 'vitest';
import { MemoryStorage } from '../storage/memory/memory.ts';
import { parseStorageKey, type Storage, type StorageKey } from '../storage/storage.ts';
import { bootKeys, bootWrites, decodeHeader, encodeHeader, readBoot, type StoreHeader } from './boot.ts';
import type { Slot } from './slots.ts';

const header: StoreHeader = {
  format: 1,
  id: '6b1d5a52-6f0c-4f5e-9f0a-0c1f6f1f7a11',
  createdAt: 1_790_000_000_000,
};
const slots: readonly Slot[] = [
  { id: '0d9c3c0e-93c5-4a55-8a57-3a1f36f5c2b2', kind: 'keyfile', body: { check: 'AA==' } },
];

async function wholeStore(): Promise<Storage> {
  const storage = new MemoryStorage();
  const keyring = { key: bootKeys.keyring, value: Buffer.from('sealed') };
  await storage.commit([...bootWrites(header, slots), keyring]);
  return storage;
}

async function changed(key: StorageKey, value: Buffer | null): Promise<Storage> {
  const storage = await wholeStore();
  await storage.commit([{ key, value }]);
  return storage;
}

describe('readBoot', () => {
  it('finds nothing only where nothing is', async () => {
    expect(await readBoot(new MemoryStorage())).toEqual({ kind: 'empty' });
  });

  it('finds a whole store, with a revision to change its slots by', async () => {
    const storage = await wholeStore();
    const boot = await readBoot(storage);
    expect(boot).toMatchObject({ kind: 'store', header, slots });
    if (boot.kind !== 'store') throw new Error('a store expected');
    expect((await storage.read(bootKeys.slots))?.revision).toBe(boot.slotsRevision);
  });

  it('threat 30: never takes a place with other data for an empty one', async () => {
    for (const key of ['core/mounts', 'boot/other', 'x', 'logical/1/2/3']) {
      const storage = new MemoryStorage();
      await storage.commit([{ key: parseStorageKey(key), value: Buffer.alloc(0) }]);
      await expect(readBoot(storage)).rejects.toMatchObject({ code: 'store_unusable' });
    }
  });

  it.each([
    ['header', bootKeys.header],
    ['slots', bootKeys.slots],
    ['keyring', bootKeys.keyring],
  ])('says what a half-written store lacks: the %s', async (_, key) => {
    const storage = await changed(key, null);
    await expect(readBoot(storage)).rejects.toMatchObject({
      code: 'store_unusable',
      message: expect.stringContaining(`half-written store: ${key} missing`),
    });
  });

  it('names all that is missing', async () => {
    const storage = await changed(bootKeys.slots, null);
    await storage.commit([{ key: bootKeys.keyring, value: null }]);
    await expect(readBoot(storage)).rejects.toThrow(`${bootKeys.slots} and ${bootKeys.keyring} missing`);
  });

  it('refuses the store of a newer Coffer, also where that keeps other records', async () => {
    const storage = await changed(bootKeys.header, Buffer.from('{"format":3}'));
    const refusal = { code: 'store_unusable', message: expect.stringMatching(/format 3 .* newer Coffer/) };
    await expect(readBoot(storage)).rejects.toMatchObject(refusal);
    await storage.commit([{ key: bootKeys.slots, value: null }]);
    await expect(readBoot(storage)).rejects.toMatchObject(refusal);
  });

  it('refuses damage', async () => {
    for (const key of [bootKeys.header, bootKeys.slots]) {
      const storage = await changed(key, Buffer.from('{"format":1}'));
      await expect(readBoot(storage)).rejects.toMatchObject({ code: 'integrity' });
    }
  });
});

describe('a header', () => {
  it('is read as it was written', () => {
    expect(decodeHeader(encodeHeader(header))).toEqual(header);
  });

  it('is never written wrong', () => {
    for (const wrong of [
      { id: 'x' },
      { id: '' },
      { createdAt: -1 },
      { createdAt: 1.5 },
      { createdAt: Number.NaN },
    ]) {
      expect(() => encodeHeader({ ...header, ...wrong })).toThrow(
        expect.objectContaining({ code: 'invalid_request' }),
      );
    }
  });

  it('that is damaged is refused', () => {
    const good = { format: 1, id: header.id, created_at: 5 };
    const wrong = [{ ...good, id: 'x' }, { ...good, created_at: '5' }, { ...good, more: 1 }, [good], null];
    for (const value of wrong) {
      const bytes = Buffer.from(JSON.stringify(value));
      expect(() => decodeHeader(bytes)).toThrow(expect.objectContaining({ code: 'integrity' }));
    }
    expect(decodeHeader(Buffer.from(JSON.stringify(good))).createdAt).toBe(5);
  });
});
