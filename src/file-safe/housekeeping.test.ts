import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openLmdbStorage } from '../storage/lmdb/lmdb.ts';
import { createFileSafe } from './create.ts';
import type { FileSafe } from './file-safe.ts';
import { openFileSafe } from './open.ts';

const passphrase = () => Promise.reject(new Error('asked'));

/** A safe of its own, and a clock that is moved by hand. */
async function place() {
  const folder = mkdtempSync(join(tmpdir(), 'coffer-house-'));
  const path = join(folder, 'safe');
  let now = 1_800_000_000_000;
  const clock = { now: () => now, steady: () => now, after: () => ({ [Symbol.dispose]: () => undefined }) };
  const keyfile = () => join(folder, 'key');
  await createFileSafe({ path, keyfile, passphrase: undefined, clock });
  const open = (): Promise<FileSafe> => openFileSafe({ path, keys: { keyfile, passphrase }, clock });
  const keys = async (): Promise<readonly string[]> => {
    const storage = await openLmdbStorage({ path: join(path, 'store'), create: false, readOnly: true });
    const { items } = await storage.range('', { limit: 1_000 });
    await storage.close();
    return items.map(({ key }) => key);
  };
  return {
    open,
    keys,
    move: (milliseconds: number) => {
      now += milliseconds;
    },
  };
}

it('what a secret leaves is removed by the process that removed it, or by a later one', async () => {
  const { open, keys, move } = await place();
  const empty = await keys();
  const safe = await open();
  for (let n = 0; n < 10; n++) await safe.write('big', { value: `${n}`.repeat(900_000) });
  await safe.remove('big');
  await safe.close();
  // What large values were put aside under is looked at after an hour.
  move(2 * 3_600_000);
  const later = await open();
  await later.write('other', { value: 'x' });
  await later.remove('other');
  await later.close();
  expect(await keys()).toEqual(empty);
});

it('a safe that was only read is left alone', async () => {
  const { open, keys } = await place();
  const safe = await open();
  await safe.write('a', { value: 'x' });
  await safe.close();
  const before = await keys();
  const reader = await open();
  expect(await reader.read('a')).toMatchObject({ kind: 'found' });
  await reader.close();
  expect(await keys()).toEqual(before);
});
