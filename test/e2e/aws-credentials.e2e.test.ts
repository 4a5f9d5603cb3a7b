/**
 * Credentials and regions as users of AWS expect them: whatever of the SDK's places has some, a safe of the command line works
 * with, and both of its services. The program is the real one; the places are on a port of this machine.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CredentialPlaces, startCredentialPlaces } from '../fakes/credential-places.ts';
import { cleanUp, cli, freshPlace, type Outcome, type Place } from './server-process.ts';

let places: CredentialPlaces;
let place: Place;
beforeEach(async () => {
  places = await startCredentialPlaces();
  place = freshPlace();
});
afterEach(() => places.close());
afterAll(cleanUp);

/** Writes one secret, which takes DynamoDB and KMS. */
function put(env: Readonly<Record<string, string>>, options = 'region=eu-central-1'): Promise<Outcome> {
  return cli(place, ['put', 'a', 'value=x', '--safe', `credstash://table?${options}`], {
    env: { AWS_ENDPOINT_URL: places.endpoint, ...env },
  });
}

function writeHome(path: string, text: string): string {
  const file = join(place.home, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
  return file;
}

interface Signature {
  readonly action: string;
  readonly key: string | undefined;
  readonly region: string | undefined;
  readonly session: string | undefined;
}

/** By whom, and for which region, calls of DynamoDB and KMS were signed. */
function signatures(): readonly Signature[] {
  return places.requests.flatMap(({ headers }) => {
    const action = String(headers['x-amz-target'] ?? '').replace(/^.*\./, '');
    const [, key, region] = /Credential=([^/]+)\/\d+\/([^/]+)\//.exec(headers.authorization ?? '') ?? [];
    const session = headers['x-amz-security-token'];
    return action === '' ? [] : [{ action, key, region, session: session?.toString() }];
  });
}

/** That the write was carried out, and all of it with these keys. */
function expectWrittenAs(outcome: Outcome, whose: string): void {
  expect(outcome.stderr).toContain('version 1');
  expect(outcome.code).toBe(0);
  const all = signatures();
  expect(all.map(({ action }) => action)).toEqual(expect.arrayContaining(['GenerateDataKey', 'PutItem']));
  expect(new Set(all.map(({ key }) => key))).toEqual(new Set([`AKIA${whose}`]));
  expect(new Set(all.map(({ session }) => session))).toEqual(new Set([`session of ${whose}`]));
}

function asked(part: string): number {
  return places.requests.filter(({ path, body }) => path.includes(part) || body.includes(part)).length;
}

describe('credentials', () => {
  it("come from a container's agent, with the token it wants", async () => {
    const outcome = await put({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${places.endpoint}/container`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'of-the-container',
    });
    expectWrittenAs(outcome, 'CONTAINER');
    const agent = places.requests.find(({ path }) => path === '/container');
    expect(agent?.headers.authorization).toBe('of-the-container');
  });

  it('come from a pod, whose token is a file', async () => {
    const outcome = await put({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${places.endpoint}/container`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: writeHome('token', 'of-the-pod'),
    });
    expectWrittenAs(outcome, 'CONTAINER');
    const agent = places.requests.find(({ path }) => path === '/container');
    expect(agent?.headers.authorization).toBe('of-the-pod');
  });

  it("come from an instance's role, by the service that wants a token first", async () => {
    expectWrittenAs(await put({ AWS_EC2_METADATA_SERVICE_ENDPOINT: places.endpoint }), 'INSTANCE');
    const role = places.requests.find(({ path }) => path.endsWith('/web-server'));
    expect(role?.headers['x-aws-ec2-metadata-token']).toBe('of-the-instance');
  });

  it('come from a web identity', async () => {
    const outcome = await put({
      AWS_WEB_IDENTITY_TOKEN_FILE: writeHome('web-token', 'a.web.token'),
      AWS_ROLE_ARN: 'arn:aws:iam::111122223333:role/app',
    });
    expectWrittenAs(outcome, 'WEBIDENTITY');
    expect(asked('WebIdentityToken=a.web.token')).toBeGreaterThan(0);
  });

  it.each([
    ['AWS_PROFILE', { AWS_PROFILE: 'app' }, 'region=eu-central-1'],
    ['the safe', {}, 'region=eu-central-1&profile=app'],
  ])('come from a profile that assumes a role from another, named by %s', async (_, env, options) => {
    writeHome('.aws/credentials', '[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n');
    const role = 'role_arn = arn:aws:iam::111122223333:role/app\nsource_profile = base\n';
    writeHome('.aws/config', `[profile app]\n${role}role_session_name = me\nregion = eu-west-1\n`);
    expectWrittenAs(await put(env, options), 'ASSUMED');
    expect(asked('RoleSessionName=me')).toBeGreaterThan(0);
    expect(places.requests.find(({ body }) => body.includes('AssumeRole'))?.headers.authorization).toContain(
      'Credential=AKIABASE/',
    );
  });

  it('come from a role of the safe, assumed with those of the environment', async () => {
    const outcome = await put(
      { AWS_ACCESS_KEY_ID: 'AKIABASE', AWS_SECRET_ACCESS_KEY: 's' },
      'region=eu-central-1&role_arn=arn:aws:iam::111122223333:role/app&external_id=guest',
    );
    expectWrittenAs(outcome, 'ASSUMED');
    expect(asked('ExternalId=guest')).toBeGreaterThan(0);
  });

  it.each([
    ['AWS_PROFILE', { AWS_PROFILE: 'app' }, 'region=eu-central-1'],
    ['the safe', {}, 'region=eu-central-1&profile=app'],
  ])('come from IAM Identity Center, by a profile named by %s', async (_, env, options) => {
    writeHome(
      '.aws/config',
      '[profile app]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Reader\n' +
        '[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.awsapps.com/start\n',
    );
    const cached = createHash('sha1').update('corp').digest('hex');
    writeHome(
      `.aws/sso/cache/${cached}.json`,
      JSON.stringify({ accessToken: 'of-sso', expiresAt: '2099-01-01T00:00:00Z' }),
    );
    expectWrittenAs(await put(env, options), 'SSO');
    const center = places.requests.find(({ path }) => path.startsWith('/federation/credentials'));
    expect(center?.headers['x-amz-sso_bearer_token']).toBe('of-sso');
  });

  it('come from a process that a profile names', async () => {
    const keys = {
      Version: 1,
      AccessKeyId: 'AKIAPROCESS',
      SecretAccessKey: 's',
      SessionToken: 'session of PROCESS',
    };
    const file = writeHome('keys.json', JSON.stringify(keys));
    writeHome('.aws/config', `[profile app]\ncredential_process = cat ${file}\n`);
    expectWrittenAs(await put({ AWS_PROFILE: 'app' }), 'PROCESS');
  });

  it('of the environment come before all others', async () => {
    const outcome = await put({
      AWS_ACCESS_KEY_ID: 'AKIAENVIRONMENT',
      AWS_SECRET_ACCESS_KEY: 's',
      AWS_SESSION_TOKEN: 'session of ENVIRONMENT',
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${places.endpoint}/container`,
    });
    expectWrittenAs(outcome, 'ENVIRONMENT');
    expect(asked('/container')).toBe(0);
  });

  it('that nobody has are missed by name, before anything is asked', async () => {
    const { code, stderr } = await put({ AWS_EC2_METADATA_DISABLED: 'true' });
    expect(stderr).toMatch(/no credentials|credentials/i);
    expect(code).not.toBe(0);
    expect(signatures()).toEqual([]);
  });
});

describe('the region', () => {
  const keys = { AWS_ACCESS_KEY_ID: 'AKIAX', AWS_SECRET_ACCESS_KEY: 's' };
  const all = { AWS_REGION: 'eu-west-2', AWS_DEFAULT_REGION: 'eu-west-3' };

  it.each<[string, Readonly<Record<string, string>>, string, string]>([
    ['of the safe', all, 'region=eu-central-1', 'eu-central-1'],
    ['of AWS_REGION', all, '', 'eu-west-2'],
    ['of AWS_DEFAULT_REGION', { AWS_DEFAULT_REGION: 'eu-west-3' }, '', 'eu-west-3'],
    ['of the profile', { AWS_PROFILE: 'app' }, '', 'eu-west-1'],
  ])('%s comes first', async (_, env, options, region) => {
    writeHome('.aws/config', '[profile app]\nregion = eu-west-1\n');
    const { code } = await put({ ...keys, ...env }, options);
    expect(code).toBe(0);
    expect(new Set(signatures().map((signature) => signature.region))).toEqual(new Set([region]));
  });
});

describe('the address', () => {
  it('of one service comes before that of all', async () => {
    const other = await startCredentialPlaces();
    try {
      const outcome = await put({
        AWS_ACCESS_KEY_ID: 'AKIAX',
        AWS_SECRET_ACCESS_KEY: 's',
        AWS_ENDPOINT_URL_DYNAMODB: other.endpoint,
      });
      expect(outcome.code).toBe(0);
      const actions = (from: CredentialPlaces) =>
        new Set(from.requests.map(({ headers }) => String(headers['x-amz-target']).replace(/\..*$/, '')));
      expect(actions(places)).toEqual(new Set(['TrentService']));
      expect(actions(other)).toEqual(new Set(['DynamoDB_20120810']));
    } finally {
      await other.close();
    }
  });
});
