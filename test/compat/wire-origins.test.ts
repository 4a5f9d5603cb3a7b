/** Pages of other origins, and `sys/health` with all its switches, as they look on the wire. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ContractServer, openContractServer } from './contract-server.ts';

let server: ContractServer;
beforeAll(async () => {
  server = await openContractServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const origin = 'https://console.example.com';
type Headers = Readonly<Record<string, string>>;

/** By hand, since clients of their own make origins and preflights hard to send. */
function send(
  method: string,
  path: string,
  headers: Headers,
  body = '',
): Promise<{ status: number; headers: Headers; body: string }> {
  const { hostname, port } = new URL(server.address);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.setEncoding('latin1').on('data', (piece: string) => {
      text += piece;
    });
    socket.on('error', reject).on('end', () => {
      const [head = '', ...rest] = text.split('\r\n\r\n');
      const [first = '', ...lines] = head.split('\r\n');
      const parsed = Object.fromEntries(
        lines.map((line) => [
          line.slice(0, line.indexOf(':')).toLowerCase(),
          line.slice(line.indexOf(':') + 2),
        ]),
      );
      resolve({ status: Number(first.split(' ')[1]), headers: parsed, body: rest.join('\r\n\r\n') });
    });
    const sent: Headers = {
      Host: `${hostname}:${port}`,
      Connection: 'close',
      'Content-Length': String(Buffer.byteLength(body)),
      ...headers,
    };
    const lines = Object.entries(sent).map(([name, value]) => `${name}: ${value}`);
    socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
  });
}

const allow = (body: object) => server.wire.ask('PUT', 'sys/config/cors', { body: body as never });
const corsOf = (headers: Headers) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('access-control-')));
const preflight = (from: string) =>
  send('OPTIONS', '/v1/sys/mounts', {
    Origin: from,
    'Access-Control-Request-Method': 'LIST',
    'Access-Control-Request-Headers': 'x-vault-token',
  });

describe('threat 23: other origins’ pages', () => {
  it('are told nothing while nobody has allowed any', async () => {
    expect((await server.wire.ask('GET', 'sys/config/cors')).json).toMatchObject({ enabled: false });
    const answer = await send('GET', '/v1/sys/health', { Origin: origin });
    expect(answer.status).toBe(200);
    expect(corsOf(answer.headers)).toEqual({});
    expect((await preflight(origin)).status).toBe(405);
  });

  it('may read once they are allowed, and are let ask first', async () => {
    expect((await allow({ allowed_origins: [origin], allowed_headers: 'X-Custom' })).status).toBe(204);
    expect((await server.wire.ask('GET', 'sys/config/cors')).json).toMatchObject({
      enabled: true,
      allowed_origins: [origin],
      data: { allow_credentials: false },
    });
    const answer = await send('GET', '/v1/sys/health', { Origin: origin });
    expect(corsOf(answer.headers)).toEqual({
      'access-control-allow-origin': origin,
      'access-control-expose-headers': 'X-Coffer-Error, X-Coffer-Request-Id, Retry-After',
    });
    expect(answer.headers['vary']).toBe('Origin');
    const asked = await preflight(origin);
    expect(asked).toMatchObject({ status: 204, body: '' });
    expect(asked.headers['access-control-allow-origin']).toBe(origin);
    expect(asked.headers['access-control-allow-headers']).toContain('x-vault-token, x-custom');
    expect(asked.headers['access-control-allow-methods']).toContain('LIST');
    expect(asked.headers['access-control-max-age']).toBe('300');
    expect(asked.headers['access-control-allow-credentials']).toBeUndefined();
    // Refusals too can be read by who may read.
    const refused = await send('GET', '/v1/sys/mounts', { Origin: origin });
    expect(refused.status).toBe(403);
    expect(refused.headers['access-control-allow-origin']).toBe(origin);
  });

  it('are refused when they are others, however alike, before anything is done', async () => {
    const others = [
      'https://console.example.com.evil.example',
      'https://evil-console.example.com',
      'http://console.example.com',
      'https://console.example.com:8443',
      'HTTPS://CONSOLE.EXAMPLE.COM',
      'https://console.example.com/',
      'https://console.example.com, https://evil.example',
      'null',
      '*',
      'file://',
    ];
    const token = 'X-Vault-Token';
    for (const other of others) {
      const answer = await send('GET', '/v1/sys/health', { Origin: other });
      expect(answer.status, other).toBe(403);
      expect(corsOf(answer.headers), other).toEqual({});
      expect((await preflight(other)).status, other).toBe(403);
      const body = '{"data":{"a":1}}';
      const written = await send(
        'POST',
        '/v1/secret/data/foreign',
        { Origin: other, [token]: 'hvs.contract-root-token-0000' },
        body,
      );
      expect(written.status, other).toBe(403);
      expect(written.headers['connection']).toBe('close');
    }
    expect((await server.wire.ask('GET', 'secret/data/foreign')).status).toBe(404);
  });

  it('are no concern of programs without an origin, and of the server’s own', async () => {
    expect((await server.wire.ask('GET', 'sys/mounts')).status).toBe(200);
    const own = await send('GET', '/v1/sys/health', { Origin: server.address });
    expect(own.status).toBe(200);
    expect(corsOf(own.headers)).toEqual({});
  });

  it('never come with credentials where every origin is allowed', async () => {
    expect((await allow({ allowed_origins: '*', allow_credentials: true })).status).toBe(400);
    expect((await allow({ allowed_origins: ['*', origin] })).status).toBe(400);
    expect((await allow({ allowed_origins: '*' })).status).toBe(204);
    const answer = await send('GET', '/v1/sys/health', { Origin: 'https://any.example' });
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
    expect((await allow({ allowed_origins: origin, allow_credentials: true })).status).toBe(204);
    const named = await send('GET', '/v1/sys/health', { Origin: origin });
    expect(corsOf(named.headers)).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
    });
  });

  it('are named as browsers name them, or the setting is refused', async () => {
    const wrong = [
      ...['', 'example.com', 'https://example.com/', 'https://Example.com', 'https://a@example.com', 'null'],
      ...[
        'https://*.example.com',
        'https://example.com:443',
        'javascript:alert(1)',
        'https://a b',
        'https://ä.example',
      ],
    ];
    for (const entry of wrong) expect((await allow({ allowed_origins: [entry] })).status, entry).toBe(400);
    expect((await allow({})).status).toBe(400);
    for (const name of ['a b', 'x\r\nSet-Cookie: a', 'ä', '"']) {
      expect((await allow({ allowed_origins: [origin], allowed_headers: [name] })).status, name).toBe(400);
    }
    expect((await server.wire.ask('DELETE', 'sys/config/cors')).status).toBe(204);
    expect(corsOf((await send('GET', '/v1/sys/health', { Origin: origin })).headers)).toEqual({});
  });
});

describe('headers that are audited', () => {
  it('come from the wire, several of a name as one text', async () => {
    const seen: unknown[] = [];
    const { core } = server.node.state;
    if (core === undefined) throw new Error('sealed');
    await server.wire.ask('POST', 'sys/config/auditing/request-headers/x-trace', { body: { hmac: false } });
    const append = core.audit.append.bind(core.audit);
    core.audit.append = (entry, durability) => {
      seen.push(entry['headers']);
      return append(entry, durability);
    };
    await send('GET', '/v1/sys/health', { 'X-Trace': 'a', 'x-trace': 'b' });
    expect(seen).toContainEqual({ 'x-trace': ['a, b'] });
  });
});

describe('sys/health', () => {
  it('answers the codes that it is asked to, for GET and HEAD', async () => {
    const codes =
      'activecode=299&standbycode=298&sealedcode=297&uninitcode=296&drsecondarycode=295&performancestandbycode=294';
    expect((await send('GET', '/v1/sys/health', {})).status).toBe(200);
    for (const query of ['standbyok', 'standbyok=true&perfstandbyok=true', 'sealedcode=418&uninitcode=418']) {
      expect((await send('GET', `/v1/sys/health?${query}`, {})).status, query).toBe(200);
    }
    expect((await send('GET', `/v1/sys/health?${codes}`, {})).status).toBe(299);
    const head = await send('HEAD', `/v1/sys/health?${codes}`, {});
    expect(head).toMatchObject({ status: 299, body: '' });
    expect((await send('HEAD', '/v1/sys/health', {})).status).toBe(200);
    for (const query of [
      'activecode=abc',
      'activecode=99',
      'activecode=600',
      'activecode=-1',
      'activecode=200.5',
    ]) {
      expect((await send('GET', `/v1/sys/health?${query}`, {})).status, query).toBe(400);
    }
    const empty = await send('GET', '/v1/sys/health?activecode=204', {});
    expect(empty).toMatchObject({ status: 204, body: '' });
  });

  it('says 501 without a store and 503 sealed, or what it is asked to', async () => {
    await using fresh = await openContractServer(false);
    const code = async (query = '') => (await fetch(`${fresh.address}/v1/sys/health${query}`)).status;
    expect(await code()).toBe(501);
    expect(await code('?uninitcode=200')).toBe(200);
    expect(await code('?sealedcode=200')).toBe(501);
    const made = await fresh.node.state.initialize({ shares: 1, threshold: 1 });
    expect(await code()).toBe(503);
    expect(await code('?sealedcode=200')).toBe(200);
    expect(await code('?standbyok=true&activecode=299')).toBe(503);
    const head = await fetch(`${fresh.address}/v1/sys/health?sealedcode=204`, { method: 'HEAD' });
    expect(head.status).toBe(204);
    const body = (await (await fetch(`${fresh.address}/v1/sys/health`)).json()) as object;
    expect(body).toMatchObject({ initialized: true, sealed: true, standby: false });
    expect(body).not.toHaveProperty('cluster_id');
    await fresh.node.state.submitKey(made.shares[0]?.toString('hex') ?? '');
    expect(await code()).toBe(200);
  });

  it('shows a version of Vault’s family wherever there is one, and Coffer’s own beside it', async () => {
    const semver = /^1\.17\.\d+$/;
    for (const path of ['sys/health', 'sys/seal-status']) {
      const { json } = await server.wire.ask('GET', path);
      expect(json, path).toMatchObject({
        version: expect.stringMatching(semver) as string,
        coffer_version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
      });
    }
    const history = (await server.wire.ask('GET', 'sys/version-history')).json as {
      data: { keys: string[] };
    };
    expect(history.data.keys).toEqual([expect.stringMatching(semver)]);
    const nodes = (await server.wire.ask('GET', 'sys/ha-status')).json as { nodes: { version: string }[] };
    expect(nodes.nodes[0]?.version).toMatch(semver);
  });
});
