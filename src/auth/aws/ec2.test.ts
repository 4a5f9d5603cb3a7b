import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Asked, ask, finishDuties, makePlace, type Place, tokenOf } from '../../../test/fakes/client.ts';
import { IdentityAuthority, type IdentityDocumentFields } from '../../../test/fakes/instance-identity.ts';
import { owned } from '../../../test/fakes/owned-engine.ts';
import { type WatchedMethod, watched } from '../../../test/fakes/watched-method.ts';
import { type Moto, startMoto } from '../../../test/setup/moto.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { aws } from './aws.ts';

const authority = new IdentityAuthority();
const region = 'eu-central-1';
const account = '123456789012';
const moto: Moto | undefined = await startMoto();

/** What moto has: two instances, of which one has a role. */
interface Fleet {
  readonly withRole: string;
  readonly without: string;
  readonly image: string;
  readonly vpc: string;
}

async function fleet({ endpoint }: Moto): Promise<Fleet> {
  const { EC2Client, RunInstancesCommand, DescribeImagesCommand } = await import('@aws-sdk/client-ec2');
  const iam = await import('@aws-sdk/client-iam');
  const client = { region, endpoint, credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'test' } };
  const people = new iam.IAMClient(client);
  const trust = { RoleName: 'app', Path: '/team/', AssumeRolePolicyDocument: '{}' };
  await people.send(new iam.CreateRoleCommand(trust));
  await people.send(new iam.CreateInstanceProfileCommand({ InstanceProfileName: 'app-profile' }));
  const both = { InstanceProfileName: 'app-profile', RoleName: 'app' };
  await people.send(new iam.AddRoleToInstanceProfileCommand(both));
  const ec2 = new EC2Client(client);
  const { Images = [] } = await ec2.send(new DescribeImagesCommand({}));
  const image = Images[0]?.ImageId ?? '';
  const count = { ImageId: image, MinCount: 1, MaxCount: 1 };
  const one = await ec2.send(
    new RunInstancesCommand({ ...count, IamInstanceProfile: { Name: 'app-profile' } }),
  );
  const other = await ec2.send(new RunInstancesCommand(count));
  return {
    withRole: one.Instances?.[0]?.InstanceId ?? '',
    without: other.Instances?.[0]?.InstanceId ?? '',
    image,
    vpc: one.Instances?.[0]?.VpcId ?? '',
  };
}

async function stop({ endpoint }: Moto, id: string): Promise<void> {
  const { EC2Client, StopInstancesCommand } = await import('@aws-sdk/client-ec2');
  const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'test' };
  await new EC2Client({ region, endpoint, credentials }).send(
    new StopInstancesCommand({ InstanceIds: [id] }),
  );
}

describe.skipIf(moto === undefined)('logins of instances', () => {
  if (moto === undefined) return;
  let place: Place;
  let node: CofferNode;
  let method: WatchedMethod;
  let all: Fleet;

  beforeAll(async () => {
    all = await fleet(moto);
  });
  afterAll(() => moto.close());
  beforeEach(async () => {
    method = watched(aws({ env: { ...moto.env, AWS_REGION: region }, endpoints: [], profiles: [] }));
    place = await makePlace({ authMethods: [method.type], engines: [owned] });
    node = await place.node();
    await ask(node, 'update', 'sys/auth/aws', { type: 'aws' });
    for (const type of ['pkcs7', 'identity']) {
      await ask(node, 'update', `auth/aws/config/certificate/${type}`, {
        aws_public_cert: Buffer.from(authority.certificate).toString('base64'),
        type,
        regions: region,
      });
    }
    await writeRole();
  });
  afterEach(() => place.remove());

  function document(change: Partial<IdentityDocumentFields> = {}): IdentityDocumentFields {
    return {
      accountId: account,
      region,
      instanceId: all.withRole,
      imageId: all.image,
      pendingTime: '2026-11-01T00:00:00Z',
      ...change,
    };
  }

  function writeRole(fields: JsonObject = {}): Promise<Asked> {
    return ask(node, 'update', 'auth/aws/role/web', {
      auth_type: 'ec2',
      bound_account_id: account,
      token_policies: 'web',
      ...fields,
    });
  }

  function logIn(change: Partial<IdentityDocumentFields> = {}, fields: JsonObject = {}): Promise<Asked> {
    const pkcs7 = authority.pkcs7(document(change));
    return ask(node, 'update', 'auth/aws/login', { role: 'web', pkcs7, ...fields }, null);
  }

  function metadataIn(line: JsonObject | undefined): JsonObject {
    const { auth } = (line ?? {}) as { readonly auth?: { readonly metadata?: JsonObject } | null };
    return auth?.metadata ?? {};
  }

  async function refusal(answer: Asked): Promise<string> {
    expect([answer.status, answer.errors, answer.auth]).toEqual([400, ['permission denied'], null]);
    return method.reason();
  }

  it('give a token, and a nonce for the next one', async () => {
    const first = await logIn();
    expect(first.auth).toMatchObject({
      policies: ['default', 'web'],
      metadata: {
        account_id: account,
        ami_id: all.image,
        auth_type: 'ec2',
        instance_id: all.withRole,
        region,
        role: 'web',
        role_tag_max_ttl: '0s',
        nonce: expect.stringMatching(/^[0-9a-f-]{36}$/),
      },
    });
    const nonce = String(first.auth?.metadata?.['nonce']);
    const second = await logIn({}, { nonce });
    expect(second.status).toBe(200);
    expect(second.auth?.metadata).not.toHaveProperty('nonce');
    const entry = await ask(node, 'read', `auth/aws/identity-accesslist/${all.withRole}`);
    expect(entry.data).toMatchObject({ role: 'web', account_id: account, disallow_reauthentication: false });
    expect(JSON.stringify(entry.data)).not.toContain(nonce);
  });

  it('threat 16: leave the nonce neither with the token nor in the log', async () => {
    const first = await logIn();
    const nonce = String(first.auth?.metadata?.['nonce']);
    await logIn({}, { nonce });
    const known = await ask(node, 'read', 'auth/token/lookup-self', {}, tokenOf(first));
    expect(known.data['meta']).toMatchObject({ instance_id: all.withRole });
    expect(JSON.stringify(known.data)).not.toContain(nonce);
    const [told] = place.auditLines().filter((line) => line['auth'] !== null && 'nonce' in metadataIn(line));
    expect(metadataIn(told)['nonce']).toMatch(/^hmac-sha256:/);
    expect(JSON.stringify(place.auditLines())).not.toContain(nonce);
  });

  it('that are refused say why in the log, and nowhere else', async () => {
    expect((await logIn({ instanceId: 'i-0000000000000000f' })).errors).toEqual(['permission denied']);
    expect(place.auditLines().at(-1)).toMatchObject({
      status: 400,
      errors: ['permission denied'],
      reason: 'there is no such instance in the account',
    });
  });

  it('go by a signature beside the document, too', async () => {
    const proof = authority.detached(document());
    const answer = await ask(node, 'update', 'auth/aws/login', { role: 'web', ...proof }, null);
    expect(answer.status).toBe(200);
    const [body, mac] = [Buffer.from(proof.identity, 'base64'), proof.signature];
    const changed = Buffer.from(body.toString().replace(account, '210987654321')).toString('base64');
    const forged = { role: 'web', identity: changed, signature: mac };
    expect(await refusal(await ask(node, 'update', 'auth/aws/login', forged, null))).toMatch(/signature/);
  });

  it('go by the role named like the image where none is named', async () => {
    const fields = { auth_type: 'ec2', bound_account_id: account };
    await ask(node, 'update', `auth/aws/role/${all.image}`, fields);
    expect((await logIn({}, { role: '' })).status).toBe(200);
  });

  it('threat 03: of the same document without the nonce are refused', async () => {
    const first = await logIn({}, { nonce: 'of the first' });
    expect(first.status).toBe(200);
    expect(await refusal(await logIn())).toMatch(/nonce/);
    expect(await refusal(await logIn({}, { nonce: 'guessed' }))).toMatch(/nonce/);
    expect((await logIn({}, { nonce: 'of the first' })).status).toBe(200);
  });

  it('threat 03: at the same time with two nonces are one login', async () => {
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map((nonce) => logIn({}, { nonce })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('threat 03: never go back in time, and forward only where the role lets instances move', async () => {
    await logIn({}, { nonce: 'a' });
    const later = { pendingTime: '2026-11-02T00:00:00Z' };
    expect(await refusal(await logIn(later, { nonce: 'b' }))).toMatch(/nonce/);
    await writeRole({ allow_instance_migration: true });
    expect((await logIn(later, { nonce: 'b' })).status).toBe(200);
    expect(await refusal(await logIn({}, { nonce: 'b' }))).toMatch(/older/);
    expect(await refusal(await logIn({}, { nonce: 'a' }))).toMatch(/older/);
  });

  it('threat 03: are the last one where that was said', async () => {
    await logIn({}, { nonce: '' });
    expect(await refusal(await logIn({}, { nonce: '' }))).toMatch(/may not again/);
    await ask(node, 'delete', `auth/aws/identity-accesslist/${all.withRole}`);
    await writeRole({ disallow_reauthentication: true });
    expect((await logIn({}, { nonce: 'a' })).status).toBe(200);
    expect(await refusal(await logIn({}, { nonce: 'a' }))).toMatch(/may not again/);
  });

  it('go on without a nonce where the role says so, and still not back in time', async () => {
    await writeRole({ ignore_nonce: true });
    for (let times = 0; times < 2; times += 1) {
      const answer = await logIn();
      expect(answer.auth?.metadata).not.toHaveProperty('nonce');
      expect(answer.status).toBe(200);
    }
    expect(await refusal(await logIn({ pendingTime: '2026-10-01T00:00:00Z' }))).toMatch(/older/);
  });

  it('threat 03: a role without nonces is no way to change the nonce of other roles', async () => {
    const old = { auth_type: 'ec2', bound_account_id: account, ignore_nonce: true };
    await ask(node, 'update', 'auth/aws/role/old', old);
    expect((await logIn({}, { role: 'old' })).status).toBe(200);
    // The first nonce is the first, though the instance came without one before.
    expect((await logIn({}, { nonce: 'mine' })).status).toBe(200);
    for (const nonce of [undefined, 'copied']) {
      const fields = nonce === undefined ? {} : { nonce };
      expect((await logIn({}, { role: 'old', ...fields })).status).toBe(200);
      expect(await refusal(await logIn({}, { nonce: 'copied' }))).toMatch(/nonce is not the one/);
    }
    expect((await logIn({}, { nonce: 'mine' })).status).toBe(200);
  });

  it('come in crowds without a nonce: what is known already is not written again', async () => {
    await writeRole({ ignore_nonce: true });
    expect((await logIn()).status).toBe(200);
    const entry = () => ask(node, 'read', `auth/aws/identity-accesslist/${all.withRole}`);
    const before = (await entry()).data;
    place.clock.advance(60_000);
    const answers = await Promise.all(Array.from({ length: 8 }, () => logIn()));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    expect((await entry()).data).toEqual(before);
    expect((await logIn({ pendingTime: '2026-11-02T00:00:00Z' })).status).toBe(200);
    expect((await entry()).data).not.toEqual(before);
  });

  it('prove the role that the instance has, with its path, or the instance where it has none', async () => {
    await ask(node, 'update', 'sys/mounts/owned', { type: 'owned' });
    const names = [];
    for (const instanceId of [all.withRole, all.without]) {
      const token = tokenOf(await logIn({ instanceId }));
      names.push((await ask(node, 'read', 'owned/who/x', {}, token)).data['name']);
    }
    expect(names).toEqual([`${account}:role/team/app`, `${account}:instance/${all.without}`]);
  });

  it.each<[string, JsonObject, RegExp]>([
    ['bound_account_id', { bound_account_id: '210987654321' }, /bound_account_id/],
    ['bound_ami_id', { bound_ami_id: 'ami-00000000' }, /bound_ami_id/],
    ['bound_region', { bound_region: 'us-east-1' }, /bound_region/],
    ['bound_vpc_id', { bound_vpc_id: 'vpc-00000000' }, /bound_vpc_id/],
    ['bound_subnet_id', { bound_subnet_id: 'subnet-00000000' }, /bound_subnet_id/],
    ['bound_ec2_instance_id', { bound_ec2_instance_id: 'i-00000000' }, /bound_ec2_instance_id/],
    [
      'bound_iam_role_arn, where a role has the same name and no path',
      { bound_iam_role_arn: `arn:aws:iam::${account}:role/app` },
      /bound_iam_role_arn/,
    ],
    [
      'bound_iam_role_arn, where a role begins with the same name',
      { bound_iam_role_arn: `arn:aws:iam::${account}:role/team/ap` },
      /bound_iam_role_arn/,
    ],
    [
      'bound_iam_instance_profile_arn',
      { bound_iam_instance_profile_arn: `arn:aws:iam::${account}:instance-profile/app` },
      /bound_iam_instance_profile_arn/,
    ],
  ])('threat 02: are refused where %s is another', async (_what, binds, words) => {
    await writeRole({ bound_account_id: '', ...binds });
    expect(await refusal(await logIn())).toMatch(words);
  });

  it('are taken where all binds hold', async () => {
    const answer = await writeRole({
      bound_ami_id: all.image,
      bound_region: region,
      bound_vpc_id: all.vpc,
      bound_ec2_instance_id: all.withRole,
      bound_iam_role_arn: `arn:aws:iam::${account}:role/team/*`,
      bound_iam_instance_profile_arn: `arn:aws:iam::${account}:instance-profile/app-profile`,
    });
    expect(answer.status).toBe(204);
    expect((await logIn()).status).toBe(200);
  });

  it('threat 03: of instances that are not there, not in the account or of another image are refused', async () => {
    expect(await refusal(await logIn({ instanceId: 'i-0000000000000000f' }))).toMatch(/no such instance/);
    await writeRole({ bound_account_id: `${account},210987654321` });
    expect(await refusal(await logIn({ accountId: '210987654321' }))).toMatch(/no such instance/);
    expect(await refusal(await logIn({ imageId: 'ami-00000000' }))).toMatch(/another image/);
  });

  it('threat 03: of an instance that was stopped are refused a minute later, and its token is not renewed', async () => {
    const token = tokenOf(await logIn({ instanceId: all.without }, { nonce: 'a' }));
    await stop(moto, all.without);
    place.clock.advance(61);
    expect(await refusal(await logIn({ instanceId: all.without }, { nonce: 'a' }))).toMatch(/does not run/);
    expect((await ask(node, 'update', 'auth/token/renew-self', {}, token)).status).toBe(403);
  });

  it('threat 03: with the certificate of another region are refused, and where none is known', async () => {
    await ask(node, 'update', 'auth/aws/config/certificate/pkcs7', {
      aws_public_cert: authority.certificate,
      regions: 'us-east-1',
    });
    expect(await refusal(await logIn())).toMatch(/signature is not of a key/);
    await ask(node, 'update', 'auth/aws/config/certificate/pkcs7', {
      aws_public_cert: authority.certificate,
    });
    expect(await refusal(await logIn())).toMatch(/signature is not of a key/);
    // There it is believed, and the region has nobody to ask.
    const nowhere = await logIn({ region: 'xx-nowhere-9' });
    expect([nowhere.status, nowhere.auth]).toEqual([503, null]);
  });

  it('threat 24: with SHA-1 are not believed by a certificate that was configured', async () => {
    const pkcs7 = authority.pkcs7(document(), { digest: 'sha1' });
    const answer = await ask(node, 'update', 'auth/aws/login', { role: 'web', pkcs7 }, null);
    expect(await refusal(answer)).toMatch(/signature is not of a key/);
  });

  it('are narrowed by a tag that the role wants', async () => {
    await writeRole({ role_tag: 'coffer', token_policies: 'web,more' });
    expect(await refusal(await logIn())).toMatch(/no tag/);
    const wish = { policies: 'web', max_ttl: '5m', instance_id: all.withRole };
    const { data } = await ask(node, 'update', 'auth/aws/role/web/tag', wish);
    const value = String(data['tag_value']);
    await tag(value);
    place.clock.advance(61);
    const answer = await logIn({}, { nonce: 'a' });
    expect(answer.auth).toMatchObject({ policies: ['default', 'web'], leaseDuration: 300 });
    await tag(value.replace('p=web', 'p=more'));
    place.clock.advance(61);
    expect(await refusal(await logIn({}, { nonce: 'a' }))).toMatch(/none of this role/);
    await tag(value);
    place.clock.advance(61);
    await ask(node, 'update', `auth/aws/roletag-denylist/${Buffer.from(value).toString('base64url')}`);
    expect(await refusal(await logIn({}, { nonce: 'a' }))).toMatch(/denied/);
  });

  async function tag(value: string): Promise<void> {
    const { EC2Client, CreateTagsCommand } = await import('@aws-sdk/client-ec2');
    const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'test' };
    const ec2 = new EC2Client({ region, endpoint: moto?.endpoint ?? '', credentials });
    const Tags = [{ Key: 'coffer', Value: value }];
    await ec2.send(new CreateTagsCommand({ Resources: [all.withRole], Tags }));
  }

  it('send one form of proof', async () => {
    for (const fields of [{ pkcs7: '' }, { identity: 'YQ==' }, { pkcs7: '', identity: 'YQ==' }]) {
      const answer = await logIn({}, fields);
      expect([answer.status, answer.errors]).toEqual([
        400,
        ['a login sends pkcs7, or identity and signature, or the four fields of a signed request'],
      ]);
    }
  });

  it('leave entries that are tidied once they are over for long enough', async () => {
    await logIn({}, { nonce: 'a' });
    await ask(node, 'update', 'auth/aws/tidy/identity-accesslist', { safety_buffer: '1h' });
    const listed = async () => (await ask(node, 'list', 'auth/aws/identity-accesslist/')).data['keys'];
    await finishDuties(node, place.clock);
    expect(await listed()).toEqual([all.withRole]);
    place.clock.advance(33 * 86_400);
    await ask(node, 'update', 'auth/aws/tidy/identity-whitelist', { safety_buffer: '1h' });
    await finishDuties(node, place.clock);
    expect(await listed()).toBeUndefined();
  });
});
