/** Backups of a store that is being served: how many at a time, how long one may take, and their end when the store is sealed. */
import type { KeyObject } from 'node:crypto';
import type { Barrier } from '../../barrier/barrier.ts';
import type { Clock } from '../../clock.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { SnapshotStorage } from '../../storage/snapshot.ts';
import { version } from '../../version.ts';
import { type BackupOrigin, backupFormat, tagPurpose } from './format.ts';
import { BackupWriter } from './writer.ts';

/** Each holds a snapshot, and with it room on the disk. */
const mostAtOnce = 2;
/** Milliseconds: a client that takes its time must not keep a snapshot, for which the store grows, for days. */
const longestBackup = 60 * 60 * 1_000;

export interface BackupsOptions {
  /** Undefined where the storage gives no snapshots. */
  readonly storage: SnapshotStorage | undefined;
  readonly storeId: string;
  readonly tagKey: KeyObject;
  readonly clock: Clock;
  readonly random: Random;
}

export class Backups {
  readonly #options: BackupsOptions;
  readonly #open = new Map<BackupWriter, Disposable>();
  #beginning = 0;
  #stopped = false;

  constructor(options: BackupsOptions) {
    this.#options = options;
  }

  /**
   * Takes a snapshot and hands out the backup of it, to be read or closed. Rejects with `rate_limited` when two are being taken,
   * `unsupported_operation` where the storage gives no snapshots, `sealed` after `stop`.
   */
  async begin(origin: BackupOrigin): Promise<BackupWriter> {
    const { storage, storeId, tagKey, clock, random } = this.#options;
    if (storage === undefined) {
      throw new CofferError(
        'unsupported_operation',
        'this storage gives no snapshots: back it up by its own means',
      );
    }
    if (this.#stopped) throw sealedMeanwhile();
    if (this.#open.size + this.#beginning >= mostAtOnce) {
      throw new CofferError(
        'rate_limited',
        `${mostAtOnce} backups are being taken already: try again when one is done`,
      );
    }
    this.#beginning += 1;
    const snapshot = await storage.snapshot().finally(() => {
      this.#beginning -= 1;
    });
    const writer: BackupWriter = new BackupWriter({
      header: {
        format: backupFormat,
        id: randomUuid(random),
        storeId,
        createdAt: clock.now(),
        origin,
        program: version,
        storage: storage.kind,
        about: snapshot.records,
      },
      snapshot,
      tagKey,
      afterwards: () => this.#ended(writer),
    });
    this.#open.set(
      writer,
      clock.after(longestBackup, () => writer.abort(tookTooLong())),
    );
    // A seal that came while the snapshot was being taken.
    if (this.#stopped) {
      writer.abort(sealedMeanwhile());
      throw sealedMeanwhile();
    }
    return writer;
  }

  /** Ends those that are being taken, and begins no more. */
  stop(): void {
    this.#stopped = true;
    for (const writer of [...this.#open.keys()]) writer.abort(sealedMeanwhile());
  }

  #ended(writer: BackupWriter): void {
    this.#open.get(writer)?.[Symbol.dispose]();
    this.#open.delete(writer);
  }
}

/** What a store's backups are signed and recognised with. */
export function tagKeyOf(barrier: Barrier): KeyObject {
  return barrier.purposeKey(tagPurpose);
}

function sealedMeanwhile(): CofferError {
  return new CofferError('sealed', 'the store was sealed while it was backed up');
}

function tookTooLong(): CofferError {
  return new CofferError('unavailable', 'the backup took longer than an hour and was given up');
}
