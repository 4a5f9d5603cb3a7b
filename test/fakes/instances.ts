/** Instances in moto's EC2, each with an instance profile of one role. */
import type { Moto } from '../setup/moto.ts';

export interface FakeInstance {
  readonly instanceId: string;
  readonly imageId: string;
}

/** @param role name of a role, which is made where it is not there; empty for an instance without profile */
export async function makeInstance({ endpoint }: Moto, region: string, role: string): Promise<FakeInstance> {
  const { EC2Client, RunInstancesCommand, DescribeImagesCommand } = await import('@aws-sdk/client-ec2');
  const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'test' };
  const ec2 = new EC2Client({ region, endpoint, credentials });
  if (role !== '') await makeRole({ endpoint, region, credentials }, role);
  const { Images = [] } = await ec2.send(new DescribeImagesCommand({}));
  const imageId = Images[0]?.ImageId ?? '';
  const profile = role === '' ? {} : { IamInstanceProfile: { Name: `${role}-profile` } };
  const started = await ec2.send(
    new RunInstancesCommand({ ImageId: imageId, MinCount: 1, MaxCount: 1, ...profile }),
  );
  return { instanceId: started.Instances?.[0]?.InstanceId ?? '', imageId };
}

interface Place {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

async function makeRole(place: Place, role: string): Promise<void> {
  const iam = await import('@aws-sdk/client-iam');
  const client = new iam.IAMClient(place);
  await client.send(new iam.CreateRoleCommand({ RoleName: role, AssumeRolePolicyDocument: '{}' }));
  const profile = { InstanceProfileName: `${role}-profile` };
  await client.send(new iam.CreateInstanceProfileCommand(profile));
  await client.send(new iam.AddRoleToInstanceProfileCommand({ ...profile, RoleName: role }));
}
