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

/** Connects to nothing and loads nothing before the first call. */
export function s3Reader(options: AwsOptions, place: S3ReaderPlace): S3Reader {
  let client = lazyClient(options, place);
  let isGuessed = false;
  const read = (key: string, etag: string | undefined) => readObject(client, place, key, etag);
  return {
    async read(key, etag) {
      try {
        return await read(key, etag);
      } catch (error) {
        if (!(error instanceof AwsError) || error.reason !== 'no-region') throw error;
        if (!isGuessed) {
          isGuessed = true;
          client.close();
          client = lazyClient({ ...options, region: firstRegion }, place);
        }
        return read(key, etag);
      }
    },
    close: () => client.close(),
  };
}

function lazyClient(options: AwsOptions, { bucket }: S3ReaderPlace): LazyClient<S3Sdk, SdkClient> {
  return new LazyClient<S3Sdk, SdkClient>(
    options,
    { service: 'S3', env: 'S3' },
    () => import('@aws-sdk/client-s3'),
    (sdk, config) =>
      new sdk.S3Client({
        ...config,
        followRegionRedirects: true,
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
      throw error;
    });
    if (answer === undefined) return { kind: 'unchanged' };
    const { Body, ContentLength = 0, ETag } = answer;
    if (ContentLength > most) {
      Body?.transformToWebStream()
        .cancel()
        .catch(() => undefined);
      throw new AwsError('invalid', `object ${key} in bucket ${bucket} has more than ${most} bytes`);
    }
    return { kind: 'found', body: Buffer.from((await Body?.transformToByteArray()) ?? []), etag: ETag };
  });
}

/** RFC 9110 §15.4.5: an answer here, and an error to the SDK. */
function isNotModified(error: unknown): boolean {
  const metadata = error instanceof Error && '$metadata' in error ? error.$metadata : undefined;
  return (
    typeof metadata === 'object' &&
    metadata !== null &&
    'httpStatusCode' in metadata &&
    metadata.httpStatusCode === 304
  );
}
