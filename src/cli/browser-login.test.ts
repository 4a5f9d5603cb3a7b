import { readFileSync, statSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Seen, startWire } from '../client/wire.fixture.ts';
import { call, temporaryHome } from './cli.fixture.ts';

const token = 'hvs.abcdefghijklmnopqrstuvwx';

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Page {
  readonly status: number | undefined;
  readonly text: string;
  readonly policy: unknown;
}

function visit(port: number, path: string, options: { host?: string; form?: string } = {}): Promise<Page> {
  return new Promise((resolve, reject) => {
    const visiting = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method: options.form === undefined ? 'GET' : 'POST',
        headers: { Host: options.host ?? `localhost:${port}` },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += String(chunk);
        });
        response.on('end', () =>
          resolve({ status: response.statusCode, text, policy: response.headers['content-security-policy'] }),
        );
      },
    );
    visiting.on('error', reject);
    visiting.end(options.form);
  });
}

/** Comes back until somebody listens, and waits for this. */
async function comeBack(port: number, query: string, form?: string): Promise<Page> {
  for (;;) {
    const page = await visit(port, `/oidc/callback${form === undefined ? `?${query}` : ''}`, {
      ...(form === undefined ? {} : { form }),
    }).catch(() => undefined);
    if (page?.status === 200) return page;
  }
}

async function shop(authUrl = 'https://idp.example.com/authorize?state=the-state&x=1') {
  const home = temporaryHome();
  const bodies: Record<string, unknown>[] = [];
  const server = await startWire((seen: Seen) => {
    bodies.push({ url: seen.url, ...(JSON.parse(seen.body) as object) });
    return seen.url.endsWith('auth_url')
      ? { body: { data: { auth_url: authUrl } } }
      : { body: { auth: { client_token: token, policies: ['people'], lease_duration: 3600 } } };
  });
  return {
    home,
    bodies,
    env: { HOME: home, COFFER_ADDR: server.address, PATH: '/none' },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

test.each(['GET', 'POST'])(
  'login by browser: the address is printed, what comes back is traded, the token kept (%s)',
  async (how) => {
    await using at = await shop();
    const port = await freePort();
    const words = ['login', 'oidc', '--role', 'people', '--path', 'staff', '--port', String(port)];
    const running = call(words, { env: at.env });
    const form = 'state=the-state&code=the-code&iss=https%3A%2F%2Fidp.example.com';
    const page = await comeBack(port, form, how === 'POST' ? form : undefined);
    expect(page.text).toContain('This window can be closed');
    expect(page.policy).toBe("default-src 'none'");
    const outcome = await running;
    expect(outcome).toMatchObject({ code: 0, stdout: '' });
    expect(outcome.stderr).toContain('https://idp.example.com/authorize?state=the-state&x=1\n');
    expect(outcome.stderr).toContain('policies: people; the token lasts 1h');
    const kept = join(at.home, '.config', 'coffer', 'token');
    expect(readFileSync(kept, 'utf8')).toBe(`${token}\n`);
    expect(statSync(kept).mode & 0o777).toBe(0o600);
    const nonce = at.bodies[0]?.['client_nonce'];
    expect(String(nonce)).toMatch(/^[\w-]{32}$/);
    expect(at.bodies).toEqual([
      {
        url: '/v1/auth/staff/oidc/auth_url',
        role: 'people',
        redirect_uri: `http://localhost:${port}/oidc/callback`,
        client_nonce: nonce,
      },
      {
        url: '/v1/auth/staff/oidc/callback',
        state: 'the-state',
        code: 'the-code',
        client_nonce: nonce,
        iss: 'https://idp.example.com',
      },
    ]);
    expect(outcome.stderr).not.toContain(String(nonce));
  },
);

test('threat 23: whatever else comes is sent away, shown nothing of itself, and the wait goes on', async () => {
  await using at = await shop();
  const port = await freePort();
  const running = call(['login', 'oidc', '--skip-browser', '--port', String(port)], { env: at.env });
  const back = '/oidc/callback?state=the-state&code=theirs';
  while (at.bodies.length === 0) await visit(port, '/').catch(() => undefined);
  for (const [path, options] of [
    ['/oidc/callback?state=another&code=theirs', {}],
    ['/oidc/callback?code=theirs', {}],
    ['/oidc/callback?error=<script>alert(1)</script>', {}],
    ['/other?state=the-state&code=theirs', {}],
    [back, { host: `evil.example:${port}` }],
    ['/oidc/callback', { form: `state=the-state&code=${'x'.repeat(20_000)}` }],
  ] as const) {
    const page = await visit(port, path, options).catch(() => undefined);
    expect(page?.status ?? 400, path).toBe(400);
    expect(page?.text ?? '').not.toContain('script');
  }
  await comeBack(port, 'state=the-state&code=mine');
  expect(await running).toMatchObject({ code: 0 });
  expect(at.bodies.at(-1)).toMatchObject({ code: 'mine' });
});

test('a provider that lets nobody in ends the login, in our words', async () => {
  await using at = await shop();
  const port = await freePort();
  const running = call(['login', 'oidc', '--port', String(port)], { env: at.env });
  await comeBack(port, 'state=the-state&error=access_denied&error_description=sesame');
  const outcome = await running;
  expect(outcome).toMatchObject({ code: 4, stdout: '' });
  expect(outcome.stderr).toContain('the provider did not let you in');
  expect(outcome.stderr).not.toContain('sesame');
});

test.each([
  ['', 4, /does not allow http:\/\/localhost:\d+\/oidc\/callback/],
  ['file:///etc/passwd', 9, /no address to log in at/],
  ['--help', 9, /no address to log in at/],
])('no browser is sent to %j', async (address, code, words) => {
  await using at = await shop(address);
  const outcome = await call(['login', 'oidc', '--port', String(await freePort())], { env: at.env });
  expect(outcome.code).toBe(code);
  expect(outcome.stderr).toMatch(words);
});

test('a port that is taken, or is none, is told before anybody is asked', async () => {
  await using at = await shop();
  const taken = createServer();
  await new Promise<void>((resolve) => {
    taken.listen(0, '127.0.0.1', resolve);
  });
  const { port } = taken.address() as AddressInfo;
  for (const [word, words] of [
    [String(port), /EADDRINUSE.*choose another with --port/],
    ['0', /--port is a number/],
    ['70000', /--port is a number/],
  ] as const) {
    const outcome = await call(['login', 'oidc', '--port', word], { env: at.env });
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toMatch(words);
  }
  expect(at.bodies).toEqual([]);
  await new Promise((resolve) => taken.close(resolve));
});
