import { createHmac, createSecretKey } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { letter, never, notifierContract } from '../notifier.contract.ts';
import { signature, webhook } from './webhook.ts';

interface Post {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
let server: Server;
let url: string;
let posts: Post[];
/** What the receiver answers with; undefined says nothing. */
let status: number | undefined;
let afterwards: number | undefined;

beforeEach(async () => {
  posts = [];
  status = 204;
  afterwards = undefined;
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      posts.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      const now = status;
      status = afterwards ?? status;
      if (now !== undefined) response.writeHead(now, { Location: '/elsewhere' }).end('an answer of theirs');
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const clock = new HandClock();
const open = (options: Record<string, string> = { url }, key = secret) =>
  webhook.open({ options, secret: key }, clock);

describe('a webhook', () => {
  notifierContract(() => ({
    type: webhook,
    settings: { options: { url }, secret },
    async arrived() {
      const ids = posts.map(({ headers }) => String(headers['webhook-id']));
      posts = [];
      return ids;
    },
    fail: () => {
      status = 500;
    },
    hang: () => {
      status = undefined;
    },
  }));

  it('threat 17: posts the letter, signed over the bytes that are sent, and nothing of any request', async () => {
    await open().deliver(letter(), never());
    const [{ headers, body } = { headers: {}, body: '' }] = posts;
    expect(JSON.parse(body)).toEqual({
      id: letter().id,
      time: '2026-11-22T01:36:00.000Z',
      kind: 'credentials.refused',
      subject: 'Something was refused',
      fields: { display_name: 'ann', remote_address: '192.0.2.7' },
    });
    const timestamp = String(Math.floor(clock.now() / 1_000));
    const signed = `${letter().id}.${timestamp}.${body}`;
    const expected = createHmac('sha256', Buffer.alloc(32, 7)).update(signed).digest('base64');
    expect(headers).toEqual({
      host: new URL(url).host,
      accept: 'application/json',
      'accept-encoding': 'identity',
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      connection: 'close',
      'webhook-id': letter().id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${expected}`,
    });
  });

  it('has the signature of the standard’s own example', () => {
    // https://github.com/standard-webhooks/standard-webhooks, libraries/javascript, tests.
    const key = createSecretKey(Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64'));
    expect(signature(key, 'msg_p5jXN8AQM9LWM0D4loKWxJek', '1614265330', '{"test": 2432232314}')).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    );
  });

  it('threat 21: follows no redirect', async () => {
    status = 307;
    await expect(open().deliver(letter(), never())).rejects.toThrow(/redirects elsewhere/);
    expect(posts).toHaveLength(1);
  });

  it('counts what is answered, however often it worked before', async () => {
    afterwards = 500;
    await open().deliver(letter(), never());
    await expect(open().deliver(letter(), never())).rejects.toThrow(
      /^127\.0\.0\.1:\d+ answered the webhook with status 500/,
    );
    await expect(open().deliver(letter(), never())).rejects.not.toThrow(/answer of theirs/);
  });

  it.each([
    'http://example.com/hook',
    'https://user:password@example.com/',
    'https://example.com/?token=secret',
    'https://example.com/#a',
    'file:///etc/passwd',
    'ftp://example.com/',
    '',
  ])('threat 21: is not made for %s', (text) => {
    expect(() => open({ url: text })).toThrow(/^url /);
  });

  it('threat 21: never goes where clouds answer with credentials', async () => {
    const inside = open({ url: 'https://169.254.169.254/latest/' });
    await expect(inside.deliver(letter(), never())).rejects.toThrow(/never asked/);
  });

  it('wants a key that cannot be guessed', () => {
    for (const [key, reason] of [
      ['', /24 bytes or more/],
      ['short', /24 bytes or more/],
      ['whsec_AAAA', /24 bytes or more/],
      ['whsec_not in base64, and quite long', /goes on in base64/],
    ] as const) {
      expect(() => open({ url }, key)).toThrow(reason);
    }
    expect(() => open({ url }, 'a text that is long enough')).not.toThrow();
  });
});
