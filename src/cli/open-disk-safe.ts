/** Opening and making safes on disk: where they are, and the keys to them. */
import { isAbsolute, join, resolve } from 'node:path';
import { systemClock } from '../clock.ts';
import type { Places } from '../config/paths.ts';
import { CofferError } from '../errors.ts';
import { type FileSafeKeys, openFileSafe } from '../file-safe/open.ts';
import { DiskSafe } from './disk-safe.ts';
import { readPrivateText } from './private-text.ts';
import { askHidden, isInteractive } from './prompt.ts';
import type { SecretSafe } from './secret-safe.ts';
import { type Shell, variable } from './shell.ts';

export interface DiskSafeKeys {
  readonly keyfile?: string | undefined;
  readonly 'passphrase-file'?: string | undefined;
}

/** The directory that was named: `~/` is the user's own, and a relative path counts from where the command runs. */
export function diskPath({ home }: Places, path: string): string {
  if (path.startsWith('~/')) return join(home, path.slice(2));
  return isAbsolute(path) ? path : resolve(path);
}

/** Where a safe's keyfile is: as named, or beside the user's other ones under the safe's id. */
export function keyfilePath(shell: Shell, named: string | undefined, id: string): string {
  return named ?? variable(shell.env, 'COFFER_SAFE_KEYFILE') ?? join(shell.places.config, `${id}.keyfile`);
}

/** @param ask whether somebody may be asked for a passphrase. Throws as opening a safe does, and `usage` without its passphrase. */
export async function openDiskSafe(
  shell: Shell,
  named: string,
  options: DiskSafeKeys,
  ask: boolean,
): Promise<SecretSafe> {
  const path = diskPath(shell.places, named);
  const safe = await openFileSafe({
    path,
    keys: diskSafeKeys(shell, path, options, ask),
    clock: { ...systemClock, now: () => shell.now() },
  });
  shell.atEnd(() => safe.close());
  // Closing goes on behind who lets go; the command's end waits for it and tells what fails.
  return new DiskSafe(safe, path, () => void safe.close().catch(() => undefined));
}

/** What opens a safe: its keyfile, or the passphrase of a file or of whoever may be asked. */
export function diskSafeKeys(shell: Shell, path: string, options: DiskSafeKeys, ask: boolean): FileSafeKeys {
  return {
    keyfile: (id) => keyfilePath(shell, options.keyfile, id),
    passphrase: () => findPassphrase(shell, path, options, ask),
  };
}

async function findPassphrase(
  shell: Shell,
  path: string,
  options: DiskSafeKeys,
  ask: boolean,
): Promise<string> {
  const file = options['passphrase-file'] ?? variable(shell.env, 'COFFER_SAFE_PASSPHRASE_FILE');
  if (file !== undefined) return readPrivateText(shell, file);
  if (ask && isInteractive(shell)) return askHidden(shell, `passphrase of ${path}`);
  throw new CofferError(
    'usage',
    `${path} opens with its passphrase, and nobody can be asked: name a file with --passphrase-file or COFFER_SAFE_PASSPHRASE_FILE`,
  );
}
