/**
 * Small objects that are written over again and again, in buckets of whoever reads them: put whole, with the canned ACL that makes them the bucket owner's,
 * by who may do nothing else. A bucket says by its redirect in which region it is; that is asked once.
 */
import type { S3Client as SdkClient } from '@aws-sdk/client-s3';
import { AwsError } from './aws-error.ts';
import type { AwsOptions } from './aws-options.ts';
import { LazyClient, type Loaded } from './client-config.ts';

export interface DocumentBucket {
  readonly bucket: string;
  /** Undefined is found out. */
  readonly region: string | undefined;
  /** The account that must own it: a bucket of the same name elsewhere is refused. Anybody's if undefined. */
  readonly owner: string | undefined;
  /** KMS key that objects are encrypted under; the bucket's own rule if undefined. */
  readonly kmsKey: string | undefined;
}

/** Every call rejects with `AwsError` (see `awsError`), and has a deadline. */
export interface S3Documents {
  /** In place of whatever has this key. */
  put(place: DocumentBucket, key: string, json: string, signal: AbortSignal): Promise<void>;
  /** At most 64 KiB of it, as bytes. */
  read(place: DocumentBucket, key: string, signal: AbortSignal): Promise<Buffer>;
  /** One that is not there is gone already. */
  remove(place: DocumentBucket, key: string, signal: AbortSignal): Promise<void>;
  close(): void;
}

type S3Sdk = typeof import('@aws-sdk/client-s3');
type Client = LazyClient<S3Sdk, SdkClient>;
type S3Call = Loaded<S3Sdk, SdkClient>;

/** Where S3 is asked in the first place by who was told no region. */
const firstRegion = 'us-east-1';
/** Buckets that something is remembered of; beyond, all of them are asked again. */
const mostRemembered = 10_000;
const longestObject = 64 * 1024;

/** Connects to nothing and loads nothing before the first call. @param options its region is for buckets of which none is known */
export function s3Documents(options: AwsOptions): S3Documents {
  return new Documents(options);
}

class Documents implements S3Documents {
  readonly #options: AwsOptions;
  /** By region and style of address. */
  readonly #clients = new Map<string, Client>();
  readonly #regions = new Map<string, string>();
  readonly #withoutAcls = new Set<string>();

  constructor(options: AwsOptions) {
    this.#options = options;
  }

  put(place: DocumentBucket, key: string, json: string, signal: AbortSignal): Promise<void> {
    const { kmsKey } = place;
    const encryption =
      kmsKey === undefined ? {} : ({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kmsKey } as const);
    const input = { ...own(place), ...encryption, Key: key, Body: json, ContentType: 'application/json' };
    return this.#call(place, 'PutObject', key, signal, async ({ sdk, client }, abortSignal) => {
      const put = (more: { readonly ACL?: 'bucket-owner-full-control' }) =>
        client.send(new sdk.PutObjectCommand({ ...input, ...more }), { abortSignal });
      if (this.#withoutAcls.has(place.bucket)) return void (await put({}));
      try {
        await put({ ACL: 'bucket-owner-full-control' });
      } catch (error) {
        // Everything in such a bucket is its owner's anyway.
        if (!(error instanceof Error && error.name === 'AccessControlListNotSupported')) throw error;
        await put({});
        if (this.#withoutAcls.size >= mostRemembered) this.#withoutAcls.clear();
        this.#withoutAcls.add(place.bucket);
      }
    });
  }

  read(place: DocumentBucket, key: string, signal: AbortSignal): Promise<Buffer> {
    const input = { ...own(place), Key: key, Range: `bytes=0-${longestObject - 1}` };
    return this.#call(place, 'GetObject', key, signal, async ({ sdk, client }, abortSignal) => {
      const { Body } = await client.send(new sdk.GetObjectCommand(input), { abortSignal });
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    });
  }

  remove(place: DocumentBucket, key: string, signal: AbortSignal): Promise<void> {
    return this.#call(place, 'DeleteObject', key, signal, async ({ sdk, client }, abortSignal) => {
      await client.send(new sdk.DeleteObjectCommand({ ...own(place), Key: key }), { abortSignal });
    });
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  async #call<T>(
    place: DocumentBucket,
    action: string,
    key: string,
    signal: AbortSignal,
    run: (loaded: S3Call, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const about = { action: `s3:${action}`, resource: `object ${key} in bucket ${place.bucket}` };
    const { bucket } = place;
    let region = place.region ?? this.#regions.get(bucket);
    // One look at where nobody says a region, one at where the first answer leads.
    for (let looks = 0; ; looks++) {
      let elsewhere: string | undefined;
      try {
        return await this.#client(region, bucket).call(about, async (loaded, end) => {
          try {
            return await run(loaded, AbortSignal.any([signal, end]));
          } catch (error) {
            elsewhere = place.region === undefined ? regionOf(error) : undefined;
            throw error;
          }
        });
      } catch (error) {
        const noRegion = error instanceof AwsError && error.reason === 'no-region';
        const next = noRegion ? firstRegion : elsewhere;
        if (next === undefined || next === region || looks === 2) throw error;
        region = next;
        if (!noRegion) this.#remember(bucket, next);
      }
    }
  }

  #remember(bucket: string, region: string): void {
    if (this.#regions.size >= mostRemembered) this.#regions.clear();
    this.#regions.set(bucket, region);
  }

  #client(region: string | undefined, bucket: string): Client {
    // A name with dots has no certificate for names below it.
    const dotted = bucket.includes('.');
    const name = `${region ?? ''} ${dotted}`;
    const known = this.#clients.get(name);
    if (known !== undefined) return known;
    const client = new LazyClient<S3Sdk, SdkClient>(
      region === undefined ? this.#options : { ...this.#options, region },
      { service: 'S3', env: 'S3' },
      () => import('@aws-sdk/client-s3'),
      (sdk, config) =>
        new sdk.S3Client({ ...config, forcePathStyle: config.endpoint !== undefined || dotted }),
    );
    this.#clients.set(name, client);
    return client;
  }
}

function own({ bucket, owner }: DocumentBucket) {
  return { Bucket: bucket, ...(owner === undefined ? {} : { ExpectedBucketOwner: owner }) };
}

/** Where a bucket says that it is, to who asked elsewhere. It becomes part of a host name. */
function regionOf(error: unknown): string | undefined {
  const { $metadata, $response } = (typeof error === 'object' && error !== null ? error : {}) as {
    readonly $metadata?: { readonly httpStatusCode?: unknown };
    readonly $response?: { readonly headers?: Readonly<Record<string, unknown>> };
  };
  const region = $response?.headers?.['x-amz-bucket-region'];
  if (![301, 307, 400].includes(Number($metadata?.httpStatusCode))) return undefined;
  return typeof region === 'string' && /^[a-z]{2}[a-z0-9-]{1,40}$/.test(region) ? region : undefined;
}
