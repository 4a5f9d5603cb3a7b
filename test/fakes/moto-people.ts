/** Users, roles, sessions and instances that moto has. moto believes every signature; who signed it knows by the key. */
import type { Moto } from '../setup/moto.ts';
import type { Signer } from './fake-sts.ts';

/** moto's own account. */
export const motoAccount = '123456789012';

interface Client {
  readonly region: string;
  readonly endpoint: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}

interface At extends Pick<Moto, 'endpoint'> {
  /** Who asks: whoever it is, things are made in their account. moto's own unless told. */
  readonly as?: Signer;
}

function client({ endpoint, as }: At, region = 'eu-central-1'): Client {
  const { accessKey = 'AKIATEST', secretKey = 'test', token } = as ?? {};
  const session = token === undefined ? {} : { sessionToken: token };
  return {
    region,
    endpoint,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey, ...session },
  };
}

/** @param path of IAM, with slashes at both ends */
export async function makeAwsUser(moto: At, name: string, path = '/'): Promise<Signer> {
  const sdk = await import('@aws-sdk/client-iam');
  const iam = new sdk.IAMClient(client(moto));
  await iam.send(new sdk.CreateUserCommand({ UserName: name, Path: path }));
  const { AccessKey } = await iam.send(new sdk.CreateAccessKeyCommand({ UserName: name }));
  return { accessKey: AccessKey?.AccessKeyId ?? '', secretKey: AccessKey?.SecretAccessKey ?? '' };
}

export async function makeAwsRole(moto: At, name: string, path = '/'): Promise<void> {
  const sdk = await import('@aws-sdk/client-iam');
  const role = { RoleName: name, Path: path, AssumeRolePolicyDocument: '{}' };
  await new sdk.IAMClient(client(moto)).send(new sdk.CreateRoleCommand(role));
}

/** Of a role's ARN: also one of another account, which moto keeps apart. */
export async function assumeAwsRole(moto: At, arn: string, session = 'one'): Promise<Signer> {
  const sdk = await import('@aws-sdk/client-sts');
  const order = { RoleArn: arn, RoleSessionName: session };
  const { Credentials } = await new sdk.STSClient(client(moto)).send(new sdk.AssumeRoleCommand(order));
  return {
    accessKey: Credentials?.AccessKeyId ?? '',
    secretKey: Credentials?.SecretAccessKey ?? '',
    token: Credentials?.SessionToken ?? '',
  };
}

export interface FleetWish {
  readonly instances: number;
  readonly region?: string;
  /** A role that is made, with a profile of the same name that the instances have. */
  readonly role?: string;
  readonly path?: string;
}

export interface AwsFleet {
  readonly instances: readonly string[];
  readonly image: string;
}

export async function makeAwsFleet(
  moto: At,
  { instances, region, role, path }: FleetWish,
): Promise<AwsFleet> {
  const sdk = await import('@aws-sdk/client-ec2');
  if (role !== undefined) await makeProfile(moto, role, path);
  const ec2 = new sdk.EC2Client(client(moto, region));
  const { Images = [] } = await ec2.send(new sdk.DescribeImagesCommand({}));
  const image = Images[0]?.ImageId ?? '';
  const ids: string[] = [];
  // moto gives a profile to the first instance of an order alone.
  for (let count = 0; count < instances; count += 1) {
    const order = { ImageId: image, MinCount: 1, MaxCount: 1 };
    const profile = role === undefined ? {} : { IamInstanceProfile: { Name: role } };
    const made = await ec2.send(new sdk.RunInstancesCommand({ ...order, ...profile }));
    ids.push(made.Instances?.[0]?.InstanceId ?? '');
  }
  return { instances: ids, image };
}

async function makeProfile(moto: At, role: string, path = '/'): Promise<void> {
  const sdk = await import('@aws-sdk/client-iam');
  const iam = new sdk.IAMClient(client(moto));
  await makeAwsRole(moto, role, path);
  await iam.send(new sdk.CreateInstanceProfileCommand({ InstanceProfileName: role }));
  await iam.send(new sdk.AddRoleToInstanceProfileCommand({ InstanceProfileName: role, RoleName: role }));
}

/** `stop` them, or end them for good. */
export async function endAwsInstance(moto: At, id: string, how: 'stop' | 'terminate'): Promise<void> {
  const sdk = await import('@aws-sdk/client-ec2');
  const ec2 = new sdk.EC2Client(client(moto));
  const InstanceIds = [id];
  await (how === 'stop'
    ? ec2.send(new sdk.StopInstancesCommand({ InstanceIds }))
    : ec2.send(new sdk.TerminateInstancesCommand({ InstanceIds })));
}
