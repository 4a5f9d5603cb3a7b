/** A server as it is started: applications’ credentials come to its own directory, and elsewhere once its configuration says so. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { cleanUp, freshPlace, type ServerProcess, startServer } from './server-process.ts';

afterAll(cleanUp);

const token = 'delivery-root';

async function post(
  server: ServerProcess,
  path: string,
  body: object,
): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${server.address}/v1/${path}`, {
    method: 'POST',
    headers: { 'X-Vault-Token': token },
    body: JSON.stringify(body),
  });
  return { status: answer.status, text: await answer.text() };
}

async function read(server: ServerProcess, path: string): Promise<string> {
  const headers = { 'X-Vault-Token': token };
  return (await fetch(`${server.address}/v1/${path}`, { headers })).text();
}

/** What is there once the duty has done it: it runs by itself. */
async function once<T>(server: ServerProcess, look: () => T | undefined): Promise<T> {
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    await read(server, 'service-users/apps/shop/status');
  }
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

it('delivers to its own directory, and to what a SIGHUP brings', async () => {
  const place = freshPlace();
  const config = join(place.home, 'coffer.toml');
  const listener = '[[listener]]\naddress = "127.0.0.1:0"\n';
  writeFileSync(config, listener, { mode: 0o600 });
  const words = ['--config', config, '--dev', '--dev-root-token-id', token];
  const server = await startServer(place, { listen: [], words });
  await post(server, 'sys/mounts/service-users', { type: 'service-users' });
  const own = join(dirname(place.data), 'coffer-delivered');
  expect((await post(server, 'service-users/apps/shop', { name: 'Shop' })).status).toBeLessThan(300);
  expect(
    (await post(server, 'service-users/apps/shop/delivery', { targets: [`directory:${own}`] })).text,
  ).toBe('');
  const user = await once(server, () => contentOf(join(own, 'shop', 'user.json')));
  expect(JSON.parse(user)).toEqual({
    application_username: 'stups_shop',
    application_password: expect.any(String),
  });
  expect(statSync(own).mode & 0o777).toBe(0o700);

  const toBucket = () => post(server, 'service-users/apps/shop/delivery', { targets: ['org-mint'] });
  expect(await toBucket()).toMatchObject({ status: 400, text: expect.stringContaining('delivery.s3') });
  writeFileSync(config, `${listener}\n[delivery]\ndirectories = []\ns3 = ["org-*"]\n`);
  server.signal('SIGHUP');
  while (!/reloaded/.test(server.stderr)) await read(server, 'sys/health');
  expect((await toBucket()).text).toBe('');
  const back = await post(server, 'service-users/apps/shop/delivery', { targets: [`directory:${own}`] });
  expect(back).toMatchObject({ status: 400, text: expect.stringContaining('delivery.directories') });
  await server.stop();
});
