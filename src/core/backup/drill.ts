/**
 * A restore drill: a backup is restored into a place that is thrown away, opened there as a server would open it, and every record of
 * it is read. So it is known that the backup can be restored, by the keys that there are, and not only that it is there.
 */
import { Barrier } from '../../barrier/barrier.ts';
import type { Clock } from '../../clock.ts';
import type { Random } from '../../crypto/random.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import { bootKeys, readBoot } from '../../seal/boot.ts';
import type { Storage } from '../../storage/storage.ts';
import { everyItem } from '../pages.ts';
import type { BackupProgress, BackupReport, Unlock } from './read-backup.ts';
import { restoreBackup } from './restore.ts';

export interface DrillOptions {
  /** Opens the backup from its beginning; called twice. */
  readonly open: () => AsyncIterable<Buffer>;
  /** An empty place in memory, which is closed at the end. */
  readonly place: () => Storage;
  readonly unlock: Unlock;
  readonly clock: Clock;
  readonly random: Random;
  /** Bytes of the largest backup that is taken into memory. */
  readonly largest: number;
  readonly onProgress?: (phase: 'checking' | 'restoring', progress: BackupProgress) => void;
}

export interface DrillReport {
  readonly backup: BackupReport;
  /** Records of the restored store that were opened, or are in the clear. */
  readonly records: number;
  readonly tokens: number;
  readonly leases: number;
}

/** Records of one reading. */
const pageRecords = 32;

/**
 * Rejects as `restoreBackup` does for a backup that cannot be restored, with `integrity` when the restored store does not open or holds
 * records that don't, and with `unsupported_operation` for one that is larger than `largest`.
 */
export async function restoreDrill(options: DrillOptions): Promise<DrillReport> {
  const storage = options.place();
  try {
    const { clock, random, onProgress = () => undefined } = options;
    const { backup, revival } = await restoreBackup({
      open: () => bounded(options.open(), options.largest),
      openPlace: () => Promise.resolve(storage),
      unlock: options.unlock,
      clock,
      random,
      keepTokens: true,
      allowUnsigned: false,
      keepRootToken: undefined,
      onProgress,
    });
    const records = await openAll(storage, options);
    const least = backup.manifest.records - revival.dropped;
    if (records < least) {
      throw new CofferError('integrity', `the restored store has ${records} records of at least ${least}`);
    }
    return { backup, records, tokens: revival.tokens, leases: revival.leases };
  } finally {
    await storage.close();
  }
}

/** Opens the store as a start does, and every record as a request would. */
async function openAll(storage: Storage, { unlock, clock, random }: DrillOptions): Promise<number> {
  const boot = await readBoot(storage);
  if (boot.kind === 'empty') throw new CofferError('integrity', 'the restore left no store');
  const barrier = new Barrier({ storage, clock, random });
  const rootKey = await unlock(boot);
  await barrier.unseal(rootKey, boot.header.id).finally(() => rootKey.fill(0));
  try {
    let records = 0;
    const broken: string[] = [];
    for await (const { key, value } of everyItem((page) => storage.range('', page), pageRecords)) {
      records += 1;
      const clear = key === bootKeys.keyring || key.startsWith('boot/') || value.length === 1;
      if (!clear && !opens(barrier, key, value)) broken.push(key);
    }
    if (broken.length === 0) return records;
    throw new CofferError(
      'integrity',
      `${broken.length} records of the restored store do not open, the first being ${broken[0]}`,
    );
  } finally {
    barrier.seal();
  }
}

function opens(barrier: Barrier, key: Parameters<Barrier['open']>[0], value: Buffer): boolean {
  try {
    barrier.open(key, value).fill(0);
    return true;
  } catch (error) {
    if (asCofferError(error).code !== 'integrity') throw error;
    return false;
  }
}

async function* bounded(
  chunks: AsyncIterable<Buffer>,
  largest: number,
): AsyncGenerator<Buffer, void, undefined> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > largest) {
      throw new CofferError(
        'unsupported_operation',
        `the backup is larger than the ${Math.floor(largest / 1_048_576)} MiB that a drill takes into memory: restore it to a directory`,
      );
    }
    yield chunk;
  }
}
