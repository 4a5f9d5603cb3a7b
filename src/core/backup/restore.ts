/**
 * Puts a backup into an empty place. The file is read twice: first to prove all of it, then to write. Until the last commit the
 * place has a mark and no header, so that nothing serves it; a restore that was cut off is begun again from nothing.
 */
import { Barrier } from '../../barrier/barrier.ts';
import type { Clock } from '../../clock.ts';
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { bootKeys, restoringKey } from '../../seal/boot.ts';
import type { Revision, Storage, StorageKey } from '../../storage/storage.ts';
import { setAnchorsAside } from '../audit/earlier.ts';
import { closeRestoredChains } from '../audit/stored-chain.ts';
import { bumpEpoch } from '../epoch.ts';
import { Jobs } from '../job/jobs.ts';
import { resealJob } from '../key/reseal-job.ts';
import { nodePrefix } from '../node/record.ts';
import { rootTokenAt } from '../token/root-token.ts';
import { Tokens, tokenKeys } from '../token/tokens.ts';
import { BatchWriter, removeAll } from './batch-writer.ts';
import {
  type BackupProgress,
  type BackupReport,
  type OpenedRecord,
  readBackup,
  type Unlock,
} from './read-backup.ts';
import { restoredWrite } from './restored.ts';
import { type Revival, RevivalCount } from './revival.ts';

export interface RestoreOptions {
  /** Opens the backup from its beginning; called twice. */
  readonly open: () => AsyncIterable<Buffer>;
  /** Opens the place to restore into; called once the backup has been proven, so that a bad one changes nothing. */
  readonly openPlace: () => Promise<Storage>;
  readonly unlock: Unlock;
  readonly clock: Clock;
  readonly random: Random;
  readonly keepTokens: boolean;
  /** Take a backup that has no tag too. */
  readonly allowUnsigned: boolean;
  /** Keeps the new root token; undefined makes none. Called once, right before the store is there. */
  readonly keepRootToken: ((text: string) => Promise<void>) | undefined;
  readonly onProgress: (phase: 'checking' | 'restoring', progress: BackupProgress) => void;
}

export interface RestoreReport {
  readonly backup: BackupReport;
  readonly revival: Revival;
  /** Audit chains of the store before. */
  readonly earlierChains: number;
}

/**
 * Rejects with `conflict` for a place that is not empty, as `readBackup` does for a backup that does not hold (then the place is as
 * it was), and with `integrity` for one without a tag unless that is allowed.
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreReport> {
  const { open, unlock, clock, random } = options;
  const root = new KeptRootKey(unlock);
  try {
    const checked = await readBackup({
      chunks: open(),
      unlock: root.unlock,
      clock,
      random,
      onProgress: (progress) => options.onProgress('checking', progress),
    });
    if (checked.tag !== 'signed' && !options.allowUnsigned) {
      throw new CofferError(
        'integrity',
        'the backup has no tag: it was taken without the store’s keys, and records may be missing or from another backup',
      );
    }
    const storage = await options.openPlace();
    await requireFreePlace(storage);
    const mark = await markPlace(storage, checked);
    return await new Restoring({ ...options, storage }, root, checked, mark).run();
  } finally {
    root.forget();
  }
}

interface PlacedRestore extends RestoreOptions {
  readonly storage: Storage;
}

class Restoring {
  readonly #options: PlacedRestore;
  readonly #root: KeptRootKey;
  readonly #checked: BackupReport;
  readonly #mark: Revision;
  readonly #revival: RevivalCount;
  #header: Buffer | undefined;

  constructor(options: PlacedRestore, root: KeptRootKey, checked: BackupReport, mark: Revision) {
    this.#options = options;
    this.#root = root;
    this.#checked = checked;
    this.#mark = mark;
    this.#revival = new RevivalCount(options.keepTokens);
  }

  async run(): Promise<RestoreReport> {
    const { storage } = this.#options;
    await removeAll(storage, (key) => key !== restoringKey);
    await this.#writeRecords();
    const earlierChains = await this.#settle();
    const header = this.#header;
    if (header === undefined) throw new CofferError('internal', 'a backup without a header');
    await storage.commit(
      [
        { key: bootKeys.header, value: header },
        { key: restoringKey, value: null },
      ],
      [
        { key: bootKeys.header, revision: null },
        { key: restoringKey, revision: this.#mark },
      ],
    );
    return { backup: this.#checked, revival: this.#revival.revival, earlierChains };
  }

  async #writeRecords(): Promise<void> {
    const { storage, open, clock, random, onProgress } = this.#options;
    const writer = new BatchWriter(storage);
    const again = await readBackup({
      chunks: open(),
      unlock: this.#root.unlock,
      clock,
      random,
      onProgress: (progress) => onProgress('restoring', progress),
      onRecords: (records) => this.#take(records, writer),
    });
    await writer.flush();
    if (again.checksum !== this.#checked.checksum) {
      throw new CofferError('integrity', 'the backup changed while it was being restored; restore it again');
    }
  }

  async #take(records: readonly OpenedRecord[], writer: BatchWriter): Promise<void> {
    for (const opened of records) {
      const { key, value } = opened.record;
      // The header is the last thing written: without it there is no store here.
      if (key === bootKeys.header) this.#header = Buffer.from(value);
      // Nodes are those of the store that the backup is of.
      else if (key !== restoringKey && !key.startsWith(nodePrefix) && this.#revival.keeps(opened))
        await writer.add(key, value);
    }
  }

  /** What is to be different in the restored store. Answers how many audit chains it leaves behind. */
  async #settle(): Promise<number> {
    const { storage, clock, random, keepTokens, keepRootToken } = this.#options;
    const { header, checksum } = this.#checked;
    const barrier = new Barrier({ storage, random, clock });
    const rootKey = this.#root.copy();
    await barrier.unseal(rootKey, header.storeId).finally(() => rootKey.fill(0));
    try {
      const earlierChains = await setAnchorsAside(barrier);
      await closeRestoredChains(barrier);
      // A new term: how much was sealed with the old one since the backup is not known here.
      const bump = await bumpEpoch(barrier, 'keyring');
      // What the backup holds is sealed under the terms before: the first node that serves it seals it anew.
      const { id } = await barrier.newestTerm();
      const jobs = new Jobs({ store: barrier, clock, random });
      const job = await jobs.prepare(resealJob(id + 1), { token: null, displayName: 'coffer' });
      const firstTerm = await barrier.rotate([bump.write, ...job.writes], [bump.expectation]);
      const { tokens, leases } = this.#revival.revival;
      const mark = restoredWrite({
        backupId: header.id,
        checksum,
        backupCreatedAt: header.createdAt,
        restoredAt: clock.now(),
        firstTerm,
        keptTokens: keepTokens,
        droppedTokens: keepTokens ? 0 : tokens,
        droppedLeases: keepTokens ? 0 : leases,
        earlierChains,
        announced: false,
      });
      const minted = keepRootToken === undefined ? undefined : this.#mint(barrier);
      if (minted !== undefined) await keepRootToken?.(minted.text);
      await barrier.commit([mark, ...(minted?.writes ?? [])]);
      return earlierChains;
    } finally {
      barrier.seal();
    }
  }

  #mint(store: Barrier): ReturnType<Tokens['mint']> {
    const { clock, random } = this.#options;
    const tokens = new Tokens({ store, ...tokenKeys(store), clock, random });
    return tokens.mint(rootTokenAt(clock.now()));
  }
}

/** The root key is asked for once, however often it is needed. */
class KeptRootKey {
  readonly #unlock: Unlock;
  #key: Buffer | undefined;
  readonly unlock: Unlock = async (boot) => {
    this.#key ??= await this.#unlock(boot);
    return this.copy();
  };

  constructor(unlock: Unlock) {
    this.#unlock = unlock;
  }

  copy(): Buffer {
    if (this.#key === undefined) throw new CofferError('internal', 'no slot has been opened yet');
    return Buffer.from(this.#key);
  }

  forget(): void {
    this.#key?.fill(0);
  }
}

/** Throws `conflict` unless the place is empty or was left by a restore that was cut off. */
export async function requireFreePlace(storage: Storage): Promise<void> {
  const marked = await storage.read(restoringKey);
  if (marked !== undefined) return;
  const { items } = await storage.children('', { limit: 1 });
  if (items.length === 0) return;
  throw new CofferError(
    'conflict',
    'there is a store in this place already, and a restore never writes over one: move its directory away first',
  );
}

/** From here on nothing serves this place. An earlier restore's mark is replaced. */
async function markPlace(storage: Storage, backup: BackupReport): Promise<Revision> {
  const before = await storage.read(restoringKey);
  const value = Buffer.from(JSON.stringify({ format: 1, backup: backup.header.id }));
  const writes = [{ key: restoringKey, value }];
  const expected: readonly { readonly key: StorageKey; readonly revision: Revision | null }[] = [
    { key: restoringKey, revision: before?.revision ?? null },
    { key: bootKeys.header, revision: null },
  ];
  const [revision] = await storage.commit(writes, expected);
  if (revision === undefined) throw new CofferError('internal', 'a commit answered without a revision');
  return revision;
}
