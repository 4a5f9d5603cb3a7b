/**
 * Machines and sessions that AWS vouches for read what lists them, with AWS as moto plays it; and whoever is called the same and
 * is somebody else does not.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countedUserpass } from '../../../test/fakes/cheap-userpass.ts';
import { type Asked, ask, makePlace, type Place, tokenOf } from '../../../test/fakes/client.ts';
import { type Signer, signedLogin } from '../../../test/fakes/fake-sts.ts';
import { IdentityAuthority } from '../../../test/fakes/instance-identity.ts';
import {
  assumeAwsRole,
  endAwsInstance,
  makeAwsFleet,
  makeAwsRole,
  makeAwsUser,
  motoAccount,
} from '../../../test/fakes/moto-people.ts';
import { startMoto } from '../../../test/setup/moto.ts';
import { aws } from '../../auth/aws/aws.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

const region = 'eu-central-1';
const elsewhere = '210987654321';
const authority = new IdentityAuthority();
const moto = await startMoto();

describe.skipIf(moto === undefined)('a list of roles of AWS', () => {
  if (moto === undefined) return;
  let place: Place;
  let node: CofferNode;
  /** Instances: two with the role `machine`, one without any. */
  let machines: readonly string[];
  let bare: string;
  let image: string;

  beforeAll(async () => {
    await makeAwsRole(moto, 'app');
    await makeAwsRole(moto, 'App');
    await makeAwsRole(moto, 'worker', '/team/');
    await makeAwsRole(moto, 'dssssadmin');
    const there = await assumeAwsRole(moto, `arn:aws:iam::${elsewhere}:role/coffer`);
    await makeAwsRole({ ...moto, as: there }, 'app');
    const fleet = await makeAwsFleet(moto, { role: 'machine', instances: 2, region });
    machines = fleet.instances;
    image = fleet.image;
    [bare = ''] = (await makeAwsFleet(moto, { instances: 1, region })).instances;
    const method = aws({ env: { ...moto.env, AWS_REGION: region }, endpoints: [], profiles: [] });
    place = await makePlace({ authMethods: [method, countedUserpass().type] });
    node = await place.node();
    for (const type of ['aws', 'userpass', 'approle']) await write(`sys/auth/${type}`, { type });
    await write('sys/auth/aws-too', { type: 'aws' });
    await write('sys/mounts/roles', { type: 'role-secrets' });
    await write('roles/config', { account: motoAccount });
    for (const mount of ['aws', 'aws-too']) {
      const path = `auth/${mount}`;
      const arns = [motoAccount, elsewhere].map((each) => `arn:aws:iam::${each}:role/*`);
      await write(`${path}/config/sts/${elsewhere}`, { sts_role: `arn:aws:iam::${elsewhere}:role/coffer` });
      await write(`${path}/role/any`, { bound_iam_principal_arn: arns });
      await write(`${path}/role/people`, {
        bound_iam_principal_arn: `arn:aws:iam::${motoAccount}:user/*`,
      });
      await write(`${path}/role/machines`, { auth_type: 'ec2', bound_account_id: motoAccount });
      const certificate = { aws_public_cert: authority.certificate, regions: region };
      await write(`${path}/config/certificate/tests`, certificate);
    }
    await write('roles/data/app', { value: 'of app', roles: ['app'] });
    await write('roles/data/machine', { value: 'of machine', roles: ['machine'] });
    await write('roles/data/worker', { value: 'x', roles: [`aws/${motoAccount}:role/team/worker`] });
    await write('roles/data/bare-worker', { value: 'x', roles: ['worker'] });
    await write('roles/data/far', { value: 'x', roles: [`aws/${elsewhere}:role/app`] });
  }, 120_000);
  afterAll(async () => {
    await place?.remove();
    await moto.close();
  });

  async function write(path: string, fields: JsonObject): Promise<void> {
    const { status, errors } = await ask(node, 'update', path, fields);
    if (status >= 300) throw new Error(`${path}: ${status} ${errors.join()}`);
  }

  function logInBy(signer: Signer, mount = 'aws', role = 'any'): Promise<Asked> {
    place.clock.advance(1);
    const signed = signedLogin(signer, { at: place.clock.now() });
    return ask(node, 'update', `auth/${mount}/login`, { role, ...signed }, null);
  }

  async function sessionOf(role: string, account = motoAccount, mount = 'aws'): Promise<string> {
    const signer = await assumeAwsRole(moto ?? { endpoint: '' }, `arn:aws:iam::${account}:role/${role}`);
    return tokenOf(await logInBy(signer, mount));
  }

  async function machineToken(instanceId: string, mount = 'aws'): Promise<string> {
    const document = { accountId: motoAccount, region, instanceId, imageId: image };
    const pkcs7 = authority.pkcs7({ ...document, pendingTime: '2026-11-01T00:00:00Z' });
    const fields = { role: 'machines', pkcs7, nonce: 'its own' };
    return tokenOf(await ask(node, 'update', `auth/${mount}/login`, fields, null));
  }

  async function status(name: string, token: string): Promise<number> {
    return (await ask(node, 'read', `roles/data/${name}`, {}, token)).status;
  }

  it('is read by a session of the role, without any policy, and by nobody else', async () => {
    const app = await sessionOf('app');
    const { data } = await ask(node, 'read', 'roles/data/app', {}, app);
    expect(data['data']).toEqual({ value: 'of app' });
    expect((await ask(node, 'scan', 'roles/metadata/', {}, app)).data['keys']).toEqual(['app']);
    for (const name of ['machine', 'worker', 'far', 'nothing']) expect(await status(name, app)).toBe(403);
    expect((await ask(node, 'update', 'roles/data/app', { value: 'y' }, app)).status).toBe(403);
  });

  it('is read by the instances whose profile has the role, and by none that has not', async () => {
    for (const id of machines) expect(await status('machine', await machineToken(id))).toBe(200);
    const without = await machineToken(bare);
    for (const name of ['machine', 'app']) expect(await status(name, without)).toBe(403);
    expect((await ask(node, 'list', 'roles/metadata/', {}, without)).status).toBe(404);
  });

  it('threat 02: names no role of the same name in another account', async () => {
    const far = await sessionOf('app', elsewhere);
    expect(await status('far', far)).toBe(200);
    expect(await status('app', far)).toBe(403);
  });

  it('threat 02: names no role of another IAM path, and none whose letters are others', async () => {
    const worker = await sessionOf('team/worker');
    expect(await status('worker', worker)).toBe(200);
    expect(await status('bare-worker', worker)).toBe(403);
    expect(await status('app', await sessionOf('App'))).toBe(403);
  });

  it('threat 02: names no role that another mount has proven, though AWS says the same', async () => {
    expect(await status('app', await sessionOf('app', motoAccount, 'aws-too'))).toBe(403);
    const [id = ''] = machines;
    expect(await status('machine', await machineToken(id, 'aws-too'))).toBe(403);
  });

  it('threat 02: names no user of IAM, of userpass or of AppRole that is called like the role', async () => {
    const user = await makeAwsUser(moto, 'app');
    expect(await status('app', tokenOf(await logInBy(user, 'aws', 'people')))).toBe(403);
    await write('auth/userpass/users/app', { password: 'a-long-password' });
    const person = await ask(
      node,
      'update',
      'auth/userpass/login/app',
      { password: 'a-long-password' },
      null,
    );
    expect(await status('app', tokenOf(person))).toBe(403);
    const role_id = `${motoAccount}:role/app`;
    await write('auth/approle/role/app', { role_id });
    const { secret_id = '' } = (await ask(node, 'update', 'auth/approle/role/app/secret-id')).data;
    const approle = await ask(node, 'update', 'auth/approle/login', { role_id, secret_id }, null);
    expect(await status('app', tokenOf(approle))).toBe(403);
  });

  it('lets the role that administers write for others, and read nothing by that', async () => {
    const admin = await sessionOf('dssssadmin');
    const written = await ask(node, 'update', 'roles/data/new', { value: 'n', roles: ['app'] }, admin);
    expect(written.status).toBe(200);
    expect(await status('new', admin)).toBe(403);
    expect(await status('new', await sessionOf('app'))).toBe(200);
    expect(await status('new', await sessionOf('App'))).toBe(403);
  });

  it('threat 18: is read no longer by an instance that has ended than its token lives', async () => {
    const [, id = ''] = machines;
    const token = await machineToken(id);
    await endAwsInstance(moto, id, 'terminate');
    place.clock.advance(61);
    expect((await ask(node, 'update', 'auth/token/renew-self', {}, token)).status).toBe(403);
    await expect(machineToken(id)).rejects.toThrow('no token: 400');
  });
});
