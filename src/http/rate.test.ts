import { afterEach, describe, expect, it } from 'vitest';
import type { RateVerdict } from '../core/request.ts';
import { CofferError } from '../errors.ts';
import { openTestListener, type TestListener } from './listener.fixture.ts';

let open: TestListener | undefined;
afterEach(() => open?.[Symbol.asyncDispose]());

async function listen(verdict: RateVerdict | undefined): Promise<TestListener> {
  open = await openTestListener({ admit: () => verdict });
  return open;
}

const request = 'GET /v1/a HTTP/1.1\r\nHost: x\r\n\r\n';

describe('a request rate', () => {
  it('threat 15: refuses with the time to wait, before a body is read', async () => {
    const { ask, requests } = await listen({ admitted: false, retryAfter: 7 });
    const head = `POST /v1/secret/data/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n`;
    const answer = await ask(`${head}{"a`);
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('7');
    expect(answer.body).toBe('{"errors":["request path \\"secret/data/a\\": rate limit quota exceeded"]}');
    expect(requests).toEqual([]);
  });

  it('threat 15: may be told by another process, and in doubt refuses', async () => {
    const told: (() => Promise<RateVerdict>)[] = [
      async () => ({ admitted: true, retryAfter: 1 }),
      async () => ({ admitted: false, retryAfter: 7 }),
      () => Promise.reject(new CofferError('unavailable', 'another process of this server does not answer')),
    ];
    open = await openTestListener({ admitTogether: () => told.shift()?.() });
    const statuses = [];
    for (let count = 0; count < 3; count++) statuses.push((await open.ask(request)).status);
    expect(statuses).toEqual([200, 429, 503]);
    expect(open.requests).toHaveLength(1);
  });

  it('tells what is left where it is to', async () => {
    const { ask } = await listen({
      admitted: true,
      retryAfter: 1,
      shown: { limit: 9, remaining: 4, reset: 2 },
    });
    const { status, headers } = await ask(request);
    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-ratelimit-limit': '9',
      'x-ratelimit-remaining': '4',
      'x-ratelimit-reset': '2',
    });
    expect(headers.has('retry-after')).toBe(false);
  });

  it('says nothing where nothing is counted', async () => {
    const { ask } = await listen(undefined);
    expect([...(await ask(request)).headers.keys()].filter((name) => name.includes('rate'))).toEqual([]);
  });
});
