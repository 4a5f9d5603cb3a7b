import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FaultyAws, startFaultyAws } from '../../../test/fakes/faulty-aws.ts';
import { makeKmsKey, testRegion } from '../../../test/fakes/moto-calls.ts';
import { startMoto } from '../../../test/setup/moto.ts';
import { kmsClient } from '../../aws/kms.ts';
import { encodeContext } from '../../crypto/context.ts';
import { sha256 } from '../../crypto/digest.ts';
import { randomUuid, systemRandom } from '../../crypto/random.ts';
import type { JsonObject } from '../../json.ts';
import { sealContract } from '../seal.contract.ts';
import { unwrapByAny } from '../unwrap-by-any.ts';
import { AwsKmsSeal } from './awskms-seal.ts';
import { mayMean, parseKeyArn, parseKmsAddress } from './kms-address.ts';
import { awskmsByHand } from './manual.ts';
import { awskmsSlots } from './slot-maker.ts';

const moto = await startMoto();
afterAll(() => moto?.close());

const place = { storeId: randomUuid(systemRandom), slotId: randomUuid(systemRandom) };
const rootKey = systemRandom.bytes(32);
const arn = `arn:aws:kms:${testRegion}:123456789012:key/b7a0bd2c-1111-4000-8000-000000000001`;

describe('an address of a KMS key', () => {
  it.each([
    ['awskms:alias/coffer?region=eu-central-1', 'alias/coffer', 'eu-central-1'],
    ['awskms:alias/a/b_c-1', 'alias/a/b_c-1', undefined],
    ['awskms:b7a0bd2c-1111-4000-8000-000000000001', 'b7a0bd2c-1111-4000-8000-000000000001', undefined],
    ['awskms:mrk-0123456789abcdef0123456789abcdef', 'mrk-0123456789abcdef0123456789abcdef', undefined],
    [`awskms:${arn}`, arn, testRegion],
    [`awskms:${arn}?region=${testRegion}`, arn, testRegion],
    [
      'awskms:arn:aws-cn:kms:cn-north-1:123456789012:alias/x',
      'arn:aws-cn:kms:cn-north-1:123456789012:alias/x',
      'cn-north-1',
    ],
  ])('is read: %s', (text, key, region) => {
    expect(parseKmsAddress(text)).toMatchObject({ key, account: { region } });
  });

  it.each([
    '',
    'awskms:',
    'awskms',
    'kms:alias/x',
    'awskms:coffer',
    'awskms:alias/',
    'awskms:alias/ä',
    'awskms:alias/x\n',
    `awskms:alias/${'x'.repeat(5_000)}`,
    'awskms:alias/x?regio=eu-central-1',
    'awskms:alias/x?region=nowhere.example',
    `awskms:${arn}?region=us-east-1`,
    'awskms:alias/x?region=eu-central-1&access_key=AKIA',
  ])('is refused: %j', (text) => {
    expect(() => parseKmsAddress(text)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('means its own key, and an alias may mean any', () => {
    const key = parseKeyArn(arn);
    if (key === undefined) throw new Error('no ARN');
    expect(mayMean(arn, key)).toBe(true);
    expect(mayMean(key.keyId, key)).toBe(true);
    expect(mayMean('alias/x', key)).toBe(true);
    expect(mayMean(arn.replace(/1$/, '2'), key)).toBe(false);
    expect(mayMean(arn.replace(testRegion, 'us-east-1'), key)).toBe(false);
    const several = { region: 'eu-central-1', accountId: '123456789012', keyId: `mrk-${'0'.repeat(32)}` };
    const elsewhere = `arn:aws:kms:us-east-1:123456789012:key/${several.keyId}`;
    expect(mayMean(elsewhere, several)).toBe(true);
    expect(mayMean(elsewhere.replace('123456789012', '999999999999'), several)).toBe(false);
  });
});

describe.skipIf(moto === undefined)('with KMS', () => {
  const given = moto ?? { endpoint: '', env: {}, pid: 0, close: async () => undefined };
  let keyArn = '';
  let otherArn = '';
  beforeAll(async () => {
    const account = `arn:aws:kms:${testRegion}:123456789012:key/`;
    keyArn = account + (await makeKmsKey(given, 'coffer'));
    otherArn = account + (await makeKmsKey(given, 'other'));
  });
  const sealOf = (key: string, region = testRegion, env = given.env) =>
    new AwsKmsSeal(parseKmsAddress(`awskms:${key}?region=${region}`), { env, random: systemRandom });

  sealContract('awskms', async () => ({ seal: sealOf('alias/coffer'), stranger: sealOf(otherArn) }));

  it('keeps which key it was, also behind an alias', async () => {
    const body = await sealOf('alias/coffer').wrap(rootKey, place);
    expect(body['key']).toBe(keyArn);
    expect(await sealOf(keyArn).unwrap(body, place)).toEqual(rootKey);
    expect(JSON.stringify(body)).not.toContain('alias/');
  });

  it('threat 25: gives KMS neither the root key nor a slot without its place', async () => {
    const faulty = await startFaultyAws(given.endpoint);
    const asked: unknown[] = [];
    faulty.fault = (action, body) => void asked.push({ action, ...body });
    try {
      const seal = sealOf('alias/coffer', testRegion, { ...given.env, AWS_ENDPOINT_URL: faulty.endpoint });
      const body = await seal.wrap(rootKey, place);
      await seal.unwrap(body, place);
      const EncryptionContext = { 'coffer-store': place.storeId, 'coffer-slot': place.slotId };
      expect(asked).toMatchObject([
        { action: 'Encrypt', KeyId: 'alias/coffer', EncryptionContext },
        { action: 'Decrypt', KeyId: 'alias/coffer', EncryptionContext },
      ]);
      for (const encoding of ['base64', 'hex'] as const) {
        expect(JSON.stringify(asked)).not.toContain(rootKey.toString(encoding));
      }
    } finally {
      await faulty.close();
    }
  });

  it('says which region it is, when asked in another one', async () => {
    const body = await sealOf('alias/coffer').wrap(rootKey, place);
    await expect(sealOf('alias/coffer', 'us-west-2').unwrap(body, place)).rejects.toMatchObject({
      code: 'unavailable',
      message: `this slot's KMS key is in ${testRegion}, and KMS was asked in us-west-2, where there is no alias/coffer: say region=${testRegion}`,
    });
  });

  it('opens by hand with what KMS unwraps, and with nothing else', async () => {
    const seal = sealOf('alias/coffer');
    const body = await seal.wrap(rootKey, place);
    const kek = (await seal.unwrapKek(body, place)).toString('base64');
    expect(await awskmsByHand.collect(body, place).add(kek)).toEqual({ kind: 'opened', rootKey });
    const add = (text: string) => awskmsByHand.collect(body, place).add(text);
    await expect(add(systemRandom.bytes(32).toString('hex'))).rejects.toMatchObject({ code: 'wrong_key' });
    await expect(add(systemRandom.bytes(33).toString('hex'))).rejects.toMatchObject({
      code: 'invalid_request',
    });
    await expect(add('a passphrase of some words')).rejects.toMatchObject({ code: 'invalid_request' });
  });

  describe('making slots', () => {
    const context = { place, random: systemRandom, dataPlace: '/nowhere' };
    const request = { passphrase: undefined, shares: undefined, threshold: undefined };

    it('takes the one key that the settings name, or the one that is chosen', async () => {
      const one = awskmsSlots([sealOf('alias/coffer')]);
      expect((await one.make(rootKey, request, context)).body['key']).toBe(keyArn);
      const two = awskmsSlots([sealOf('alias/coffer'), sealOf('alias/other')]);
      const chosen = await two.make(rootKey, { ...request, kmsKey: 'alias/other' }, context);
      expect(chosen.body['key']).toBe(otherArn);
      await expect(two.make(rootKey, request, context)).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining('alias/coffer, alias/other'),
      });
    });

    it('threat 21: asks no KMS key that only a request names', async () => {
      const maker = awskmsSlots([sealOf('alias/coffer')]);
      for (const kmsKey of ['alias/other', '', 'awskms:alias/coffer?endpoint=http://169.254.169.254']) {
        await expect(maker.make(rootKey, { ...request, kmsKey }, context)).rejects.toMatchObject({
          code: 'invalid_request',
        });
      }
    });

    it('says what to do where the settings name none, and takes nothing else', async () => {
      await expect(awskmsSlots([]).make(rootKey, request, context)).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining('--seal awskms:alias/NAME'),
      });
      const maker = awskmsSlots([sealOf('alias/coffer')]);
      await expect(maker.make(rootKey, { ...request, shares: 3 }, context)).rejects.toMatchObject({
        code: 'invalid_request',
      });
    });

    it('makes none that could not be opened again', async () => {
      const faulty = await startFaultyAws(given.endpoint);
      faulty.fault = (action) =>
        action === 'Decrypt' ? { kind: 'error', status: 400, type: 'AccessDeniedException' } : undefined;
      try {
        const env = { ...given.env, AWS_ENDPOINT_URL: faulty.endpoint };
        const maker = awskmsSlots([sealOf('alias/coffer', testRegion, env)]);
        await expect(maker.make(rootKey, request, context)).rejects.toMatchObject({
          code: 'unavailable',
          message: expect.stringMatching(/^AWS denies kms:Decrypt on key alias\/coffer/),
        });
      } finally {
        await faulty.close();
      }
    });
  });

  describe('that fails', () => {
    let faulty: FaultyAws;
    const env = () => ({ ...given.env, AWS_ENDPOINT_URL: faulty.endpoint });
    beforeEach(async () => {
      faulty = await startFaultyAws(given.endpoint);
    });
    afterEach(() => faulty.close());

    it.each([
      ['DisabledException', 'unavailable', /key alias\/coffer in eu-central-1 is disabled/],
      ['KMSInvalidStateException', 'unavailable', /present state/],
      ['AccessDeniedException', 'unavailable', /^AWS denies kms:Decrypt on key alias\/coffer/],
      ['NotFoundException', 'unavailable', /^KMS has no key alias\/coffer in eu-central-1/],
      ['ThrottlingException', 'unavailable', /throttles/],
      ['IncorrectKeyException', 'wrong_key', /names another one, alias\/coffer: name that key$/],
      ['InvalidCiphertextException', 'integrity', /damaged/],
    ])('%s has a message of its own', async (type, code, message) => {
      const body = await sealOf('alias/coffer').wrap(rootKey, place);
      faulty.fault = () => ({ kind: 'error', status: 400, type });
      const seal = sealOf('alias/coffer', testRegion, env());
      await expect(seal.unwrap(body, place)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
      await expect(unwrapByAny([seal, sealOf('alias/coffer')], body, place)).resolves.toEqual(rootKey);
    });

    it('is left alone once the seal is closed', async () => {
      const body = await sealOf('alias/coffer').wrap(rootKey, place);
      const seal = sealOf('alias/coffer', testRegion, env());
      faulty.fault = () => {
        seal.close();
        return { kind: 'hang' };
      };
      await expect(seal.unwrap(body, place)).rejects.toMatchObject({ code: 'unavailable' });
      await expect(seal.unwrap(body, place)).rejects.toMatchObject({ code: 'unavailable' });
      expect(faulty.calls).toEqual(['Decrypt']);
    });
  });

  it('threat 25: is not believed by somebody who knows the format', async () => {
    const kms = kmsClient({ env: given.env, region: testRegion });
    const context = { 'coffer-store': place.storeId, 'coffer-slot': place.slotId };
    const body = await sealOf(keyArn).wrap(rootKey, place);
    expect(withSum(body)).toEqual(body);
    for (const bytes of [0, 1, 31, 32, 33]) {
      const own = await kms.encrypt({ key: keyArn, plaintext: Buffer.alloc(bytes || 64, 7), context });
      const forged = withSum({ ...body, ciphertext: own.ciphertext.toString('base64') });
      await expect(sealOf(keyArn).unwrap(forged, place)).rejects.toMatchObject({
        code: bytes === 32 ? 'wrong_key' : 'integrity',
      });
    }
    await expect(
      sealOf('alias/coffer').unwrap(withSum({ ...body, key: otherArn }), place),
    ).rejects.toMatchObject({ code: 'integrity' });
    kms.close();
  });
});

/** A body as somebody would forge it. */
function withSum(body: JsonObject): JsonObject {
  const texts = [body['key'], body['ciphertext'], body['wrapped'], body['check']].map(String);
  const sum = sha256(encodeContext('coffer awskms', [1, ...texts])).subarray(0, 16);
  return { ...body, sum: sum.toString('base64') };
}
