import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createRawServer, type Server } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../../test/fakes/certificate.ts';
import { guardedLookup, isForbiddenAddress } from './guarded-lookup.ts';
import { createOutgoing, outgoing, parseOutgoingUrl } from './https.ts';

const servers = new Set<{ close(): unknown; closeAllConnections?(): void }>();
afterEach(() => {
  for (const server of servers) {
    server.closeAllConnections?.();
    server.close();
  }
  servers.clear();
});

async function listen(server: Server & { closeAllConnections?(): void }): Promise<number> {
  servers.add(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function plain(listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(createServer(listener))}/`;
}

describe('a request out', () => {
  it('threat 17: brings status, kind and bytes, and sends no header but its own and those it was told', async () => {
    let seen: unknown;
    const url = await plain((request, response) => {
      seen = [request.method, request.url, request.headers];
      response.writeHead(404, { 'Content-Type': 'Text/JSON; charset=x' }).end('{}');
    });
    const answer = await outgoing({ url: `${url}a?b=c`, headers: { Authorization: 'Bearer x' } });
    expect(answer).toEqual({ status: 404, contentType: 'text/json', body: Buffer.from('{}') });
    expect(seen).toEqual([
      'GET',
      '/a?b=c',
      {
        host: new URL(url).host,
        accept: 'application/json',
        'accept-encoding': 'identity',
        authorization: 'Bearer x',
        connection: 'close',
      },
    ]);
  });

  it('checks the certificate, by the platform’s authorities or by those it is told', async () => {
    const mine = makeCertificate('mine');
    const server = createSecureServer({ key: mine.key, cert: mine.certificate }, (_, response) =>
      response.end('a'),
    );
    const url = `https://127.0.0.1:${await listen(server)}/`;
    expect((await outgoing({ url, ca: mine.certificate })).body.toString()).toBe('a');
    // By whatever name a request calls it.
    const headers = { host: 'sts.amazonaws.com' };
    expect((await outgoing({ url, ca: mine.certificate, headers })).status).toBe(200);
    await expect(outgoing({ url })).rejects.toThrow(/could not be asked: DEPTH_ZERO_SELF_SIGNED_CERT/);
    await expect(outgoing({ url, ca: makeCertificate('other').certificate })).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  it('threat 21: follows no redirect', async () => {
    let asked = 0;
    const url = await plain((_, response) => {
      asked += 1;
      response.writeHead(302, { Location: '/elsewhere' }).end();
    });
    await expect(outgoing({ url })).rejects.toThrow(/redirects elsewhere/);
    expect(asked).toBe(1);
  });

  it.each([
    'https://169.254.169.254/latest/meta-data/',
    'https://[fe80::1]/',
    'https://[::ffff:169.254.169.254]/',
    'https://[fd00:ec2::254]/',
    'https://0.0.0.0/',
    'https://2852039166/',
    'https://0xa9fea9fe/',
  ])('threat 21: never goes to %s', async (url) => {
    await expect(outgoing({ url })).rejects.toThrow(/never asked/);
  });

  it.each([
    'http://example.com/',
    'http://10.0.0.1/',
    'http://localhost.example.com/',
    'http://127.0.0.1.example.com/',
    'ftp://localhost/',
    'file:///etc/passwd',
    'https://a:b@example.com/',
    'https://example.com/#a',
    `https://example.com/${'a'.repeat(3_000)}`,
    'example.com',
    '',
  ])('threat 21: is not made to %s', async (url) => {
    expect(() => parseOutgoingUrl(url, 'url')).toThrow(/^url /);
    await expect(outgoing({ url })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('threat 21: goes by no name to this machine that was not called so', async () => {
    const look = (allows: boolean) =>
      new Promise((resolve) => {
        guardedLookup(allows)('localhost', { all: true }, (error, addresses) =>
          resolve(error === null ? addresses : error.message),
        );
      });
    expect(await look(true)).toContainEqual({ address: '127.0.0.1', family: 4 });
    expect(await look(false)).toBe('localhost has no address that may be asked');
    expect(isForbiddenAddress('10.0.0.1', false)).toBe(false);
    expect(isForbiddenAddress('::ffff:127.0.0.1', false)).toBe(true);
    expect(isForbiddenAddress('::1', false)).toBe(true);
  });

  it('threat 21: leaves this machine by no name that says it does not', async () => {
    // Plain http is for this machine: whoever answers for a name below localhost must not be sent anything.
    const error = await new Promise<unknown>((resolve) => {
      guardedLookup(true)('192.0.2.1', { all: true }, (found) => resolve(found));
    });
    expect(error).toMatchObject({ message: '192.0.2.1 has no address that may be asked' });
  });

  it.each([
    '::ffff:169.254.169.254',
    '64:ff9b::169.254.169.254',
    '64:ff9b::127.0.0.1',
    '2002:a9fe:a9fe::1',
    '2002:7f00:1::',
    '::169.254.169.254',
    '::127.0.0.1',
    'fd20:ce::254',
    '168.63.129.16',
    '192.0.0.192',
  ])('threat 21: never goes to %s', (address) => {
    expect(isForbiddenAddress(address, false)).toBe(true);
    expect(isForbiddenAddress(address, true)).toBe(true);
  });

  it('threat 15: takes no more than it was told, and nothing compressed', async () => {
    const url = await plain((request, response) => {
      if (request.url === '/zip')
        response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync('a'.repeat(9_999)));
      else response.end('x'.repeat(1_001));
    });
    await expect(outgoing({ url, longest: 1_000 })).rejects.toThrow(/sent more than 1000 bytes/);
    await expect(outgoing({ url: `${url}zip` })).rejects.toThrow(/compressed/);
    expect((await outgoing({ url, longest: 1_001 })).body.length).toBe(1_001);
  });

  it('threat 15: waits for nobody who keeps it waiting, and lets only so many wait', async () => {
    const url = await plain(() => undefined);
    const impatient = createOutgoing({ patience: 50, atOnce: 2 });
    const waiting = [impatient({ url }), impatient({ url })].map((one) =>
      one.catch((error: unknown) => error),
    );
    await expect(impatient({ url })).rejects.toThrow(/too many requests to other systems/);
    for (const error of await Promise.all(waiting)) expect(String(error)).toMatch(/it took too long/);
    await expect(impatient({ url })).rejects.toThrow(/it took too long/);
  });

  it('ends with whoever asked for it', async () => {
    const url = await plain(() => undefined);
    const wish = new AbortController();
    const asked = outgoing({ url, signal: wish.signal });
    wish.abort();
    await expect(asked).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('threat 16: that fails names the host, and nothing of path, query and answer', async () => {
    const port = await listen(createRawServer((socket) => socket.end('secret nonsense\r\n\r\n')));
    const error = await outgoing({ url: `http://127.0.0.1:${port}/secret?secret=1` }).catch(
      (thrown: unknown) => thrown,
    );
    expect(String(error)).toMatch(/127\.0\.0\.1:\d+ could not be asked/);
    expect(String(error)).not.toContain('secret');
  });
});
