import { describe, expect, it } from 'vitest';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { parseApiPath } from '../../core/path.ts';
import type { Answer, Request } from '../../core/request.ts';
import { emptyObject } from '../../json.ts';
import { parseBoundedJson } from '../bounded-json.ts';
import { openTestListener, requestBytes } from '../listener.fixture.ts';
import { dataOf, tokenOf } from './answer-data.ts';
import type { Dialect, DialectAnswer } from './dialect.ts';

function told(status: number, body: string): DialectAnswer {
  return { kind: 'answer', status, headers: ['Content-Type', 'text/test'], body };
}

/** Asks `one` and `two`, and answers what they were asked; a body's member `again` is how often `two` is asked. */
const twice: Dialect = {
  read({ method, target, header }) {
    if (target === '/at-once') return told(202, method);
    if (target === '/broken') throw new Error('of its own');
    return {
      kind: 'call',
      path: parseApiPath('one'),
      bearer: header('x-who') !== undefined,
      takesBody: method === 'PUT',
      async answer({ body, limits, ask }) {
        const again = body.length === 0 ? 1 : Number(parseBoundedJson(body, limits)['again']);
        const token = header('x-who');
        const first = await ask({ operation: 'update', path: parseApiPath('one'), data: { method }, token });
        const texts = [JSON.stringify(dataOf(first))];
        for (let left = again; left > 0; left--) {
          const wish = { operation: 'read', path: parseApiPath('two'), data: emptyObject(), token } as const;
          texts.push(JSON.stringify(dataOf(await ask(wish))));
        }
        return told(200, texts.join(' '));
      },
    };
  },
  refusal: ({ status, code }) => told(status + 100, `refused ${code ?? 'as such'}`),
};

const asked = '{"operation":"update","path":"one"} {"operation":"read","path":"two"}';

describe('a listener with a dialect', () => {
  it('answers in its words, from as many requests as it asks', async () => {
    await using place = await openTestListener({ dialect: twice });
    const answer = await place.ask(requestBytes('GET /x?y=%zz', ['X-Who: me', 'X-Vault-Wrap-TTL: 60']));
    expect([answer.status, answer.body, answer.headers.get('content-type')]).toEqual([
      200,
      asked,
      'text/test',
    ]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const [one, two] = place.requests;
    expect(one).toMatchObject({
      token: 'me',
      wrapTtl: 0,
      remoteAddress: '127.0.0.1',
      data: { method: 'GET' },
    });
    expect(one?.id).not.toBe(two?.id);
  });

  it('is told of LIST, and of the same on a kept connection', async () => {
    await using place = await openTestListener({ dialect: twice });
    const client = await place.connect();
    for (const method of ['LIST', 'GET', 'SCAN', 'LIST']) {
      client.send(requestBytes(`${method} /at-once`));
      expect((await client.answer()).body).toBe(method);
    }
  });

  it('puts what the listener refuses into the dialect’s words, on whatever socket', async () => {
    await using place = await openTestListener({ dialect: twice, limits: { bodyBytes: 100 } });
    const cases: readonly (readonly [Buffer, number, string])[] = [
      [requestBytes('FOO /x'), 505, 'refused as such'],
      [Buffer.from('no such thing\r\n\r\n'), 500, 'refused as such'],
      [requestBytes('PUT /x', [], 'x'.repeat(101)), 513, 'refused payload_too_large'],
      [requestBytes('PUT /x', ['Content-Encoding: gzip'], 'x'), 515, 'refused unsupported_media_type'],
      [requestBytes('PUT /x', [], '{"again":'), 500, 'refused invalid_request'],
      [requestBytes('GET /broken'), 600, 'refused internal'],
      [Buffer.from('GET /x HTTP/1.1\r\n\r\n'), 500, 'refused as such'],
    ];
    for (const [bytes, status, body] of cases) {
      const answer = await place.ask(bytes);
      expect([answer.status, answer.body]).toEqual([status, body]);
    }
  });

  it('has no way around rates: the first request’s before the body, others before they are asked', async () => {
    const paths: string[] = [];
    let left = 3;
    await using place = await openTestListener({
      dialect: twice,
      admit: (path, _address, bearer) => {
        paths.push(`${path} ${bearer}`);
        return { admitted: left-- > 0, retryAfter: 7 };
      },
    });
    const body = JSON.stringify({ again: 3 });
    const answer = await place.ask(requestBytes('PUT /x', ['X-Who: me'], body));
    expect([answer.status, answer.body]).toEqual([529, 'refused rate_limited']);
    expect(paths).toEqual(['one true', 'two true', 'two true', 'two true']);
    expect(place.requests).toHaveLength(3);
    const next = await place.ask(requestBytes('PUT /x', [], body));
    expect([next.status, next.headers.get('retry-after'), place.requests.length]).toEqual([529, '7', 3]);
  });

  it('cannot be made to send a stream, and closes it', async () => {
    let closed = 0;
    const stream: Answer = {
      kind: 'stream',
      status: 200,
      requestId: 'r',
      contentType: 'a/b',
      body: { next: () => Promise.resolve(undefined), close: async () => void closed++ },
    };
    await using place = await openTestListener({ dialect: twice, handle: async () => stream });
    const answer = await place.ask(requestBytes('GET /x'));
    expect([answer.status, answer.body, closed]).toEqual([600, 'refused internal', 1]);
  });

  it('is answered for when it takes too long, and once', async () => {
    const clock = new HandClock(0);
    const waiting: (() => void)[] = [];
    const handle = (_request: Request) =>
      new Promise<Answer>((resolve) => waiting.push(() => resolve({ kind: 'empty' })));
    await using place = await openTestListener({
      dialect: twice,
      clock,
      handle,
      limits: { requestMilliseconds: 2_000 },
    });
    const client = await place.connect();
    client.send(requestBytes('GET /x'));
    await expect.poll(() => waiting.length).toBe(1);
    for (let second = 0; second < 4; second++) clock.advance(1_000);
    expect(await client.answer()).toMatchObject({ status: 603, body: 'refused unavailable' });
    waiting[0]?.();
    await expect.poll(() => waiting.length).toBe(2);
    waiting[1]?.();
  });
});

describe('data of answers', () => {
  it('is none of an error’s, and a token none of a login that waits for a second factor', () => {
    const error: Answer = { kind: 'error', status: 403, requestId: 'r', errors: ['no'] };
    expect([dataOf(error), tokenOf(error), dataOf({ kind: 'empty' })]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
