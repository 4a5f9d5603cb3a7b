/**
 * A file that only takes up room. When the disk is full it is given up, so that the few requests that lessen harm (revoke,
 * seal, delete) can still be audited and therefore still be done.
 */
import { constants } from 'node:fs';
import { lstat, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';

const fileName = 'reserve';
const blockBytes = 64 * 1024;

export class Reserve {
  private readonly path: string;
  private readonly bytes: number;
  private readonly random: Random;

  /** `bytes`: 0 for none. */
  constructor(directory: string, bytes: number, random: Random) {
    this.path = join(directory, fileName);
    this.bytes = bytes;
    this.random = random;
  }

  /** Makes sure that the room is taken. Rejects with what the file system said, having taken none. */
  async restore(): Promise<void> {
    if (this.bytes === 0 || (await this.isThere())) return;
    const draft = `${this.path}.${process.pid}`;
    try {
      await this.fill(draft);
      await rename(draft, this.path);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  async release(): Promise<void> {
    await rm(this.path, { force: true });
  }

  private async isThere(): Promise<boolean> {
    const stat = await lstat(this.path).catch(() => undefined);
    if (stat && !stat.isFile()) {
      throw new CofferError(
        'store_unusable',
        `${this.path} is not a file; the audit log keeps its reserve there`,
      );
    }
    return stat !== undefined && stat.size >= this.bytes;
  }

  /** Random bytes, since a file system that compresses would keep no room for zeros. */
  private async fill(path: string): Promise<void> {
    await rm(path, { force: true });
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const file = await open(path, flags, 0o600);
    try {
      const block = this.random.bytes(blockBytes);
      for (let left = this.bytes; left > 0; left -= blockBytes) {
        await file.writeFile(left < blockBytes ? block.subarray(0, left) : block);
      }
      await file.datasync();
    } finally {
      await file.close();
    }
  }
}

export function isReserveName(name: string): boolean {
  return name === fileName || name.startsWith(`${fileName}.`);
}
