/** Where AWS's own STS is: a fixed table, so that no text that a client sent ever becomes part of an address. */

const commercial = [
  'af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2',
  'ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7',
  'ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2',
  'eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 us-east-2 us-west-1',
  'us-west-2',
].flatMap((line) => line.split(' '));

/** By partition (AWS General Reference, "AWS STS endpoints"). Those with FIPS endpoints are named apart. */
const partitions = [
  { partition: 'aws', suffix: 'amazonaws.com', regions: commercial },
  { partition: 'aws-cn', suffix: 'amazonaws.com.cn', regions: ['cn-north-1', 'cn-northwest-1'] },
  { partition: 'aws-us-gov', suffix: 'amazonaws.com', regions: ['us-gov-east-1', 'us-gov-west-1'] },
  { partition: 'aws-eusc', suffix: 'amazonaws.eu', regions: ['eusc-de-east-1'] },
] as const;

const fips = ['us-east-1', 'us-east-2', 'us-west-1', 'us-west-2'] as const;

export interface StsHost {
  /** As the credential scope of a request to it names it. */
  readonly region: string;
  /** Whose principals it knows. */
  readonly partition: string;
}

const hosts: ReadonlyMap<string, StsHost> = new Map([
  // The global endpoint takes what is signed for the region that it first was in.
  ['sts.amazonaws.com', { region: 'us-east-1', partition: 'aws' }],
  ...partitions.flatMap(({ partition, suffix, regions }) =>
    regions.map((region): [string, StsHost] => [`sts.${region}.${suffix}`, { region, partition }]),
  ),
  ...fips.map((region): [string, StsHost] => [
    `sts-fips.${region}.amazonaws.com`,
    { region, partition: 'aws' },
  ]),
]);

/** Undefined for any host that is not AWS's STS; in lower case, without a port. */
export function stsHost(name: string): StsHost | undefined {
  return hosts.get(name);
}
