import { describe, expect, it } from 'vitest';
import { trustProxies } from './forwarded.ts';
import { openTestListener, requestBytes } from './listener.fixture.ts';

const proxies = trustProxies(['10.0.0.0/8', 'fd00::/8', '192.0.2.1']);

describe('the client behind proxies', () => {
  it.each([
    ['10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '1.1.1.1, 203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '203.0.113.9, 10.9.9.9,192.0.2.1', '203.0.113.9'],
    ['10.0.0.1', 'rubbish, 203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '10.0.0.7, 10.0.0.8', '10.0.0.7'],
    ['fd00::1', '2001:DB8::5', '2001:db8::5'],
    ['10.0.0.1', '[2001:db8::5]:4711', '2001:db8::5'],
    ['10.0.0.1', '203.0.113.9:4711', '203.0.113.9'],
    ['10.0.0.1', '::ffff:203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', undefined, '10.0.0.1'],
    ['203.0.113.1', '127.0.0.1', '203.0.113.1'],
    ['', '127.0.0.1', ''],
  ])('of %s with %s is %s', (peer, header, client) => {
    expect(proxies.clientOf(peer, header)).toBe(client);
  });

  it.each([
    '',
    ' ',
    'unknown',
    '203.0.113.9, rubbish',
    '203.0.113.9,',
    '1.2.3',
    '1.2.3.4.5',
    'fe80::1%eth0',
    '[1.2.3.4',
    '1.2.3.4:999999',
  ])('is not guessed from %j', (header) => {
    expect(() => proxies.clientOf('10.0.0.1', header)).toThrow(/X-Forwarded-For/);
  });

  it('is nobody else without trusted proxies', () => {
    expect(trustProxies([]).clientOf('10.0.0.1', '1.1.1.1')).toBe('10.0.0.1');
    expect(trustProxies(['::/0']).has('10.0.0.1')).toBe(false);
  });
});

describe('a listener', () => {
  const head = (value: string) => requestBytes('GET /v1/a', [`X-Forwarded-For: ${value}`]);

  it('gives the road the client’s address where the proxy is trusted, and the peer’s elsewhere', async () => {
    await using trusting = await openTestListener({ trustedProxies: ['127.0.0.1'] });
    await using wary = await openTestListener();
    await trusting.ask(head('203.0.113.9'));
    await wary.ask(head('203.0.113.9'));
    expect(trusting.requests[0]?.remoteAddress).toBe('203.0.113.9');
    expect(wary.requests[0]?.remoteAddress).toBe('127.0.0.1');
  });

  it('asks for the rates of the client, and not of the proxy', async () => {
    const asked: string[] = [];
    const admit = (_path: string, address: string) => {
      asked.push(address);
      return undefined;
    };
    await using server = await openTestListener({ trustedProxies: ['127.0.0.1'], admit });
    await server.ask(head('203.0.113.9'));
    expect(asked).toEqual(['203.0.113.9']);
  });

  it('refuses what it cannot read from a proxy, and the road never sees it', async () => {
    await using server = await openTestListener({ trustedProxies: ['127.0.0.0/8'] });
    expect(await server.ask(head('nobody'))).toMatchObject({ status: 400 });
    expect(server.requests).toEqual([]);
  });

  it('threat 15: counts bodies against the client behind the proxy, and lets the proxy have many connections', async () => {
    const limits = { connectionsPerAddress: 1, bodyBytesPerAddress: 10_000 };
    await using server = await openTestListener({ trustedProxies: ['127.0.0.1'], limits });
    const kept = [await server.connect(), await server.connect()];
    const post = (from: string) =>
      server.ask(requestBytes('POST /v1/a', [`X-Forwarded-For: ${from}`], `{"a":"${'x'.repeat(9_000)}"}`));
    // A body announced and not sent to its end keeps its room.
    const [first] = kept;
    first?.send(
      requestBytes('POST /v1/a', ['X-Forwarded-For: 203.0.113.9'], `{"a":"${'x'.repeat(9_000)}"}`).subarray(
        0,
        -10,
      ),
    );
    while (server.listener.usage().bodyBytes < 8_000) await new Promise(setImmediate);
    expect(await post('203.0.113.9')).toMatchObject({ status: 503 });
    expect(await post('203.0.113.10')).toMatchObject({ status: 200 });
    first?.destroy();
    while (server.listener.usage().bodyBytes > 0) await new Promise(setImmediate);
    expect(await post('203.0.113.9')).toMatchObject({ status: 200 });
  });
});
