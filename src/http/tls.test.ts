import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { makeCertificate } from '../../test/fakes/certificate.ts';
import { openTestListener, requestBytes, type TestListener, until } from './listener.fixture.ts';
import type { TlsMaterial } from './tls.ts';

const first = makeCertificate('first');
const second = makeCertificate('second');
const client = makeCertificate('a client');

function material({ certificate, key }: typeof first): TlsMaterial {
  return { certificate: Buffer.from(certificate), key: Buffer.from(key), minimumVersion: 'TLSv1.2' };
}

async function open(server: TestListener, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { port } = server.listener.address;
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca: [first.certificate, second.certificate],
    ...options,
  });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}

/** The answer's text, up to the end of its JSON. */
async function ask(socket: TLSSocket, line: string, headers: readonly string[] = []): Promise<string> {
  let text = '';
  const take = (chunk: Buffer) => {
    text += chunk.toString('latin1');
  };
  socket.on('data', take);
  socket.write(requestBytes(line, headers));
  await until(() => /\r\n\r\n\{.*\}/s.test(text) || socket.destroyed);
  socket.off('data', take);
  return text;
}

describe('a listener with TLS', () => {
  it('serves HTTP/1.1 and nothing else, by TLS 1.2 and later', async () => {
    await using server = await openTestListener({ tls: material(first) });
    const socket = await open(server, { ALPNProtocols: ['h2', 'http/1.1'] });
    expect([socket.alpnProtocol, socket.authorized]).toEqual(['http/1.1', true]);
    expect(await ask(socket, 'GET /v1/a')).toMatch(/^HTTP\/1\.1 200 [\s\S]*"path":"a"/);
    socket.destroy();
    await expect(open(server, { ALPNProtocols: ['h2'] })).rejects.toThrow();
    await expect(open(server, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' })).rejects.toThrow();
  });

  it('lets LIST, SCAN and HELP through, kept alive and among others', async () => {
    await using server = await openTestListener({ tls: material(first) });
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await open(server, { minVersion: version, maxVersion: version });
      for (const [method, operation] of [
        ['LIST', 'list'],
        ['GET', 'read'],
        ['SCAN', 'scan'],
        ['LIST', 'list'],
        ['HELP', 'help'],
        ['GET', 'read'],
      ]) {
        expect(await ask(socket, `${method} /v1/a`)).toContain(`"operation":"${operation}"`);
      }
      socket.destroy();
    }
    await until(() => server.listener.usage().connections === 0);
  });

  it('hands the road the certificate that a client shows, also over a resumed session, and asks nobody to have one', async () => {
    await using server = await openTestListener({ tls: material(first) });
    const shown = () => server.requests.at(-1)?.clientCertificate?.()?.[0];
    const socket = await open(server, { cert: client.certificate, key: client.key, maxVersion: 'TLSv1.2' });
    await ask(socket, 'GET /v1/a');
    expect(shown()).toEqual(client.der);
    await ask(socket, 'LIST /v1/a');
    expect(shown()).toEqual(client.der);
    const session = socket.getSession();
    socket.destroy();
    const resumed = await open(server, { session, maxVersion: 'TLSv1.2' } as ConnectionOptions);
    await ask(resumed, 'GET /v1/a');
    expect([resumed.isSessionReused(), shown()]).toEqual([true, client.der]);
    resumed.destroy();
    const bare = await open(server);
    await ask(bare, 'GET /v1/a');
    expect(shown()).toBeUndefined();
    bare.destroy();
  });

  it('changes its certificate while a kept connection goes on', async () => {
    await using server = await openTestListener({ tls: material(first) });
    const kept = await open(server);
    await ask(kept, 'GET /v1/a');
    server.listener.change({ tls: material(second) });
    const fresh = await open(server);
    expect([kept.getPeerCertificate().subject.CN, fresh.getPeerCertificate().subject.CN]).toEqual([
      'first',
      'second',
    ]);
    expect(await ask(kept, 'GET /v1/still')).toContain('"path":"still"');
    const broken = { ...material(first), key: material(second).key };
    expect(() => server.listener.change({ tls: broken })).toThrow(/certificate and key/);
    const after = await open(server);
    expect(after.getPeerCertificate().subject.CN).toBe('second');
    for (const socket of [kept, fresh, after]) socket.destroy();
  });

  it('threat 15: counts connections before their handshake, and cuts those that never end it', async () => {
    const limits = { connectionsPerAddress: 2, headerMilliseconds: 200 };
    await using server = await openTestListener({ tls: material(first), limits });
    const { port } = server.listener.address;
    const silent = [0, 1].map(() => connectTcp({ port, host: '127.0.0.1' }));
    const closed = silent.map((socket) => once(socket.on('error', () => {}).resume(), 'close'));
    await until(() => server.listener.usage().connections === 2);
    await expect(open(server)).rejects.toThrow();
    expect(server.logged.join('\n')).toContain('connection refused: too many');
    // The handshake's own time ends them; nothing else would.
    await Promise.all(closed);
    await until(() => server.listener.usage().connections === 0);
    (await open(server)).destroy();
  });

  it('stops without waiting for handshakes and for connections without a request', async () => {
    const server = await openTestListener({ tls: material(first) });
    const { port } = server.listener.address;
    const half = connectTcp({ port, host: '127.0.0.1' }).on('error', () => {});
    const idle = await open(server);
    await until(() => server.listener.usage().connections === 2);
    await server.listener.close({ withinMilliseconds: 3_600_000 });
    await until(() => server.listener.usage().connections === 0);
    for (const socket of [half, idle]) socket.destroy();
  });

  it('closes on plain HTTP, and goes on', async () => {
    await using server = await openTestListener({ tls: material(first) });
    const plain = await server.connect();
    plain.send(requestBytes('GET /v1/a'));
    expect(await plain.closed()).not.toContain('200');
    (await open(server)).destroy();
  });

  it('does not start with a key of another certificate', async () => {
    const tls = { ...material(first), key: material(second).key };
    await expect(openTestListener({ tls })).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('changed limits', () => {
  it('hold from the next request on, and a wrong one changes nothing', async () => {
    await using server = await openTestListener();
    const kept = await server.connect();
    const bytes = requestBytes('POST /v1/a', [], `{"a":"${'x'.repeat(5_000)}"}`);
    kept.send(bytes);
    expect((await kept.answer()).status).toBe(200);
    expect(() => server.listener.change({ limits: { bodyBytes: 1_000, connections: 0 } })).toThrow(
      /whole number/,
    );
    kept.send(bytes);
    expect((await kept.answer()).status).toBe(200);
    server.listener.change({ limits: { bodyBytes: 1_000 } });
    kept.send(bytes);
    expect((await kept.answer()).status).toBe(413);
    expect(() => server.listener.change({ tls: material(first) })).toThrow(/no TLS/);
  });
});
