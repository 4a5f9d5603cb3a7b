/** Backups in a bucket of S3, or of what speaks its language. */
import type { AwsOptions } from '../../aws/aws-options.ts';
import { type RetryTiming, type S3Client, s3Client } from '../../aws/s3.ts';
import {
  type BackupFacts,
  type BackupPlace,
  backupName,
  inOrder,
  type KeptBackup,
  parseBackupName,
} from '../backup-place.ts';
import type { S3Address } from './s3-address.ts';
import { S3Backup } from './s3-upload.ts';

/** In the names of those that a schedule made: only these are ever removed. */
const scheduleMark = '-schedule';
/** Bytes of one request when reading. */
const readAtOnce = 8 * 1024 * 1024;
/** Milliseconds after which an upload by hand is nobody's any more. */
const forgotten = 24 * 3_600_000;

export interface S3PlaceOptions {
  /** A folder (see `asFolder`). */
  readonly address: S3Address;
  readonly env: AwsOptions['env'];
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds for one attempt, and for a call with all of them; S3's usual ones if absent. */
  readonly answering?: number;
  readonly deadline?: number;
  readonly timing?: RetryTiming;
}

export class S3Place implements BackupPlace {
  readonly name: string;
  readonly #s3: S3Client;
  readonly #path: string;
  readonly #now: () => number;

  /** Connects to nothing before its first call. */
  constructor({ address, env, now, answering, deadline, timing }: S3PlaceOptions) {
    const { bucket, path, account, kmsKey, owner } = address;
    this.name = `s3://${bucket}/${path}`;
    this.#path = path;
    this.#now = now;
    const options = { ...account, env, ...(deadline === undefined ? {} : { deadline }) };
    this.#s3 = s3Client(options, {
      bucket,
      owner,
      kmsKey,
      answering,
      ...(timing === undefined ? {} : { timing }),
    });
  }

  async prepare(storeId: string): Promise<void> {
    for (const upload of await this.#s3.uploads(`${this.#path}coffer-${storeId}-`)) {
      const found = parseBackupName(upload.key.slice(this.#path.length));
      if (found?.storeId !== storeId) continue;
      const old = upload.begunAt < this.#now() - forgotten;
      if (found.mark === scheduleMark || old) await this.#s3.abortUpload(upload);
    }
  }

  async begin(facts: BackupFacts, signal?: AbortSignal): Promise<S3Backup> {
    const name = backupName(facts, facts.origin === 'schedule' ? scheduleMark : '');
    return new S3Backup(this.#s3, this.#path + name, this.name + name, facts, signal);
  }

  async removable(storeId: string): Promise<readonly KeptBackup[]> {
    const found = await this.#found(`coffer-${storeId}-`);
    return found.filter((each) => each.storeId === storeId && each.mark === scheduleMark);
  }

  remove(name: string): Promise<void> {
    return this.#s3.remove(this.#path + name);
  }

  list(): Promise<readonly KeptBackup[]> {
    return this.#found('coffer-');
  }

  async *read(name: string): AsyncGenerator<Buffer, void, undefined> {
    const key = this.#path + name;
    const { bytes, etag } = await this.#s3.head(key);
    for (let from = 0; from < bytes; from += readAtOnce) {
      yield await this.#s3.read(key, { from, to: Math.min(bytes, from + readAtOnce), etag });
    }
  }

  /** Bytes of one of them, for progress. */
  async bytesOf(name: string): Promise<number> {
    return (await this.#s3.head(this.#path + name)).bytes;
  }

  close(): void {
    this.#s3.close();
  }

  async #found(prefix: string): Promise<readonly (KeptBackup & { readonly mark: string })[]> {
    const found = [];
    for await (const { key } of this.#s3.list(this.#path + prefix)) {
      const backup = parseBackupName(key.slice(this.#path.length));
      if (backup !== undefined) found.push(backup);
    }
    return inOrder(found);
  }
}
