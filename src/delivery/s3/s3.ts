/** `s3`: the two documents as mint wrote them, in a bucket that the server may write to, and need not read. */
import { timingSafeEqual } from 'node:crypto';
import { AwsError } from '../../aws/aws-error.ts';
import type { AwsOptions } from '../../aws/aws-options.ts';
import { type AwsPlaces, requireListed } from '../../aws/aws-places.ts';
import { type DocumentBucket, type S3Documents, s3Documents } from '../../aws/s3-documents.ts';
import { CofferError } from '../../errors.ts';
import { requireApplication } from '../address.ts';
import { type ListedPlaces, requireBucket } from '../places.ts';
import type { DocumentName, OpenTarget, Parcel, TargetType } from '../target.ts';
import { targetCall } from '../target-call.ts';
import { parseS3TargetAddress, type S3TargetAddress } from './s3-target-address.ts';

const documents: readonly DocumentName[] = ['user', 'client'];
/** As mint's: who looks at the bucket's log knows it. */
const probeName = 'test-mint-write';
const probeText = '{"status":"SUCCESS"}';
/** What stands in a document's place where the server may write and not delete. */
const nothing = '{}';

/**
 * @param places where the server may go at AWS
 * @param patience for tests
 */
export function s3(
  places: AwsPlaces,
  listed: ListedPlaces,
  patience: Pick<AwsOptions, 'deadline' | 'attempts'> = {},
): TargetType {
  const clients = new Map<string, S3Documents>();
  const clientOf = (endpoint: string | undefined) => {
    const known = clients.get(endpoint ?? '');
    if (known !== undefined) return known;
    const made = s3Documents({ env: places.env, endpoint, ...patience });
    // As many as `aws.endpoints` has entries.
    clients.set(endpoint ?? '', made);
    return made;
  };
  const check = (address: S3TargetAddress): DocumentBucket => {
    requireListed('endpoint', [address.endpoint], places);
    const owner = requireBucket(address.bucket, address.owner, listed());
    return { bucket: address.bucket, region: address.region, kmsKey: address.kmsKey, owner };
  };
  return {
    scheme: 's3',
    summary: 'objects of a bucket of S3',
    parse(text) {
      const address = parseS3TargetAddress(text);
      check(address);
      return address.text;
    },
    open(text) {
      const address = parseS3TargetAddress(text);
      check(address);
      return new OpenBucket(address, () => check(address), clientOf(address.endpoint));
    },
  };
}

class OpenBucket implements OpenTarget {
  readonly place: string;
  readonly #address: S3TargetAddress;
  /** Throws where the bucket is not listed any more. */
  readonly #bucket: () => DocumentBucket;
  readonly #client: S3Documents;

  constructor(address: S3TargetAddress, bucket: () => DocumentBucket, client: S3Documents) {
    const owner = bucket().owner ?? '';
    this.place = `s3:${owner}/${address.bucket}`;
    this.#address = address;
    this.#bucket = bucket;
    this.#client = client;
  }

  probe(application: string, signal: AbortSignal): Promise<void> {
    return this.#doing(application, signal, (bucket) =>
      this.#client.put(bucket, `${application}/${probeName}`, probeText, signal),
    );
  }

  deliver({ application, documents: given, changed }: Parcel, signal: AbortSignal): Promise<void> {
    return this.#doing(application, signal, async (bucket) => {
      for (const name of documents) {
        const document = given[name];
        if (document === undefined || !changed.includes(name)) continue;
        const key = `${application}/${name}.json`;
        await this.#client.put(bucket, key, document.text, signal);
        if (this.#address.verify) await this.#compare(bucket, key, document.text, signal);
      }
    });
  }

  remove(application: string, signal: AbortSignal): Promise<void> {
    return this.#doing(application, signal, async (bucket) => {
      const keys = [...documents.map((name) => `${name}.json`), probeName];
      for (const key of keys) await this.#takeAway(bucket, `${application}/${key}`, signal);
    });
  }

  /** Others go on with the same client. */
  close(): void {}

  /** Who may write and nothing else writes an empty document over it: no reader finds a secret there then. */
  async #takeAway(bucket: DocumentBucket, key: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.remove(bucket, key, signal);
    } catch (error) {
      // A bucket that is gone has taken everything along.
      if (error instanceof AwsError && error.reason === 'not-found') return;
      if (!(error instanceof AwsError && error.reason === 'denied')) throw error;
      if (key.endsWith('.json')) await this.#client.put(bucket, key, nothing, signal);
    }
  }

  async #compare(bucket: DocumentBucket, key: string, text: string, signal: AbortSignal): Promise<void> {
    const found = await this.#client.read(bucket, key, signal);
    const wanted = Buffer.from(text);
    if (found.length === wanted.length && timingSafeEqual(found, wanted)) return;
    throw new CofferError(
      'unavailable',
      `object ${key} in bucket ${bucket.bucket} is not what was written there`,
    );
  }

  #doing(
    application: string,
    signal: AbortSignal,
    action: (bucket: DocumentBucket) => Promise<void>,
  ): Promise<void> {
    return targetCall(`bucket ${this.#address.bucket}`, signal, async () => {
      requireApplication(application);
      await action(this.#bucket());
    });
  }
}
