/** The engine aws as the clients that people have use it: hvac, node-vault, and AWS's own command line with what they got. */
import { fileURLToPath } from 'node:url';
import nodeVault from 'node-vault';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cleanUp,
  cli,
  freshPlace,
  runProgram,
  type ServerProcess,
  startServer,
} from '../e2e/server-process.ts';
import { AwsCloud, type Keys } from '../fakes/aws-cloud.ts';
import { type Moto, startMoto } from '../setup/moto.ts';
import { need } from '../setup/need.ts';

const moto: Moto | undefined = await startMoto();
const token = 'root-of-this-test';
const roleArn = 'arn:aws:iam::123456789012:role/team/Admin';

afterAll(async () => {
  await cleanUp();
  await moto?.close();
});

describe.skipIf(moto === undefined)('the engine aws', () => {
  if (moto === undefined) return;
  const cloud = new AwsCloud(moto);
  const place = freshPlace();
  let server: ServerProcess;
  let root: Keys;

  beforeAll(async () => {
    root = await cloud.makeUser('coffer');
    server = await startServer(place, {
      words: ['--dev', '--dev-root-token-id', token, '--aws-endpoints', moto.endpoint],
    });
  });

  it('is walked by all that hvac knows of it', async (context) => {
    const { accessKey: key, secretKey: secret } = await cloud.makeUser('hvac');
    const script = fileURLToPath(new URL('./hvac-aws-engine.py', import.meta.url));
    const given = JSON.stringify({ address: server.address, token, key, secret, aws: moto.endpoint });
    expect(await runProgram(need(context, 'hvac'), [script], place.env, given)).toEqual({
      code: 0,
      stdout: 'config\nroles\ncredentials\nrotation\n',
      stderr: '',
    });
  });

  it('gives node-vault keys that the AWS command line calls with, and takes them back', async (context) => {
    const vault = nodeVault({ endpoint: server.address, token });
    await vault.mount({ mount_point: 'aws', type: 'aws' });
    await vault.write('aws/config/root', {
      access_key: root.accessKey,
      secret_key: root.secretKey,
      region: 'eu-central-1',
      iam_endpoint: moto.endpoint,
      sts_endpoint: moto.endpoint,
    });
    await vault.write('aws/roles/Admin', { credential_type: 'assumed_role', role_arns: [roleArn] });
    await vault.write('aws/roles/deploy', {
      credential_type: 'iam_user',
      policy_document: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }],
      }),
    });
    expect((await vault.list('aws/roles')).data.keys).toEqual(['Admin', 'deploy']);
    const whoIs = async (data: Readonly<Record<string, string | null>>) => {
      const env = {
        ...place.env,
        AWS_ACCESS_KEY_ID: data['access_key'] ?? '',
        AWS_SECRET_ACCESS_KEY: data['secret_key'] ?? '',
        ...(data['security_token'] ? { AWS_SESSION_TOKEN: data['security_token'] } : {}),
        AWS_ENDPOINT_URL: moto.endpoint,
        AWS_DEFAULT_REGION: 'eu-central-1',
      };
      const words = ['sts', 'get-caller-identity', '--output', 'text', '--query', 'Arn'];
      return runProgram(need(context, 'aws'), words, env);
    };
    const session = await vault.read('aws/sts/Admin');
    expect(await whoIs(session.data)).toEqual({ code: 0, stdout: `${session.data.arn}\n`, stderr: '' });
    const user = await vault.read('aws/creds/deploy');
    const [name = ''] = await cloud.users('vault-root-deploy-');
    expect((await whoIs(user.data)).stdout).toBe(`arn:aws:iam::123456789012:user/${name}\n`);
    const env = { COFFER_ADDR: server.address, COFFER_TOKEN: token };
    expect(await cli(place, ['lease', 'revoke', user.lease_id], { env })).toMatchObject({ code: 0 });
    expect(await cloud.users('vault-')).toEqual([]);
    await expect(vault.read('aws/creds/missing')).rejects.toMatchObject({ response: { statusCode: 400 } });
  });

  it('threat 18: a server that is killed while it makes users has a lease for all that it handed out', async () => {
    const own = freshPlace();
    const first = await startServer(own, { words: ['--init', '--aws-endpoints', moto.endpoint] });
    const at = { COFFER_ADDR: first.address };
    const { accessKey, secretKey } = await cloud.makeUser('killed');
    const done = async (words: readonly string[], stdin?: string) => {
      const outcome = await cli(own, words, { env: at, ...(stdin === undefined ? {} : { stdin }) });
      expect(outcome, words.join(' ')).toMatchObject({ code: 0 });
      return outcome.stdout;
    };
    await done(['mount', 'enable', 'aws']);
    await done(
      [
        'api',
        'POST',
        'aws/config/root',
        `access_key=${accessKey}`,
        'secret_key=-',
        `iam_endpoint=${moto.endpoint}`,
        `sts_endpoint=${moto.endpoint}`,
      ],
      secretKey,
    );
    await done(['api', 'POST', 'aws/roles/killed', 'credential_type=iam_user']);
    const asked = Array.from({ length: 8 }, () => cli(own, ['api', 'GET', 'aws/creds/killed'], { env: at }));
    // As soon as the first of them is at AWS.
    await expect
      .poll(() => cloud.users('vault-root-killed'), { interval: 5, timeout: 60_000 })
      .not.toEqual([]);
    await first.kill();
    const answered = (await Promise.all(asked)).filter(({ code }) => code === 0);
    const second = await startServer(own, { words: ['--aws-endpoints', moto.endpoint] });
    const made = await cloud.users('vault-root-killed');
    const listed = await cli(
      own,
      ['api', 'LIST', 'sys/leases/lookup/aws/creds/killed/', '--field', 'data.keys'],
      {
        env: { COFFER_ADDR: second.address },
      },
    );
    const leases = listed.code === 0 ? (JSON.parse(listed.stdout) as readonly string[]) : [];
    // Whatever has no lease has an intent, which a duty takes up once its time has come; whoever got keys has a lease.
    expect(leases.length).toBeGreaterThanOrEqual(answered.length);
    expect(made.length).toBeGreaterThanOrEqual(leases.length);
    await cli(own, ['lease', 'revoke', '--prefix', 'aws/creds'], { env: { COFFER_ADDR: second.address } });
    const left = await cloud.users('vault-root-killed');
    expect(left).toHaveLength(made.length - leases.length);
    await second.stop();
  });
});
