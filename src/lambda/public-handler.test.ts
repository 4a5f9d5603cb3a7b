/** The public function, by the events that fronts make, over a real node: the same road, whoever stands before it. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, makeToken, type Place, rootToken } from '../../test/fakes/client.ts';
import {
  type Asked,
  albEvent,
  albHealthCheck,
  albMultiEvent,
  dutyEvent,
  restEvent,
  urlEvent,
} from '../../test/fakes/lambda-events.ts';
import type { Road } from '../core/request.ts';
import { CofferError } from '../errors.ts';
import { type HttpLimits, limitsWith } from '../http/limits.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { openDialect } from '../main/configured-dialects.ts';
import type { CofferNode } from '../main/node.ts';
import { type PublicHandler, publicHandler } from './public-handler.ts';

let place: Place;
let node: CofferNode;
let faults: CofferError[];
let rested: number;
beforeEach(async () => {
  place = await makePlace();
  node = await place.node(undefined, { manner: 'rests' });
  faults = [];
  rested = 0;
});
afterEach(() => place.remove());

function handlerWith(
  limits: Partial<HttpLimits> = {},
  wake?: () => Promise<Road>,
  dialect?: string,
): PublicHandler {
  let count = 0;
  return publicHandler({
    store: {
      wake: wake ?? (() => Promise.resolve(node.road)),
      rest: () => {
        rested += 1;
        return Promise.resolve();
      },
    },
    limits: limitsWith(limits),
    dialect: dialect === undefined ? undefined : openDialect(dialect),
    clock: place.clock,
    log: (_level, message, fields) => void place.log.push({ message, fields }),
    onFault: (error) => void faults.push(error),
    requestId: () => `request-${++count}`,
  });
}

const invocation = (left = 30_000) => ({ awsRequestId: 'call', getRemainingTimeInMillis: () => left });

const fronts = { albEvent, albMultiEvent, urlEvent, restEvent } as const;
const names = Object.keys(fronts) as (keyof typeof fronts)[];

interface Answered {
  readonly status: unknown;
  readonly json: JsonObject;
  readonly headers: JsonObject;
  readonly raw: JsonObject;
}

function answered(raw: JsonObject): Answered {
  const body = raw['body'];
  const several = raw['multiValueHeaders'];
  const headers = isJsonObject(several)
    ? Object.fromEntries(
        Object.entries(several).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
      )
    : raw['headers'];
  return {
    status: raw['statusCode'],
    json: typeof body === 'string' && body !== '' ? (JSON.parse(body) as JsonObject) : {},
    headers: (isJsonObject(headers) ? headers : {}) as JsonObject,
    raw,
  };
}

const own = { 'x-vault-token': rootToken };

async function through(name: keyof typeof fronts, asked: Asked, handler = handlerWith()): Promise<Answered> {
  return answered(await handler(fronts[name]({ headers: own, ...asked }), invocation()));
}

describe.each(names)('a request by %s', (name) => {
  it('writes, reads, lists and deletes', async () => {
    const body = JSON.stringify({ data: { word: 'fish', sign: 'ä€' } });
    const target = '/v1/secret/data/app/db';
    expect(await through(name, { method: 'POST', target, body })).toMatchObject({ status: 200 });
    const read = await through(name, { target });
    expect(read).toMatchObject({
      status: 200,
      json: { request_id: 'request-1', data: { data: { word: 'fish', sign: 'ä€' } } },
      headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
    });
    const keys = { status: 200, json: { data: { keys: ['db'] } } };
    expect(await through(name, { target: '/v1/secret/metadata/app?list=true' })).toMatchObject(keys);
    expect(await through(name, { method: 'LIST', target: '/v1/secret/metadata/app' })).toMatchObject(keys);
    const gone = await through(name, { method: 'DELETE', target: '/v1/secret/metadata/app/db' });
    expect(gone).toMatchObject({ status: 204, raw: { body: '' } });
    expect(gone.headers).not.toHaveProperty('Content-Type');
    expect(await through(name, { target })).toMatchObject({ status: 404 });
    expect(rested).toBe(6);
  });

  it('has the path as the client wrote it, decoded once', async () => {
    await ask(node, 'update', 'secret/data/a b%41', { data: { a: 'b' } });
    expect(await through(name, { target: '/v1/secret/data/a%20b%2541' })).toMatchObject({ status: 200 });
    expect(await through(name, { target: '/v1/secret/data/a%2Fb' })).toMatchObject({ status: 400 });
    expect(await through(name, { target: '/v1/secret/data/..' })).toMatchObject({ status: 400 });
    expect(await through(name, { target: '/v1//secret/data/a' })).toMatchObject({
      status: 301,
      headers: { Location: '/v1/secret/data/a' },
    });
    expect(await through(name, { target: '/elsewhere' })).toMatchObject({
      status: 404,
      json: { errors: [] },
    });
  });

  it('has the query decoded once, with what is in it', async () => {
    const mount = {
      method: 'POST',
      target: '/v1/sys/mounts/kv',
      body: '{"type":"kv","options":{"version":"2"}}',
    };
    expect(await through(name, mount)).toMatchObject({ status: 204 });
    await ask(node, 'update', 'kv/data/a', { data: { a: '1' } });
    await ask(node, 'update', 'kv/data/a', { data: { a: '2' } });
    expect(await through(name, { target: '/v1/kv/data/a?version=%31' })).toMatchObject({
      json: { data: { data: { a: '1' } } },
    });
    expect(await through(name, { target: '/v1/kv/data/a?version=%2531' })).toMatchObject({ status: 400 });
  });

  it('takes LIST for what it is, and HEAD without a body', async () => {
    const head = await through(name, { method: 'HEAD', target: '/v1/sys/health' });
    expect(head).toMatchObject({ status: 200, raw: { body: '' } });
    expect(await through(name, { method: 'BREW', target: '/v1/sys/health' })).toMatchObject({ status: 405 });
  });

  it('threat 15: a body that is too large is refused before it is decoded, as are too many headers', async () => {
    const small = handlerWith({ bodyBytes: 1_024, headerBytes: 2_048, headerCount: 40 });
    const ask = (asked: Omit<Asked, 'target'>) =>
      through(name, { target: '/v1/secret/data/a', ...asked }, small);
    const body = JSON.stringify({ data: { a: 'x'.repeat(1_024) } });
    expect(await ask({ method: 'POST', body })).toMatchObject({ status: 413 });
    expect(await ask({ headers: { ...own, 'x-long': 'y'.repeat(2_048) } })).toMatchObject({ status: 431 });
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`x-${at}`, '1']));
    expect(await ask({ headers: { ...own, ...many } })).toMatchObject({ status: 431 });
    const deep = `${'['.repeat(500)}${']'.repeat(500)}`;
    const nested = { method: 'POST', body: `{"data":{"a":${deep}}}` };
    expect(await ask(nested)).toMatchObject({ status: 400 });
    const packed = { method: 'POST', headers: { ...own, 'content-encoding': 'gzip' }, body: 'zipped' };
    expect(await ask(packed)).toMatchObject({ status: 415 });
    expect(await ask({ method: 'POST', body: '{"data":{"a":"b"}}' })).toMatchObject({ status: 200 });
  });

  it('has the address that its front saw, whatever the client says of itself', async () => {
    await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
    const token = await makeToken(node, { policies: ['default'] });
    const headers = { 'x-vault-token': token, 'x-real-ip': '127.0.0.1', forwarded: 'for=127.0.0.1' };
    const spoofed = name.startsWith('alb') ? '127.0.0.1, 10.0.0.1, 198.51.100.4' : '198.51.100.4';
    const more = name.startsWith('alb') ? {} : { 'x-forwarded-for': '127.0.0.1' };
    const target = '/v1/auth/token/lookup-self';
    await through(name, { target, headers: { ...headers, ...more }, from: spoofed });
    const line = place.auditLines().find(({ path }) => path === 'auth/token/lookup-self');
    expect(line).toMatchObject({ remote_address: '198.51.100.4' });
    const wrong = name.startsWith('alb') ? '198.51.100.4, nonsense' : 'nonsense';
    expect(await through(name, { target, headers, from: wrong })).toMatchObject({ status: 400 });
  });

  it('threat 16: neither log nor refusal has the token or the value', async () => {
    const secret = 'correct-horse-battery-staple';
    const token = `hvs.${'c'.repeat(30)}`;
    const asked = { target: '/v1/secret/data/a', headers: { 'x-vault-token': token } };
    const answers = [
      await through(name, { ...asked, method: 'POST', body: `{"data":{"a":"${secret}"` }),
      await through(name, asked),
      await through(name, { ...asked, headers: { 'x-vault-token': `${token} ${secret}` } }),
      await through(
        name,
        asked,
        handlerWith({}, () => Promise.reject(new CofferError('unavailable', secret))),
      ),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 403, 400, 503]);
    const said = JSON.stringify([answers, place.log, place.auditLines()]);
    expect(said).not.toContain(secret);
    expect(said).not.toContain(token);
    expect(faults).toHaveLength(1);
  });
});

describe('the public function', () => {
  it('answers a load balancer in its own words', async () => {
    const raw = await handlerWith()(albEvent({ target: '/v1/secret/data/none', headers: own }), invocation());
    expect(raw).toEqual({
      statusCode: 404,
      statusDescription: '404 Not Found',
      headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
      body: '{"errors":[]}',
      isBase64Encoded: false,
    });
    const several = await handlerWith()(albMultiEvent({ target: '/v1/sys/health' }), invocation());
    expect(several).toMatchObject({ multiValueHeaders: { 'Content-Type': ['application/json'] } });
    expect(several).not.toHaveProperty('headers');
  });

  it('answers the health check, which comes from nobody', async () => {
    const raw = await handlerWith()(albHealthCheck, invocation());
    expect(answered(raw)).toMatchObject({ status: 200, json: { sealed: false, initialized: true } });
  });

  it('takes a body in base64, of whatever type', async () => {
    const event = albEvent({ method: 'POST', target: '/v1/secret/data/a', headers: own });
    const body = Buffer.from('{"data":{"a":"b"}}').toString('base64');
    const raw = await handlerWith()({ ...event, body, isBase64Encoded: true }, invocation());
    expect(answered(raw)).toMatchObject({ status: 200 });
  });

  it('keeps several headers of one name apart, as a listener does', async () => {
    const event = albMultiEvent({ target: '/v1/secret/data/a' });
    const twice = { ...(event['multiValueHeaders'] as JsonObject), 'X-Vault-Token': [rootToken, rootToken] };
    const raw = await handlerWith()({ ...event, multiValueHeaders: twice }, invocation());
    expect(answered(raw)).toMatchObject({ status: 400 });
  });

  it('cuts the stage of an HTTP API off, and the default one not', async () => {
    const event = urlEvent({ target: '/v1/sys/health' });
    const context = event['requestContext'] as JsonObject;
    const staged = {
      ...event,
      rawPath: '/live/v1/sys/health',
      requestContext: { ...context, stage: 'live' },
    };
    expect(answered(await handlerWith()(staged, invocation()))).toMatchObject({ status: 200 });
    expect(
      answered(await handlerWith()({ ...event, rawPath: '/live/v1/sys/health' }, invocation())),
    ).toMatchObject({ status: 404 });
  });

  it('threat 28: refuses every event that is no request: the scheduler’s, a queue’s, none', async () => {
    const handler = handlerWith();
    const others = [
      dutyEvent(place.clock.now()),
      { Records: [{ eventSource: 'aws:sqs', body: '{}' }] },
      { source: 'aws.events', detail: {} },
      { httpMethod: 'GET', path: '/v1/sys/health' },
      { version: '1.0', requestContext: { http: { method: 'GET' } } },
      {},
      null,
      'GET /v1/sys/health',
      [albHealthCheck],
    ];
    for (const event of others) {
      await expect(handler(event, invocation())).rejects.toMatchObject({ code: 'invalid_request' });
    }
    expect(place.auditLines().filter(({ type }) => type === 'request')).toEqual([]);
  });

  it('threat 15: nothing that an event may hold makes it fail otherwise than by an answer or that refusal', async () => {
    const handler = handlerWith();
    const odd = fc.oneof(fc.jsonValue(), fc.constant(undefined));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), fc.string(), odd, async (name, key, value) => {
        const event = fronts[name]({ target: '/v1/sys/health' });
        const members = [
          key,
          'path',
          'rawPath',
          'headers',
          'multiValueHeaders',
          'body',
          'queryStringParameters',
        ];
        for (const member of members) {
          const outcome = await handler({ ...event, [member]: value as never }, invocation()).catch(
            (error: unknown) => (error instanceof CofferError ? { statusCode: 400 } : error),
          );
          expect(outcome).toMatchObject({ statusCode: expect.any(Number) });
        }
      }),
      { numRuns: 60 },
    );
  });

  it('answers in time where the store does not, and says that the outcome is not known', async () => {
    let aborted = false;
    const slow: Road = {
      handle: (request) =>
        new Promise((_resolve, reject) => {
          request.signal?.().addEventListener('abort', () => {
            aborted = true;
            reject(new Error('aborted'));
          });
        }),
    };
    const handler = handlerWith({}, () => Promise.resolve(slow));
    const answer = handler(albEvent({ target: '/v1/secret/data/a', headers: own }), invocation(5_000));
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    place.clock.advance(4.5);
    expect(answered(await answer)).toMatchObject({
      status: 503,
      json: { errors: [expect.stringContaining('whether the request took effect is not known')] },
    });
    expect(aborted).toBe(true);
  });

  it('refuses an answer that its front would not carry, and a stream', async () => {
    const large = { data: { a: 'x'.repeat(450_000), b: '"'.repeat(200_000) } };
    await ask(node, 'update', 'secret/data/large', large);
    expect(await through('albEvent', { target: '/v1/secret/data/large' })).toMatchObject({
      status: 413,
      json: { errors: [expect.stringContaining('larger than what stands before this function carries')] },
    });
    expect(await through('urlEvent', { target: '/v1/secret/data/large' })).toMatchObject({ status: 200 });
    expect(await through('urlEvent', { target: '/v1/sys/monitor' })).toMatchObject({
      status: 405,
      json: { errors: [expect.stringContaining('piece by piece')] },
    });
  });

  it('threat 14: tells nobody what keeps the store away, and makes none', async () => {
    const why = new CofferError('store_unusable', 'there is no store in dynamodb:secret-table yet');
    const handler = handlerWith({}, () => Promise.reject(why));
    const init = albEvent({
      method: 'PUT',
      target: '/v1/sys/init',
      body: '{"secret_shares":1,"secret_threshold":1}',
    });
    const raw = await handler(init, invocation());
    expect(answered(raw)).toMatchObject({ status: 503, headers: { 'X-Coffer-Error': 'unavailable' } });
    expect(JSON.stringify(raw)).not.toContain('secret-table');
    expect(faults).toEqual([why]);
  });

  it('answers browsers of other origins as a listener does', async () => {
    const cors = { allowed_origins: ['https://console.example.com'] };
    expect((await ask(node, 'update', 'sys/config/cors', cors)).status).toBe(204);
    const preflight = (origin: string) =>
      through('urlEvent', {
        method: 'OPTIONS',
        target: '/v1/secret/data/a',
        headers: { origin, 'access-control-request-method': 'POST' },
      });
    expect(await preflight('https://console.example.com')).toMatchObject({
      status: 204,
      headers: { 'Access-Control-Allow-Origin': 'https://console.example.com' },
    });
    expect(await preflight('https://elsewhere.example.com')).toMatchObject({ status: 403 });
  });

  it('speaks a dialect as a listener does, in its refusals too', async () => {
    const handler = handlerWith({ bodyBytes: 1_024 }, undefined, 'dssss');
    const asked = (more: Partial<Asked>) =>
      handler(albEvent({ method: 'POST', target: '/', headers: { ...own }, ...more }), invocation());
    const [none, large] = [await asked({ target: '/nothing' }), await asked({ body: 'x'.repeat(2_048) })];
    for (const raw of [none, large]) {
      expect(raw['statusCode']).toBeGreaterThanOrEqual(400);
      expect(String(raw['body'])).not.toContain('"errors":[');
    }
    const away = handlerWith({}, () => Promise.reject(new CofferError('unavailable', 'why')), 'dssss');
    const raw = await away(albEvent({ target: '/' }), invocation());
    expect(String(raw['body'])).not.toContain('"errors":[');
    expect(faults).toHaveLength(1);
  });
});
