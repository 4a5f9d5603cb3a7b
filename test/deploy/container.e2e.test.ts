/** The container image: what its file says, and a server out of what its steps make. */
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isSent, pairs, words } from './dockerfile.ts';
import { file, Image, ignore, imageUser } from './image.ts';

const last = file.stages.at(-1);
const of = (name: string) =>
  (last?.instructions ?? []).filter((step) => step.name === name).map(({ text }) => text);

it('both stages begin with a Node of an exact version, and only the last one is kept', () => {
  const node = ['node:$', '{NODE}'].join('');
  expect(file.stages.map(({ from }) => from)).toEqual([node, node]);
  expect(file.args.get('NODE')).toMatch(/^24\.\d+\.\d+-[a-z]+-slim$/);
  expect(last?.name).toBeUndefined();
});

it('threat 26: the image’s user is not root, by number, so that a cluster can tell', () => {
  expect(of('USER')).toEqual(['10001:10001']);
  const order = (last?.instructions ?? []).map(({ name }) => name);
  // What comes later would be of this user, who is to write to volumes only.
  expect(order.slice(order.indexOf('USER'))).not.toContain('COPY');
  expect(order.slice(order.indexOf('USER'))).not.toContain('RUN');
});

it('threat 16: no layer and no variable of the image holds a secret, whatever lies in a checkout', () => {
  for (const path of [
    '.git/config',
    '.env',
    'a.keyfile',
    'x.root-token',
    'node_modules/pg',
    'release/x',
    'deploy/compose/secrets',
  ]) {
    expect(isSent(path, ignore), path).toBe(false);
  }
  for (const path of ['src/main/cli.ts', 'package-lock.json', '.npmrc'])
    expect(isSent(path, ignore)).toBe(true);
  const names = file.stages.flatMap(({ instructions }) => instructions.map(({ name }) => name));
  expect(names).not.toContain('ARG');
  expect(names).not.toContain('ADD');
  for (const text of of('ENV')) {
    for (const name of pairs(text).keys()) expect(name).not.toMatch(/TOKEN|PASSWORD|SECRET|STORAGE|KEY/);
  }
});

it('store and keyfile have a volume each, and signals reach the server itself', () => {
  const volumes = of('VOLUME').flatMap(words);
  expect(volumes).toEqual(['/var/lib/coffer', '/var/lib/coffer-key']);
  for (const name of ['ENTRYPOINT', 'CMD']) expect(of(name).map(words)).toHaveLength(1);
  expect(of('STOPSIGNAL')).toEqual(['SIGTERM']);
});

let image: Image;
beforeAll(() => {
  image = new Image();
});
afterAll(() => image?.[Symbol.dispose]());

it('what the steps make serves, as nobody, and writes to its volumes only', async () => {
  const volumes = image.makeVolumes();
  const key = join(volumes, 'var/lib/coffer-key/coffer');
  const env = { COFFER_LISTEN: '127.0.0.1:0' };
  await expect(image.start(volumes, [], env)).rejects.toThrow('there is no store');
  const first = await image.start(volumes, ['server', '--init'], env);
  const port = new URL(first.address).port;
  const reached = { COFFER_LISTEN: `0.0.0.0:${port}` };
  expect(await image.health(volumes, reached)).toBe(0);
  const kept = readdirSync(key);
  expect(kept.filter((name) => name.endsWith('.keyfile'))).toHaveLength(1);
  if (process.getuid?.() === 0) expect(statSync(join(volumes, 'var/lib/coffer/store')).uid).toBe(imageUser);
  const coffer = ['/usr/local/bin/coffer'];
  const token = kept.find((name) => name.endsWith('.root-token')) ?? '';
  const asked = { COFFER_ADDR: first.address, COFFER_TOKEN: readFileSync(join(key, token), 'utf8').trim() };
  expect(await image.run(volumes, [...coffer, 'put', 'a', 'b=c'], asked)).toMatchObject({ code: 0 });
  expect(await image.run(volumes, [...coffer, 'operator', 'seal'], asked)).toMatchObject({
    code: 0,
  });
  expect(await image.health(volumes, reached)).toBe(1);
  expect(await first.stop()).toMatchObject({ code: 0 });
  expect(await image.health(volumes, reached)).toBe(1);
});

it('without TLS it serves other machines only when told to', async () => {
  const volumes = image.makeVolumes();
  const env = { COFFER_LISTEN: '0.0.0.0:0' };
  await expect(image.start(volumes, ['server', '--init'], env)).rejects.toThrow('tls_disable');
  const told = await image.start(volumes, ['server', '--init'], { ...env, COFFER_TLS_DISABLE: 'true' });
  expect(await told.stop()).toMatchObject({ code: 0 });
});

it('a volume of the store that is not mounted never becomes a fresh store', async () => {
  const volumes = image.makeVolumes();
  const env = { COFFER_LISTEN: '127.0.0.1:0' };
  await (await image.start(volumes, ['server', '--init'], env)).stop();
  const data = join(volumes, 'var/lib/coffer');
  for (const name of readdirSync(data)) rmSync(join(data, name), { recursive: true });
  await expect(image.start(volumes, ['server', '--init'], env)).rejects.toThrow(
    'is the keyfile of a store that was there',
  );
});
