/** Buckets: mint's two objects, by who may write and nothing else, whatever bucket and network do. */
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type FaultyS3,
  makeBucket,
  type S3Call,
  type S3Fault,
  startFaultyS3,
} from '../../../test/fakes/faulty-s3.ts';
import { startMoto } from '../../../test/setup/moto.ts';
import { systemClock } from '../../clock.ts';
import { systemRandom } from '../../crypto/random.ts';
import { type DeliveryPlaces, noDeliveryPlaces } from '../places.ts';
import {
  failureOf,
  firstClient,
  firstUser,
  never,
  parcelOf,
  secondClient,
  secondUser,
  targetContract,
} from '../target.contract.ts';
import { type OpenTarget, targetTypeOf } from '../target.ts';
import { s3 } from './s3.ts';
import { parseS3TargetAddress } from './s3-target-address.ts';

const moto = await startMoto();
afterAll(() => moto?.close());

const surroundings = { clock: systemClock, random: systemRandom, entityId: '' };
const bucket = 'org-stups-mint-1';
const region = 'eu-central-1';
/** As whom tests look; moto believes any signature. */
const headers = {
  authorization: `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261122/${region}/s3/aws4_request, SignedHeaders=host, Signature=0`,
};

describe.skipIf(moto === undefined)('a bucket', () => {
  const given = moto ?? { endpoint: '', env: {} };
  let faulty: FaultyS3;
  let listed: DeliveryPlaces = noDeliveryPlaces;
  let env: Readonly<Record<string, string>> = {};
  beforeAll(() => makeBucket(given.endpoint, bucket, region));
  beforeEach(async () => {
    faulty = await startFaultyS3(given.endpoint);
    listed = { ...noDeliveryPlaces, s3: ['org-*@123456789012', 'free-*'] };
    env = { ...given.env, AWS_ENDPOINT_URL: faulty.endpoint, AWS_REGION: region };
  });
  afterEach(async () => {
    await faulty.close();
    for (const app of ['shop', ...Array.from({ length: 8 }, (_, at) => `app-${at}`)]) {
      for (const name of ['user.json', 'client.json', 'test-mint-write']) {
        await fetch(`${given.endpoint}/${bucket}/${app}/${name}`, { method: 'DELETE', headers });
      }
    }
  });

  const typeNow = (patience = { deadline: 25_000, attempts: 4 }) =>
    s3({ env, endpoints: [faulty.endpoint], profiles: [] }, () => listed, patience);
  const open = (address = bucket, type = typeNow()): OpenTarget =>
    type.open(type.parse(address), surroundings);
  const textOf = async (key: string) => {
    const answer = await fetch(`${given.endpoint}/${bucket}/${key}`, { headers });
    return answer.ok ? answer.text() : undefined;
  };
  const holds = async (application: string) => {
    const [user, client] = await Promise.all([
      textOf(`${application}/user.json`),
      textOf(`${application}/client.json`),
    ]);
    return { ...(user === undefined ? {} : { user }), ...(client === undefined ? {} : { client }) };
  };
  const seen = (): readonly string[] =>
    faulty.calls.map(({ action, path }) => `${action} ${path.split('?')[0]?.replace(`/${bucket}/`, '')}`);
  const fail = (status: number, code: string, headers = {}): S3Fault => ({
    kind: 'error',
    status,
    code,
    headers,
  });

  targetContract(() => {
    const type = typeNow();
    return {
      type,
      address: `s3://${bucket}?region=${region}&endpoint=${faulty.endpoint}`,
      open: () => open(`s3://${bucket}?region=${region}&endpoint=${faulty.endpoint}`, type),
      holds,
      refuse: async () => {
        faulty.fault = () => fail(403, 'AccessDenied');
      },
      hang: async () => {
        faulty.fault = () => ({ kind: 'hang' });
      },
      narrow: () => {
        listed = { ...listed, s3: ['other-*'] };
      },
      wrong: [
        'Bucket',
        's3://Org-stups-mint-1',
        's3:org-stups-mint-1',
        's3:///org-stups-mint-1',
        's3://org-stups-mint-1/prefix',
        's3://key:secret@org-stups-mint-1',
        's3://org-1..2',
        's3://org-1.-2',
        's3://127.0.0.1',
        's3://org-xyz-s3alias',
        's3://org-xyz--usw2-az1--x-s3',
        's3://org-xyz.mrap',
        's3://not-listed',
        's3://org-a?region=',
        's3://org-a?region=x',
        's3://org-a?region=eu.evil.example',
        's3://org-a?region=eu-west-1&region=eu-west-2',
        's3://org-a?bucket-owner=me',
        's3://org-a?bucket-owner=999999999999',
        's3://org-a?kms-key=a%0ab',
        's3://org-a?verify=no',
        's3://org-a?profile=admin',
        's3://org-a?role_arn=arn:aws:iam::123456789012:role/admin',
      ],
    };
  });

  it('has mint’s two objects exactly, for the bucket’s owner', async () => {
    const target = open();
    await target.probe('shop', never());
    await target.deliver(parcelOf(firstUser, firstClient), never());
    expect(seen()).toEqual([
      'PutObject shop/test-mint-write',
      'PutObject shop/user.json',
      'PutObject shop/client.json',
    ]);
    for (const { headers } of faulty.calls) {
      expect(headers).toMatchObject({
        'x-amz-acl': 'bucket-owner-full-control',
        'content-type': 'application/json',
        'x-amz-expected-bucket-owner': '123456789012',
      });
      expect(headers['x-amz-server-side-encryption']).toBeUndefined();
    }
    expect(await textOf('shop/test-mint-write')).toBe('{"status":"SUCCESS"}');
    expect(await textOf('shop/user.json')).toBe(
      '{"application_username":"stups_shop","application_password":"pa55word-one"}',
    );
    expect(await textOf('shop/client.json')).toBe('{"client_id":"id-1","client_secret":"cl1ent-one"}');
  });

  it('needs the right to put and no other, also to take away', async () => {
    faulty.fault = ({ action }) => (action === 'PutObject' ? undefined : fail(403, 'AccessDenied'));
    const target = open();
    await target.probe('shop', never());
    await target.deliver(parcelOf(firstUser, firstClient), never());
    await target.remove('shop', never());
    await target.remove('shop', never());
    expect(await holds('shop')).toEqual({ user: '{}', client: '{}' });
  });

  it('has nothing to take away from a bucket that is gone', async () => {
    const target = open('org-gone');
    await target.remove('shop', never());
    expect((await failureOf(target.probe('shop', never()))).code).toBe('invalid_request');
  });

  it('encrypts under the key that the address names, in the account that it names', async () => {
    await open(`s3://${bucket}?bucket-owner=123456789012&kms-key=alias/mint`).deliver(
      parcelOf(firstUser, undefined),
      never(),
    );
    expect(faulty.calls[0]?.headers).toMatchObject({
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'alias/mint',
      'x-amz-expected-bucket-owner': '123456789012',
    });
  });

  it('does without an ACL where the bucket has none, and asks once', async () => {
    faulty.fault = ({ headers }) =>
      headers['x-amz-acl'] === undefined ? undefined : fail(400, 'AccessControlListNotSupported');
    const type = typeNow();
    await open(bucket, type).deliver(parcelOf(firstUser, firstClient), never());
    await open(bucket, type).deliver(parcelOf(secondUser, undefined), never());
    expect(faulty.calls.map(({ headers }) => headers['x-amz-acl'] !== undefined)).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(await holds('shop')).toEqual({ user: secondUser.text, client: firstClient.text });
  });

  it('does not take an ACL that is denied for one that is not there', async () => {
    faulty.fault = ({ headers }) =>
      headers['x-amz-acl'] === undefined ? undefined : fail(403, 'AccessDenied');
    const failure = await failureOf(open().deliver(parcelOf(firstUser, firstClient), never()));
    expect(failure).toMatchObject({
      code: 'permission_denied',
      message: expect.stringContaining('s3:PutObject'),
    });
    expect(await holds('shop')).toEqual({});
  });

  const signedFor = ({ headers }: S3Call) =>
    /\/([a-z0-9-]+)\/s3\/aws4_request/.exec(String(headers.authorization))?.[1];

  it('finds out where a bucket is by its redirect, once', async () => {
    faulty.fault = (call) =>
      signedFor(call) === 'ap-south-1'
        ? undefined
        : fail(301, 'PermanentRedirect', { 'x-amz-bucket-region': 'ap-south-1' });
    const type = typeNow();
    await open(bucket, type).deliver(parcelOf(firstUser, firstClient), never());
    await open(bucket, type).probe('shop', never());
    expect(faulty.calls.map(signedFor)).toEqual([region, 'ap-south-1', 'ap-south-1', 'ap-south-1']);
    expect(await holds('shop')).toEqual({ user: firstUser.text, client: firstClient.text });
  });

  it('needs no region to begin with', async () => {
    env = { ...env, AWS_REGION: '' };
    await open().deliver(parcelOf(firstUser, undefined), never());
    expect(faulty.calls.map(signedFor)).toEqual(['us-east-1']);
  });

  it('goes nowhere else than to the region that was said', async () => {
    faulty.fault = () => fail(301, 'PermanentRedirect', { 'x-amz-bucket-region': 'ap-south-1' });
    const target = open(`s3://${bucket}?region=eu-west-1`);
    expect(await failureOf(target.deliver(parcelOf(firstUser, firstClient), never()))).toMatchObject({
      code: 'invalid_request',
    });
    expect(faulty.calls.map(signedFor)).toEqual(['eu-west-1']);
  });

  it('threat 21: takes no host for a region, and is led round no circle', async () => {
    faulty.fault = () => fail(301, 'PermanentRedirect', { 'x-amz-bucket-region': 'evil.example/x' });
    expect((await failureOf(open().probe('shop', never()))).code).toBe('invalid_request');
    expect(faulty.calls).toHaveLength(1);
    let turn = 0;
    faulty.fault = () => {
      turn += 1;
      return fail(301, 'PermanentRedirect', { 'x-amz-bucket-region': `eu-west-${turn}` });
    };
    expect((await failureOf(open().probe('shop', never()))).code).toBe('invalid_request');
    expect(turn).toBeLessThan(4);
  });

  it.each([
    ['that is not there', fail(404, 'NoSuchBucket'), 'invalid_request', /S3 has no object/],
    ['that denies', fail(403, 'AccessDenied'), 'permission_denied', /denies s3:PutObject/],
    ['that wants a pause', fail(503, 'SlowDown'), 'rate_limited', /throttles/],
    ['that has a problem of its own', fail(500, 'InternalError'), 'unavailable', /problem of its own/],
    ['that breaks off', { kind: 'drop' } as const, 'unavailable', /cannot be reached/],
    ['that says nothing', { kind: 'hang' } as const, 'unavailable', /in time|cannot be reached/],
  ])('threat 16: says in words what is wrong with one %s', async (_what, fault, code, words) => {
    faulty.fault = () => fault;
    const target = open(bucket, typeNow({ deadline: 700, attempts: 1 }));
    const failure = await failureOf(target.deliver(parcelOf(firstUser, firstClient), never()));
    expect(failure).toMatchObject({ code, message: expect.stringMatching(words) });
    expect(failure.message).not.toMatch(/AKIA|of-a-test/);
  });

  it('goes on when an answer was lost', async () => {
    let times = 0;
    faulty.fault = () => (times++ === 0 ? { kind: 'lost' } : undefined);
    await open().deliver(parcelOf(firstUser, firstClient), never());
    expect(await holds('shop')).toEqual({ user: firstUser.text, client: firstClient.text });
  });

  it('with verify looks whether what was taken is there, where it may read', async () => {
    const target = open(`s3://${bucket}?verify=yes`);
    await target.deliver(parcelOf(firstUser, firstClient), never());
    expect(await holds('shop')).toEqual({ user: firstUser.text, client: firstClient.text });
    faulty.fault = ({ action }) => (action === 'PutObject' ? { kind: 'feign' } : undefined);
    const lost = await failureOf(target.deliver(parcelOf(secondUser, secondClient), never()));
    expect(lost).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('is not what was written'),
    });
    faulty.fault = ({ action }) => (action === 'GetObject' ? fail(403, 'AccessDenied') : undefined);
    const denied = await failureOf(target.deliver(parcelOf(secondUser, secondClient), never()));
    expect(denied).toMatchObject({
      code: 'permission_denied',
      message: expect.stringContaining('s3:GetObject'),
    });
  });

  it('threat 21: has requests sent to AWS and to the addresses that are listed, and nowhere else', () => {
    const type = typeNow();
    for (const endpoint of [
      'http://169.254.169.254',
      'https://evil.example',
      `${faulty.endpoint}/x`,
      'file:///etc',
    ]) {
      const address = `s3://${bucket}?endpoint=${encodeURIComponent(endpoint)}`;
      expect(() => type.parse(address)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    }
  });
});

describe('an address', () => {
  const type = s3({ env: {}, endpoints: [], profiles: [] }, () => ({ ...noDeliveryPlaces, s3: ['*'] }));
  it.each([
    ['org-mint', 'org-mint'],
    ['s3://org-mint', 'org-mint'],
    ['s3://org-mint/', 'org-mint'],
    ['s3://org-mint?verify=yes&region=eu-west-1', 's3://org-mint?region=eu-west-1&verify=yes'],
    ['s3://org-mint?kms-key=alias%2Fk', 's3://org-mint?kms-key=alias/k'],
  ])('has one spelling: %s', (text, canonical) => {
    expect(type.parse(text)).toBe(canonical);
    expect(parseS3TargetAddress(text).text).toBe(canonical);
  });

  it('of an unknown scheme is nobody’s', () => {
    const types = new Map([[type.scheme, type]]);
    expect(targetTypeOf('org-mint', types)).toBe(type);
    for (const text of ['gs://org-mint', 'GS://x', 'file:/etc', 'Org-Mint', '', 'http://org-mint']) {
      expect(() => targetTypeOf(text, types)).toThrow(/a delivery target is a bucket of S3 or an address/);
    }
  });

  it('threat 17: in an account that the list does not have is refused', () => {
    const bounded = s3({ env: {}, endpoints: [], profiles: [] }, () => ({
      ...noDeliveryPlaces,
      s3: ['org-*@111122223333', 'org-special@444455556666'],
    }));
    expect(bounded.parse('org-mint')).toBe('org-mint');
    expect(bounded.parse('s3://org-special?bucket-owner=444455556666')).toContain('444455556666');
    expect(() => bounded.parse('s3://org-mint?bucket-owner=444455556666')).toThrow(/delivery\.s3/);
    expect(() => bounded.parse('org')).toThrow(/delivery\.s3/);
  });
});

it('an address of S3 comes to one spelling, however its options are written', () => {
  const type = s3({ env: {}, endpoints: [], profiles: [] }, () => ({ ...noDeliveryPlaces, s3: ['*'] }));
  const option = fc.constantFrom(
    'region=eu-west-1',
    'kms-key=alias/a',
    'kms-key=alias%2Fa',
    'bucket-owner=111122223333',
    'verify=yes',
  );
  fc.assert(
    fc.property(fc.uniqueArray(option, { selector: (text) => text.split('=')[0] }), (options) => {
      const written = `s3://org-mint${options.length === 0 ? '' : '?'}${options.join('&')}`;
      const parsed = type.parse(written);
      expect(type.parse(parsed)).toBe(parsed);
      const inOrder = options.toSorted().join('&');
      expect(type.parse(`s3://org-mint/${options.length === 0 ? '' : '?'}${inOrder}`)).toBe(parsed);
    }),
  );
});
