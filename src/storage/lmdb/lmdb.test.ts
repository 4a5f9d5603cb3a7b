import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytes, key } from '../opened-storage.ts';
import { storageContract } from '../storage.contract.ts';
import type { Storage } from '../storage.ts';
import { openLmdbStorage } from './lmdb.ts';

storageContract('lmdb', async () => {
  const path = mkdtempSync(join(tmpdir(), 'coffer-lmdb-'));
  let storage = await openLmdbStorage({ path, create: true });
  return {
    storage,
    reopen: async () => {
      await storage.close();
      storage = await openLmdbStorage({ path, create: false });
      return storage;
    },
    dispose: async () => {
      await storage.close();
      rmSync(path, { recursive: true });
    },
  };
});

describe('an LMDB store', () => {
  let path: string;
  const opened: Storage[] = [];
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'coffer-lmdb-'));
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((storage) => storage.close()));
    rmSync(path, { recursive: true });
  });

  async function open(directory = path, create = true): Promise<Storage> {
    const storage = await openLmdbStorage({ path: directory, create });
    opened.push(storage);
    return storage;
  }

  const modeOf = (name: string) => statSync(join(path, name)).mode & 0o777;
  const unusable = (pattern: RegExp) => ({ code: 'store_unusable', message: expect.stringMatching(pattern) });

  it('threat 26: makes its directory and files for their owner alone', async () => {
    const umask = process.umask(0);
    try {
      await open(join(path, 'new', 'store.d'));
    } finally {
      process.umask(umask);
    }
    expect(modeOf('new/store.d')).toBe(0o700);
    for (const name of ['data.mdb', 'lock.mdb', 'gate.mdb', 'gate.mdb-lock']) {
      expect(modeOf(`new/store.d/${name}`)).toBe(0o600);
    }
  });

  it('threat 26: takes the rights of others from files that have any, and says so', async () => {
    await (await open()).close();
    chmodSync(join(path, 'data.mdb'), 0o644);
    const said: unknown[] = [];
    opened.push(
      await openLmdbStorage({
        path,
        create: false,
        log: (message, fields) => said.push({ message, fields }),
      }),
    );
    expect(modeOf('data.mdb')).toBe(0o600);
    expect(said).toEqual([
      { message: 'other users had rights on a file of the store', fields: { file: join(path, 'data.mdb') } },
    ]);
  });

  it('threat 26: refuses a directory that every user may write', async () => {
    chmodSync(path, 0o777);
    await expect(open()).rejects.toMatchObject(unusable(/chmod 700/));
  });

  it('refuses an empty or missing place unless it may create', async () => {
    await expect(open(path, false)).rejects.toMatchObject(unusable(/the directory is empty.*--init/));
    const missing = join(path, 'missing');
    await expect(open(missing, false)).rejects.toMatchObject(unusable(/does not exist.*--init/));
    expect(statSync(missing, { throwIfNoEntry: false })).toBeUndefined();
    writeFileSync(join(path, 'notes'), '');
    await expect(open(path, false)).rejects.toMatchObject(unusable(/no data\.mdb/));
    await expect(open(join(path, 'notes'))).rejects.toMatchObject(unusable(/is a file/));
  });

  it.each([
    ['is empty', (file: string) => truncateSync(file, 0)],
    ['ends within its first page', (file: string) => truncateSync(file, 100)],
    ['lost its second half', (file: string) => truncateSync(file, statSync(file).size / 2)],
    ['lost its last page', (file: string) => truncateSync(file, statSync(file).size - 4096)],
    ['is something else', (file: string) => writeFileSync(file, Buffer.alloc(65536, 'x'))],
    ['is zeros', (file: string) => writeFileSync(file, Buffer.alloc(65536))],
  ])('refuses a data file that %s', async (_name, damage) => {
    // Without room behind the last page, whose loss would be none.
    const storage = await openLmdbStorage({ path, create: true, roomBytes: 0 });
    opened.push(storage);
    for (let index = 0; index < 20; index++) {
      await storage.commit([{ key: key(`k${index}`), value: Buffer.alloc(20_000, index) }]);
    }
    await storage.close();
    damage(join(path, 'data.mdb'));
    await expect(open(path, false)).rejects.toMatchObject(unusable(/data\.mdb/));
  });

  it('opens a data file that is shorter than its pages count, but whole', async () => {
    const storage = await open();
    await storage.commit([{ key: key('kept'), value: Buffer.alloc(100_000, 1) }]);
    // Written together, so that one transaction takes pages at the end of the file and frees them again.
    const names = Array.from({ length: 500 }, (_, index) => key(`k${index}`));
    await Promise.all([
      ...names.map((name) => storage.commit([{ key: name, value: Buffer.alloc(1500) }])),
      ...names.map((name) => storage.commit([{ key: name, value: null }])),
    ]);
    await storage.close();
    const again = await open(path, false);
    expect((await again.children('', { limit: 10 })).items).toEqual(['kept']);
    expect((await again.read(key('kept')))?.value).toHaveLength(100_000);
  });

  it('refuses to be opened twice in one process, and may be opened again after closing', async () => {
    const storage = await open();
    await expect(open()).rejects.toMatchObject(unusable(/already open/));
    await storage.close();
    await open();
  });

  it('grows far beyond its first size', async () => {
    const storage = await open();
    const value = Buffer.alloc(170_000, 7);
    for (let index = 0; index < 640; index += 2) {
      await storage.commit([index, index + 1].map((each) => ({ key: key(`k${each}`), value })));
    }
    expect(statSync(join(path, 'data.mdb')).size).toBeGreaterThan(100 * 1024 * 1024);
    for (let index = 0; index < 640; index += 20) {
      expect((await storage.read(key(`k${index}`)))?.value.equals(value)).toBe(true);
    }
  });

  it('reads, and refuses to write, when opened for reading only', async () => {
    const storage = await open();
    await storage.commit([{ key: key('a'), value: bytes('1') }]);
    await storage.close();
    const reader = await openLmdbStorage({ path, create: true, readOnly: true });
    opened.push(reader);
    expect((await reader.read(key('a')))?.value).toEqual(bytes('1'));
    await expect(reader.commit([{ key: key('a'), value: null }])).rejects.toMatchObject({
      code: 'unavailable',
    });
    const empty = join(path, 'empty');
    mkdirSync(empty);
    await expect(openLmdbStorage({ path: empty, create: true, readOnly: true })).rejects.toMatchObject(
      unusable(/empty/),
    );
  });
});
