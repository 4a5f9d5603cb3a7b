/** The container image: what its file says, and servers out of what its steps make, alone and as pods of the chart. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isSent, pairs, words } from './dockerfile.ts';
import { file, Image, ignore, imageUser } from './image.ts';
import { rendered } from './rendered.ts';

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
}, 240_000);
afterAll(() => image?.[Symbol.dispose](), 240_000);

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
  expect(await image.health(volumes, reached, 'alive')).toBe(0);
  expect(await first.stop()).toMatchObject({ code: 0 });
  expect(await image.health(volumes, reached)).toBe(1);
  expect(await image.health(volumes, reached, 'alive')).toBe(1);
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

describe('a pod of the chart', () => {
  /** Volumes as a cluster mounts them: their roots are root's, and open to the pod's group. */
  function mount(config: string): string {
    const volumes = image.makeVolumes();
    for (const path of ['var/lib/coffer', 'var/lib/coffer-key', 'run/coffer', 'etc/coffer']) {
      mkdirSync(join(volumes, path), { recursive: true });
      if (path === 'etc/coffer') continue;
      if (process.getuid?.() === 0) chownSync(join(volumes, path), 0, 10_001);
      chmodSync(join(volumes, path), 0o2775);
    }
    const text = image.place(volumes, config).replaceAll(/0\.0\.0\.0:\d+/g, '127.0.0.1:0');
    writeFileSync(join(volumes, 'etc/coffer/coffer.toml'), text, { mode: 0o644 });
    return volumes;
  }

  it('serves, and serves again after the cluster opened its files to the group', async () => {
    const { pod, config } = rendered('single.yaml');
    const [init] = pod.initContainers;
    const [server] = pod.containers;
    const volumes = mount(config);
    const env = Object.fromEntries(
      (server?.env ?? []).map(({ name, value }) => [name, value ?? name.toLowerCase()]),
    );
    const address = (env['COFFER_API_ADDR'] ?? '').replaceAll(
      /\$\((\w+)\)/g,
      (_, name: string) => env[name] ?? '',
    );
    const prepare = () => image.run(volumes, init?.command ?? [], {});
    const start = () =>
      image.start(volumes, server?.args ?? [], {
        ...env,
        COFFER_API_ADDR: address,
      });
    const probe = async (at: string, path = '') => (await fetch(`${at}${path}`)).status;

    expect(await prepare()).toEqual({ code: 0, stdout: '', stderr: '' });
    const first = await start();
    const ready = server?.readinessProbe?.httpGet.path;
    const started = server?.startupProbe?.httpGet.path;
    expect(await probe(first.address, ready)).toBe(200);
    const key = join(volumes, 'var/lib/coffer-key/coffer');
    const [token = ''] = readdirSync(key).filter((name) => name.endsWith('.root-token'));
    const asked = { COFFER_ADDR: first.address, COFFER_TOKEN: readFileSync(join(key, token), 'utf8').trim() };
    await image.run(volumes, ['/usr/local/bin/coffer', 'operator', 'seal'], asked);
    expect(await probe(first.address, ready)).toBe(503);
    expect(await probe(first.address, started)).toBe(200);
    await first.stop();

    const data = join(volumes, 'var/lib/coffer/data');
    for (const path of [data, key]) spawnSync('chmod', ['-R', 'g+rwX', path]);
    await expect(start()).rejects.toThrow('so others may');
    expect(await prepare()).toMatchObject({ code: 0 });
    expect(statSync(data).mode & 0o077).toBe(0);
    const again = await start();
    expect(await probe(again.address, started)).toBe(200);
    expect(await again.stop()).toMatchObject({ code: 0 });
  });

  it('threat 26: takes keys of a Secret by copies that are for the server alone', async () => {
    const { pod, config } = rendered('keyfile.yaml');
    const volumes = mount(config);
    for (const [path, names] of Object.entries({ keyfile: ['keyfile'], tls: ['tls.key', 'tls.crt'] })) {
      const place = join(volumes, 'run/secrets', path);
      mkdirSync(place, { recursive: true });
      for (const name of names) {
        writeFileSync(join(place, name), name);
        if (process.getuid?.() === 0) chownSync(join(place, name), 0, 10_001);
        chmodSync(join(place, name), 0o440);
      }
    }
    expect(await image.run(volumes, pod.initContainers[0]?.command ?? [], {})).toMatchObject({
      code: 0,
      stderr: '',
    });
    const modes = ['keyfile', 'tls.key', 'tls.crt'].map(
      (name) => statSync(join(volumes, 'run/coffer', name)).mode & 0o777,
    );
    expect(modes).toEqual([0o600, 0o600, 0o644]);
    const env = pod.containers[0]?.env ?? [];
    expect(env.find(({ name }) => name === 'COFFER_KEYFILE')?.value).toBe('/run/coffer/keyfile');
    expect(pod.containers[0]?.args).toEqual(['server']);
  });
});
