/** `coffer operator restore`. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineCommand } from '../cli/command.ts';
import { amountText, ProgressLine } from '../cli/progress-line.ts';
import type { Shell } from '../cli/shell.ts';
import { systemClock, timestamp } from '../clock.ts';
import { type RestoreReport, requireFreePlace, restoreBackup } from '../core/backup/restore.ts';
import type { Revival } from '../core/backup/revival.ts';
import { systemRandom } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { restoringKey } from '../seal/boot.ts';
import type { Storage } from '../storage/storage.ts';
import type { StoragePlace } from '../storage/storage-type.ts';
import { backupSource } from './backup-places.ts';
import { writePrivate } from './first-start.ts';
import { hostData, hostStorage, openHostStorage, storageOption } from './host-storage.ts';
import { unwrapRootKey } from './open-barrier.ts';
import { progressText } from './verify-backup-command.ts';

export const command = defineCommand({
  summary: 'Make a store out of a backup, in an empty place',
  operands: { FILE: 'one' },
  options: {
    data: { type: 'text', value: 'DIR', help: 'data directory (COFFER_DATA; ~/.local/share/coffer)' },
    ...storageOption,
    keyfile: { type: 'text', value: 'FILE', help: 'keyfile of the store (COFFER_KEYFILE, or COFFER_CONFIG)' },
    'keep-tokens': { type: 'flag', help: 'bring tokens and leases back too, those revoked since as well' },
    'root-token-file': { type: 'text', value: 'FILE', help: 'write the new root token there' },
    unsigned: { type: 'flag', help: 'take a backup without a tag' },
  },
  details: [
    'Checks all of the backup with the store’s keys first, as verify-backup does, and never writes over a store: move its ' +
      'directory away. A restore that was cut off leaves a place that no server serves; run it again.',
    'FILE may be in S3: s3://BUCKET/PREFIX/NAME?region=REGION, or s3://BUCKET/PREFIX/ for the newest there.',
    'Tokens and leases stay behind, because those that were revoked since the backup would work again. As you have the keys ' +
      'of the store, you get a new root token: in FILE, or on standard output. With --keep-tokens there is one only with ' +
      '--root-token-file.',
  ],
  examples: [
    'coffer operator restore coffer.backup --data /srv/coffer',
    'coffer operator restore s3://backups/coffer/ --data /srv/coffer',
  ],
  async run({ operands, options }, shell) {
    const data = hostData(shell, options.data);
    const source = await backupSource(operands.FILE, shell.env);
    const where = hostStorage(shell, options.storage, data);
    const place = await Place.look(shell, where).catch((error: unknown) => {
      source.close();
      throw error;
    });
    try {
      const tokenFile =
        options['root-token-file'] === undefined ? undefined : resolve(options['root-token-file']);
      const token = new NewRootToken(tokenFile, place.begunBefore);
      const progress = new ProgressLine(shell, systemClock);
      const report = await restoreBackup({
        open: () => source.open(),
        openPlace: () => place.open(),
        unlock: (boot) => unwrapRootKey(shell, boot, options.keyfile),
        clock: systemClock,
        random: systemRandom,
        keepTokens: options['keep-tokens'],
        allowUnsigned: options.unsigned,
        keepRootToken:
          options['keep-tokens'] && tokenFile === undefined ? undefined : (text) => token.keep(text),
        onProgress: (phase, done) => progress.show(() => progressText(phase, done, source.bytes)),
      }).finally(() => progress.end());
      show(shell, where.name, report, token);
    } finally {
      source.close();
      await place.close();
    }
  },
});

/** Where the store is to be. It is opened for good only once the backup has been proven. */
class Place {
  readonly begunBefore: boolean;
  readonly #shell: Shell;
  readonly #place: StoragePlace;
  #storage: Storage | undefined;

  private constructor(shell: Shell, place: StoragePlace, storage: Storage | undefined, begunBefore: boolean) {
    this.#shell = shell;
    this.#place = place;
    this.#storage = storage;
    this.begunBefore = begunBefore;
  }

  /** Throws `conflict` if there is a store. */
  static async look(shell: Shell, place: StoragePlace): Promise<Place> {
    // A database with no tables of ours is made ready here: only then can it be asked for a store.
    if (!place.mayHoldStore()) return new Place(shell, place, undefined, false);
    const storage = await openHostStorage(shell, place, { create: place.kind !== 'lmdb' });
    try {
      await requireFreePlace(storage);
      return new Place(shell, place, storage, (await storage.read(restoringKey)) !== undefined);
    } catch (error) {
      await storage.close();
      throw error;
    }
  }

  async open(): Promise<Storage> {
    this.#storage ??= await openHostStorage(this.#shell, this.#place, { create: true });
    return this.#storage;
  }

  async close(): Promise<void> {
    await this.#storage?.close();
  }
}

/** Goes to its file before the store is there, so that it is never missing. */
class NewRootToken {
  readonly file: string | undefined;
  text: string | undefined;
  readonly #mode: 'new' | 'replace';

  constructor(file: string | undefined, begunBefore: boolean) {
    this.file = file;
    this.#mode = begunBefore ? 'replace' : 'new';
    if (file !== undefined && !begunBefore && existsSync(file)) {
      throw new CofferError(
        'conflict',
        `${file} is there already: choose another file for the new root token`,
      );
    }
  }

  async keep(text: string): Promise<void> {
    this.text = text;
    if (this.file !== undefined) await writePrivate(this.file, `${text}\n`, this.#mode);
  }
}

function show({ ui }: Shell, data: string, report: RestoreReport, token: NewRootToken): void {
  const { backup, revival, earlierChains } = report;
  const printed = token.file === undefined && token.text !== undefined ? token.text : undefined;
  ui.talk(
    `restored ${data}: ${amountText(backup.manifest.records - revival.dropped, backup.bytes)}, as of ${timestamp(backup.header.createdAt)}`,
  );
  for (const line of revivalLines(revival)) ui.talk(line);
  if (earlierChains > 0) {
    ui.talk(
      `audit log: a new chain begins; ${counted(earlierChains, 'chain')} of the store before stay known as history`,
    );
  }
  if (token.file !== undefined && token.text !== undefined) ui.talk(`new root token: ${token.file}`);
  if (ui.format === 'json') {
    ui.json({
      data,
      backup_id: backup.header.id,
      store_id: backup.header.storeId,
      backup_created_at: timestamp(backup.header.createdAt),
      records: backup.manifest.records - revival.dropped,
      dropped_records: revival.dropped,
      kept_tokens: revival.keptTokens,
      tokens: revival.tokens,
      leases: revival.leases,
      lease_paths: revival.leasePaths.map(({ path, count }) => ({ path, count })),
      secret_ids: revival.secretIds,
      earlier_chains: earlierChains,
      ...(printed === undefined ? {} : { root_token: printed }),
    });
  } else if (printed !== undefined) ui.record([['root token', printed]], {});
}

/** What the restore brought back that had ended since, what it did not, and what is to be done about either. */
function revivalLines(revival: Revival): readonly string[] {
  const { keptTokens, tokens, leases, leasePaths, secretIds } = revival;
  const paths = leasePaths.map(({ path, count }) => `  ${path}  ${count}`);
  const tokenLines = keptTokens
    ? [
        `back to life: ${counted(tokens, 'token')} and ${counted(leases, 'lease')} as they were at the backup, with the uses they had; ` +
          'those revoked or spent since work again: revoke them once more',
      ]
    : [
        `left behind: ${counted(tokens, 'token')}; everybody logs in again`,
        ...(leases === 0
          ? []
          : [
              `left behind: ${counted(leases, 'lease')}; the credentials handed out with them still work outside, and nothing here ends them any more. End them there:`,
              ...paths,
            ]),
      ];
  return [
    ...tokenLines,
    ...(secretIds === 0
      ? []
      : [
          `back to life: ${counted(secretIds, 'secret id')} of AppRole, with the uses they had, and those destroyed since: destroy them once more`,
        ]),
    'back to life: one-time code steps spent since, policies and roles changed since, versions of secrets deleted or destroyed since',
    'lost: everything written after the backup',
  ];
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}
