/**
 * A process of its own that works on an embedded store, driven by messages: what sharing a directory, dying in the middle
 * and running out of disk are tested with. Started by `startPeer`.
 */
import { openLmdbStorage } from '../../src/storage/lmdb/lmdb.ts';
import { parseStorageKey, type Storage } from '../../src/storage/storage.ts';

let storage: Storage | undefined;

function opened(): Storage {
  if (storage === undefined) throw new Error('open first');
  return storage;
}

const work = {
  async open(path: string, create: boolean): Promise<void> {
    storage = await openLmdbStorage({ path, create });
  },
  async close(): Promise<void> {
    await opened().close();
  },
  async read(name: string): Promise<string | undefined> {
    return (await opened().read(parseStorageKey(name)))?.value.toString('latin1');
  },
  async write(name: string, text: string): Promise<void> {
    await opened().commit([{ key: parseStorageKey(name), value: Buffer.from(text, 'latin1') }]);
  },
  async fill(prefix: string, count: number, size: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      await opened().commit([
        { key: parseStorageKey(`${prefix}${index}`), value: Buffer.alloc(size, index) },
      ]);
    }
  },
  async remove(name: string): Promise<void> {
    await opened().commit([{ key: parseStorageKey(name), value: null }]);
  },
  /** Whether this process was the one that made the record. */
  async claim(name: string, text: string): Promise<boolean> {
    const key = parseStorageKey(name);
    try {
      await opened().commit([{ key, value: Buffer.from(text) }], [{ key, revision: null }]);
      return true;
    } catch (thrown) {
      if (codeOf(thrown) === 'conflict') return false;
      throw thrown;
    }
  },
  async reopen(path: string, times: number): Promise<void> {
    for (let round = 0; round < times; round++) {
      const again = await openLmdbStorage({ path, create: false });
      await again.close();
    }
  },
  /** Writes the same number to two records, over and over, telling each number that is acknowledged; until killed. */
  async writePairs(): Promise<void> {
    const pair = ['left', 'right'].map(parseStorageKey);
    for (let count = 1; ; count++) {
      await opened().commit(pair.map((key) => ({ key, value: Buffer.from(`${count}`.padEnd(3000, '.')) })));
      process.send?.({ acknowledged: count });
    }
  },
};

export type PeerWork = typeof work;
export type PeerTask = keyof PeerWork;

interface Request {
  readonly id: number;
  readonly task: PeerTask;
  readonly args: readonly unknown[];
}

function codeOf(thrown: unknown): string {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown ? String(thrown.code) : 'internal';
}

process.on('message', ({ id, task, args }: Request) => {
  const run = work[task] as (...args: readonly unknown[]) => Promise<unknown>;
  run(...args).then(
    (result) => process.send?.({ id, result }),
    (thrown: unknown) => process.send?.({ id, failed: codeOf(thrown), message: String(thrown) }),
  );
});
process.on('disconnect', () => process.exit(0));
