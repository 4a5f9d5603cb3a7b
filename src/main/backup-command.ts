/** `coffer operator backup`: from a running server, or from a data directory. */
import { resolve } from 'node:path';
import { backupName, type NewBackup } from '../backup-place/backup-place.ts';
import { Barrier } from '../barrier/barrier.ts';
import { defineCommand } from '../cli/command.ts';
import { connect } from '../cli/context.ts';
import { serverOptions } from '../cli/options.ts';
import { amountText, ProgressLine } from '../cli/progress-line.ts';
import type { Shell } from '../cli/shell.ts';
import { systemClock } from '../clock.ts';
import { NewBackupFile } from '../core/backup/backup-file.ts';
import { tagKeyOf } from '../core/backup/backups.ts';
import { type BackupHeader, backupFormat } from '../core/backup/format.ts';
import { BackupParser, type BackupPart } from '../core/backup/parser.ts';
import { BackupWriter } from '../core/backup/writer.ts';
import { randomUuid, systemRandom } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { readBoot } from '../seal/boot.ts';
import { withSnapshots } from '../storage/snapshot.ts';
import type { StoragePlace } from '../storage/storage-type.ts';
import { version } from '../version.ts';
import { backupTarget } from './backup-places.ts';
import { hostStorage, openHostStorage } from './host-storage.ts';
import { unwrapRootKey } from './open-barrier.ts';
import { storagePlace } from './storage-place.ts';

export const command = defineCommand({
  summary: 'Write a backup of a store, while it is served or from its directory',
  operands: { FILE: 'optional' },
  options: {
    to: { type: 'text', value: 'ADDRESS', help: 'put it into S3: s3://BUCKET/PREFIX?region=REGION' },
    data: { type: 'text', value: 'DIR', help: 'read this data directory, and ask no server' },
    storage: { type: 'text', value: 'URL', help: 'read this storage, and ask no server' },
    keyfile: {
      type: 'text',
      value: 'FILE',
      help: 'with --data or --storage: keyfile of the store (COFFER_KEYFILE, or COFFER_CONFIG)',
    },
    unsigned: {
      type: 'flag',
      help: 'with --data or --storage: without the keys, so that the backup has no tag',
    },
    ...serverOptions,
  },
  details: [
    'The backup is of one moment, and everything in it stays sealed: it opens with the keys of the store alone. FILE must not ' +
      'be there yet; without it the backup is called coffer-STORE-TIME.backup. Back up the keyfile too, but elsewhere.',
    'A server is asked for it with a token that may `read` sys/storage/snapshot with `sudo`. With --data or --storage a server may be running ' +
      'or not; the keys are needed for the tag that tells a forged backup from a true one.',
    'With --to it goes to S3 in parts as it is read, and is there once it is whole. Credentials are those that AWS’s own programs find.',
  ],
  examples: [
    'coffer operator backup /srv/backup/coffer.backup',
    'coffer operator backup --data /srv/coffer',
    'coffer operator backup --to s3://backups/coffer/?region=eu-central-1',
  ],
  async run({ operands, options }, shell) {
    const place = offlinePlace(shell, options);
    if (place === undefined && (options.keyfile !== undefined || options.unsigned)) {
      throw new CofferError(
        'usage',
        '--keyfile and --unsigned go with --data or --storage: a server has the keys itself',
      );
    }
    const target = await targetOf(shell, operands.FILE, options.to);
    try {
      if (place !== undefined) {
        const keys = options.unsigned ? undefined : { keyfile: options.keyfile };
        return await backupPlace(shell, place, keys, target);
      }
      const client = await connect(shell, options);
      await save(shell, await client.download('sys/storage/snapshot'), target);
    } catch (error) {
      await target.file?.discard();
      throw error;
    } finally {
      target.close();
    }
  },
});

/** Where the backup goes. */
interface Target {
  /** Known before anybody is asked for anything, where it was named. */
  readonly file: NewBackup | undefined;
  /** Of a backup that is named for what it holds. */
  begin(header: BackupHeader): Promise<NewBackup>;
  close(): void;
}

async function targetOf(shell: Shell, file: string | undefined, to: string | undefined): Promise<Target> {
  if (file !== undefined && to !== undefined) {
    throw new CofferError('usage', 'say FILE or --to: a backup goes to one place');
  }
  if (to !== undefined) {
    const place = backupTarget(to, shell.env);
    const begin = async (header: BackupHeader) => {
      await place.prepare(header.storeId);
      return place.begin(header);
    };
    return { file: undefined, begin, close: () => place.close() };
  }
  const named = file === undefined ? undefined : await NewBackupFile.create(resolve(file), 'backup');
  const begin = (header: BackupHeader) => NewBackupFile.create(resolve(backupName(header)), 'backup');
  return { file: named, begin, close: () => undefined };
}

/** Undefined where a server is to be asked: COFFER_STORAGE alone is the server's. */
function offlinePlace(
  shell: Shell,
  { data, storage }: { readonly data: string | undefined; readonly storage: string | undefined },
): StoragePlace | undefined {
  if (data === undefined && storage === undefined) return undefined;
  if (data !== undefined && storage !== undefined) {
    throw new CofferError('usage', 'say --data or --storage: a backup is of one store');
  }
  return data === undefined ? hostStorage(shell, storage, '/') : storagePlace(undefined, resolve(data));
}

async function backupPlace(
  shell: Shell,
  place: StoragePlace,
  keys: { readonly keyfile: string | undefined } | undefined,
  target: Target,
): Promise<void> {
  const storage = await openHostStorage(shell, place, { create: false, readOnly: true });
  try {
    const boot = await readBoot(storage);
    if (boot.kind === 'empty') throw new CofferError('store_unusable', `there is no store in ${place.name}`);
    const snapshots = withSnapshots(storage);
    if (snapshots === undefined) {
      throw new CofferError(
        'unsupported_operation',
        `${place.name} gives no snapshots: back it up by its own means`,
      );
    }
    const barrier = new Barrier({ storage, random: systemRandom, clock: systemClock });
    if (keys !== undefined) {
      const rootKey = await unwrapRootKey(shell, boot, keys.keyfile);
      await barrier.unseal(rootKey, boot.header.id).finally(() => rootKey.fill(0));
    }
    const tagKey = keys === undefined ? undefined : tagKeyOf(barrier);
    barrier.seal();
    const snapshot = await snapshots.snapshot();
    const header: BackupHeader = {
      format: backupFormat,
      id: randomUuid(systemRandom),
      storeId: boot.header.id,
      createdAt: systemClock.now(),
      origin: 'offline',
      program: version,
      storage: storage.kind,
      about: snapshot.records,
    };
    const writer = new BackupWriter({ header, snapshot, tagKey });
    await save(shell, piecesOf(writer), target);
  } finally {
    await storage.close();
  }
}

async function* piecesOf(writer: BackupWriter): AsyncGenerator<Buffer, void, undefined> {
  try {
    for (let piece = await writer.next(); piece !== undefined; piece = await writer.next()) yield piece;
  } finally {
    await writer.close();
  }
}

/** Takes the bytes apart on their way, so that only a whole backup, whose checksum fits, gets its name. */
async function save(shell: Shell, chunks: AsyncIterable<Buffer>, target: Target): Promise<void> {
  const saving = new Saving(shell, target);
  try {
    for await (const chunk of chunks) await saving.take(chunk);
    await saving.finish();
  } catch (error) {
    await saving.discard();
    throw error;
  }
}

class Saving {
  readonly #shell: Shell;
  readonly #parser = new BackupParser();
  readonly #progress: ProgressLine;
  readonly #target: Target;
  #file: NewBackup | undefined;
  #early: Buffer[] = [];
  #header: BackupHeader | undefined;
  #end: Extract<BackupPart, { kind: 'end' }> | undefined;
  #records = 0;

  constructor(shell: Shell, target: Target) {
    this.#shell = shell;
    this.#target = target;
    this.#file = target.file;
    this.#progress = new ProgressLine(shell, systemClock);
  }

  async take(chunk: Buffer): Promise<void> {
    for (const part of this.#parser.push(chunk)) {
      if (part.kind === 'header') this.#header = part.header;
      else if (part.kind === 'end') this.#end = part;
      else this.#records += part.records.length;
    }
    this.#early.push(chunk);
    if (this.#file === undefined && this.#header !== undefined) {
      this.#file = await this.#target.begin(this.#header);
    }
    if (this.#file === undefined) return;
    for (const bytes of this.#early) await this.#file.write(bytes);
    this.#early = [];
    this.#progress.show(() => {
      const about =
        this.#header === undefined ? '' : ` of about ${this.#header.about.toLocaleString('en-US')}`;
      return `backing up: ${amountText(this.#records, this.#parser.bytes)}${about}`;
    });
  }

  async finish(): Promise<void> {
    this.#parser.finish();
    this.#progress.end();
    const [file, header, end] = [this.#file, this.#header, this.#end];
    if (file === undefined || header === undefined || end === undefined) {
      throw new CofferError('internal', 'a whole backup without its parts');
    }
    await file.finish();
    const { records, rooms } = end.manifest;
    this.#shell.ui.done(`wrote ${file.path}: ${amountText(records, file.bytes)}`, {
      file: file.path,
      backup_id: header.id,
      store_id: header.storeId,
      records,
      bytes: file.bytes,
      rooms,
      sha256: end.checksum,
      signed: end.tag !== undefined,
    });
    if (end.tag === undefined) {
      this.#shell.ui.warn('this backup has no tag: `operator restore` takes it only with --unsigned');
    }
  }

  async discard(): Promise<void> {
    this.#progress.end();
    await this.#file?.discard();
  }
}
