/**
 * One backup on its way to S3: small ones in a single request, others in parts, so that no more than a part is in memory. Until the
 * last request there is no object; what a killed process leaves is an upload that nobody sees, and that the next run aborts.
 */
import { AwsError } from '../../aws/aws-error.ts';
import type { S3Client, S3Upload, UploadedPart } from '../../aws/s3.ts';
import { CofferError } from '../../errors.ts';
import type { BackupFacts, NewBackup } from '../backup-place.ts';

const mebibyte = 1024 * 1024;
/** S3 takes 10,000 parts: the first thousand are of 8 MiB, the later ones larger, so that half a tebibyte fits. */
const firstParts = 1_000;
const smallPart = 8 * mebibyte;
const largePart = 64 * mebibyte;

/** In an object's metadata: by it an answer that was lost is recognised. */
export const backupIdName = 'coffer-backup';

export class S3Backup implements NewBackup {
  readonly path: string;
  readonly #s3: S3Client;
  readonly #key: string;
  readonly #metadata: Readonly<Record<string, string>>;
  readonly #backupId: string;
  readonly #signal: AbortSignal | undefined;
  #pieces: Buffer[] = [];
  #gathered = 0;
  #bytes = 0;
  #upload: S3Upload | undefined;
  #parts: UploadedPart[] = [];

  /** @param path as people see it */
  constructor(s3: S3Client, key: string, path: string, facts: BackupFacts, signal: AbortSignal | undefined) {
    this.#s3 = s3;
    this.#key = key;
    this.path = path;
    this.#backupId = facts.id;
    this.#metadata = {
      [backupIdName]: facts.id,
      'coffer-store': facts.storeId,
      'coffer-origin': facts.origin,
    };
    this.#signal = signal;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async write(piece: Buffer): Promise<void> {
    this.#pieces.push(piece);
    this.#gathered += piece.length;
    this.#bytes += piece.length;
    const partBytes = this.#parts.length < firstParts ? smallPart : largePart;
    while (this.#gathered >= partBytes) await this.#sendPart(this.#take(partBytes));
  }

  async finish(): Promise<void> {
    const rest = this.#take(this.#gathered);
    try {
      if (this.#upload === undefined)
        return await this.#s3.put(this.#key, rest, this.#metadata, this.#signal);
      if (rest.length > 0) await this.#sendPart(rest);
      await this.#s3.completeUpload(this.#upload, this.#parts);
    } catch (error) {
      if (await this.#isThere(error)) return;
      await this.discard();
      throw error instanceof AwsError && error.reason === 'conflict' ? taken(this.path, error) : error;
    }
  }

  async discard(): Promise<void> {
    const upload = this.#upload;
    this.#upload = undefined;
    this.#pieces = [];
    this.#gathered = 0;
    // What could not be aborted now is by the next run.
    if (upload !== undefined) await this.#s3.abortUpload(upload).catch(() => undefined);
  }

  async #sendPart(body: Buffer): Promise<void> {
    this.#upload ??= await this.#s3.beginUpload(this.#key, this.#metadata);
    const part = await this.#s3.uploadPart(this.#upload, this.#parts.length + 1, body, this.#signal);
    this.#parts.push(part);
  }

  /** A request that was tried again may find that the first attempt had done it, and its answer was lost. */
  async #isThere(error: unknown): Promise<boolean> {
    const unclear = ['conflict', 'not-found', 'network', 'timeout', 'aws-fault'];
    if (!(error instanceof AwsError) || !unclear.includes(error.reason)) return false;
    const found = await this.#s3.head(this.#key).catch(() => undefined);
    return found?.bytes === this.#bytes && found.metadata[backupIdName] === this.#backupId;
  }

  /** So many of the bytes gathered. */
  #take(count: number): Buffer {
    const all = Buffer.concat(this.#pieces);
    this.#pieces = count < all.length ? [all.subarray(count)] : [];
    this.#gathered = all.length - count;
    return all.subarray(0, count);
  }
}

function taken(path: string, cause: unknown): CofferError {
  return new CofferError('conflict', `${path} is there already: a backup is never written over anything`, {
    cause,
  });
}
