/** On a real file system that is really full: a tmpfs of a few MiB, which only root may mount. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { withRoom } from '../room.ts';
import { parseStorageKey, type Storage } from '../storage.ts';
import { openLmdbStorage } from './lmdb.ts';

const root = mkdtempSync(join(tmpdir(), 'coffer-lmdb-full-'));
const mounted = mount();
const mebibyte = 1024 * 1024;
const roomBytes = mebibyte;

function mount(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=700', 'tmpfs', root], { stdio: 'ignore' });
    return true;
  } catch {
    rmSync(root, { recursive: true });
    return false;
  }
}

// On a person's machine it may be passed over; in CI nothing is.
describe.skipIf(!mounted && process.env['CI'] !== 'true')(
  'a store on a full disk (needs the right to mount a tmpfs)',
  () => {
    const clock = new HandClock();
    const store = join(root, 'store');
    const ballast = join(root, 'ballast');
    let logged: string[] = [];

    afterAll(() => {
      execFileSync('umount', ['-l', root]);
      rmSync(root, { recursive: true });
    });
    beforeEach(() => {
      for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
      logged = [];
    });

    const open = () =>
      openLmdbStorage({
        path: store,
        create: true,
        roomBytes,
        clock,
        log: (message) => logged.push(message),
      });
    const key = (name: string) => parseStorageKey(name);
    const put = (storage: Storage, name: string, bytes: number) =>
      storage.commit([{ key: key(name), value: Buffer.alloc(bytes, 1) }]);
    const isShort = (storage: Storage) => withRoom(storage)?.isShort();

    /** Writes secrets until no more are taken; returns the names of those that were acknowledged. */
    async function fill(storage: Storage, bytes: number): Promise<readonly string[]> {
      const taken: string[] = [];
      for (let count = 0; count < 10_000; count++) {
        const name = `filler/${count}`;
        const code = await put(storage, name, bytes).then(
          () => undefined,
          (error: { readonly code: string }) => error.code,
        );
        if (code !== undefined) {
          expect(code).toBe('storage_full');
          return taken;
        }
        taken.push(name);
      }
      throw new Error('the disk does not fill');
    }

    /** Lets appending end: whoever asks while room is short starts it. */
    async function soon(condition: () => boolean | undefined): Promise<void> {
      for (let attempt = 0; attempt < 10_000 && condition() !== true; attempt++)
        await new Promise(setImmediate);
      expect(condition()).toBe(true);
    }

    it('refuses what is large, loses nothing that was acknowledged, and goes on with what is small', async () => {
      const storage = await open();
      await put(storage, 'token', 100);
      const taken = await fill(storage, 200_000);
      expect(taken.length).toBeGreaterThan(20);
      expect(isShort(storage)).toBe(true);
      expect(logged).toEqual([
        'no room for the store: until there is, only revoking, deleting and sealing go on',
      ]);
      for (const name of taken) expect((await storage.read(key(name)))?.value.length).toBe(200_000);
      // Far more than the pages that happen to be free would take.
      for (let count = 0; count < 300; count++) await put(storage, `mark/${count}`, 1_000);
      await storage.commit([{ key: key('token'), value: null }]);
      expect(await storage.read(key('token'))).toBeUndefined();
      await storage.close();
      const again = await open();
      expect(await again.read(key('token'))).toBeUndefined();
      expect((await again.read(key('mark/299')))?.value.length).toBe(1_000);
      await again.close();
    });

    it('keeps its room from other files that fill the disk', async () => {
      const storage = await open();
      await put(storage, 'token', 100);
      expect(() => writeFileSync(ballast, Buffer.alloc(16 * mebibyte, 1))).toThrow('ENOSPC');
      for (let count = 0; count < 100; count++) await put(storage, `mark/${count}`, 1_000);
      expect((await storage.read(key('mark/99')))?.value.length).toBe(1_000);
      await storage.close();
    });

    it('takes everything again once there is room, without being opened anew', async () => {
      writeFileSync(ballast, Buffer.alloc(3 * mebibyte, 1));
      const storage = await open();
      await fill(storage, 100_000);
      rmSync(ballast);
      expect(isShort(storage)).toBe(true);
      clock.jump(1);
      await soon(() => isShort(storage) === false);
      await put(storage, 'large', 200_000);
      expect(logged.at(-1)).toBe('there is room for the store again');
      await storage.close();
    });

    it('opens on a disk that is full already, to read and to delete', async () => {
      const first = await open();
      await put(first, 'kept', 100);
      await first.close();
      expect(() => writeFileSync(ballast, Buffer.alloc(16 * mebibyte, 1))).toThrow('ENOSPC');
      const storage = await open();
      expect((await storage.read(key('kept')))?.value.length).toBe(100);
      await storage.commit([{ key: key('kept'), value: null }]);
      expect(await storage.read(key('kept'))).toBeUndefined();
      await storage.close();
    });

    it('does not grow by being opened', async () => {
      const sizes: number[] = [];
      for (let round = 0; round < 3; round++) {
        const storage = await open();
        await put(storage, 'kept', 100);
        await storage.close();
        sizes.push(statSync(join(store, 'data.mdb')).size);
      }
      expect(new Set(sizes).size).toBe(1);
    });
  },
);
