/**
 * What every storage must do, sentence by sentence of the seam. An implementation's test calls `storageContract` with a way
 * to open an empty store.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytes, type CurrentStorage, key, type OpenedStorage } from './opened-storage.ts';
import { type Revision, type Storage, type StorageKey, storageLimits, type Write } from './storage.ts';
import { listingContract } from './storage-listing.contract.ts';
import { snapshotContract } from './storage-snapshot.contract.ts';

/** Names of parts that an implementation leaves out, each with its reason in words. */
export type ContractSkips = Partial<Record<'persistence' | 'snapshots', string>>;

export function storageContract(
  name: string,
  open: () => Promise<OpenedStorage>,
  skips: ContractSkips = {},
): void {
  describe(`storage contract: ${name}`, () => {
    let opened: OpenedStorage;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.dispose());
    const current = (): OpenedStorage => opened;
    readContract(current);
    multiGetContract(current);
    listingContract(current);
    commitContract(current);
    expectationContract(current);
    concurrencyContract(current);
    limitContract(current);
    lifeContract(current, skips);
    snapshotContract(current, skips.snapshots);
  });
}

function readContract(current: CurrentStorage): void {
  describe('read', () => {
    it('answers undefined for an absent key', async () => {
      expect(await current().storage.read(key('a'))).toBeUndefined();
    });

    it('answers the bytes and the revision that the commit returned', async () => {
      const { storage } = current();
      const value = Buffer.from([0, 255, 10, 0, 128]);
      const [revision] = await storage.commit([{ key: key('a/b'), value }]);
      expect(await storage.read(key('a/b'))).toEqual({ value, revision });
      expect(await storage.read(key('a'))).toBeUndefined();
    });

    it('tells an empty value from an absent key', async () => {
      const { storage } = current();
      await storage.commit([{ key: key('empty'), value: Buffer.alloc(0) }]);
      expect((await storage.read(key('empty')))?.value).toEqual(Buffer.alloc(0));
    });

    it('hands out bytes that belong to the caller', async () => {
      const { storage } = current();
      await storage.commit([
        { key: key('a'), value: bytes('first') },
        { key: key('b'), value: bytes('other') },
      ]);
      const kept = await storage.read(key('a'));
      await storage.read(key('b'));
      expect(kept?.value).toEqual(bytes('first'));
      kept?.value.fill(0);
      const listed = await storage.range('a', { limit: 1 });
      listed.items[0]?.value.fill(0);
      expect((await storage.read(key('a')))?.value).toEqual(bytes('first'));
    });

    it('keeps keys apart that differ in case, composition or length only', async () => {
      const { storage } = current();
      const keys = ['é', 'e\u0301', 'É', 'k', 'K', 'k/', 'k/k', '𝒳', 'ｘ'].map(key);
      await storage.commit(keys.map((each, index) => ({ key: each, value: Buffer.from([index]) })));
      const answers = await storage.readMany(keys);
      expect(answers.map((answer) => answer?.value[0])).toEqual(keys.map((_, index) => index));
    });
  });
}

function multiGetContract(current: CurrentStorage): void {
  describe('readMany', () => {
    it('answers each key in the order asked, absent and repeated ones too', async () => {
      const { storage } = current();
      await storage.commit([
        { key: key('a'), value: bytes('1') },
        { key: key('b'), value: bytes('2') },
      ]);
      const answers = await storage.readMany([key('b'), key('x'), key('a'), key('b')]);
      expect(answers.map((answer) => answer?.value.toString())).toEqual(['2', undefined, '1', '2']);
      expect(await storage.readMany([])).toEqual([]);
    });

    it('is one snapshot while commits go on', async () => {
      const { storage } = current();
      const pair = [key('left'), key('right')];
      const write = (count: number) =>
        storage.commit(pair.map((each) => ({ key: each, value: bytes(`${count}`) })));
      await write(0);
      let writing = true;
      const writer = (async () => {
        for (let count = 1; count <= 100; count++) await write(count);
        writing = false;
      })();
      let torn = 0;
      while (writing) {
        const [left, right] = await storage.readMany(pair);
        if (left?.value.toString() !== right?.value.toString()) torn += 1;
        await new Promise((resolve) => setImmediate(resolve));
      }
      await writer;
      expect(torn).toBe(0);
    });
  });
}

function commitContract(current: CurrentStorage): void {
  describe('commit', () => {
    it('writes, replaces and deletes, and returns a revision for each write', async () => {
      const { storage } = current();
      await storage.commit([
        { key: key('old'), value: bytes('1') },
        { key: key('gone'), value: bytes('1') },
      ]);
      const revisions = await storage.commit([
        { key: key('old'), value: bytes('2') },
        { key: key('gone'), value: null },
        { key: key('new'), value: bytes('3') },
      ]);
      expect(revisions).toHaveLength(3);
      const answers = await storage.readMany([key('old'), key('gone'), key('new')]);
      expect(answers.map((answer) => answer?.value.toString())).toEqual(['2', undefined, '3']);
      expect([answers[0]?.revision, answers[2]?.revision]).toEqual([revisions[0], revisions[2]]);
    });

    it('takes a deletion of what is not there, and an empty commit', async () => {
      const { storage } = current();
      expect(await storage.commit([{ key: key('nothing'), value: null }])).toHaveLength(1);
      expect(await storage.commit([])).toEqual([]);
    });

    it('refuses a key that is written twice, and one that is expected twice', async () => {
      const { storage } = current();
      const write: Write = { key: key('a'), value: bytes('1') };
      await expect(storage.commit([write, { ...write, value: null }])).rejects.toMatchObject({
        code: 'invalid_request',
      });
      const expectation = { key: key('a'), revision: null };
      await expect(storage.commit([write], [expectation, expectation])).rejects.toMatchObject({
        code: 'invalid_request',
      });
      expect(await storage.read(key('a'))).toBeUndefined();
    });
  });
}

function expectationContract(current: CurrentStorage): void {
  describe('expectations', () => {
    it('of absence hold for an absent key only', async () => {
      const { storage } = current();
      const create = () =>
        storage.commit([{ key: key('a'), value: bytes('1') }], [{ key: key('a'), revision: null }]);
      await create();
      await expect(create()).rejects.toMatchObject({ code: 'conflict', key: 'a' });
    });

    it('of a revision hold for that revision only', async () => {
      const { storage } = current();
      const [first] = await storage.commit([{ key: key('a'), value: bytes('1') }]);
      const swap = (value: string) =>
        storage.commit(
          [{ key: key('a'), value: bytes(value) }],
          [{ key: key('a'), revision: first ?? null }],
        );
      await swap('2');
      await expect(swap('3')).rejects.toMatchObject({ code: 'conflict', key: 'a' });
      expect((await storage.read(key('a')))?.value).toEqual(bytes('2'));
      await storage.commit([{ key: key('a'), value: null }]);
      await expect(swap('4')).rejects.toMatchObject({ code: 'conflict', key: 'a' });
    });

    it('may be on keys that the commit does not write, and the only content of a commit', async () => {
      const { storage } = current();
      const [guard] = await storage.commit([{ key: key('guard'), value: bytes('1') }]);
      const expectations = [{ key: key('guard'), revision: guard ?? null }];
      await storage.commit([{ key: key('a'), value: bytes('1') }], expectations);
      expect(await storage.commit([], expectations)).toEqual([]);
      await storage.commit([{ key: key('guard'), value: bytes('2') }]);
      await expect(storage.commit([], expectations)).rejects.toMatchObject({
        code: 'conflict',
        key: 'guard',
      });
    });

    it('that fail leave everything as it was, and the conflict names the key', async () => {
      const { storage } = current();
      const [revision] = await storage.commit([{ key: key('b'), value: bytes('old') }]);
      const commit = storage.commit(
        [
          { key: key('a'), value: bytes('new') },
          { key: key('b'), value: null },
        ],
        [
          { key: key('b'), revision: revision ?? null },
          { key: key('missing'), revision: revision ?? null },
        ],
      );
      await expect(commit).rejects.toMatchObject({ code: 'conflict', key: 'missing' });
      const answers = await storage.readMany([key('a'), key('b')]);
      expect(answers.map((answer) => answer?.value.toString())).toEqual([undefined, 'old']);
    });

    it('never hold again after a record was deleted and made anew', async () => {
      const { storage } = current();
      const seen = new Set<Revision>();
      for (let round = 0; round < 20; round++) {
        const [revision] = await storage.commit([{ key: key('a'), value: bytes('same') }]);
        if (revision !== undefined) seen.add(revision);
        await storage.commit([{ key: key('a'), value: null }]);
      }
      expect(seen.size).toBe(20);
    });
  });
}

function concurrencyContract(current: CurrentStorage): void {
  describe('concurrent commits', () => {
    it('on one expectation have exactly one winner', async () => {
      const { storage } = current();
      const writers = Array.from({ length: 32 }, (_, index) => `writer ${index}`);
      let revision: Revision | null = null;
      for (let round = 0; round < 5; round++) {
        const expectations = [{ key: key('lock'), revision }];
        const outcomes = await Promise.allSettled(
          writers.map((writer) => storage.commit([{ key: key('lock'), value: bytes(writer) }], expectations)),
        );
        const winners = outcomes.flatMap((outcome, index) => (outcome.status === 'fulfilled' ? [index] : []));
        expect(winners).toHaveLength(1);
        for (const outcome of outcomes) {
          if (outcome.status === 'rejected')
            expect(outcome.reason).toMatchObject({ code: 'conflict', key: 'lock' });
        }
        const stored = await storage.read(key('lock'));
        expect(stored?.value.toString()).toBe(writers[winners[0] ?? -1]);
        revision = stored?.revision ?? null;
      }
    });

    it('do not disturb each other when some conflict', async () => {
      const { storage } = current();
      await storage.commit([{ key: key('taken'), value: bytes('1') }]);
      const outcomes = await Promise.allSettled(
        Array.from({ length: 40 }, (_, index) =>
          storage.commit(
            [{ key: key(`out/${index}`), value: bytes('1') }],
            index % 2 === 0 ? [] : [{ key: key('taken'), revision: null }],
          ),
        ),
      );
      expect(outcomes.map((outcome) => outcome.status)).toEqual(
        outcomes.map((_, index) => (index % 2 === 0 ? 'fulfilled' : 'rejected')),
      );
      expect((await storage.children('out/', { limit: 100 })).items).toHaveLength(20);
    });

    it('count right when each retries after a conflict', async () => {
      const { storage } = current();
      await Promise.all(Array.from({ length: 10 }, () => addOne(storage, key('counter'))));
      expect((await storage.read(key('counter')))?.value.toString()).toBe('10');
    });
  });
}

async function addOne(storage: Storage, counter: StorageKey): Promise<void> {
  for (;;) {
    const record = await storage.read(counter);
    const value = bytes(`${Number(record?.value.toString() ?? 0) + 1}`);
    try {
      await storage.commit([{ key: counter, value }], [{ key: counter, revision: record?.revision ?? null }]);
      return;
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'conflict' });
    }
  }
}

function limitContract(current: CurrentStorage): void {
  const refused = { code: 'invalid_request' };
  const writes = (count: number): Write[] =>
    Array.from({ length: count }, (_, index) => ({ key: key(`k${index}`), value: bytes('1') }));

  describe('limits', () => {
    it('a key has up to 1,000 bytes, whatever they spell', async () => {
      const { storage } = current();
      for (const longest of ['k'.repeat(1000), '𝒳'.repeat(250), `${'a/'.repeat(499)}ab`]) {
        await storage.commit([{ key: key(longest), value: bytes('1') }]);
        expect((await storage.read(key(longest)))?.value).toEqual(bytes('1'));
        expect((await storage.range(longest, { limit: 1 })).items[0]?.key).toBe(longest);
        await expect(
          storage.commit([{ key: `${longest}x` as StorageKey, value: bytes('1') }]),
        ).rejects.toMatchObject(refused);
      }
      for (const bad of ['', 'a\0b', 'a\ud83d']) {
        await expect(storage.commit([{ key: bad as StorageKey, value: bytes('1') }])).rejects.toMatchObject(
          refused,
        );
      }
    });

    it('a record has up to 256 KiB', async () => {
      const { storage } = current();
      const value = Buffer.alloc(storageLimits.recordBytes, 7);
      await storage.commit([{ key: key('a'), value }]);
      expect((await storage.read(key('a')))?.value.equals(value)).toBe(true);
      const larger = Buffer.alloc(storageLimits.recordBytes + 1);
      await expect(storage.commit([{ key: key('a'), value: larger }])).rejects.toMatchObject(refused);
      expect((await storage.read(key('a')))?.value.equals(value)).toBe(true);
    });

    it('a commit has up to 340 KiB of keys and values', async () => {
      const { storage } = current();
      const large = Buffer.alloc(storageLimits.recordBytes - 1, 1);
      const rest = Buffer.alloc(storageLimits.commitBytes - storageLimits.recordBytes - 1, 1);
      const fits: Write[] = [
        { key: key('a'), value: large },
        { key: key('b'), value: rest },
      ];
      await storage.commit(fits);
      await expect(storage.commit([...fits, { key: key('c'), value: null }])).rejects.toMatchObject(refused);
      expect((await storage.read(key('b')))?.value.equals(rest)).toBe(true);
    });

    it('a commit may be as large as that with the longest keys, whatever they spell', async () => {
      const { storage } = current();
      const each = Math.floor(storageLimits.commitBytes / storageLimits.commitItems) - storageLimits.keyBytes;
      const most: Write[] = Array.from({ length: storageLimits.commitItems }, (_, index) => ({
        key: key(`${String(index).padStart(4, '0')}${'𝒳'.repeat(249)}`),
        value: Buffer.alloc(each, index),
      }));
      await storage.commit(
        most,
        most.map((write) => ({ key: write.key, revision: null })),
      );
      const [first, last] = [most[0], most[63]].map((write) => write?.key ?? key('none'));
      const answers = await storage.readMany([first ?? key('none'), last ?? key('none')]);
      expect(answers.map((answer) => answer?.value.length)).toEqual([each, each]);
      const removed = most.map(async (write) => ({
        key: write.key,
        revision: (await storage.read(write.key))?.revision ?? null,
      }));
      await storage.commit(
        most.map((write) => ({ key: write.key, value: null })),
        await Promise.all(removed),
      );
      expect((await storage.children('', { limit: 1 })).items).toEqual([]);
    });

    it('a commit names up to 64 keys, one that is both written and expected once', async () => {
      const { storage } = current();
      const most = writes(storageLimits.commitItems);
      const absent = most.map((write) => ({ key: write.key, revision: null }));
      await storage.commit(most, absent);
      await expect(storage.commit(writes(65))).rejects.toMatchObject(refused);
      await expect(storage.commit(most, [{ key: key('another'), revision: null }])).rejects.toMatchObject(
        refused,
      );
    });

    it('a multi-get names up to 64 keys', async () => {
      const { storage } = current();
      const keys = writes(storageLimits.readKeys).map((write) => write.key);
      expect(await storage.readMany(keys)).toHaveLength(64);
      await expect(storage.readMany([...keys, key('another')])).rejects.toMatchObject(refused);
    });

    it('a page holds 1 to 1,000 items', async () => {
      const { storage } = current();
      for (const limit of [1, storageLimits.pageItems]) {
        expect(await storage.children('', { limit })).toEqual({ items: [] });
        expect(await storage.range('', { limit })).toEqual({ items: [] });
      }
      for (const limit of [0, -1, 1.5, Number.NaN, storageLimits.pageItems + 1]) {
        await expect(storage.children('', { limit })).rejects.toMatchObject(refused);
        await expect(storage.range('', { limit })).rejects.toMatchObject(refused);
      }
    });
  });
}

function lifeContract(current: CurrentStorage, skips: ContractSkips): void {
  describe('life', () => {
    it.skipIf(skips.persistence !== undefined)(
      'what was committed is there when the store is opened again',
      async () => {
        const { storage, reopen } = current();
        if (reopen === undefined) throw new Error('persistence is neither skipped nor testable');
        const [revision] = await storage.commit([{ key: key('a/b'), value: bytes('kept') }]);
        const again = await reopen();
        expect(await again.read(key('a/b'))).toEqual({ value: bytes('kept'), revision });
        expect((await again.children('', { limit: 10 })).items).toEqual(['a/']);
      },
    );

    it('close waits for the commits under way', async () => {
      const { storage, reopen } = current();
      const commits = Array.from({ length: 20 }, (_, index) =>
        storage.commit([{ key: key(`k${index}`), value: bytes('1') }]),
      );
      await storage.close();
      expect(await Promise.all(commits)).toHaveLength(20);
      if (reopen === undefined) return;
      expect((await (await reopen()).children('', { limit: 100 })).items).toHaveLength(20);
    });

    it('after close everything rejects with unavailable, and closing again is fine', async () => {
      const { storage } = current();
      await storage.close();
      await storage.close();
      const unavailable = { code: 'unavailable' };
      await expect(storage.read(key('a'))).rejects.toMatchObject(unavailable);
      await expect(storage.readMany([key('a')])).rejects.toMatchObject(unavailable);
      await expect(storage.children('', { limit: 1 })).rejects.toMatchObject(unavailable);
      await expect(storage.range('', { limit: 1 })).rejects.toMatchObject(unavailable);
      await expect(storage.commit([{ key: key('a'), value: null }])).rejects.toMatchObject(unavailable);
    });
  });
}
