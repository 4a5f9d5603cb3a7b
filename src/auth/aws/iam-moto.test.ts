/** Stories with AWS as moto plays it: users, roles, sessions and instances. moto believes signatures; who signed it knows by the key. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Asked, ask, makePlace, type Place, tokenOf } from '../../../test/fakes/client.ts';
import { type Signer, signedLogin } from '../../../test/fakes/fake-sts.ts';
import { owned } from '../../../test/fakes/owned-engine.ts';
import { type WatchedMethod, watched } from '../../../test/fakes/watched-method.ts';
import { type Moto, startMoto } from '../../../test/setup/moto.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { aws } from './aws.ts';

const account = '123456789012';
const region = 'eu-central-1';
const roleArn = `arn:aws:iam::${account}:role/team/app`;
const moto: Moto | undefined = await startMoto();

class Cloud {
  readonly #endpoint: string;
  readonly #client: {
    region: string;
    endpoint: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };

  constructor({ endpoint }: Moto) {
    this.#endpoint = endpoint;
    this.#client = { region, endpoint, credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'test' } };
  }

  get endpoint(): string {
    return this.#endpoint;
  }

  async makeRole(name: string): Promise<void> {
    const iam = await import('@aws-sdk/client-iam');
    const role = { RoleName: name, Path: '/team/', AssumeRolePolicyDocument: '{}' };
    await new iam.IAMClient(this.#client).send(new iam.CreateRoleCommand(role));
  }

  async deleteRole(name: string): Promise<void> {
    const iam = await import('@aws-sdk/client-iam');
    await new iam.IAMClient(this.#client).send(new iam.DeleteRoleCommand({ RoleName: name }));
  }

  async makeUser(name: string): Promise<Signer> {
    const iam = await import('@aws-sdk/client-iam');
    const client = new iam.IAMClient(this.#client);
    await client.send(new iam.CreateUserCommand({ UserName: name, Path: '/people/' }));
    const { AccessKey } = await client.send(new iam.CreateAccessKeyCommand({ UserName: name }));
    return { accessKey: AccessKey?.AccessKeyId ?? '', secretKey: AccessKey?.SecretAccessKey ?? '' };
  }

  async session(name: string, session = 'one'): Promise<Signer> {
    const sts = await import('@aws-sdk/client-sts');
    const order = { RoleArn: `arn:aws:iam::${account}:role/team/${name}`, RoleSessionName: session };
    const { Credentials } = await new sts.STSClient(this.#client).send(new sts.AssumeRoleCommand(order));
    return {
      accessKey: Credentials?.AccessKeyId ?? '',
      secretKey: Credentials?.SecretAccessKey ?? '',
      token: Credentials?.SessionToken ?? '',
    };
  }

  /** Id of an instance that has this role by a profile of the same name. */
  async makeInstance(role: string): Promise<string> {
    const iam = await import('@aws-sdk/client-iam');
    const ec2 = await import('@aws-sdk/client-ec2');
    const people = new iam.IAMClient(this.#client);
    const InstanceProfileName = role;
    await people.send(new iam.CreateInstanceProfileCommand({ InstanceProfileName }));
    await people.send(new iam.AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName: role }));
    const machines = new ec2.EC2Client(this.#client);
    const { Images = [] } = await machines.send(new ec2.DescribeImagesCommand({}));
    const order = { ImageId: Images[0]?.ImageId ?? '', MinCount: 1, MaxCount: 1 };
    const made = await machines.send(
      new ec2.RunInstancesCommand({ ...order, IamInstanceProfile: { Name: role } }),
    );
    return made.Instances?.[0]?.InstanceId ?? '';
  }

  async stop(id: string): Promise<void> {
    const ec2 = await import('@aws-sdk/client-ec2');
    await new ec2.EC2Client(this.#client).send(new ec2.StopInstancesCommand({ InstanceIds: [id] }));
  }
}

describe.skipIf(moto === undefined)('logins of principals, with moto', () => {
  if (moto === undefined) return;
  const cloud = new Cloud(moto);
  let place: Place;
  let node: CofferNode;
  let method: WatchedMethod;

  beforeAll(() => cloud.makeRole('app'));
  afterAll(() => moto.close());
  beforeEach(async () => {
    method = watched(aws({ env: { ...moto.env, AWS_REGION: region }, endpoints: [], profiles: [] }));
    place = await makePlace({ authMethods: [method.type], engines: [owned] });
    node = await place.node();
    await ask(node, 'update', 'sys/auth/aws', { type: 'aws' });
    await ask(node, 'update', 'sys/mounts/owned', { type: 'owned' });
  });
  afterEach(() => place.remove());

  function writeRole(name: string, fields: JsonObject): Promise<Asked> {
    return ask(node, 'update', `auth/aws/role/${name}`, { token_policies: 'web', ...fields });
  }

  function logIn(signer: Signer, fields: JsonObject = {}): Promise<Asked> {
    const request = signedLogin(signer, { at: place.clock.now() });
    return ask(node, 'update', 'auth/aws/login', { ...request, ...fields }, null);
  }

  async function nameOf(answer: Asked): Promise<unknown> {
    return (await ask(node, 'read', 'owned/who/x', {}, tokenOf(answer))).data['name'];
  }

  it('a session of a role logs in by the unique id that its ARN had when the role was written', async () => {
    expect((await writeRole('app', { bound_iam_principal_arn: roleArn })).status).toBe(204);
    const { data } = await ask(node, 'read', 'auth/aws/role/app');
    expect(data['bound_iam_principal_id']).toEqual([expect.stringMatching(/^AROA/)]);
    expect(await nameOf(await logIn(await cloud.session('app')))).toBe(`${account}:role/team/app`);
  });

  it('threat 02: and the same name, deleted and made again, does not', async () => {
    await cloud.makeRole('short');
    await writeRole('short', { bound_iam_principal_arn: roleArn.replace('app', 'short') });
    expect((await logIn(await cloud.session('short'))).status).toBe(200);
    await cloud.deleteRole('short');
    await cloud.makeRole('short');
    const answer = await logIn(await cloud.session('short'));
    expect([answer.status, answer.errors]).toEqual([400, ['permission denied']]);
    expect(method.reason()).toMatch(/bound_iam_principal_arn/);
  });

  it('a user logs in by name, and is it with its path', async () => {
    const signer = await cloud.makeUser('ann');
    await writeRole('ann', { bound_iam_principal_arn: `arn:aws:iam::${account}:user/people/ann` });
    expect(await nameOf(await logIn(signer))).toBe(`${account}:user/people/ann`);
    await writeRole('all', { bound_iam_principal_arn: `arn:aws:iam::${account}:user/*` });
    expect((await logIn(signer, { role: 'all' })).status).toBe(200);
  });

  it('a session named like an instance is that instance only where the instance has the role, and runs', async () => {
    await cloud.makeRole('machine');
    const id = await cloud.makeInstance('machine');
    const bound = {
      inferred_entity_type: 'ec2_instance',
      inferred_aws_region: region,
      bound_account_id: account,
    };
    await writeRole('machine', bound);
    await ask(node, 'update', 'auth/aws/config/identity', { iam_metadata: 'inferred_entity_id' });
    const token = await logIn(await cloud.session('machine', id));
    expect(token.auth?.metadata).toMatchObject({ inferred_entity_id: id });
    for (const [signer, reason] of [
      [await cloud.session('machine'), /session is not one of an instance/],
      [await cloud.session('machine', 'i-00000000'), /no such instance/],
      [await cloud.session('app', id), /another role/],
    ] as const) {
      expect((await logIn(signer, { role: 'machine' })).status).toBe(400);
      expect(method.reason()).toMatch(reason);
    }
    await cloud.stop(id);
    place.clock.advance(61);
    expect((await logIn(await cloud.session('machine', id))).status).toBe(400);
    expect(method.reason()).toMatch(/does not run/);
    expect((await ask(node, 'update', 'auth/token/renew-self', {}, tokenOf(token))).status).toBe(403);
  });

  it('another account is asked by the role that config/sts names, and by no other way', async () => {
    const other = '210987654321';
    await writeRole('far', { bound_iam_principal_arn: `arn:aws:iam::${other}:role/*` });
    const answer = await logIn(await cloud.session('app'), { role: 'far' });
    expect(answer.status).toBe(400);
    const refused = await writeRole('near', { bound_iam_principal_arn: `arn:aws:iam::${other}:role/app` });
    expect(refused.status).not.toBe(204);
    const sts = { sts_role: `arn:aws:iam::${account}:role/team/app` };
    expect((await ask(node, 'update', `auth/aws/config/sts/${other}`, sts)).status).toBe(400);
  });
});
