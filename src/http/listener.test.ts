import { describe, expect, test } from 'vitest';
import type { Answer } from '../core/request.ts';
import {
  echo,
  ManualClock,
  openTestListener,
  type RawAnswer,
  requestBytes,
  until,
} from './listener.fixture.ts';
import { openListener } from './listener.ts';

function never(): Promise<Answer> {
  return new Promise(() => {});
}

function errorsOf(answer: RawAnswer): unknown {
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  return JSON.parse(answer.body);
}

describe('a request and its answer', () => {
  test('the road gets all of it', async () => {
    await using server = await openTestListener();
    const headers = ['X-Vault-Token: T', 'X-Vault-Wrap-TTL: 5m', 'X-Vault-Request: true', 'Traceparent: P'];
    await server.ask(requestBytes('POST /v1/secret/a%20b', headers, '{"value":"é"}'));
    expect(server.requests).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
        operation: 'update',
        path: 'secret/a b',
        data: { value: 'é' },
        token: 'T',
        wrapTtl: 300,
        remoteAddress: '127.0.0.1',
        metricsWithoutToken: false,
        traceparent: 'P',
        header: expect.any(Function),
        signal: expect.any(Function),
      },
    ]);
    const header = server.requests[0]?.header;
    expect([header?.('x-vault-request'), header?.('x-none'), header?.('constructor')]).toEqual([
      'true',
      undefined,
      undefined,
    ]);
  });

  test('headers are exactly those clients compare', async () => {
    await using server = await openTestListener({
      handle: async () => ({ kind: 'plain', status: 200, body: { a: 'é' } }),
    });
    const answer = await server.ask(requestBytes('GET /v1/a'));
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('content-length')).toBe('10');
    expect(answer.body).toBe('{"a":"é"}');
  });

  test('an error has its code and its request’s id in headers, and what is no error has neither', async () => {
    await using server = await openTestListener({
      handle: async ({ id, path }) =>
        path === 'a'
          ? { kind: 'error', status: 403, code: 'permission_denied', requestId: id, errors: ['no'] }
          : { kind: 'empty' },
    });
    const refused = await server.ask(requestBytes('GET /v1/a'));
    expect(refused.headers.get('x-coffer-error')).toBe('permission_denied');
    expect(refused.headers.get('x-coffer-request-id')).toBe(server.requests[0]?.id);
    const fine = await server.ask(requestBytes('POST /v1/b'));
    expect([fine.headers.get('x-coffer-error'), fine.headers.get('x-coffer-request-id')]).toEqual([
      undefined,
      undefined,
    ]);
  });

  test('the root namespace is echoed, another is refused and not', async () => {
    await using server = await openTestListener();
    const root = await server.ask(requestBytes('GET /v1/a', ['X-Vault-Namespace: root']));
    expect(root.headers.get('x-vault-namespace')).toBe('root');
    const other = await server.ask(requestBytes('GET /v1/a', ['X-Vault-Namespace: team']));
    expect(errorsOf(other)).toEqual({ errors: ['namespace not found'] });
    expect(other.status).toBe(404);
    expect(other.text).not.toContain('team');
  });

  test('nothing to say is 204 without a body, and the connection goes on', async () => {
    await using server = await openTestListener({ handle: async () => ({ kind: 'empty' }) });
    const client = await server.connect();
    for (let round = 0; round < 3; round++) {
      client.send(requestBytes('POST /v1/a'));
      const answer = await client.answer();
      expect([answer.status, answer.body]).toEqual([204, '']);
      expect(answer.headers.has('content-type')).toBe(false);
      expect(answer.headers.has('content-length')).toBe(false);
    }
  });

  test('HEAD has the headers of an answer and no body', async () => {
    await using server = await openTestListener();
    const client = await server.connect();
    client.send(requestBytes('HEAD /v1/sys/health'));
    const answer = await client.answer(true);
    expect(Number(answer.headers.get('content-length'))).toBeGreaterThan(0);
    client.send(requestBytes('GET /v1/a', ['Connection: close']));
    expect(JSON.parse((await client.answer()).body)).toEqual({ operation: 'read', path: 'a' });
    expect(await client.closed()).toBe('');
  });

  test('fetch is understood, and follows a doubled slash with method and body', async () => {
    await using server = await openTestListener();
    const base = `http://127.0.0.1:${server.listener.address.port}`;
    const answer = await fetch(`${base}/v1/secret//a`, { method: 'PUT', body: '{"a":"b"}' });
    expect(answer.redirected).toBe(true);
    expect(server.requests).toMatchObject([{ operation: 'update', path: 'secret/a', data: { a: 'b' } }]);
  });

  test('requests sent ahead are handled one after the other', async () => {
    let running = 0;
    const handle: typeof echo = async (request) => {
      expect(++running).toBe(1);
      await new Promise(setImmediate);
      running--;
      return echo(request);
    };
    await using server = await openTestListener({ handle });
    const client = await server.connect();
    const paths = ['a', 'b', 'c', 'd'];
    client.send(Buffer.concat(paths.map((path) => requestBytes(`POST /v1/${path}`, [], '{"x":1}'))));
    for (const path of paths) expect(JSON.parse((await client.answer()).body)).toMatchObject({ path });
  });

  test('two listeners cannot have one port, and the error names it', async () => {
    await using server = await openTestListener();
    const { port } = server.listener.address;
    const second = openListener({ road: { handle: echo }, host: '127.0.0.1', port, log: () => {} });
    await expect(second).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(String(port)),
    });
  });
});

describe('requests that the road never sees', () => {
  const long = 'x'.repeat(20_000);
  const chunked = 'Transfer-Encoding: chunked';
  test.each<[string, Buffer | string, number, readonly string[] | undefined]>([
    ['outside', requestBytes('GET /ui/'), 404, []],
    ['a method nobody knows', requestBytes('BREW /v1/a'), 405, ['unsupported operation']],
    ['a method of another protocol', requestBytes('PROPFIND /v1/a'), 405, ['unsupported operation']],
    ['OPTIONS *', requestBytes('OPTIONS *'), 405, ['unsupported operation']],
    ['CONNECT', requestBytes('CONNECT a:1'), 405, ['unsupported operation']],
    ['no host', 'GET /v1/a HTTP/1.1\r\n\r\n', 400, ['request has no Host header']],
    ['no HTTP', 'hello\r\n\r\n', 400, ['malformed HTTP request']],
    ['binary', Buffer.from('160301020001', 'hex'), 400, ['malformed HTTP request']],
    [
      'a header without colon',
      'GET /v1/a HTTP/1.1\r\nHost: a\r\nbad\r\n\r\n',
      400,
      ['malformed HTTP request'],
    ],
    ['two lengths', requestBytes('POST /v1/a', ['Content-Length: 1', 'Content-Length: 2']), 400, undefined],
    ['length and chunks', requestBytes('POST /v1/a', ['Content-Length: 1', chunked]), 400, undefined],
    ['a bad chunk', `${requestBytes('POST /v1/a', [chunked])}zz\r\n`, 400, undefined],
    ['a header that is too large', requestBytes('GET /v1/a', [`X-A: ${long}`]), 431, undefined],
    ['a target that is too long', requestBytes(`GET /v1/${long}`), 431, undefined],
    ['too many headers', requestBytes('GET /v1/a', new Array(150).fill('A: b')), 431, undefined],
    ['a token with a control character', requestBytes('GET /v1/a', ['X-Vault-Token: T\x01']), 400, undefined],
    ['a folded token', requestBytes('GET /v1/a', ['X-Vault-Token: T\r\n ']), 400, undefined],
    ['two tokens', requestBytes('GET /v1/a', ['X-Vault-Token: T', 'X-Vault-Token: T']), 400, undefined],
    ['an unknown expectation', requestBytes('POST /v1/a', ['Expect: more'], '{}'), 417, undefined],
    ['a compressed body', requestBytes('POST /v1/a', ['Content-Encoding: gzip'], '{}'), 415, undefined],
    [
      'a body that is no JSON',
      requestBytes('POST /v1/a', [], '{"a"'),
      400,
      ['request body is not valid JSON'],
    ],
    [
      'a body that is a list',
      requestBytes('POST /v1/a', [], '[]'),
      400,
      ['request body must be a JSON object'],
    ],
    ['a body nested deep', requestBytes('POST /v1/a', [], `{"a":${'['.repeat(10_000)}`), 400, undefined],
    ['a path that walks', requestBytes('GET /v1/a/../b'), 400, undefined],
  ])('%s', async (_name, bytes, status, errors) => {
    await using server = await openTestListener();
    const answer = await server.ask(bytes);
    expect(answer.status).toBe(status);
    expect(errorsOf(answer)).toEqual({ errors: errors ?? [expect.any(String)] });
    expect(server.requests).toEqual([]);
    const again = await server.ask(requestBytes('GET /v1/after'));
    expect(again.status).toBe(200);
  });

  test('an unread body ends the connection, so that it is not taken for a request', async () => {
    await using server = await openTestListener();
    const client = await server.connect();
    const inner = requestBytes('GET /v1/smuggled').toString();
    client.send(requestBytes('POST /v1/folder/', [], inner));
    const answer = await client.answer();
    expect([answer.status, answer.headers.get('connection')]).toEqual([400, 'close']);
    await client.closed();
    expect(server.requests).toEqual([]);
  });

  test('an error without a body leaves the connection open', async () => {
    await using server = await openTestListener();
    const client = await server.connect();
    client.send(requestBytes('GET /v1/a/../b'));
    expect((await client.answer()).status).toBe(400);
    client.send(requestBytes('GET /v1/c'));
    expect((await client.answer()).status).toBe(200);
  });

  test('a malformed request behind a good one is refused after its answer', async () => {
    await using server = await openTestListener();
    const client = await server.connect();
    client.send(`${requestBytes('POST /v1/a', [], '{}')}nonsense\r\n\r\n`);
    expect(JSON.parse((await client.answer()).body)).toEqual({ operation: 'update', path: 'a' });
    expect((await client.answer()).status).toBe(400);
    expect(await client.closed()).toBe('');
  });
});

describe('bodies', () => {
  const limits = { bodyBytes: 1_000 };

  test('"Expect: 100-continue" is answered before the body', async () => {
    await using server = await openTestListener({ limits });
    const client = await server.connect();
    client.send(requestBytes('PUT /v1/a', ['Expect: 100-continue', 'Content-Length: 7']));
    const waited = client.answer();
    client.send('{"a":1}');
    expect((await waited).status).toBe(200);
    expect(server.requests).toMatchObject([{ data: { a: 1 } }]);
  });

  test('chunks make up a body', async () => {
    await using server = await openTestListener({ limits });
    const head = requestBytes('PUT /v1/a', ['Transfer-Encoding: chunked']);
    await server.ask(`${head}3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n`);
    expect(server.requests).toMatchObject([{ data: { a: 1 } }]);
  });

  test.each(['POST', 'GET', 'DELETE', 'LIST'])(
    'threat 15: a %s that announces too much is 413 at once',
    async (method) => {
      await using server = await openTestListener({ limits });
      const answer = await server.ask(requestBytes(`${method} /v1/a`, ['Content-Length: 1001']));
      expect(answer.status).toBe(413);
      expect(errorsOf(answer)).toEqual({ errors: ['request body is larger than 1000 bytes'] });
      expect(answer.headers.get('connection')).toBe('close');
      expect(server.requests).toEqual([]);
    },
  );

  test('threat 15: with Expect it is 413 instead of "continue"', async () => {
    await using server = await openTestListener({ limits });
    const client = await server.connect();
    client.send(requestBytes('POST /v1/a', ['Expect: 100-continue', 'Content-Length: 1001']));
    expect(await client.closed()).toMatch(/^HTTP\/1\.1 413 /);
  });

  test.each(['POST', 'GET', 'DELETE'])('threat 15: a %s in chunks is counted', async (method) => {
    await using server = await openTestListener({ limits });
    const client = await server.connect();
    client.send(requestBytes(`${method} /v1/a`, ['Transfer-Encoding: chunked']));
    for (let sent = 0; sent < 5; sent++) client.send(`100\r\n${'x'.repeat(256)}\r\n`);
    const answer = await client.answer();
    expect([answer.status, answer.headers.get('connection')]).toEqual([413, 'close']);
    await client.closed();
    expect(server.listener.usage()).toEqual({ connections: 0, addresses: 0, bodyBytes: 0 });
  });

  test('a body of exactly the limit is taken, and those of reads are let pass', async () => {
    await using server = await openTestListener({ limits });
    const body = `{"a":"${'x'.repeat(992)}"}`;
    for (const method of ['POST', 'GET', 'DELETE']) {
      expect((await server.ask(requestBytes(`${method} /v1/a?q=1`, [], body))).status).toBe(200);
    }
    expect(server.requests.map(({ data }) => Object.keys(data))).toEqual([['a'], ['q'], ['q']]);
  });

  test('threat 15: a client that goes away leaves nothing behind', async () => {
    await using server = await openTestListener();
    const client = await server.connect();
    client.send(requestBytes('POST /v1/a', ['Content-Length: 1000000']));
    client.send('x'.repeat(100_000));
    await until(() => server.listener.usage().bodyBytes >= 100_000);
    client.destroy();
    await until(() => server.listener.usage().connections === 0);
    await until(() => server.listener.usage().bodyBytes === 0);
    expect(server.requests).toEqual([]);
  });
});

describe('time', () => {
  test('threat 15: headers that do not end are 408', async () => {
    await using server = await openTestListener({ limits: { headerMilliseconds: 40 } });
    const [silent, dribbling] = [await server.connect(), await server.connect()];
    dribbling.send('GET /v1/a HTTP/1.1\r\nHost:');
    for (const client of [silent, dribbling]) {
      const answer = await client.answer();
      expect(answer.status).toBe(408);
      expect(errorsOf(answer)).toEqual({ errors: ['the request took too long to arrive'] });
      expect(await client.closed()).toBe('');
    }
  });

  test('threat 15: a body that does not end is 408', async () => {
    await using server = await openTestListener({ limits: { headerMilliseconds: 40, bodyMilliseconds: 40 } });
    const client = await server.connect();
    client.send(requestBytes('POST /v1/a', ['Content-Length: 10']));
    client.send('{');
    expect((await client.answer()).status).toBe(408);
    expect(await client.closed()).toBe('');
    expect(server.listener.usage().bodyBytes).toBe(0);
    expect(server.requests).toEqual([]);
  });

  test('a road that does not end is 503 and is told so, and its late answer is dropped', async () => {
    const clock = new ManualClock();
    let finish: (answer: Answer) => void = () => {};
    const handle = () => new Promise<Answer>((resolve) => (finish = resolve));
    await using server = await openTestListener({ clock, handle, limits: { requestMilliseconds: 5_000 } });
    const client = await server.connect();
    client.send(requestBytes('GET /v1/a'));
    await until(() => server.requests.length === 1);
    clock.pass(5);
    expect(server.logged).toEqual([]);
    const signal = server.requests[0]?.signal?.();
    expect(signal?.aborted).toBe(false);
    clock.pass(1);
    const answer = await client.answer();
    expect([answer.status, answer.headers.get('connection')]).toEqual([503, 'close']);
    expect(answer.headers.get('x-coffer-error')).toBe('unavailable');
    expect(signal?.reason).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('5 seconds'),
    });
    // Whoever asks only now learns it too.
    expect(server.requests[0]?.signal?.().aborted).toBe(true);
    finish({ kind: 'plain', status: 200, body: { late: true } });
    expect(await client.closed()).toBe('');
    expect(server.logged).toEqual([expect.stringContaining('request took too long')]);
  });

  test('threat 15: a client that does not take its answer is cut', async () => {
    const clock = new ManualClock();
    const body = { value: 'x'.repeat(20_000_000) };
    const handle = async (): Promise<Answer> => ({ kind: 'plain', status: 200, body });
    await using server = await openTestListener({ clock, handle, limits: { answerMilliseconds: 3_000 } });
    const client = await server.connect();
    client.pause();
    client.send(requestBytes('GET /v1/a'));
    await until(() => server.requests.length === 1);
    await new Promise(setImmediate);
    clock.pass(10);
    await until(() => server.listener.usage().connections === 0);
    expect(server.logged).toEqual([expect.stringContaining('did not take its answer')]);
  });
});

describe('closing', () => {
  test('lets running requests end, and says so; takes no more', async () => {
    let finish: () => void = () => {};
    const handle: typeof echo = async (request) => {
      await new Promise<void>((resolve) => (finish = resolve));
      return echo(request);
    };
    await using server = await openTestListener({ handle });
    const [busy, silent] = [await server.connect(), await server.connect()];
    busy.send(requestBytes('GET /v1/a'));
    await until(() => server.requests.length === 1 && server.listener.usage().connections === 2);
    const closed = server.listener.close({ withinMilliseconds: 60_000 });
    expect(await silent.closed()).toBe('');
    await expect(server.ask(requestBytes('GET /v1/b'))).rejects.toThrow();
    finish();
    const answer = await busy.answer();
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
    await closed;
    expect(server.listener.usage().connections).toBe(0);
  });

  test('closes kept connections at once', async () => {
    await using server = await openTestListener();
    const client = await server.connect();
    for (const method of ['GET', 'LIST']) {
      client.send(requestBytes(`${method} /v1/a`));
      await client.answer();
    }
    await server.listener.close({ withinMilliseconds: 60_000 });
    expect(await client.closed()).toBe('');
  });

  test('cuts what does not end in time; closing again is the same', async () => {
    const clock = new ManualClock();
    await using server = await openTestListener({ clock, handle: never });
    const client = await server.connect();
    client.send(requestBytes('GET /v1/a'));
    await until(() => server.requests.length === 1);
    const closed = server.listener.close({ withinMilliseconds: 2_000 });
    const again = server.listener.close({ withinMilliseconds: 1 });
    clock.pass(2);
    await Promise.all([closed, again]);
    expect(await client.closed()).toBe('');
  });
});
