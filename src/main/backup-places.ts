/** Where backups go to and come from, as settings and commands name it: a directory, a file, or a bucket of S3. */
import { resolve } from 'node:path';
import { type BackupPlace, newestOf, parseBackupName } from '../backup-place/backup-place.ts';
import { asFolder, isS3Address, parseS3Address } from '../backup-place/s3/s3-address.ts';
import { S3Place } from '../backup-place/s3/s3-place.ts';
import { systemClock } from '../clock.ts';
import type { Found } from '../config/found.ts';
import type { Loaded } from '../config/load.ts';
import type { Problem } from '../config/problem.ts';
import type { BackupSettings } from '../config/settings.ts';
import { backupFileBytes, readBackupFile } from '../core/backup/backup-file.ts';
import { DirectoryPlace } from '../core/backup/directory-place.ts';
import { asCofferError, CofferError } from '../errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Of scheduled backups; undefined where there are none. Throws `invalid_request` for an address that cannot be. */
export function scheduledPlace({ directory, to }: BackupSettings, env: Env): BackupPlace | undefined {
  if (to !== undefined) return backupPlace(to, env);
  return directory === undefined ? undefined : new DirectoryPlace(directory);
}

/** What is wrong with the address of scheduled backups. Asks nothing of it. */
export function backupProblems({ settings, found }: Loaded): readonly Problem[] {
  try {
    if (settings.backup.to !== undefined) parseS3Address(settings.backup.to);
    return [];
  } catch (error) {
    const said: Found<unknown> | undefined = found.find(({ name }) => name === 'backup.to');
    return said === undefined ? [] : [said.origin.problem(`backup.to: ${asCofferError(error).message}`)];
  }
}

/** @param text a directory or an address in S3; a relative directory starts from the working directory */
export function backupPlace(text: string, env: Env): BackupPlace {
  if (!isS3Address(text)) return new DirectoryPlace(resolve(text));
  return new S3Place({ address: asFolder(parseS3Address(text)), env, now: systemClock.now });
}

/** One backup to be read, as often as asked. */
export interface BackupSource {
  /** As people see it. */
  readonly path: string;
  /** In all, for progress. */
  readonly bytes: number;
  open(): AsyncIterable<Buffer>;
  close(): void;
}

/**
 * A file, an object in S3, or the newest below an address in S3 that ends in `/`. Rejects with `not_found` where there is none, and as
 * reading does.
 */
export async function backupSource(text: string, env: Env): Promise<BackupSource> {
  if (!isS3Address(text)) {
    const path = resolve(text);
    const bytes = await backupFileBytes(path);
    return { path, bytes, open: () => readBackupFile(path), close: () => undefined };
  }
  const address = parseS3Address(text);
  const cut = address.path.lastIndexOf('/') + 1;
  const name = address.path.slice(cut);
  const place = new S3Place({
    address: { ...address, path: address.path.slice(0, cut) },
    env,
    now: systemClock.now,
  });
  try {
    const found = name === '' ? newestOf(await place.list(), place.name).name : name;
    const bytes = await place.bytesOf(found);
    return { path: place.name + found, bytes, open: () => place.read(found), close: () => place.close() };
  } catch (error) {
    place.close();
    throw error;
  }
}

/** The newest backup of a place, of one store where it is named. */
export async function newestSource(
  place: BackupPlace,
  storeId?: string,
): Promise<Pick<BackupSource, 'path' | 'open'> & { readonly createdAt: number }> {
  const { name, createdAt } = newestOf(await place.list(), place.name, storeId);
  const path = place.name.endsWith('/') ? place.name + name : `${place.name}/${name}`;
  return { path, createdAt, open: () => place.read(name) };
}

/** Where `--to` puts a backup. Throws `usage` for an address that names an object and not a folder. */
export function backupTarget(text: string, env: Env): BackupPlace {
  if (!isS3Address(text)) {
    throw new CofferError(
      'usage',
      '--to is an address in S3 (s3://BUCKET/PREFIX?region=REGION); a file is named without it',
    );
  }
  const { path } = parseS3Address(text);
  if (parseBackupName(path.slice(path.lastIndexOf('/') + 1)) !== undefined || path.endsWith('.backup')) {
    throw new CofferError(
      'usage',
      '--to names a folder: the backup is called coffer-STORE-TIME.backup there',
    );
  }
  return backupPlace(text, env);
}
