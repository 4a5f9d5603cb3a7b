/** Buckets, as owner teams name them: `BUCKET`, as mint has it, or `s3://BUCKET?region=…`. */
import { checkAwsAccount } from '../../aws/aws-options.ts';
import { joinAddress, requireKmsKey, splitAddress, wrongTarget } from '../address.ts';

export interface S3TargetAddress {
  readonly bucket: string;
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  /** A key's id or ARN, or `alias/NAME`. */
  readonly kmsKey: string | undefined;
  /** Account id of who must own the bucket. */
  readonly owner: string | undefined;
  /** Whether what was written is read again. */
  readonly verify: boolean;
  /** The one spelling of it. */
  readonly text: string;
}

const form = 's3://BUCKET?region=REGION';
const names = ['region', 'endpoint', 'kms-key', 'bucket-owner', 'verify'] as const;

/** Throws `invalid_request`, saying what is wrong; asks nobody. */
export function parseS3TargetAddress(address: string): S3TargetAddress {
  const split = splitAddress(address, form, names);
  const bucket = requireBucketName(split.base.replace(/^s3:\/\//, '').replace(/(?<=.)\/$/, ''));
  const { region, endpoint, 'kms-key': kmsKey, 'bucket-owner': owner, verify } = split.options;
  checkAwsAccount({ region, endpoint });
  requireKmsKey(kmsKey);
  if (owner !== undefined && !/^\d{12}$/.test(owner)) {
    throw wrongTarget('bucket-owner is the id of an AWS account: 12 digits');
  }
  if (verify !== undefined && verify !== 'yes') throw wrongTarget('verify is "yes", or left out');
  const isPlain = Object.keys(split.options).length === 0;
  const text = isPlain ? bucket : joinAddress({ base: `s3://${bucket}`, options: split.options }, names);
  return { bucket, region, endpoint, kmsKey, owner, verify: verify === 'yes', text };
}

/**
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html; names of access points are left out, which lead to a bucket of another name.
 */
function requireBucketName(name: string): string {
  const isSound =
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
    !/\.\.|\.-|-\.|^xn--|^\d+\.\d+\.\d+\.\d+$|(?:-s3alias|--[a-z0-9]+-s3|\.mrap)$/.test(name);
  if (isSound) return name;
  throw wrongTarget(
    `a bucket’s name has 3 to 63 lower-case letters, digits, "-" and single inner ".", and is no IP address and no access point; it is written as it is, or as ${form}`,
  );
}
