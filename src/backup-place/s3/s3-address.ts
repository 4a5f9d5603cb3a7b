/** Where backups are in S3, as settings and people write it: `s3://BUCKET/PREFIX?region=…`. */
import { type AwsAccount, awsQueryNames, parseAwsQuery } from '../../aws/aws-options.ts';
import { CofferError } from '../../errors.ts';

export interface S3Address {
  readonly bucket: string;
  /** What stands before every name: empty, or ending in `/` unless the address names one object. */
  readonly path: string;
  readonly account: AwsAccount;
  /** A key's id or ARN, or `alias/NAME`. */
  readonly kmsKey: string | undefined;
  /** Account id of who must own the bucket. */
  readonly owner: string | undefined;
}

const ownNames = ['kms-key', 'bucket-owner'] as const;

export function isS3Address(text: string): boolean {
  return text.startsWith('s3:');
}

/** Throws `invalid_request`, saying what is wrong; asks nobody. */
export function parseS3Address(text: string): S3Address {
  const [, bucket = '', path = '', query = ''] =
    /^s3:\/\/([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(text) ?? [];
  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
  if (text.length > 4_096 || !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    throw wrong('backups in S3 are named by s3://BUCKET/PREFIX?region=REGION');
  }
  // Others are legal in S3, and lead to an object that no other program finds.
  const words = path.replace(/\/$/, '').split('/');
  const odd =
    path !== '' && words.some((word) => !/^[A-Za-z0-9!_.*'()=+@,:-]+$/.test(word) || /^\.+$/.test(word));
  if (odd || path.length > 700) {
    throw wrong('a prefix in S3 is words of letters, digits and any of !_.*()=+@,:- with / between them');
  }
  const options = new URLSearchParams(query);
  const unknown = [...options.keys()].find(
    (name) => ![...awsQueryNames, ...ownNames].some((known) => known === name),
  );
  if (unknown !== undefined) {
    throw wrong(
      `an address in S3 has no option ${JSON.stringify(unknown.slice(0, 40))}; it has ${[...awsQueryNames, ...ownNames].join(', ')}`,
    );
  }
  const [kmsKey, owner] = ownNames.map((name) => single(options, name));
  if (kmsKey !== undefined && !/^[A-Za-z0-9:/_-]{1,300}$/.test(kmsKey)) {
    throw wrong('kms-key is a key of KMS: its id or ARN, or alias/NAME');
  }
  if (owner !== undefined && !/^\d{12}$/.test(owner)) {
    throw wrong('bucket-owner is the id of an AWS account: 12 digits');
  }
  return { bucket, path, account: parseAwsQuery(options), kmsKey, owner };
}

/** The same, naming a folder. */
export function asFolder(address: S3Address): S3Address {
  const { path } = address;
  return path === '' || path.endsWith('/') ? address : { ...address, path: `${path}/` };
}

function single(query: URLSearchParams, name: string): string | undefined {
  const values = query.getAll(name);
  if (values.length > 1) throw wrong(`"${name}" is given more than once`);
  if (values[0] === '') throw wrong(`"${name}" is empty`);
  return values[0];
}

function wrong(message: string): CofferError {
  return new CofferError('invalid_request', message);
}
