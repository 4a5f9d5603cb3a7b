/** `coffer vault server`: the real program, started in the old program's words. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { cleanUp, cli, freshPlace, type Place, startServer } from './server-process.ts';

afterAll(cleanUp);

function configOf(place: Place, text: string): string {
  const file = join(place.home, 'vault.hcl');
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

const listener = 'listener "tcp" {\n  address = "127.0.0.1:0"\n  tls_disable = 1\n}\n';

it('serves the store of a configuration, which is initialised and unsealed by hand, and again after a restart', async () => {
  const place = freshPlace();
  const data = join(place.home, 'data');
  const config = configOf(
    place,
    `ui = true\npid_file = ${JSON.stringify(join(place.home, 'run.pid'))}\nstorage "file" {\n  path = ${JSON.stringify(data)}\n}\n${listener}`,
  );
  const start = () =>
    startServer(place, { verb: ['vault', 'server'], listen: [], words: [`-config=${config}`] });
  const first = await start();
  expect(first.stderr).toContain(`${config}:1: "ui" has no effect: there is no web console`);
  const pidFile = join(place.home, 'run.pid');
  expect(readFileSync(pidFile, 'utf8')).toBe(`${first.pid}\n`);
  const vault = (address: string, words: readonly string[], env: Record<string, string> = {}) =>
    cli(place, ['vault', ...words], { env: { VAULT_ADDR: address, ...env } });
  const made = await vault(first.address, ['operator', 'init', '-n=1', '-t=1', '-format=json']);
  const { unseal_keys_b64: keys, root_token: token } = JSON.parse(made.stdout) as {
    unseal_keys_b64: string[];
    root_token: string;
  };
  const env = { VAULT_TOKEN: token };
  await vault(first.address, ['unseal', keys[0] ?? '']);
  expect(
    (await vault(first.address, ['secrets', 'enable', '-version=2', '-path=secret', 'kv'], env)).code,
  ).toBe(0);
  expect((await vault(first.address, ['kv', 'put', 'secret/a', 'b=c'], env)).code).toBe(0);
  await first.stop();
  expect(existsSync(pidFile)).toBe(false);
  const second = await start();
  expect((await vault(second.address, ['status'])).code).toBe(2);
  await vault(second.address, ['unseal', keys[0] ?? '']);
  expect((await vault(second.address, ['kv', 'get', '-field=b', 'secret/a'], env)).stdout).toBe('c');
  expect((await second.stop()).code).toBe(0);
});

it('refuses a configuration with every mistake at its line, and makes nothing', async () => {
  const place = freshPlace();
  const data = join(place.home, 'data');
  const config = configOf(
    place,
    `storage "file" { path = ${JSON.stringify(data)} }\nlistner "tcp" {}\nseal "awskms" {}\nlog_level = "loud"\n`,
  );
  const outcome = await cli(place, ['vault', 'server', `-config=${config}`]);
  expect([outcome.code, outcome.stdout]).toEqual([1, '']);
  for (const line of [
    ':2:1: unknown key "listner" (did you mean "listener"?)',
    ':3:6: seal "awskms"',
    ':4:1: log.level',
  ]) {
    expect(outcome.stderr).toContain(config + line);
  }
  expect(existsSync(data)).toBe(false);
  for (const words of [[], ['-dev', `-config=${config}`], ['-config=/nowhere'], ['-dev', '-dev-tls']]) {
    expect((await cli(place, ['vault', 'server', ...words])).code).toBe(1);
  }
  mkdirSync(join(data, 'core'), { recursive: true });
  writeFileSync(join(data, 'core', '_keyring'), 'of another server');
  const foreign = await cli(place, [
    'vault',
    'server',
    `-config=${configOf(place, `storage "file" { path = ${JSON.stringify(data)} }`)}`,
  ]);
  expect(foreign.stderr).toContain('holds the data of another server');
});

it('-dev keeps all in memory, and leaves the next command logged in', async () => {
  const place = freshPlace();
  const server = await startServer(place, {
    verb: ['vault', 'server'],
    listen: ['-dev', '-dev-listen-address=127.0.0.1:0'],
    words: ['-dev-root-token-id=root-of-dev'],
  });
  expect(server.stdout).toContain('Root Token: root-of-dev');
  expect(readFileSync(join(place.home, '.vault-token'), 'utf8')).toBe('root-of-dev');
  expect(statSync(join(place.home, '.vault-token')).mode & 0o777).toBe(0o600);
  const put = await cli(place, ['vault', 'kv', 'put', 'secret/a', 'b=c'], {
    env: { VAULT_ADDR: server.address },
  });
  expect(put.code).toBe(0);
  await server.stop();
  const other = freshPlace();
  const quiet = await startServer(other, {
    verb: ['vault', 'server'],
    listen: ['-dev', '-dev-no-store-token', '-dev-listen-address=127.0.0.1:0'],
  });
  expect(existsSync(join(other.home, '.vault-token'))).toBe(false);
  await quiet.stop();
});
