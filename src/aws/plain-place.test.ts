import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AwsOptions } from './aws-options.ts';
import { plainPlace } from './plain-place.ts';

const keys = { AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE', AWS_SECRET_ACCESS_KEY: 'of-a-test' };
const options = (env: AwsOptions['env'] = {}, more: Partial<AwsOptions> = {}): AwsOptions => ({
  env: { ...keys, AWS_REGION: 'eu-central-1', ...env },
  ...more,
});
let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'coffer-plain-'));
  vi.stubEnv('AWS_CONFIG_FILE', join(home, 'config'));
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(home, 'credentials'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

describe('the plain way', () => {
  it.each([
    ['eu-central-1', 'https://dynamodb.eu-central-1.amazonaws.com/'],
    ['us-gov-west-1', 'https://dynamodb.us-gov-west-1.amazonaws.com/'],
    ['cn-north-1', 'https://dynamodb.cn-north-1.amazonaws.com.cn/'],
    ['mx-central-1', 'https://dynamodb.mx-central-1.amazonaws.com/'],
  ])('leads to the public endpoint of %s', (region, endpoint) => {
    expect(plainPlace(options({ AWS_REGION: region }), 'DYNAMODB')?.endpoint.href).toBe(endpoint);
  });

  it('leads to the endpoint that was given, with the keys of the environment', () => {
    const env = { AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:4566', AWS_SESSION_TOKEN: 'session' };
    const place = plainPlace(options(env), 'KMS');
    expect(place).toMatchObject({ region: 'eu-central-1', credentials: { sessionToken: 'session' } });
    expect(place?.endpoint.host).toBe('127.0.0.1:4566');
    expect(plainPlace(options(env, { endpoint: 'http://[::1]:1' }), 'KMS')?.endpoint.host).toBe('[::1]:1');
  });

  it.each<[string, AwsOptions]>([
    ['a region of a partition that is not known', options({ AWS_REGION: 'us-iso-east-1' })],
    ['a region that stands for FIPS', options({ AWS_REGION: 'fips-us-east-1' })],
    ['the local region', options({ AWS_REGION: 'local' })],
    ['no region', options({ AWS_REGION: '' })],
    ['no keys', options({ AWS_SECRET_ACCESS_KEY: '' })],
    ['a profile', options({}, { profile: 'work' })],
    ['a role', options({}, { roleArn: 'arn:aws:iam::123456789012:role/x' })],
    ['an endpoint with a path', options({}, { endpoint: 'http://127.0.0.1/aws' })],
    ['FIPS', options({ AWS_USE_FIPS_ENDPOINT: 'true' })],
    ['dual stack', options({ AWS_USE_DUALSTACK_ENDPOINT: 'true' })],
  ])('is left to the SDK with %s', (_, given) => {
    expect(plainPlace(given, 'DYNAMODB')).toBeUndefined();
  });

  it.each([
    ['config', '[default]\nregion = x\nuse_fips_endpoint=true\n'],
    ['config', '[default]\nservices = local\n[services local]\nkms =\n  endpoint_url = http://127.0.0.1:1\n'],
    ['credentials', '[default]\r\nendpoint_url = http://127.0.0.1:1\r\n'],
  ])('is left to the SDK where the %s file says more than the plain case', (file, text) => {
    writeFileSync(join(home, file), text);
    expect(plainPlace(options(), 'KMS')).toBeUndefined();
  });

  it('is taken where the files say nothing of it', () => {
    writeFileSync(join(home, 'config'), '[default]\nregion = eu-west-1\noutput = json\n');
    writeFileSync(join(home, 'credentials'), '[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPL2\n');
    expect(plainPlace(options(), 'KMS')?.region).toBe('eu-central-1');
  });

  it('is left to the SDK where a file is there and cannot be read', () => {
    vi.stubEnv('AWS_CONFIG_FILE', home);
    expect(plainPlace(options(), 'KMS')).toBeUndefined();
  });

  it('refuses a region that would become another host', () => {
    expect(() => plainPlace(options({ AWS_REGION: 'eu-central-1.example/' }), 'KMS')).toThrowError(
      expect.objectContaining({ code: 'invalid_request' }),
    );
  });
});
