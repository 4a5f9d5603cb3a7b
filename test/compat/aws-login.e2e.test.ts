/** The method aws as people use it: by hvac, node-vault and curl as they are, and by our own command line; AWS is moto. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import nodeVault from 'node-vault';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import {
  cleanUp,
  cli,
  freshPlace,
  type Place,
  runProgram,
  type ServerProcess,
  startServer,
} from '../e2e/server-process.ts';
import { signedLogin } from '../fakes/fake-sts.ts';
import { IdentityAuthority } from '../fakes/instance-identity.ts';
import { makeAwsFleet, makeAwsUser } from '../fakes/moto-people.ts';
import { startMoto } from '../setup/moto.ts';
import { need } from '../setup/need.ts';

const moto = await startMoto();
const authority = new IdentityAuthority();
const account = '123456789012';
const region = 'eu-central-1';

describe.skipIf(moto === undefined)('the method aws', () => {
  if (moto === undefined) return;
  let place: Place;
  let server: ServerProcess;
  let token = '';

  beforeAll(async () => {
    place = freshPlace();
    const env = { ...place.env, ...moto.env, AWS_REGION: region };
    server = await startServer({ ...place, env }, { words: ['--init'] });
    const [file = ''] = readdirSync(place.config).filter((name) => name.endsWith('.root-token'));
    token = readFileSync(join(place.config, file), 'utf8').trim();
  });
  afterAll(async () => {
    await cleanUp();
    await moto.close();
  });

  async function hvac(context: TestContext, script: string, given: JsonObject): Promise<string> {
    const path = fileURLToPath(new URL(script, import.meta.url));
    const input = JSON.stringify({ address: server.address, token, ...given });
    const outcome = await runProgram(need(context, 'hvac'), [path], place.env, input);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    return outcome.stdout;
  }

  it('logs people in who have keys of AWS: hvac and coffer login aws', async (context) => {
    const ann = await makeAwsUser(moto, 'ann', '/people/');
    const given = { key: ann.accessKey, secret: ann.secretKey };
    expect(await hvac(context, './hvac-aws.py', given)).toBe('config\nrole\nlogin\n');
    const own = {
      ...place.env,
      COFFER_ADDR: server.address,
      AWS_ACCESS_KEY_ID: ann.accessKey,
      AWS_SECRET_ACCESS_KEY: ann.secretKey,
      AWS_ENDPOINT_URL: moto.endpoint,
    };
    const logIn = (words: readonly string[]) =>
      cli({ ...place, env: own }, ['login', 'aws', '--role', 'people', ...words]);
    const right = await logIn(['--server-id', 'coffer.example.com', '--region', region]);
    expect(right).toMatchObject({ code: 0, stdout: '' });
    expect(right.stderr).toMatch(/^logged in; policies: default, people; the token lasts 20m/);
    const wrong = await logIn(['--no-store']);
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr).toContain('permission denied');
    expect(right.stderr + wrong.stderr).not.toContain(ann.secretKey);
    for (const words of [
      ['--region', '../evil'],
      ['--server-id', 'a b'],
    ])
      expect((await logIn(words)).code).toBe(2);
  });

  it('logs instances in, and manages what they leave: hvac', async (context) => {
    const fleet = await makeAwsFleet(moto, { role: 'app', path: '/team/', instances: 2, region });
    const [instance = '', tagged = ''] = fleet.instances;
    const { image } = fleet;
    const pkcs7 = (instanceId: string) => authority.pkcs7(document(instanceId, image));
    const given = {
      mount: 'machines',
      moto: moto.endpoint,
      certificate: authority.certificate,
      instance,
      tagged,
      image,
      pkcs7: pkcs7(instance),
      pkcs7_of_tagged: pkcs7(tagged),
    };
    expect(await hvac(context, './hvac-aws-ec2.py', given)).toBe(
      'certificates\nroles\nlogin\ntags\naccess list\n',
    );
  });

  it('logs a user in: node-vault', async () => {
    const bob = await makeAwsUser(moto, 'bob', '/people/');
    const vault = nodeVault({ endpoint: server.address, token, noCustomHTTPVerbs: false });
    await vault.enableAuth({ mount_point: 'aws-of-node', type: 'aws' });
    const arn = `arn:aws:iam::${account}:user/people/bob`;
    await vault.write('auth/aws-of-node/role/bob', { bound_iam_principal_arn: arn, token_policies: 'bob' });
    expect((await vault.list('auth/aws-of-node/roles')).data.keys).toEqual(['bob']);
    const person = nodeVault({ endpoint: server.address });
    const login = await person.awsIamLogin({
      mount_point: 'aws-of-node',
      role: 'bob',
      ...signedLogin(bob, { at: Date.now() }),
    });
    expect(login.auth).toMatchObject({ policies: ['bob', 'default'], metadata: { account_id: account } });
    expect((await person.tokenLookupSelf()).data.display_name).toBe('aws-bob');
    const forged = signedLogin({ ...bob, accessKey: 'AKIANOBODYNOBODYNOBO' }, { at: Date.now() - 1_000 });
    await expect(
      nodeVault({ endpoint: server.address }).awsIamLogin({
        mount_point: 'aws-of-node',
        role: 'bob',
        ...forged,
        iam_request_body: forged.iam_request_url,
      }),
    ).rejects.toMatchObject({ response: { statusCode: 400, body: { errors: ['permission denied'] } } });
  });

  it('takes the command lines of Vault’s page: curl', async (context) => {
    const { instances, image } = await makeAwsFleet(moto, { instances: 1, region });
    const curl = async (path: string, body?: JsonObject, ...words: readonly string[]) => {
      const payload = join(place.home, 'payload.json');
      writeFileSync(payload, JSON.stringify(body ?? {}));
      const sent = body === undefined ? [] : ['--request', 'POST', '--data', `@${payload}`];
      const outcome = await runProgram(
        need(context, 'curl'),
        ['-sS', '--header', `X-Vault-Token: ${token}`, ...sent, ...words, `${server.address}/v1/${path}`],
        place.env,
      );
      expect(outcome).toMatchObject({ code: 0, stderr: '' });
      return (outcome.stdout === '' ? {} : JSON.parse(outcome.stdout)) as JsonObject;
    };
    await curl('sys/auth/curl', { type: 'aws' });
    await curl('auth/curl/config/client', { iam_server_id_header_value: 'vault.example.com' });
    expect((await curl('auth/curl/config/client'))['data']).toMatchObject({
      max_retries: -1,
      access_key: '',
    });
    const identity = { iam_alias: 'unique_id', ec2_alias: 'instance_id' };
    await curl('auth/curl/config/identity', identity);
    expect((await curl('auth/curl/config/identity'))['data']).toMatchObject(identity);
    const certificate = Buffer.from(authority.certificate).toString('base64');
    await curl('auth/curl/config/certificate/test-cert', { aws_public_cert: certificate, regions: region });
    expect((await curl('auth/curl/config/certificates', undefined, '--request', 'LIST'))['data']).toEqual({
      keys: ['test-cert'],
    });
    await curl('auth/curl/role/dev-role', { auth_type: 'ec2', bound_ami_id: [image], policies: ['dev'] });
    expect((await curl('auth/curl/roles', undefined, '--request', 'LIST'))['data']).toEqual({
      keys: ['dev-role'],
    });
    const [instance = ''] = instances;
    const proof = { role: 'dev-role', pkcs7: authority.pkcs7(document(instance, image)), nonce: 'its own' };
    expect((await curl('auth/curl/login', proof))['auth']).toMatchObject({ policies: ['default', 'dev'] });
    expect((await curl('auth/curl/login', { ...proof, nonce: 'other' }))['errors']).toEqual([
      'permission denied',
    ]);
    const entry = await curl(`auth/curl/identity-accesslist/${instance}`);
    expect(entry['data']).toMatchObject({ role: 'dev-role', disallow_reauthentication: false });
    await curl(`auth/curl/identity-accesslist/${instance}`, undefined, '--request', 'DELETE');
    expect(await curl(`auth/curl/identity-accesslist/${instance}`)).toEqual({ errors: [] });
    await curl('auth/curl/tidy/identity-accesslist', { safety_buffer: '1h' });
    await curl('auth/curl/tidy/roletag-denylist', {});
  });

  function document(instanceId: string, imageId: string) {
    return { accountId: account, region, instanceId, imageId, pendingTime: '2026-11-01T00:00:00Z' };
  }
});
