import { expect, it } from 'vitest';
import { FakeSts } from '../../test/fakes/fake-sts.ts';
import { signIdentityRequest } from './signed-identity.ts';

const env = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'secret-of-a-test',
  AWS_SESSION_TOKEN: 'session-of-a-test',
};

it('signs a request for its own identity, with what has to be in it and nothing more, and sends nothing', async () => {
  const fake = await new FakeSts().open();
  const own = { ...env, AWS_ENDPOINT_URL_STS: fake.endpoint };
  const request = await signIdentityRequest(
    { env: own, region: 'eu-central-1' },
    { 'X-Vault-AWS-IAM-Server-ID': 'coffer.example.com' },
  );
  expect(request).toMatchObject({
    method: 'POST',
    url: `${fake.endpoint}/`,
    body: 'Action=GetCallerIdentity&Version=2011-06-15',
  });
  const names = Object.keys(request.headers).map((name) => name.toLowerCase());
  expect(names.filter((name) => name.startsWith('amz-sdk') || name === 'x-amz-user-agent')).toEqual([]);
  const headers = Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]);
  const { authorization } = Object.fromEntries(headers) as Record<string, string>;
  expect(authorization).toMatch(/AKIAIOSFODNN7EXAMPLE\/\d{8}\/eu-central-1\/sts\/aws4_request/);
  expect(authorization).toMatch(/SignedHeaders=[^,]*x-vault-aws-iam-server-id/);
  expect(JSON.stringify(request)).not.toContain('secret-of-a-test');
  expect(fake.seen).toEqual([]);
  await fake.close();
});

it('is for the STS of its region', async () => {
  const { url } = await signIdentityRequest({ env, region: 'eu-central-1' }, {});
  expect(url).toBe('https://sts.eu-central-1.amazonaws.com/');
});
