/** S3, as far as Coffer uses it: objects of one bucket, written in parts and whole, read by ranges, listed and removed. */
import { createHash } from 'node:crypto';
import type { S3Client as SdkClient } from '@aws-sdk/client-s3';
import { AwsError } from './aws-error.ts';
import type { AwsOptions } from './aws-options.ts';
import { LazyClient } from './client-config.ts';

export interface S3Bucket {
  readonly bucket: string;
  /** The account that must own it (12 digits): a bucket of the same name elsewhere is refused. Anybody's if absent. */
  readonly owner?: string | undefined;
  /** KMS key that new objects are encrypted under, besides what they are; the bucket's own rule if absent. */
  readonly kmsKey?: string | undefined;
  /** Milliseconds that one attempt may take; 60 seconds unless told. */
  readonly answering?: number | undefined;
  /** For reads that broke off. */
  readonly timing?: RetryTiming;
}

/** How long to wait before a next attempt: `jitter` is from 0 to 1. */
export interface RetryTiming {
  readonly pause: (milliseconds: number) => Promise<void>;
  readonly jitter: () => number;
}

const realTiming: RetryTiming = {
  pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  jitter: Math.random,
};

export interface S3Object {
  readonly key: string;
  readonly bytes: number;
}

export interface S3Upload {
  readonly key: string;
  readonly uploadId: string;
}

export interface BegunUpload extends S3Upload {
  /** Milliseconds since 1970, by S3's clock. */
  readonly begunAt: number;
}

export interface UploadedPart {
  /** From 1. */
  readonly part: number;
  readonly etag: string;
  /** SHA-256, base64. */
  readonly sha256: string;
}

export type Metadata = Readonly<Record<string, string>>;

/** Every call rejects with `AwsError` (see `awsError`), and has a deadline. Bytes that were sent are checked by S3 against SHA-256. */
export interface S3Client {
  /** A new object in one request; reason `conflict` where there is one of that key. */
  put(key: string, body: Buffer, metadata: Metadata, signal?: AbortSignal): Promise<void>;
  /** An object in the making: it is there once it is completed, and its parts are kept until then, or until it is aborted. */
  beginUpload(key: string, metadata: Metadata): Promise<S3Upload>;
  /** 5 MiB to 5 GiB, the last part of an upload apart. */
  uploadPart(upload: S3Upload, part: number, body: Buffer, signal?: AbortSignal): Promise<UploadedPart>;
  /** Reason `conflict` where there is an object of that key by now. */
  completeUpload(upload: S3Upload, parts: readonly UploadedPart[]): Promise<void>;
  /** One that is not there any more is no error. */
  abortUpload(upload: S3Upload): Promise<void>;
  /** Uploads that were begun and neither completed nor aborted. */
  uploads(prefix: string): Promise<readonly BegunUpload[]>;
  /** In the order of their keys. */
  list(prefix: string): AsyncGenerator<S3Object, void, undefined>;
  head(key: string): Promise<{ readonly bytes: number; readonly etag: string; readonly metadata: Metadata }>;
  /** Bytes `from` to before `to` of the object as long as it has this `etag`. */
  read(
    key: string,
    range: { readonly from: number; readonly to: number; readonly etag: string },
  ): Promise<Buffer>;
  remove(key: string): Promise<void>;
  close(): void;
}

const usualAnswering = 60_000;
/** Milliseconds for one call with all its attempts. */
const deadline = 150_000;

type S3Sdk = typeof import('@aws-sdk/client-s3');
interface S3Call {
  readonly sdk: S3Sdk;
  readonly client: SdkClient;
}

/** Connects to nothing and loads nothing before the first call. */
export function s3Client(options: AwsOptions, bucket: S3Bucket): S3Client {
  const { answering = usualAnswering } = bucket;
  const lazy = new LazyClient<S3Sdk, SdkClient>(
    { deadline, ...options },
    { service: 'S3', env: 'S3' },
    () => import('@aws-sdk/client-s3'),
    (sdk, config) =>
      new sdk.S3Client({
        ...config,
        // Who names an address of their own, or a name with dots, has no certificate for names below it.
        forcePathStyle: config.endpoint !== undefined || bucket.bucket.includes('.'),
        requestHandler: { ...config.requestHandler, requestTimeout: answering },
      }),
  );
  const call: CallS3 = (action, key, run, signal) =>
    lazy.call({ action: `s3:${action}`, resource: resourceOf(bucket, key) }, (loaded, end) =>
      run(loaded, signal === undefined ? end : AbortSignal.any([signal, end])),
    );
  const own = {
    Bucket: bucket.bucket,
    ...(bucket.owner === undefined ? {} : { ExpectedBucketOwner: bucket.owner }),
  };
  return {
    ...writing(call, own, bucket.kmsKey),
    ...reading(call, own, bucket.timing ?? realTiming),
    close: () => lazy.close(),
  };
}

type CallS3 = <T>(
  action: string,
  key: string,
  run: (loaded: S3Call, signal: AbortSignal) => Promise<T>,
  signal?: AbortSignal,
) => Promise<T>;

interface Own {
  readonly Bucket: string;
  readonly ExpectedBucketOwner?: string;
}

type Writing = Pick<
  S3Client,
  'put' | 'beginUpload' | 'uploadPart' | 'completeUpload' | 'abortUpload' | 'remove'
>;

function writing(call: CallS3, own: Own, kmsKey: string | undefined): Writing {
  const encryption =
    kmsKey === undefined ? {} : ({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kmsKey } as const);
  return {
    put: (key, body, metadata, signal) =>
      call(
        'PutObject',
        key,
        async ({ sdk, client }, abortSignal) => {
          const ChecksumSHA256 = sha256Of(body);
          const input = { ...own, ...encryption, Key: key, Body: body, Metadata: { ...metadata } };
          const command = new sdk.PutObjectCommand({ ...input, ChecksumSHA256, IfNoneMatch: '*' });
          await client.send(command, { abortSignal });
        },
        signal,
      ),
    beginUpload: (key, metadata) =>
      call('PutObject', key, async ({ sdk, client }, abortSignal) => {
        const input = { ...own, ...encryption, Key: key, Metadata: { ...metadata } };
        const command = new sdk.CreateMultipartUploadCommand({ ...input, ChecksumAlgorithm: 'SHA256' });
        const { UploadId } = await client.send(command, { abortSignal });
        return { key, uploadId: textOf(UploadId) };
      }),
    uploadPart: ({ key, uploadId }, part, body, signal) =>
      call(
        'PutObject',
        key,
        async ({ sdk, client }, abortSignal) => {
          const sha256 = sha256Of(body);
          const input = { ...own, Key: key, UploadId: uploadId, PartNumber: part, Body: body };
          const command = new sdk.UploadPartCommand({ ...input, ChecksumSHA256: sha256 });
          const { ETag } = await client.send(command, { abortSignal });
          return { part, etag: textOf(ETag), sha256 };
        },
        signal,
      ),
    completeUpload: ({ key, uploadId }, parts) =>
      call('PutObject', key, async ({ sdk, client }, abortSignal) => {
        const Parts = parts.map(({ part, etag, sha256 }) => ({
          PartNumber: part,
          ETag: etag,
          ChecksumSHA256: sha256,
        }));
        const input = { ...own, Key: key, UploadId: uploadId, MultipartUpload: { Parts }, IfNoneMatch: '*' };
        await client.send(new sdk.CompleteMultipartUploadCommand(input), { abortSignal });
      }),
    abortUpload: ({ key, uploadId }) =>
      call('AbortMultipartUpload', key, async ({ sdk, client }, abortSignal) => {
        const command = new sdk.AbortMultipartUploadCommand({ ...own, Key: key, UploadId: uploadId });
        await client.send(command, { abortSignal });
      }).catch((error: unknown) => {
        if (!(error instanceof AwsError && error.reason === 'not-found')) throw error;
      }),
    remove: (key) =>
      call('DeleteObject', key, async ({ sdk, client }, abortSignal) => {
        await client.send(new sdk.DeleteObjectCommand({ ...own, Key: key }), { abortSignal });
      }),
  };
}

function reading(
  call: CallS3,
  own: Own,
  timing: RetryTiming,
): Pick<S3Client, 'uploads' | 'list' | 'head' | 'read'> {
  return {
    uploads: (prefix) =>
      call('ListBucketMultipartUploads', '', async ({ sdk, client }, abortSignal) => {
        const command = new sdk.ListMultipartUploadsCommand({ ...own, Prefix: prefix });
        const { Uploads = [] } = await client.send(command, { abortSignal });
        return Uploads.map(({ Key, UploadId, Initiated }) => ({
          key: textOf(Key),
          uploadId: textOf(UploadId),
          begunAt: Initiated?.getTime() ?? Number.POSITIVE_INFINITY,
        }));
      }),
    async *list(prefix) {
      let token: string | undefined;
      do {
        const page = await call('ListBucket', '', ({ sdk, client }, abortSignal) => {
          const from = token === undefined ? {} : { ContinuationToken: token };
          return client.send(new sdk.ListObjectsV2Command({ ...own, Prefix: prefix, ...from }), {
            abortSignal,
          });
        });
        for (const { Key, Size } of page.Contents ?? []) yield { key: textOf(Key), bytes: Size ?? 0 };
        token = page.IsTruncated === true ? textOf(page.NextContinuationToken) : undefined;
      } while (token !== undefined);
    },
    head: (key) =>
      call('GetObject', key, async ({ sdk, client }, abortSignal) => {
        const command = new sdk.HeadObjectCommand({ ...own, Key: key });
        const { ContentLength, ETag, Metadata = {} } = await client.send(command, { abortSignal });
        return { bytes: ContentLength ?? 0, etag: textOf(ETag), metadata: Metadata };
      }),
    read: (key, { from, to, etag }) =>
      // The SDK tries a request again, and not an answer that breaks off.
      patiently(timing, () =>
        call('GetObject', key, async ({ sdk, client }, abortSignal) => {
          const Range = `bytes=${from}-${to - 1}`;
          const command = new sdk.GetObjectCommand({ ...own, Key: key, Range, IfMatch: etag });
          const { Body } = await client.send(command, { abortSignal });
          const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
          if (bytes.length === to - from) return bytes;
          throw new AwsError('network', `S3 answered ${bytes.length} bytes of ${to - from}: try again`);
        }),
      ),
  };
}

const mostReads = 4;

/** Full jitter between attempts, as the SDK does it. */
async function patiently<T>({ pause, jitter }: RetryTiming, attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      const passing = error instanceof AwsError && ['network', 'unknown'].includes(error.reason);
      if (!passing || tries === mostReads) throw error;
      await pause(jitter() * 100 * 2 ** tries);
    }
  }
}

function resourceOf({ bucket }: S3Bucket, key: string): string {
  return key === '' ? `bucket ${bucket}` : `object ${key} in bucket ${bucket}`;
}

function sha256Of(body: Buffer): string {
  return createHash('sha256').update(body).digest('base64');
}

function textOf(text: string | undefined): string {
  if (text !== undefined) return text;
  throw new AwsError('aws-fault', 'S3 answered without what it was asked for; try again');
}
