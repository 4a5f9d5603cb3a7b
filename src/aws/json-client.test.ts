import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FaultyAws, startFaultyAws } from '../../test/fakes/faulty-aws.ts';
import { awsError } from './aws-error.ts';
import { decodeBytes, encodeBytes } from './base64.ts';
import { decodeItems } from './dynamo-answer.ts';
import { JsonClient } from './json-client.ts';

const secret = 'secret-access-key-of-this-test';
const subject = {
  service: 'KMS',
  action: 'kms:Decrypt',
  resource: 'key k',
  region: 'eu-central-1',
  endpoint: undefined,
};
const credentials = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: secret,
  sessionToken: 'session-of-this-test',
};
const never = new AbortController().signal;

let aws: FaultyAws;
const opened: JsonClient[] = [];
beforeEach(async () => {
  aws = await startFaultyAws();
});
afterEach(async () => {
  for (const client of opened.splice(0)) client.close();
  await aws.close();
});

function client({ attempts = 4, most = 1_000, now = Date.now, jitter = (): number => 0 } = {}): JsonClient {
  const place = { region: 'eu-central-1', endpoint: new URL(aws.endpoint), credentials };
  const bounds = { connecting: 3_000, answering: 5_000, most };
  const words = { signingName: 'kms', target: 'TrentService', protocol: '1.1', bounds, attempts } as const;
  const made = new JsonClient(place, words, { now, jitter });
  opened.push(made);
  return made;
}

const failed = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (thrown: unknown) => awsError(thrown, subject),
  );

describe('a call of the JSON protocol', () => {
  it('is a signed POST that names its operation', async () => {
    const seen: (string | string[] | undefined)[] = [];
    aws.seen = (headers, body) => {
      const { host, authorization } = headers;
      seen.push(
        host,
        headers['content-type'],
        headers['x-amz-target'],
        headers['x-amz-security-token'],
        body,
      );
      expect(authorization).toMatch(
        /^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE\/20261122\/eu-central-1\/kms\/aws4_request, SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*x-amz-date[a-z0-9;-]*, Signature=[0-9a-f]{64}$/,
      );
      return '{"KeyId":"k"}';
    };
    const now = () => Date.UTC(2026, 10, 22);
    expect(await client({ now }).call('Decrypt', { KeyId: 'ü', none: undefined }, never)).toEqual({
      KeyId: 'k',
    });
    expect(seen).toEqual([
      new URL(aws.endpoint).host,
      'application/x-amz-json-1.1',
      'TrentService.Decrypt',
      'session-of-this-test',
      '{"KeyId":"ü"}',
    ]);
  });

  it.each([
    ['ThrottlingException', 400, 4],
    ['com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException', 400, 4],
    ['SomethingNew', 429, 4],
    ['InternalServerError', 500, 4],
    ['ServiceUnavailable', 503, 4],
    ['AccessDeniedException', 400, 1],
    ['ValidationException', 400, 1],
    ['ConditionalCheckFailedException', 400, 1],
    ['NotImplemented', 501, 1],
  ])('that is answered %s (%i) is tried %i times', async (type, status, times) => {
    aws.fault = () => ({ kind: 'error', status, type });
    await failed(client().call('Decrypt', {}, never));
    expect(aws.calls).toHaveLength(times);
  });

  it('pauses by chance before each attempt but the first', async () => {
    const waited: number[] = [];
    const jitter = () => {
      waited.push(aws.calls.length);
      return 0;
    };
    aws.fault = () => ({ kind: 'drop' });
    expect(await failed(client({ jitter }).call('Decrypt', {}, never))).toMatchObject({ reason: 'network' });
    expect(waited).toEqual([1, 2, 3]);
  });

  it('is tried less often by a client that only fails, and again once it succeeds', async () => {
    const one = client({ attempts: 2 });
    aws.fault = () => ({ kind: 'error', status: 500, type: 'InternalServerError' });
    for (let call = 0; call < 40; call++) await failed(one.call('Decrypt', {}, never));
    // 500 for retries at 14 each.
    expect(aws.calls).toHaveLength(40 + 35);
    aws.fault = () => ({ kind: 'answer', body: '{}' });
    for (let call = 0; call < 14; call++) await one.call('Decrypt', {}, never);
    aws.calls.length = 0;
    aws.fault = () => ({ kind: 'error', status: 500, type: 'InternalServerError' });
    await failed(one.call('Decrypt', {}, never));
    expect(aws.calls).toHaveLength(2);
  });

  it('takes the reason from the header too', async () => {
    const headers = { 'x-amzn-errortype': 'DisabledException:http://internal.example/' };
    aws.fault = () => ({ kind: 'error', status: 400, type: 'Other', headers });
    expect(await failed(client().call('Decrypt', {}, never))).toMatchObject({ reason: 'disabled' });
  });

  it('is signed with the time of AWS where that is another', async () => {
    const theirs = Date.UTC(2026, 10, 22, 12);
    const dates: (string | undefined)[] = [];
    aws.seen = (headers) => {
      dates.push(String(headers['x-amz-date']));
      return undefined;
    };
    const headers = { date: new Date(theirs).toUTCString() };
    aws.fault = () =>
      dates.length === 1
        ? {
            kind: 'error',
            status: 400,
            type: 'InvalidSignatureException',
            message: 'Signature not yet current',
            headers,
          }
        : { kind: 'answer', body: '{}', headers };
    const one = client({ now: () => theirs + 86_400_000 });
    await one.call('Decrypt', {}, never);
    await one.call('Decrypt', {}, never);
    expect(dates).toEqual(['20261123T120000Z', '20261122T120000Z', '20261122T120000Z']);
  });

  it('is given up where an answer is longer than any can be', async () => {
    aws.fault = () => ({ kind: 'answer', body: JSON.stringify({ Plaintext: 'x'.repeat(2_000) }) });
    expect(await failed(client().call('Decrypt', {}, never))).toMatchObject({ code: 'unavailable' });
    expect(aws.calls).toHaveLength(1);
  });

  it.each(['', 'null', '[]', '"text"', '{"Plaintext":"c2VjcmV0', '<html>busy</html>', '\u0000\u00ff'])(
    'threat 16: shows nothing of an answer that it could not read: %s',
    async (body) => {
      aws.fault = () => ({ kind: 'answer', body });
      const error = await failed(client().call('Decrypt', {}, never));
      const shown = inspect(error, { depth: 9, showHidden: true });
      expect(error).toMatchObject({ code: 'unavailable' });
      for (const hidden of ['c2VjcmV0', 'busy', secret, 'session-of-this-test', 'Credential=']) {
        expect(shown).not.toContain(hidden);
      }
    },
  );

  it('ends when its caller ends it, and asks no more', async () => {
    const stop = new AbortController();
    aws.fault = () => {
      stop.abort();
      return { kind: 'hang' };
    };
    expect(await failed(client().call('Decrypt', {}, stop.signal))).toMatchObject({ reason: 'timeout' });
    expect(aws.calls).toHaveLength(1);
  });

  it('goes on after the connections were closed', async () => {
    aws.fault = () => ({ kind: 'answer', body: '{}' });
    const one = client();
    await one.call('Decrypt', {}, never);
    one.close();
    expect(await one.call('Decrypt', {}, never)).toEqual({});
  });
});

describe('bytes and items', () => {
  const bytes = fc.uint8Array({ maxLength: 40 });
  const attribute = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.record({ S: fc.string({ unit: 'grapheme' }) }),
      fc.record({ B: bytes }),
      fc.record({ BS: fc.array(bytes, { maxLength: 3 }) }),
      fc.record({ N: fc.integer().map(String) }),
      fc.record({ NULL: fc.constant(true) }),
      fc.record({ L: fc.array(tie('value'), { maxLength: 3 }) }),
      fc.record({ M: fc.dictionary(fc.string(), tie('value'), { maxKeys: 3 }) }),
    ),
  })).value;
  const item = fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'B', 'M')), attribute, {
    maxKeys: 4,
  });

  it('come back as they were sent, wherever an answer has them', () => {
    fc.assert(
      fc.property(item, (map) => {
        const text = JSON.stringify(encodeBytes(map));
        const answer = () => JSON.parse(text) as object;
        const sent = {
          Item: answer(),
          Items: [answer(), answer()],
          Attributes: answer(),
          LastEvaluatedKey: answer(),
          Responses: { table: [answer()] },
          UnprocessedKeys: { table: { Keys: [answer()] } },
          UnprocessedItems: {
            table: [{ PutRequest: { Item: answer() } }, { DeleteRequest: { Key: answer() } }],
          },
        };
        const wanted = asBuffers(map);
        expect(decodeItems(sent)).toEqual({
          Item: wanted,
          Items: [wanted, wanted],
          Attributes: wanted,
          LastEvaluatedKey: wanted,
          Responses: { table: [wanted] },
          UnprocessedKeys: { table: { Keys: [wanted] } },
          UnprocessedItems: { table: [{ PutRequest: { Item: wanted } }, { DeleteRequest: { Key: wanted } }] },
        });
        expect(decodeItems({ Responses: [{ Item: answer() }, {}] })).toEqual({
          Responses: [{ Item: wanted }, {}],
        });
      }),
    );
  });

  it.each(['a', 'ab=c', '====', 'a\nbc', 'ä===', 7, null, {}])(
    'are refused where they are no base64: %j',
    (text) => {
      expect(() => decodeBytes(text)).toThrowError(expect.objectContaining({ reason: 'aws-fault' }));
    },
  );

  it.each([
    { Items: {} },
    { Items: ['text'] },
    { Item: [] },
    { Item: { name: 'text' } },
    { Item: { name: { B: 7 } } },
    { Item: { name: { BS: 'AAAA' } } },
    { Responses: { table: 7 } },
    { UnprocessedItems: { table: [7] } },
    JSON.parse(`{"Item":{"deep":${'{"L":['.repeat(200)}${']}'.repeat(200)}}}`) as Record<string, unknown>,
  ])('are refused where they are no items: %j', (answer) => {
    expect(() => decodeItems(answer)).toThrowError(expect.objectContaining({ reason: 'aws-fault' }));
  });
});

function asBuffers(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (Array.isArray(value)) return value.map(asBuffers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, asBuffers(inner)]));
}
