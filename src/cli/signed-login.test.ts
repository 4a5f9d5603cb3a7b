import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startWire } from '../client/wire.fixture.ts';
import { call, temporaryHome } from './cli.fixture.ts';

const token = 'hvs.abcdefghijklmnopqrstuvwx';
const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl';

async function shop() {
  const home = temporaryHome();
  const server = await startWire(() => ({
    body: { auth: { client_token: token, policies: ['build'], lease_duration: 60 } },
  }));
  return {
    home,
    server,
    run: (words: readonly string[], stdin = '') =>
      call(['login', ...words, '--no-store'], { stdin, env: { HOME: home, COFFER_ADDR: server.address } }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

test('login by jwt and kubernetes sends the token from a pipe or a file', async () => {
  await using at = await shop();
  const file = join(at.home, 'jwt');
  writeFileSync(file, `${jwt}\n`);
  for (const [words, stdin, url, body] of [
    [['jwt', '--role', 'build'], `${jwt}\n`, 'jwt', { role: 'build', jwt }],
    [['jwt', '--jwt-file', '-'], jwt, 'jwt', { jwt }],
    [['--method', 'jwt', '--path', 'ci', '--jwt-file', file], '', 'ci', { jwt }],
    [['kubernetes', '--role', 'web', '--jwt-file', file], '', 'kubernetes', { role: 'web', jwt }],
    [['kubernetes', '--role', 'web', '--jwt-file', '-'], jwt, 'kubernetes', { role: 'web', jwt }],
  ] as const) {
    expect(await at.run(words, stdin)).toMatchObject({ code: 0, stdout: `${token}\n` });
    const { url: asked, body: sent } = at.server.seen.at(-1) ?? { url: '', body: '' };
    expect([asked, JSON.parse(sent)]).toEqual([`/v1/auth/${url}/login`, body]);
  }
});

test('threat 16: what is no JWT is not sent, and not repeated', async () => {
  await using at = await shop();
  const file = join(at.home, 'other');
  writeFileSync(file, 'password = sesame');
  for (const [words, stdin] of [
    [['jwt', '--role', 'build'], 'sesame'],
    [['jwt', '--role', 'build'], ''],
    [['jwt', '--role', 'build', '--jwt-file', file], ''],
    [['kubernetes', '--role', 'web', '--jwt-file', join(at.home, 'none')], ''],
    [['jwt', jwt], ''],
  ] as const) {
    const outcome = await at.run(words, stdin);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).not.toContain('sesame');
  }
  // Where this runs there is no pod.
  expect((await at.run(['kubernetes', '--role', 'web'])).stderr).toContain(
    'cannot read /var/run/secrets/kubernetes.io/serviceaccount/token',
  );
  expect(at.server.seen).toEqual([]);
});
