/** The part of the storage contract about snapshots, for storages that give them. */
import { describe, expect, it } from 'vitest';
import { bytes, type CurrentStorage, key } from './opened-storage.ts';
import { type SnapshotStorage, type StorageSnapshot, withSnapshots } from './snapshot.ts';
import type { KeyedRecord, Storage } from './storage.ts';

function needed(storage: Storage): SnapshotStorage {
  const able = withSnapshots(storage);
  if (able === undefined) throw new Error('this storage gives no snapshots: the contract has to skip them');
  return able;
}

async function all(snapshot: StorageSnapshot, prefix = '', limit = 3): Promise<readonly KeyedRecord[]> {
  const found: KeyedRecord[] = [];
  let after: string | undefined;
  do {
    const page = await snapshot.range(prefix, { limit, ...(after === undefined ? {} : { after }) });
    found.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return found;
}

const namesOf = (records: readonly KeyedRecord[]) => records.map((record) => record.key);

/** `skip`: why this storage gives none. */
export function snapshotContract(current: CurrentStorage, skip: string | undefined): void {
  describe.skipIf(skip !== undefined)('snapshot', () => {
    it('shows every commit before it, in order, with values and revisions', async () => {
      const storage = needed(current().storage);
      const [first, second] = await storage.commit([
        { key: key('b\u{1f511}'), value: bytes('two') },
        { key: key('a/x'), value: bytes('one') },
      ]);
      await storage.commit([{ key: key('b\uffee'), value: Buffer.alloc(0) }]);
      using snapshot = await storage.snapshot();
      expect(snapshot.records).toBe(3);
      const records = await all(snapshot, '', 1);
      expect(namesOf(records)).toEqual(['a/x', 'b\uffee', 'b\u{1f511}']);
      expect(records[0]).toEqual({ key: 'a/x', value: bytes('one'), revision: second });
      expect(records[2]?.revision).toBe(first);
      expect(namesOf(await all(snapshot, 'a/'))).toEqual(['a/x']);
    });

    it('does not see later commits, on whichever page they fall', async () => {
      const storage = needed(current().storage);
      const names = Array.from({ length: 10 }, (_, index) => key(`k/${index}`));
      await storage.commit(names.map((name) => ({ key: name, value: bytes('old') })));
      using snapshot = await storage.snapshot();
      const head = await snapshot.range('', { limit: 2 });
      await storage.commit([
        ...names.map((name, index) => ({ key: name, value: index % 2 === 0 ? null : bytes('new') })),
        { key: key('k/5/new'), value: bytes('new') },
      ]);
      const tail = await snapshot.range('', { limit: 100, after: head.next ?? '' });
      const shown = [...head.items, ...tail.items];
      expect(namesOf(shown)).toEqual(names);
      expect(shown.every(({ value }) => value.equals(bytes('old')))).toBe(true);
      expect((await storage.read(names[1] ?? key('-')))?.value).toEqual(bytes('new'));
      using later = await storage.snapshot();
      expect(namesOf(await all(later))).toEqual(['k/1', 'k/3', 'k/5', 'k/5/new', 'k/7', 'k/9']);
    });

    it('is unmoved by much that is written while it is held', async () => {
      const storage = needed(current().storage);
      await storage.commit([{ key: key('m/0'), value: bytes('kept') }]);
      using snapshot = await storage.snapshot();
      for (let round = 0; round < 40; round++) {
        const big = Buffer.alloc(150_000, round);
        await storage.commit([
          { key: key(`m/${round}`), value: big },
          { key: key(`n/${round}`), value: big },
        ]);
      }
      const records = await all(snapshot);
      expect(namesOf(records)).toEqual(['m/0']);
      expect(records[0]?.value).toEqual(bytes('kept'));
    });

    it('stands beside others, and each ends by itself', async () => {
      const storage = needed(current().storage);
      await storage.commit([{ key: key('a'), value: bytes('1') }]);
      const first = await storage.snapshot();
      await storage.commit([{ key: key('a'), value: bytes('2') }]);
      using second = await storage.snapshot();
      expect((await all(first))[0]?.value).toEqual(bytes('1'));
      first[Symbol.dispose]();
      first[Symbol.dispose]();
      await expect(first.range('', { limit: 1 })).rejects.toMatchObject({ code: 'unavailable' });
      expect((await all(second))[0]?.value).toEqual(bytes('2'));
    });

    it('ends with its storage', async () => {
      const storage = needed(current().storage);
      const snapshot = await storage.snapshot();
      await storage.close();
      await expect(snapshot.range('', { limit: 1 })).rejects.toMatchObject({ code: 'unavailable' });
      snapshot[Symbol.dispose]();
      await expect(storage.snapshot()).rejects.toMatchObject({ code: 'unavailable' });
    });
  });
}
