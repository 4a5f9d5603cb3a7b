/** Many records into a stopped server's store at once: what would take its clients long. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Barrier } from '../../src/barrier/barrier.ts';
import { systemClock } from '../../src/clock.ts';
import { systemRandom } from '../../src/crypto/random.ts';
import { readBoot } from '../../src/seal/boot.ts';
import { KeyfileSeal } from '../../src/seal/keyfile/keyfile-seal.ts';
import { openLmdbStorage } from '../../src/storage/lmdb/lmdb.ts';
import { parseStorageKey } from '../../src/storage/storage.ts';
import type { Place } from './server-process.ts';

const commitRecords = 60;
const atOnce = 200;

export function keyfileOf(place: Place): string {
  return join(place.config, readdirSync(place.config).find((name) => name.endsWith('.keyfile')) ?? '');
}

/** `count` sealed records of `bytes` each below `mount/bulk/`. */
export async function fillStore(place: Place, count: number, bytes: number): Promise<void> {
  const storage = await openLmdbStorage({ path: join(place.data, 'store'), create: false });
  try {
    const boot = await readBoot(storage);
    if (boot.kind === 'empty') throw new Error('there is no store to fill');
    const [slot] = boot.slots;
    const seal = new KeyfileSeal({ path: keyfileOf(place), random: systemRandom });
    const rootKey = await seal.unwrap(slot?.body ?? {}, { storeId: boot.header.id, slotId: slot?.id ?? '' });
    const barrier = new Barrier({ storage, random: systemRandom, clock: systemClock });
    await barrier.unseal(rootKey, boot.header.id);
    const value = Buffer.alloc(bytes, 7);
    let next = 0;
    while (next < count) {
      const commits: Promise<unknown>[] = [];
      for (let commit = 0; commit < atOnce && next < count; commit++) {
        const last = Math.min(count, next + commitRecords);
        const writes = [];
        for (; next < last; next++) {
          writes.push({ key: parseStorageKey(`mount/bulk/${String(next).padStart(8, '0')}`), value });
        }
        commits.push(barrier.commit(writes));
      }
      await Promise.all(commits);
    }
  } finally {
    await storage.close();
  }
}
