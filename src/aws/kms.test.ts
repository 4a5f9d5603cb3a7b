import { inspect } from 'node:util';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FaultyAws, startFaultyAws } from '../../test/fakes/faulty-aws.ts';
import { askMoto, makeIamUser, makeKmsKey, testRegion } from '../../test/fakes/moto-calls.ts';
import { startMoto } from '../../test/setup/moto.ts';
import { systemRandom } from '../crypto/random.ts';
import type { AwsOptions } from './aws-options.ts';
import { kmsClient } from './kms.ts';

const moto = await startMoto();
afterAll(() => moto?.close());

const key = 'alias/coffer';
const context = { purpose: 'test', store: 'one' };

describe.skipIf(moto === undefined)('KMS', () => {
  const given = moto ?? { endpoint: '', env: {}, pid: 0, close: async () => undefined };
  const options: AwsOptions = { env: { ...given.env, AWS_REGION: testRegion } };
  const kms = kmsClient(options);
  let keyId = '';
  beforeEach(async () => {
    if (keyId === '') keyId = await makeKmsKey(given, 'coffer');
  });
  afterAll(() => kms.close());

  it('opens what it wrapped, and says which key did it', async () => {
    const plaintext = systemRandom.bytes(32);
    const { ciphertext, keyArn } = await kms.encrypt({ key, plaintext, context });
    expect(keyArn).toBe(`arn:aws:kms:${testRegion}:123456789012:key/${keyId}`);
    expect(ciphertext.includes(plaintext)).toBe(false);
    const opened = await kms.decrypt({ key, ciphertext, context });
    expect(opened).toEqual({ plaintext, keyArn });
    expect(await kms.decrypt({ ciphertext, context })).toEqual(opened);
  });

  it('draws data keys of the length asked for', async () => {
    for (const bytes of [1, 32, 64, 1024]) {
      const { plaintext, ciphertext, keyArn } = await kms.generateDataKey({ key, bytes, context });
      expect(plaintext).toHaveLength(bytes);
      expect(await kms.decrypt({ ciphertext, context })).toEqual({ plaintext, keyArn });
    }
  });

  it('describes keys', async () => {
    expect(await kms.describeKey(key)).toMatchObject({
      arn: expect.stringContaining(keyId),
      state: 'Enabled',
      usage: 'ENCRYPT_DECRYPT',
      spec: 'SYMMETRIC_DEFAULT',
      multiRegion: false,
    });
  });

  it('threat 25: refuses a ciphertext under another encryption context', async () => {
    const { ciphertext } = await kms.encrypt({ key, plaintext: Buffer.from('x'), context });
    for (const other of [{}, { ...context, store: 'two' }, { purpose: 'test' }]) {
      await expect(kms.decrypt({ key, ciphertext, context: other })).rejects.toMatchObject({
        code: 'integrity',
        reason: 'bad-ciphertext',
      });
    }
  });

  it.each(['alias/nobody', 'b7a0bd2c-0000-4000-8000-000000000000'])(
    'says which key there is not, and where: %s',
    async (name) => {
      await expect(kms.encrypt({ key: name, plaintext: Buffer.from('x'), context })).rejects.toMatchObject({
        code: 'not_found',
        reason: 'not-found',
        message: `KMS has no key ${name} in ${testRegion}: check its name, the region and the account`,
      });
    },
  );

  it('knows no key of another region', async () => {
    const elsewhere = kmsClient({ ...options, region: 'us-west-2' });
    await expect(elsewhere.describeKey(key)).rejects.toMatchObject({
      reason: 'not-found',
      message: expect.stringContaining('in us-west-2'),
    });
  });

  it('says in which state a key is', async () => {
    const off = await makeKmsKey(given, 'off');
    await askMoto(given, 'TrentService.DisableKey', { KeyId: off });
    expect(await kms.describeKey('alias/off')).toMatchObject({ state: 'Disabled' });
  });
});

describe.skipIf(moto === undefined)('a user without rights', () => {
  it('is told what is denied on what', async () => {
    const strict = await startMoto({ freeCalls: 4 });
    if (strict === undefined) return;
    try {
      await makeKmsKey(strict, 'coffer');
      const keys = await makeIamUser(strict, 'visitor');
      const kms = kmsClient({ env: { ...strict.env, ...keys, AWS_REGION: testRegion } });
      await expect(kms.encrypt({ key, plaintext: Buffer.from('x'), context })).rejects.toMatchObject({
        code: 'permission_denied',
        reason: 'denied',
        message: expect.stringMatching(
          /^AWS denies kms:Encrypt on key alias\/coffer in eu-central-1: allow it/,
        ),
      });
    } finally {
      await strict.close();
    }
  });
});

/** A setting that is the SDK's to read, to its usual effect: so both ways are asked the same. */
const ways = [
  ['plainly', {}],
  ['by the SDK', { AWS_USE_FIPS_ENDPOINT: 'false' }],
] as const;

describe.each(ways)('KMS that fails, asked %s', (_, way) => {
  let faulty: FaultyAws;
  const secret = 'c2VjcmV0IG9mIHRoaXMgdGVzdA==';
  const env = {
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'secret-access-key-of-this-test',
    AWS_REGION: testRegion,
    ...way,
  };
  const options = (): AwsOptions => ({ env, endpoint: faulty.endpoint, attempts: 2 });
  beforeEach(async () => {
    faulty = await startFaultyAws();
  });
  afterEach(() => faulty.close());

  it.each([
    ['ThrottlingException', 400, 'throttled', 'rate_limited'],
    ['LimitExceededException', 400, 'throttled', 'rate_limited'],
    ['KMSInternalException', 500, 'aws-fault', 'unavailable'],
    ['DependencyTimeoutException', 503, 'aws-fault', 'unavailable'],
    ['KMSInvalidStateException', 400, 'wrong-state', 'unavailable'],
    ['IncorrectKeyException', 400, 'wrong-key', 'wrong_key'],
    ['ExpiredTokenException', 400, 'bad-credentials', 'permission_denied'],
    ['UnrecognizedClientException', 400, 'bad-credentials', 'permission_denied'],
    ['SomethingNew', 400, 'invalid', 'invalid_request'],
    ['a name\nwith\u001b[31m tricks', 418, 'unknown', 'unavailable'],
  ])('with %s (%i) is %s', async (type, status, reason, code) => {
    faulty.fault = () => ({ kind: 'error', status, type, message: `about ${secret}` });
    const error = await kmsClient(options())
      .describeKey(key)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, reason });
    expect(String(error)).toMatch(/^[ -~]+$/);
  });

  it('denies, and says to whom', async () => {
    faulty.fault = () => ({
      kind: 'error',
      status: 400,
      type: 'AccessDeniedException',
      message:
        'User: arn:aws:sts::123456789012:assumed-role/web/i-1 is not authorized to perform: kms:DescribeKey on resource: arn:aws:kms:x',
    });
    await expect(kmsClient(options()).describeKey(key)).rejects.toMatchObject({
      code: 'permission_denied',
      message:
        'AWS denies kms:DescribeKey on key alias/coffer in eu-central-1 to arn:aws:sts::123456789012:assumed-role/web/i-1: ' +
        'allow it in its IAM policy, and in the policy of the resource where that has one',
    });
  });

  it('tells a key that is switched off', async () => {
    faulty.fault = () => ({ kind: 'error', status: 400, type: 'DisabledException' });
    await expect(kmsClient(options()).describeKey(key)).rejects.toMatchObject({
      code: 'unavailable',
      reason: 'disabled',
      message: expect.stringContaining('key alias/coffer in eu-central-1 is disabled'),
    });
  });

  it('with an old signature is a wrong clock', async () => {
    faulty.fault = () => ({
      kind: 'error',
      status: 400,
      type: 'InvalidSignatureException',
      message: 'Signature expired: 20200101T000000Z is now earlier than 20261122T000000Z',
    });
    await expect(kmsClient(options()).describeKey(key)).rejects.toMatchObject({
      reason: 'clock',
      message: expect.stringContaining('clock'),
    });
  });

  it('is asked again, and not for ever', async () => {
    let left = 1;
    faulty.fault = () =>
      left-- > 0
        ? { kind: 'drop' }
        : { kind: 'answer', body: JSON.stringify({ KeyId: 'arn', CiphertextBlob: 'AAAA' }) };
    const kms = kmsClient(options());
    const request = { key, plaintext: Buffer.from('x'), context };
    expect((await kms.encrypt(request)).ciphertext).toEqual(Buffer.from('AAAA', 'base64'));
    expect(faulty.calls).toEqual(['Encrypt', 'Encrypt']);
    left = 9;
    await expect(kms.encrypt(request)).rejects.toMatchObject({ reason: 'network' });
    expect(faulty.calls).toHaveLength(4);
  });

  it('does not hold a caller longer than the deadline', async () => {
    faulty.fault = () => ({ kind: 'hang' });
    const kms = kmsClient({ ...options(), deadline: 200 });
    await expect(kms.describeKey(key)).rejects.toMatchObject({
      reason: 'timeout',
      message: `KMS at ${faulty.endpoint} did not answer kms:DescribeKey in time`,
    });
    const stop = new AbortController();
    const stopped = kmsClient({ ...options(), signal: stop.signal }).describeKey(key);
    stop.abort();
    await expect(stopped).rejects.toMatchObject({ reason: 'timeout' });
  });

  it('where nobody listens is said with the address', async () => {
    const gone = options();
    const { endpoint } = gone;
    await faulty.close();
    await expect(kmsClient(gone).describeKey(key)).rejects.toMatchObject({
      reason: 'network',
      message: `KMS at ${endpoint} cannot be reached (ECONNREFUSED): check network, proxy, DNS and certificates`,
    });
    faulty = await startFaultyAws();
  });

  it('threat 16: shows nothing of an answer that it could not read', async () => {
    const answers = [
      `{"Plaintext":"${secret}"`,
      `{"Plaintext":"${secret}","KeyId":7}`,
      `{"Plaintext":"${secret}"}`,
    ];
    for (const body of answers) {
      faulty.fault = () => ({ kind: 'answer', body });
      const error = await kmsClient(options())
        .decrypt({ ciphertext: Buffer.alloc(8), context })
        .then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
      const shown = inspect(error, { depth: 9, showHidden: true });
      expect(shown).not.toContain(secret);
      expect(shown).not.toContain(env.AWS_SECRET_ACCESS_KEY);
    }
  });
});
