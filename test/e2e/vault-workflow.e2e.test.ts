/**
 * The Vault workflow, whole: an operator mounts, maps and writes; an automation hands the app id over in the cubbyhole of a token for
 * four requests; the application proves what it is and where it runs, reads its database's login from config/, and gets keys of AWS.
 */
import { createHash, randomUUID } from 'node:crypto';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import { AwsCloud, type Keys } from '../fakes/aws-cloud.ts';
import { type DatabasePlace, databasePlace } from '../setup/database-place.ts';
import { type Moto, startMoto } from '../setup/moto.ts';
import { need } from '../setup/need.ts';
import {
  cleanUp,
  freshPlace,
  type Outcome,
  type Place,
  program,
  runProgram,
  type ServerProcess,
  startServer,
} from './server-process.ts';

const moto: Moto | undefined = await startMoto();
const database: DatabasePlace | undefined = await databasePlace('postgresql');
const rootToken = 'root-of-the-workflow';
const appId = randomUUID();
const userId = createHash('sha1').update('11:ff:30:d6:ba:5f').digest('hex');
const policy = `
path "config/web/*" { policy = "read" }
path "aws/creds/web" { policy = "read" }
path "aws/sts/uploads" { policy = "read" }
`;

afterAll(async () => {
  await cleanUp();
  await database?.close();
  await moto?.close();
});

describe.skipIf(moto === undefined || database === undefined)('the workflow', () => {
  if (moto === undefined || database === undefined) return;
  const cloud = new AwsCloud(moto);
  const operator = freshPlace();
  const automation = freshPlace();
  const application = freshPlace();
  let server: ServerProcess;
  let root: Keys;
  let temporary = '';
  let login = '';
  let lease = '';

  beforeAll(async () => {
    root = await cloud.makeUser('coffer');
    server = await startServer(operator, {
      words: ['--dev', '--dev-root-token-id', rootToken, '--aws-endpoints', moto.endpoint],
    });
    for (const { home } of [operator, automation, application]) symlinkSync(program, join(home, 'vault'));
  });

  function vault(at: Place, words: readonly string[], token: string, stdin = ''): Promise<Outcome> {
    const env = { ...at.env, VAULT_ADDR: server.address, VAULT_TOKEN: token };
    return runProgram(process.execPath, [join(at.home, 'vault'), ...words], env, stdin);
  }

  /** What a command that must succeed printed. */
  async function said(at: Place, words: readonly string[], token: string, stdin?: string): Promise<string> {
    const outcome = await vault(at, words, token, stdin);
    expect([outcome.code, outcome.stderr], words.join(' ')).toEqual([0, '']);
    return outcome.stdout;
  }

  const json = (text: string) => JSON.parse(text) as JsonObject;
  const member = (value: JsonObject, name: string) => value[name] as JsonObject;

  it('the operator mounts, writes roles and a policy, and maps both ids', async () => {
    const run = (...words: string[]) => said(operator, words, rootToken);
    await run('mount', '-path=config', 'generic');
    await run('mount', 'aws');
    await run('auth-enable', 'app-id');
    const places = [`iam_endpoint=${moto.endpoint}`, `sts_endpoint=${moto.endpoint}`, 'region=eu-central-1'];
    await said(
      operator,
      ['write', 'aws/config/root', `access_key=${root.accessKey}`, 'secret_key=-', ...places],
      rootToken,
      root.secretKey,
    );
    await run('write', 'aws/config/lease', 'lease=30m', 'lease_max=2h');
    const document = join(operator.home, 'web.json');
    const allow = { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::web/*' };
    writeFileSync(document, JSON.stringify({ Version: '2012-10-17', Statement: [allow] }));
    await run('write', 'aws/roles/web', 'credential_type=iam_user', `policy_document=@${document}`);
    const roleArn = 'role_arns=arn:aws:iam::123456789012:role/uploads';
    await run('write', 'aws/roles/uploads', 'credential_type=assumed_role', roleArn);
    const file = join(operator.home, 'web.hcl');
    writeFileSync(file, policy);
    await run('policy-write', 'web', file);
    await run('write', `auth/app-id/map/app-id/${appId}`, 'value=web', 'display_name=web');
    await run('write', `auth/app-id/map/user-id/${userId}`, `value=${appId}`);
    await said(
      operator,
      ['write', 'config/web/database', `url=${database.url}`, `username=${database.name}`, 'password=-'],
      rootToken,
      database.password,
    );
    await run('write', 'config/mail/smtp', 'password=other');
  });

  it('the automation leaves the app id in the cubbyhole of a token for four requests', async () => {
    const made = await said(
      automation,
      ['token-create', '-num-uses=4', '-policy=default', '-format=json'],
      rootToken,
    );
    temporary = String(member(json(made), 'auth')['client_token']);
    await said(automation, ['write', 'cubbyhole/app-id', `value=${appId}`], temporary);
    expect(await said(automation, ['read', '-field=value', 'cubbyhole/app-id'], temporary)).toBe(appId);
  });

  it('the application takes it from there, once, and logs in with both ids', async () => {
    await said(application, ['auth', temporary], '');
    const found = await said(application, ['read', '-field=value', 'cubbyhole/app-id'], temporary);
    expect(found).toBe(appId);
    expect((await vault(application, ['read', 'cubbyhole/app-id'], temporary)).code).toBe(2);
    const words = ['write', '-format=json', 'auth/app-id/login', `app_id=${found}`, `user_id=${userId}`];
    login = String(member(json(await said(application, words, '')), 'auth')['client_token']);
    expect(login).not.toBe('');
  });

  it('it logs in to its database with what config/ has for it, and sees nothing of others', async () => {
    const read = json(await said(application, ['read', '-format=json', 'config/web/database'], login));
    const { username, password } = member(read, 'data');
    expect(await database.whoAmI(String(username), String(password))).toBe(database.name);
    for (const path of ['config/mail/smtp', 'aws/config/root', 'aws/roles/web', 'aws/creds/uploads']) {
      expect((await vault(application, ['read', path], login)).code, path).toBe(2);
    }
  });

  it('it gets keys of AWS, which AWS knows, for as long as their lease', async (context) => {
    const whoIs = async (data: JsonObject) => {
      const env = {
        ...application.env,
        AWS_ACCESS_KEY_ID: String(data['access_key']),
        AWS_SECRET_ACCESS_KEY: String(data['secret_key']),
        ...(data['security_token'] ? { AWS_SESSION_TOKEN: String(data['security_token']) } : {}),
        AWS_ENDPOINT_URL: moto.endpoint,
        AWS_DEFAULT_REGION: 'eu-central-1',
      };
      const words = ['sts', 'get-caller-identity', '--output', 'text', '--query', 'Arn'];
      return (await runProgram(need(context, 'aws'), words, env)).stdout.trim();
    };
    const user = json(await said(application, ['read', '-format=json', 'aws/creds/web'], login));
    lease = String(user['lease_id']);
    expect([user['lease_duration'], user['renewable']]).toEqual([1_800, true]);
    const [name = ''] = await cloud.users('vault-app-id-web');
    expect(await whoIs(member(user, 'data'))).toBe(`arn:aws:iam::123456789012:user/${name}`);
    const session = json(await said(application, ['read', '-format=json', 'aws/sts/uploads'], login));
    expect(await whoIs(member(session, 'data'))).toBe(member(session, 'data')['arn']);
  });

  it('with its token everything ends that was made for it', async () => {
    expect(await cloud.users('vault-')).toHaveLength(1);
    await said(operator, ['token-revoke', login], rootToken);
    await expect.poll(() => cloud.users('vault-'), { timeout: 30_000 }).toEqual([]);
    expect((await vault(application, ['read', 'config/web/database'], login)).code).toBe(2);
    expect((await vault(operator, ['renew', lease], rootToken)).code).toBe(2);
  });
});
