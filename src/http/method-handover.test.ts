import { describe, expect, test } from 'vitest';
import type { Answer, Request } from '../core/request.ts';
import { extensionMethods } from './extension-method.ts';
import { echo, openTestListener, requestBytes } from './listener.fixture.ts';
import { extensionMethodOf } from './method-handover.ts';

const operationOf = { LIST: 'list', SCAN: 'scan', HELP: 'help', GET: 'read' } as const;

function json(answer: { readonly body: string }): unknown {
  return JSON.parse(answer.body);
}

/** A road whose answers wait until the test lets them go. */
function gate() {
  const opened = new Map<string, () => void>();
  const arrived = new Map<string, () => void>();
  return {
    async handle(request: Request): Promise<Answer> {
      const open = new Promise<void>((resolve) => opened.set(request.path, resolve));
      arrived.get(request.path)?.();
      await open;
      return echo(request);
    },
    arrival: (path: string) => new Promise<void>((resolve) => arrived.set(path, resolve)),
    open: (path: string) => opened.get(path)?.(),
  };
}

describe('LIST, SCAN and HELP', () => {
  test.each(extensionMethods)('%s is answered, and the connection stays', async (method) => {
    await using server = await openTestListener();
    const client = await server.connect();
    for (let round = 0; round < 20; round++) {
      for (const each of [method, 'GET', method, method] as const) {
        client.send(requestBytes(`${each} /v1/secret/${round}`));
        expect(json(await client.answer())).toMatchObject({ operation: operationOf[each] });
      }
    }
    expect(server.requests).toHaveLength(80);
    expect(server.listener.usage()).toMatchObject({ connections: 1, addresses: 1 });
  });

  test('a great many changes of parser leave no listeners behind', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    await using server = await openTestListener();
    const client = await server.connect();
    for (let round = 0; round < 200; round++) {
      client.send(requestBytes('LIST /v1/a'));
      expect((await client.answer()).status).toBe(200);
    }
    process.removeListener('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  test('a LIST behind a request to change protocols does not wait for ever', async () => {
    await using server = await openTestListener();
    const client = await server.connect();
    const upgrade = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'];
    client.send(requestBytes('GET /v1/a', upgrade));
    const answer = await client.answer();
    // The connection ends, so that a client sends its next request over one that is sound.
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
    client.send(requestBytes('LIST /v1/b'));
    expect(await client.closed()).toBe('');
    expect(server.requests.map(({ operation }) => operation)).toEqual(['read']);
    const second = await server.connect();
    second.send(requestBytes('LIST /v1/b', upgrade));
    expect(json(await second.answer())).toMatchObject({ operation: 'list' });
  });

  test('headers, query and body come through; the body is not the data', async () => {
    await using server = await openTestListener();
    const client = await server.connect();
    client.send(requestBytes('LIST /v1/a?after=x', ['X-Vault-Token: T'], '{"b":1}'));
    await client.answer();
    client.send(requestBytes('POST /v1/b', [], '{"c":1}'));
    await client.answer();
    expect(server.requests).toMatchObject([
      { operation: 'list', path: 'a/', data: { after: 'x' }, token: 'T' },
      { operation: 'update', path: 'b', data: { c: 1 } },
    ]);
  });

  test('a request may come in pieces once its method is whole', async () => {
    await using server = await openTestListener();
    const client = await server.connect();
    // Each piece waits for an answer that needed a turn of both event loops, so that pieces stay apart.
    for (const piece of ['LIST /v1/a', '/b HTTP/1.1\r\nHo', 'st: test\r\n', '\r\n']) {
      client.send(piece);
      expect((await server.ask(requestBytes('GET /v1/x'))).status).toBe(200);
    }
    expect(json(await client.answer())).toEqual({ operation: 'list', path: 'a/b/' });
  });

  test('a method in pieces is refused and closed', async () => {
    await using server = await openTestListener();
    const client = await server.connect();
    client.send('LI');
    await server.ask(requestBytes('GET /v1/x'));
    client.send(requestBytes('ST /v1/a'));
    expect((await client.answer()).headers.get('connection')).toBe('close');
    expect(await client.closed()).toBe('');
    expect(server.requests).toHaveLength(1);
  });

  test('a LIST waits for the answer before it, and so does what follows it', async () => {
    const { handle, arrival, open } = gate();
    await using server = await openTestListener({ handle });
    const client = await server.connect();
    const first = arrival('first');
    client.send(requestBytes('GET /v1/first'));
    await first;
    client.send(requestBytes('LIST /v1/second'));
    const probe = arrival('probe');
    const asked = server.ask(requestBytes('GET /v1/probe'));
    await probe;
    client.send(requestBytes('GET /v1/third'));
    open('probe');
    await asked;
    expect(server.requests.map((request) => request.path)).toEqual(['first', 'probe']);
    const second = arrival('second/');
    open('first');
    expect(json(await client.answer())).toEqual({ operation: 'read', path: 'first' });
    await second;
    const third = arrival('third');
    open('second/');
    expect(json(await client.answer())).toEqual({ operation: 'list', path: 'second/' });
    await third;
    open('third');
    expect(json(await client.answer())).toEqual({ operation: 'read', path: 'third' });
  });

  test('what a waiting client sends on is bounded', async () => {
    const { handle, arrival, open } = gate();
    await using server = await openTestListener({ handle });
    const client = await server.connect();
    const first = arrival('first');
    client.send(requestBytes('GET /v1/first'));
    await first;
    client.send(requestBytes('LIST /v1/second', ['Content-Length: 50000000']));
    client.send(Buffer.alloc(50_000_000));
    for (let round = 0; round < 50; round++) {
      const probe = arrival(`probe${round}`);
      const asked = server.ask(requestBytes(`GET /v1/probe${round}`));
      await probe;
      open(`probe${round}`);
      await asked;
    }
    expect(client.unsent).toBeGreaterThan(10_000_000);
    expect(client.isClosed).toBe(false);
    open('first');
    expect(json(await client.answer())).toEqual({ operation: 'read', path: 'first' });
    // And then it is a request like any other, refused for its length.
    expect((await client.answer()).status).toBe(413);
  });

  test('requests behind a LIST in one packet are answered in order', async () => {
    await using server = await openTestListener();
    const client = await server.connect();
    client.send(Buffer.concat([requestBytes('LIST /v1/a'), requestBytes('GET /v1/b')]));
    expect(json(await client.answer())).toEqual({ operation: 'list', path: 'a/' });
    expect(json(await client.answer())).toEqual({ operation: 'read', path: 'b' });
  });

  test.each(['GET /v1/a', 'LIST /v1/a'])(
    'a LIST behind %s in one packet is refused after its answer',
    async (line) => {
      await using server = await openTestListener();
      const client = await server.connect();
      client.send(Buffer.concat([requestBytes(line), requestBytes('LIST /v1/b')]));
      expect((await client.answer()).status).toBe(200);
      const refused = await client.answer();
      expect([refused.status, refused.body]).toEqual([400, '{"errors":["malformed HTTP request"]}']);
      expect(await client.closed()).toBe('');
    },
  );

  test('the mark is the one request’s: no header makes a LIST, and none is left over', async () => {
    await using server = await openTestListener();
    const client = await server.connect();
    const headers = ['X-HTTP-Method-Override: LIST', 'X-HTTP-Method: LIST', 'X-Vault-Method: LIST'];
    client.send(requestBytes('GET /v1/a', headers));
    expect(json(await client.answer())).toEqual({ operation: 'read', path: 'a' });
    client.send('LIST /v1/a HTTP/1.1\r\nHost: test\r\nbad header\r\n\r\n');
    expect((await client.answer()).status).toBe(400);
    await client.closed();
    expect(await server.ask(requestBytes('GET /v1/b'))).toMatchObject({
      body: expect.stringContaining('read'),
    });
  });

  test('the tail of a body is never a LIST', async () => {
    await using server = await openTestListener();
    const client = await server.connect();
    const tail = 'LIST /v1/smuggled HTTP/1.1\r\nHost: test\r\n\r\n';
    client.send(
      `POST /v1/a HTTP/1.1\r\nHost: test\r\nContent-Type: text/plain\r\nContent-Length: ${tail.length}\r\n\r\n`,
    );
    await server.ask(requestBytes('GET /v1/x'));
    // The packet starts as a LIST does, and fails further on.
    client.send(`${tail}LIXT /v1/b HTTP/1.1\r\n\r\n`);
    expect((await client.answer()).status).toBe(400);
    await client.closed();
    expect(server.requests.map((request) => request.path)).toEqual(['x']);
  });

  test('a connection that lists counts once, and is gone when it closes', async () => {
    await using server = await openTestListener({ limits: { connectionsPerAddress: 2 } });
    const client = await server.connect();
    for (let round = 0; round < 5; round++) {
      client.send(requestBytes('LIST /v1/a'));
      await client.answer();
    }
    expect((await server.ask(requestBytes('GET /v1/b'))).status).toBe(200);
    client.send(requestBytes('GET /v1/c', ['Connection: close']));
    await client.answer();
    await client.closed();
    const other = await server.connect();
    other.send(requestBytes('GET /v1/d'));
    await other.answer();
    expect(server.listener.usage().connections).toBe(1);
  });

  test('time limits hold after a change of parser', async () => {
    await using server = await openTestListener({ limits: { headerMilliseconds: 60, bodyMilliseconds: 60 } });
    const client = await server.connect();
    client.send(requestBytes('LIST /v1/a'));
    await client.answer();
    client.send('LIST /v1/b HTTP/1.1\r\n');
    expect((await client.answer()).status).toBe(408);
    expect(await client.closed()).toBe('');
  });

  test('the timer of the parser that refused does not outlive it', async () => {
    const { handle, arrival, open } = gate();
    await using server = await openTestListener({ handle, limits: { headerMilliseconds: 40 } });
    const client = await server.connect();
    const list = arrival('a/');
    client.send(requestBytes('LIST /v1/a'));
    await list;
    // A later connection runs into the time limit first, so the limit has passed for the earlier one too.
    const silent = await server.connect();
    expect((await silent.answer()).status).toBe(408);
    open('a/');
    expect((await client.answer()).status).toBe(200);
    const next = arrival('b');
    client.send(requestBytes('GET /v1/b'));
    await next;
    open('b');
    expect((await client.answer()).status).toBe(200);
  });

  test('an idle connection that listed is closed like any other', async () => {
    await using server = await openTestListener({ limits: { idleMilliseconds: 20 } });
    const client = await server.connect();
    client.send(requestBytes('LIST /v1/a'));
    await client.answer();
    expect(await client.closed()).toBe('');
  });
});

describe('extensionMethodOf', () => {
  const refused = (packet: string, bytesParsed: number, code = 'HPE_INVALID_METHOD') =>
    extensionMethodOf(
      Object.assign(new Error('refused'), { code, bytesParsed, rawPacket: Buffer.from(packet) }),
    );

  test('takes a packet that failed where the parser stops knowing the method', () => {
    expect(refused('LIST /', 2)).toBe('LIST');
    expect(refused('SCAN /v1', 1)).toBe('SCAN');
    expect(refused('HELP /v1', 2)).toBe('HELP');
  });

  test.each([
    ['LIST /v1', 1],
    ['LIST /v1', 40],
    ['LIST  /v1', 2],
    ['LIST v1', 2],
    ['list /v1', 2],
    ['LISTS /v1', 2],
    ['LIST', 2],
    ['', 0],
  ])('takes no %j that failed at %d', (packet, bytesParsed) => {
    expect(refused(packet, bytesParsed)).toBeUndefined();
  });

  test('takes no other failure', () => {
    expect(refused('LIST /', 2, 'HPE_INVALID_URL')).toBeUndefined();
    expect(extensionMethodOf(new Error('reset'))).toBeUndefined();
  });
});
