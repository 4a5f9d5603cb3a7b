/**
 * Objects of a bucket for whoever may read some of them and nothing else: no listing, no question where the bucket is. Its region is taken
 * from the redirect of whichever region was asked, so that nobody has to know it.
 */
import type { S3Client as SdkClient } from '@aws-sdk/client-s3';
import { AwsError } from './aws-error.ts';
import type { AwsOptions } from './aws-options.ts';
import { LazyClient } from './client-config.ts';

export interface S3ReaderPlace {
  readonly bucket: string;
  /** Bytes of an object at most; a larger one is not read. */
  readonly most: number;
}

export type S3Found =
  | { readonly kind: 'unchanged' }
  /** `etag` is for the next question, and as S3 has it. */
  | { readonly kind: 'found'; readonly body: Buffer; readonly etag: string | undefined };

export interface S3Reader {
  /**
   * @param etag of what is known already: `unchanged` where that is what is there
   * @throws AwsError (see `awsError`), and `invalid_request` for options that cannot be. S3 calls what is not there denied, unless the caller may
   *   list the bucket.
   */
  read(key: string, etag?: string): Promise<S3Found>;
  close(): void;
}

type S3Sdk = typeof import('@aws-sdk/client-s3');

/** Where S3 asks of whom it is not told. */
const firstRegion = 'us-east-1';

/** Regions that are tried for one object: where it was thought to be, where S3 says that it is, and once more. */
const mostRegions = 3;

/** Connects to nothing and loads nothing before the first call. */
export function s3Reader(options: AwsOptions, place: S3ReaderPlace): S3Reader {
  let client = lazyClient(options, place);
  return {
    async read(key, etag) {
      for (let tries = 1; ; tries++) {
        try {
          return await readObject(client, place, key, etag);
        } catch (error) {
          const region = regionInstead(error);
          if (region === undefined || tries === mostRegions) throw error;
          client.close();
          client = lazyClient({ ...options, region }, place);
        }
      }
    },
    close: () => client.close(),
  };
}

/** Where to ask after an error that is about the region. */
function regionInstead(error: unknown): string | undefined {
  if (error instanceof Elsewhere) return error.region;
  return error instanceof AwsError && error.reason === 'no-region' ? firstRegion : undefined;
}

/** The bucket is in another region. */
class Elsewhere extends AwsError {
  readonly region: string;

  constructor(region: string) {
    super('invalid', `the bucket is in the region ${region}: say so (region=${region}), or set AWS_REGION`);
    this.region = region;
  }
}

function lazyClient(options: AwsOptions, { bucket }: S3ReaderPlace): LazyClient<S3Sdk, SdkClient> {
  return new LazyClient<S3Sdk, SdkClient>(
    options,
    { service: 'S3', env: 'S3' },
    () => import('@aws-sdk/client-s3'),
    (sdk, config) =>
      new sdk.S3Client({
        ...config,
        // Who names an address of their own, or a name with dots, has no certificate for names below it.
        forcePathStyle: config.endpoint !== undefined || bucket.includes('.'),
      }),
  );
}

function readObject(
  client: LazyClient<S3Sdk, SdkClient>,
  { bucket, most }: S3ReaderPlace,
  key: string,
  etag: string | undefined,
): Promise<S3Found> {
  const about = { action: 's3:GetObject', resource: `object ${key} in bucket ${bucket}` };
  return client.call(about, async ({ sdk, client: s3 }, abortSignal) => {
    const known = etag === undefined ? {} : { IfNoneMatch: etag };
    const command = new sdk.GetObjectCommand({ Bucket: bucket, Key: key, ...known });
    const answer = await s3.send(command, { abortSignal }).catch((error: unknown) => {
      if (isNotModified(error)) return undefined;
      const region = regionOf(error);
      if (region !== undefined) throw new Elsewhere(region);
      throw error;
    });
    if (answer === undefined) return { kind: 'unchanged' };
    const chunks: Uint8Array[] = [];
    let size = 0;
    // On Node it is a stream; leaving the loop ends it.
    for await (const chunk of (answer.Body ?? []) as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > most)
        throw new AwsError('invalid', `object ${key} in bucket ${bucket} has more than ${most} bytes`);
      chunks.push(chunk);
    }
    return { kind: 'found', body: Buffer.concat(chunks), etag: answer.ETag };
  });
}

/** RFC 9110 §15.4.5: an answer here, and an error to the SDK. */
function isNotModified(error: unknown): boolean {
  return partsOf(error).status === 304;
}

/**
 * The region that S3 names where it refuses to answer from another: a redirect, or a signature for the wrong one. What is in a header
 * becomes part of a host's name, so it is taken only where it looks like a region.
 */
function regionOf(error: unknown): string | undefined {
  const { status, region } = partsOf(error);
  const isAboutRegion = status === 301 || status === 307 || status === 400;
  return isAboutRegion && /^[a-z]{2}[a-z0-9-]{1,40}$/.test(region) ? region : undefined;
}

/** What of the SDK's error is looked at. */
function partsOf(error: unknown): { readonly status: number | undefined; readonly region: string } {
  const { $metadata: metadata, $response: response } = (error ?? {}) as {
    readonly $metadata?: { readonly httpStatusCode?: number };
    readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
  };
  return {
    status: metadata?.httpStatusCode,
    region: response?.headers?.['x-amz-bucket-region'] ?? '',
  };
}
