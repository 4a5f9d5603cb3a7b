/** Backups in a directory: files for their owner alone. */
import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BackupFacts,
  type BackupPlace,
  backupName,
  inOrder,
  type KeptBackup,
  type NewBackup,
  parseBackupName,
} from '../../backup-place/backup-place.ts';
import { CofferError } from '../../errors.ts';
import { NewBackupFile, readBackupFile } from './backup-file.ts';
import { backupParts } from './parser.ts';
import { preparePlace } from './retention.ts';

/** In the names of files that a schedule is making. */
const scheduleMark = 'schedule';

export class DirectoryPlace implements BackupPlace {
  readonly name: string;

  /** @param directory absolute */
  constructor(directory: string) {
    this.name = directory;
  }

  async prepare(storeId: string): Promise<void> {
    await preparePlace(this.name);
    for (const name of await readdir(this.name)) {
      if (isLeftover(name, storeId)) await unlink(join(this.name, name));
    }
  }

  begin(facts: BackupFacts): Promise<NewBackup> {
    const mark = facts.origin === 'schedule' ? scheduleMark : 'backup';
    return NewBackupFile.create(join(this.name, backupName(facts)), mark);
  }

  async removable(storeId: string): Promise<readonly KeptBackup[]> {
    const own: KeptBackup[] = [];
    for (const backup of await this.list()) {
      if (backup.storeId === storeId && (await isOwn(join(this.name, backup.name), storeId)))
        own.push(backup);
    }
    return own;
  }

  async remove(name: string): Promise<void> {
    await unlink(join(this.name, name));
  }

  async list(): Promise<readonly KeptBackup[]> {
    const found = (await this.#names()).map(parseBackupName);
    return inOrder(found.filter((each) => each !== undefined).filter(({ mark }) => mark === ''));
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await readdir(this.name);
    } catch (cause) {
      throw new CofferError('not_found', `${this.name} is no directory that can be read`, { cause });
    }
  }

  read(name: string): AsyncIterable<Buffer> {
    return readBackupFile(join(this.name, name));
  }

  close(): void {}
}

/** A file in the making that nobody is making any more. */
function isLeftover(name: string, storeId: string): boolean {
  const part = `.${scheduleMark}.part`;
  if (!name.startsWith('.') || !name.endsWith(part)) return false;
  return parseBackupName(name.slice(1, -part.length))?.storeId === storeId;
}

/** By its header: a file that somebody put there, or a copy of a backup made by hand, is not ours to remove. */
async function isOwn(path: string, storeId: string): Promise<boolean> {
  try {
    for await (const part of backupParts(readBackupFile(path))) {
      if (part.kind !== 'header') return false;
      return part.header.origin === 'schedule' && part.header.storeId === storeId;
    }
    return false;
  } catch {
    return false;
  }
}
