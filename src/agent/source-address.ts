/** Where an application's credentials come from, as it is written. */
import { type AwsAccount, awsQueryNames, parseAwsQuery } from '../aws/aws-options.ts';
import { asCofferError } from '../errors.ts';

export type SourceAddress =
  /** The secret at MOUNT/PATH/ID, with the fields that the target `kv:MOUNT/PATH` writes. */
  | { readonly kind: 'coffer'; readonly path: string }
  /** The objects ID/user.json and ID/client.json. */
  | { readonly kind: 's3'; readonly bucket: string; readonly account: AwsAccount };

const bucketName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const kvPath = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[^/\p{Cc}?#]+(?:\/[^/\p{Cc}?#]+)*$/u;

/** `coffer:MOUNT/PATH`, or `s3://BUCKET?region=…&endpoint=…&profile=…&role_arn=…`. Connects to nothing. */
export function parseSource(address: string): SourceAddress | { readonly problem: string } {
  if (address.startsWith('coffer:')) {
    const path = address.slice('coffer:'.length);
    return kvPath.test(path) ? { kind: 'coffer', path } : { problem: 'must look like coffer:MOUNT/PATH' };
  }
  const [, bucket = '', query = ''] = /^s3:\/\/([^/?]+)\/?(?:\?(.*))?$/.exec(address) ?? [];
  if (!bucketName.test(bucket))
    return { problem: 'must look like coffer:MOUNT/PATH or s3://BUCKET?region=eu-central-1' };
  try {
    const params = new URLSearchParams(query);
    const account = parseAwsQuery(params);
    const strange = [...params.keys()].find((name) => !known.includes(name));
    if (strange === undefined) return { kind: 's3', bucket, account };
    return { problem: `has an option nobody knows; known are ${known.join(', ')}` };
  } catch (error) {
    return { problem: `is wrong: ${asCofferError(error).message}` };
  }
}

const known: readonly string[] = awsQueryNames;
