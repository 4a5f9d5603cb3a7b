/** Backups in S3: there whole or not at all, whatever the network does; nobody else's object touched. */
import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FaultyS3, makeBucket, type S3Fault, startFaultyS3 } from '../../../test/fakes/faulty-s3.ts';
import { startMoto } from '../../../test/setup/moto.ts';
import { s3Client } from '../../aws/s3.ts';
import type { BackupFacts } from '../backup-place.ts';
import { asFolder, parseS3Address } from './s3-address.ts';
import { S3Place } from './s3-place.ts';

const moto = await startMoto();
afterAll(() => moto?.close());

const bucket = 'backups-of-tests';
const storeId = '6b1d5a52-6f0c-4f5e-9f0a-0c1f6f1f7a11';
const mebibyte = 1024 * 1024;
const noon = Date.UTC(2026, 10, 22, 12);
/** Moto says of every upload that it was begun at 20:48 of that day. */
const motoDay = Date.UTC(2010, 10, 10, 21);

const facts = (more: Partial<BackupFacts> = {}): BackupFacts => ({
  id: randomUUID(),
  storeId,
  createdAt: noon,
  origin: 'schedule',
  ...more,
});

describe.skipIf(moto === undefined)('a place in S3', () => {
  const given = moto ?? { endpoint: '', env: {}, pid: 0, close: async () => undefined };
  const env = { ...given.env, AWS_ENDPOINT_URL: '' };
  let s3: FaultyS3;
  let prefix = '';
  let count = 0;
  let now = motoDay;
  const places: S3Place[] = [];
  beforeEach(async () => {
    if (count++ === 0) await makeBucket(given.endpoint, bucket);
    s3 = await startFaultyS3(given.endpoint);
    prefix = `run-${count}`;
    now = motoDay;
  });
  afterEach(async () => {
    for (const place of places.splice(0)) place.close();
    await s3.close();
  });

  function open(
    query = '',
    options: { readonly answering?: number; readonly deadline?: number } = {},
  ): S3Place {
    const address = `s3://${bucket}/${prefix}?region=eu-central-1&endpoint=${s3.endpoint}${query}`;
    const timing = { pause: () => Promise.resolve(), jitter: () => 0 };
    const place = new S3Place({
      address: asFolder(parseS3Address(address)),
      env,
      now: () => now,
      timing,
      ...options,
    });
    places.push(place);
    return place;
  }

  /** In pieces as a backup comes. */
  async function upload(place: S3Place, bytes: Buffer, about = facts()): Promise<string> {
    const backup = await place.begin(about);
    try {
      for (let at = 0; at < bytes.length; at += 256 * 1024)
        await backup.write(bytes.subarray(at, at + 256 * 1024));
      await backup.finish();
    } catch (error) {
      await backup.discard();
      throw error;
    }
    expect(backup.bytes).toBe(bytes.length);
    return backup.path.slice(place.name.length);
  }

  async function read(place: S3Place, name: string): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of place.read(name)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  const objects = async () => {
    const client = s3Client({ env: given.env, region: 'eu-central-1' }, { bucket });
    const found: string[] = [];
    for await (const { key } of client.list(`${prefix}/`)) found.push(key.slice(prefix.length + 1));
    const uploads = await client.uploads(`${prefix}/`);
    client.close();
    return { found, uploads: uploads.length };
  };

  const once = (action: string, fault: S3Fault): FaultyS3['fault'] => {
    let times = 0;
    return (call) => (call.action === action && times++ === 0 ? fault : undefined);
  };

  it('takes a small backup in one request, and gives it back', async () => {
    const place = open();
    const bytes = randomBytes(100_000);
    const name = await upload(place, bytes);
    expect(name).toBe(`coffer-${storeId}-20261122T120000000Z-schedule.backup`);
    expect(s3.calls.map(({ action }) => action)).toEqual(['PutObject']);
    expect((await read(place, name)).equals(bytes)).toBe(true);
    expect(await place.list()).toMatchObject([{ name, storeId, createdAt: noon }]);
  });

  it('takes a large one in parts of which one is in memory, and reads it in ranges', async () => {
    const place = open();
    const bytes = randomBytes(19 * mebibyte);
    const name = await upload(place, bytes);
    const parts = s3.calls.filter(({ action }) => action === 'UploadPart').map(({ body }) => body.length);
    expect(parts).toEqual([8 * mebibyte, 8 * mebibyte, 3 * mebibyte]);
    expect((await read(place, name)).equals(bytes)).toBe(true);
    expect(await objects()).toEqual({ found: [name], uploads: 0 });
  });

  it('asks for the encryption and the owner that the address names, on every call', async () => {
    const place = open('&kms-key=alias/backups&bucket-owner=123456789012');
    await upload(place, Buffer.from('x'));
    await place.list();
    expect(s3.calls[0]?.headers).toMatchObject({
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'alias/backups',
    });
    expect(s3.calls.map(({ headers }) => headers['x-amz-expected-bucket-owner'])).toEqual([
      '123456789012',
      '123456789012',
    ]);
  });

  it('never writes over anything', async () => {
    const place = open();
    const name = await upload(place, Buffer.from('first'));
    await expect(upload(place, Buffer.from('second'))).rejects.toMatchObject({ code: 'conflict' });
    expect((await read(place, name)).toString()).toBe('first');
  });

  it.each([
    ['throttled', 'UploadPart', { kind: 'error', status: 503, code: 'SlowDown' }],
    ['answered with a fault', 'CreateMultipartUpload', { kind: 'error', status: 500, code: 'InternalError' }],
    ['cut off', 'UploadPart', { kind: 'drop' }],
    ['done, and its answer lost', 'UploadPart', { kind: 'lost' }],
    ['done at the end, and that answer lost', 'CompleteMultipartUpload', { kind: 'lost' }],
  ] as const)('goes on when a request is %s', async (_what, action, fault) => {
    s3.fault = once(action, fault);
    const place = open();
    const bytes = randomBytes(9 * mebibyte);
    const name = await upload(place, bytes);
    expect((await read(place, name)).equals(bytes)).toBe(true);
    expect(await objects()).toEqual({ found: [name], uploads: 0 });
  });

  it('knows a small one as its own that was stored before the answer was lost', async () => {
    s3.fault = once('PutObject', { kind: 'lost' });
    const place = open();
    const name = await upload(place, Buffer.from('once'));
    expect((await read(place, name)).toString()).toBe('once');
  });

  it('goes on where an answer breaks off in the middle', async () => {
    const place = open();
    const bytes = randomBytes(200_000);
    const name = await upload(place, bytes);
    s3.fault = once('GetObject', { kind: 'cut' });
    expect((await read(place, name)).equals(bytes)).toBe(true);
  });

  it.each([
    [
      'denied',
      { kind: 'error', status: 403, code: 'AccessDenied' },
      'permission_denied',
      /denies s3:PutObject on object/,
    ],
    [
      'without a bucket',
      { kind: 'error', status: 404, code: 'NoSuchBucket' },
      'not_found',
      /S3 has no object|bucket/,
    ],
    ['throttled all the time', { kind: 'error', status: 503, code: 'SlowDown' }, 'rate_limited', /throttles/],
    ['never answered', { kind: 'hang' }, 'unavailable', /did not answer|cannot be reached/],
  ] as const)(
    'tells in one line that it is %s, and leaves nothing behind',
    async (_what, fault, code, words) => {
      // Pauses between retries are drawn, so the whole may take some seconds.
      const place = open('', { answering: 200, deadline: 20_000 });
      s3.fault = ({ action }) => (action === 'UploadPart' ? fault : undefined);
      const error = await upload(place, randomBytes(9 * mebibyte)).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code, message: expect.stringMatching(words) });
      expect(String(error)).not.toContain('\n');
      expect(await objects()).toEqual({ found: [], uploads: 0 });
    },
  );

  it('aborts what a killed process was sending by schedule, and leaves what somebody else sends', async () => {
    const killed = await open().begin(facts({ createdAt: noon - 1_000 }));
    await killed.write(randomBytes(9 * mebibyte));
    const byHand = await open().begin(facts({ origin: 'offline', createdAt: noon - 2_000 }));
    await byHand.write(randomBytes(9 * mebibyte));
    const others = await open().begin(facts({ storeId: randomUUID() }));
    await others.write(randomBytes(9 * mebibyte));
    expect(await objects()).toEqual({ found: [], uploads: 3 });
    await open().prepare(storeId);
    expect(await objects()).toEqual({ found: [], uploads: 2 });
    await others.finish();
    now = motoDay + 25 * 3_600_000;
    await open().prepare(storeId);
    expect((await objects()).uploads).toBe(0);
    await byHand.discard();
  });

  it('may remove what a schedule of the store made, and nothing else', async () => {
    const place = open();
    const own = await upload(place, Buffer.from('a'), facts({ createdAt: noon - 5_000 }));
    await upload(place, Buffer.from('b'), facts({ origin: 'request', createdAt: noon - 4_000 }));
    await upload(place, Buffer.from('c'), facts({ storeId: randomUUID() }));
    const client = s3Client({ env: given.env, region: 'eu-central-1' }, { bucket });
    for (const name of [
      `coffer-${storeId}-notes.txt`,
      `coffer-${storeId}-20260230T990000000Z-schedule.backup`,
    ]) {
      await client.put(`${prefix}/${name}`, Buffer.from('x'), {});
    }
    client.close();
    expect((await place.removable(storeId)).map(({ name }) => name)).toEqual([own]);
    expect(await place.list()).toHaveLength(3);
    await place.remove(own);
    expect(await place.removable(storeId)).toEqual([]);
    expect((await objects()).found).toHaveLength(4);
  });

  it('threat 16: tells no key of whoever asks', async () => {
    s3.fault = () => ({ kind: 'error', status: 403, code: 'InvalidAccessKeyId' });
    const error = await upload(open(), Buffer.from('x')).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'permission_denied' });
    expect(JSON.stringify(error) + String(error)).not.toMatch(/AKIA|of-a-test/);
  });
});

describe('an address in S3', () => {
  it('says bucket, prefix and account', () => {
    expect(
      parseS3Address('s3://my-bucket/a/b/?region=eu-west-1&kms-key=alias/k&bucket-owner=123456789012'),
    ).toEqual({
      bucket: 'my-bucket',
      path: 'a/b/',
      account: {
        region: 'eu-west-1',
        profile: undefined,
        endpoint: undefined,
        roleArn: undefined,
        externalId: undefined,
      },
      kmsKey: 'alias/k',
      owner: '123456789012',
    });
    expect(asFolder(parseS3Address('s3://my-bucket')).path).toBe('');
    expect(asFolder(parseS3Address('s3://my-bucket/a')).path).toBe('a/');
  });

  it.each([
    's3:bucket',
    's3:///prefix',
    's3://Bucket/x',
    's3://b',
    's3://bucket/a//b',
    's3://bucket/../x',
    's3://bucket/./x',
    's3://bucket/a b',
    's3://bucket/ä',
    's3://bucket/a?colour=red',
    's3://bucket/a?region=',
    's3://bucket/a?region=eu&region=us',
    's3://bucket/a?kms-key=',
    's3://bucket/a?kms-key=%0a',
    's3://bucket/a?bucket-owner=me',
    's3://user:pass@bucket/a',
    `s3://bucket/${'x'.repeat(5_000)}`,
  ])('is refused with what would be right: %s', (text) => {
    expect(() => parseS3Address(text)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});
