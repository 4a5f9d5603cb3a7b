/**
 * Room kept at the end of LMDB's data file, behind the last page in use: LMDB takes new pages from there without asking the disk
 * for any. The room is appended (`O_APPEND` puts it behind whatever other processes have written by then, and LMDB only ever
 * writes to pages by their place), and taken up again as the store grows. When the disk has none left, the store is short
 * before a commit has failed, and what is kept is LMDB's alone: no log or other file can use it up.
 */
import { randomBytes } from 'node:crypto';
import { constants, statSync } from 'node:fs';
import { open, statfs } from 'node:fs/promises';
import type { Clock } from '../../clock.ts';

/** Room kept, in bytes; taken up again once half of it is used. */
export const defaultRoom = 8 * 1024 * 1024;

/** How much stays free on the disk, as a multiple of what is kept. */
const leftToOthers = 2;

const blockBytes = 64 * 1024;
/** Milliseconds between two looks while room is short. */
const lookAfter = 1_000;

export interface RoomOptions {
  /** The data file. */
  readonly path: string;
  /** Bytes of the file up to the end of its last page in use. */
  readonly used: () => number;
  /** 0 keeps none, and is never short. */
  readonly bytes: number;
  readonly clock: Clock;
  /** Told when room has become short (`true`), with the cause, and when it is back. */
  readonly onChange: (short: boolean, cause?: unknown) => void;
}

export class Room {
  readonly #options: RoomOptions;
  #short = false;
  #taking: Promise<void> | undefined;
  #lookAt = 0;

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  isShort(): boolean {
    if (this.#short && this.#options.clock.now() >= this.#lookAt) void this.#take(this.#options.bytes);
    return this.#short;
  }

  /** Makes sure of room for commits of so many bytes, as far as the disk has any. Undefined where nothing is to be done. */
  prepare(bytes: number): Promise<void> | undefined {
    const { bytes: kept } = this.#options;
    if (kept === 0 || (this.#short && this.#options.clock.now() < this.#lookAt)) return undefined;
    // Pages of the trees are written again with their leaves, and values begin on pages of their own.
    const wanted = bytes + Math.ceil(bytes / 4);
    return this.#left() >= kept / 2 + wanted ? undefined : this.#take(kept + wanted);
  }

  /** Bytes that one group of commits may have without touching the last quarter of what is kept. */
  allowance(): number {
    const { bytes: kept } = this.#options;
    return kept === 0 ? Number.POSITIVE_INFINITY : Math.max(0, this.#left() - kept / 4) * 0.8;
  }

  /** Resolves when nothing is being appended. */
  async idle(): Promise<void> {
    await this.#taking;
  }

  #left(): number {
    const { path, used } = this.#options;
    return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) - used();
  }

  #take(wanted: number): Promise<void> {
    this.#taking ??= this.#append(wanted).finally(() => {
      this.#taking = undefined;
    });
    return this.#taking;
  }

  /** Never rejects: that there is no room is a state. */
  async #append(wanted: number): Promise<void> {
    this.#lookAt = this.#options.clock.now() + lookAfter;
    try {
      const missing = wanted - this.#left();
      if (missing > 0) await this.#leaveSome(missing);
      const file = await open(this.#options.path, constants.O_WRONLY | constants.O_APPEND);
      try {
        // Random, since a file system that compresses would keep no room for zeros.
        const block = randomBytes(blockBytes);
        for (let left = wanted - this.#left(); left > 0; left -= blockBytes) await file.appendFile(block);
      } finally {
        await file.close();
      }
      this.#become(false);
    } catch (cause) {
      this.#become(true, cause);
    }
  }

  /**
   * What the audit log gives back to a full disk, so that revocations can be written down there, is not the store's to take. Where
   * a quota or a limit of file sizes is what is short, appending fails by itself.
   */
  async #leaveSome(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#options.path);
    const left = bavail * bsize - bytes;
    const least = leftToOthers * this.#options.bytes;
    if (left < least)
      throw new Error(`${Math.max(0, left)} bytes would be left on the disk, of at least ${least}`);
  }

  #become(short: boolean, cause?: unknown): void {
    if (short === this.#short) return;
    this.#short = short;
    this.#options.onChange(short, cause);
  }
}
