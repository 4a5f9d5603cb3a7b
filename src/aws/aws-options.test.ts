import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { type FaultyAws, startFaultyAws } from '../../test/fakes/faulty-aws.ts';
import { parseAwsQuery, saidEndpoint, saidRegion } from './aws-options.ts';
import { kmsClient } from './kms.ts';

describe('options of an address', () => {
  it('are read from its query', () => {
    const text =
      'region=eu-central-1&profile=work&endpoint=http://localhost:4566&role_arn=arn:aws:iam::123456789012:role/a/b&external_id=x:1';
    expect(parseAwsQuery(new URLSearchParams(text))).toEqual({
      region: 'eu-central-1',
      profile: 'work',
      endpoint: 'http://localhost:4566',
      roleArn: 'arn:aws:iam::123456789012:role/a/b',
      externalId: 'x:1',
    });
    expect(parseAwsQuery(new URLSearchParams(''))).toEqual({
      region: undefined,
      profile: undefined,
      endpoint: undefined,
      roleArn: undefined,
      externalId: undefined,
    });
  });

  it.each([
    'region=',
    'region=a&region=b',
    'region=eu-central-1.evil.example',
    'region=EU-CENTRAL-1',
    `region=eu-${'x'.repeat(60)}`,
    'profile=a%0Ab',
    'profile=',
    'endpoint=nowhere',
    'endpoint=ftp://localhost',
    'endpoint=https://user:word@localhost',
    'endpoint=https://localhost/?x=1',
    'role_arn=admin',
    'role_arn=arn:aws:iam::12:role/x',
    'external_id=alone',
    'role_arn=arn:aws:iam::123456789012:role/x&external_id=%20',
  ])('are refused before anything is asked: %s', (text) => {
    expect(() => parseAwsQuery(new URLSearchParams(text))).toThrowError(
      expect.objectContaining({ code: 'invalid_request' }),
    );
  });
});

describe('where things are', () => {
  it('is said by the option, then by the environment', () => {
    const env = { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-2' };
    expect(saidRegion({ env, region: 'eu-west-3' })).toBe('eu-west-3');
    expect(saidRegion({ env })).toBe('eu-west-1');
    expect(saidRegion({ env: { ...env, AWS_REGION: '' } })).toBe('eu-west-2');
    expect(saidRegion({ env: {} })).toBeUndefined();
    expect(() => saidRegion({ env: { AWS_REGION: 'x.example/' } })).toThrowError(/AWS region/);
  });

  it('is said for one service before it is said for all', () => {
    const env = { AWS_ENDPOINT_URL: 'http://all:1/', AWS_ENDPOINT_URL_KMS: 'http://kms:1' };
    expect(saidEndpoint({ env, endpoint: 'http://option:1' }, 'KMS')).toBe('http://option:1');
    expect(saidEndpoint({ env }, 'KMS')).toBe('http://kms:1');
    expect(saidEndpoint({ env }, 'DYNAMODB')).toBe('http://all:1');
    expect(saidEndpoint({ env, endpoint: 'http://option:1' }, 'STS')).toBe('http://all:1');
    expect(saidEndpoint({ env: {} }, 'KMS')).toBeUndefined();
    expect(() => saidEndpoint({ env: { AWS_ENDPOINT_URL_KMS: 'kms' } }, 'KMS')).toThrowError(
      /AWS_ENDPOINT_URL_KMS/,
    );
  });
});

describe('who asks', () => {
  const home = mkdtempSync(join(tmpdir(), 'coffer-aws-'));
  const config = join(home, 'config');
  writeFileSync(
    config,
    '[profile work]\nregion = eu-north-1\naws_access_key_id = AKIAWORK\naws_secret_access_key = w\n[profile empty]\nregion = eu-north-1\n',
  );
  let faulty: FaultyAws | undefined;
  const seen: string[] = [];

  /** The access key and the region that a request was signed with. */
  async function signer(options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly profile?: string;
    readonly roleArn?: string;
    readonly externalId?: string;
  }): Promise<string | undefined> {
    vi.stubEnv('AWS_CONFIG_FILE', config);
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(home, 'none'));
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_ACCESS_KEY_ID', '');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', '');
    seen.length = 0;
    faulty = await startFaultyAws();
    faulty.seen = ({ authorization = '' }, body) => {
      seen.push(/Credential=([^/]+)\/\d+\/([^/]+)/.exec(authorization)?.slice(1).join(' ') ?? '');
      const role = new URLSearchParams(body);
      if (role.get('Action') !== 'AssumeRole') return undefined;
      seen.push(`${role.get('RoleArn')} ${role.get('ExternalId')}`);
      return `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>
        <SecretAccessKey>r</SecretAccessKey><SessionToken>t</SessionToken>
        <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;
    };
    faulty.fault = () => ({ kind: 'error', status: 400, type: 'NotFoundException' });
    const kms = kmsClient({
      ...options,
      env: { ...options.env, AWS_ENDPOINT_URL: faulty.endpoint },
      attempts: 1,
    });
    const error = await kms.describeKey('alias/x').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: expect.any(String) });
    kms.close();
    return (error as { readonly reason: string }).reason;
  }
  afterEach(async () => {
    vi.unstubAllEnvs();
    await faulty?.close();
  });
  afterAll(() => rmSync(home, { recursive: true }));
  const own = { AWS_ACCESS_KEY_ID: 'AKIAENV', AWS_SECRET_ACCESS_KEY: 'e', AWS_REGION: 'eu-west-1' };

  it('is the environment', async () => {
    expect(await signer({ env: own })).toBe('not-found');
    expect(seen).toEqual(['AKIAENV eu-west-1']);
  });

  it('is the profile where one is named, with its region unless another is said', async () => {
    await signer({ env: own, profile: 'work' });
    expect(seen).toEqual(['AKIAWORK eu-west-1']);
    await signer({ profile: 'work' });
    expect(seen).toEqual(['AKIAWORK eu-north-1']);
  });

  it('is nobody else where the named profile has no credentials', async () => {
    for (const profile of ['empty', 'nowhere']) {
      expect(await signer({ env: own, profile })).toBe('no-credentials');
      expect(seen).toEqual([]);
    }
  });

  it('is the role, assumed by them', async () => {
    const roleArn = 'arn:aws:iam::123456789012:role/coffer';
    await signer({ env: own, roleArn, externalId: 'abc' });
    expect(seen).toEqual(['AKIAENV eu-west-1', `${roleArn} abc`, 'ASIAROLE eu-west-1']);
    await signer({ profile: 'work', roleArn });
    expect(seen).toEqual(['AKIAWORK eu-north-1', `${roleArn} null`, 'ASIAROLE eu-north-1']);
  });

  it('is nobody where there are no credentials, and nothing is sent', async () => {
    expect(await signer({ env: { AWS_REGION: 'eu-west-1' } })).toBe('no-credentials');
    expect(seen).toEqual([]);
  });

  it('needs a region', async () => {
    const { AWS_REGION: _, ...keys } = own;
    expect(await signer({ env: keys })).toBe('no-region');
    expect(seen).toEqual([]);
  });
});
