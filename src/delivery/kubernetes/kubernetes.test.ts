/** Secrets of a cluster: both documents at once, nobody else's Secret touched, and nobody else's token shown. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../../../test/fakes/certificate.ts';
import { KubernetesSecrets } from '../../../test/fakes/kubernetes-secrets.ts';
import { systemClock } from '../../clock.ts';
import { systemRandom } from '../../crypto/random.ts';
import { createOutgoing } from '../../outgoing/https.ts';
import { type DeliveryPlaces, noDeliveryPlaces } from '../places.ts';
import {
  failureOf,
  firstClient,
  firstUser,
  never,
  parcelOf,
  secondClient,
  secondUser,
  targetContract,
} from '../target.contract.ts';
import type { OpenTarget } from '../target.ts';
import { kubernetesTarget } from './kubernetes.ts';

const surroundings = { clock: systemClock, random: systemRandom, entityId: '' };
const label = { 'app.kubernetes.io/managed-by': 'coffer' };
let api: KubernetesSecrets;
let folder = '';
let listed: DeliveryPlaces = noDeliveryPlaces;
let env: Readonly<Record<string, string>> = {};

beforeEach(async () => {
  api = await new KubernetesSecrets().open();
  folder = mkdtempSync(join(tmpdir(), 'coffer-cluster-'));
  writeFileSync(join(folder, 'token'), `${api.token}\n`);
  writeFileSync(join(folder, 'ca.crt'), api.certificate.certificate);
  listed = { ...noDeliveryPlaces, kubernetes: [entry('sh*')] };
  env = {};
});
afterEach(async () => {
  await api.close();
  rmSync(folder, { recursive: true, force: true });
});

const entry = (namespace: string) =>
  `https://${api.host}/${namespace}?token=${join(folder, 'token')}&ca=${join(folder, 'ca.crt')}`;
const typeNow = () =>
  kubernetesTarget(createOutgoing({ patience: 5_000, atOnce: 64 }), () => listed, { env, podFolder: folder });
const open = (namespace = 'shop', type = typeNow()): OpenTarget =>
  type.open(type.parse(`kubernetes://${api.host}/${namespace}`), surroundings);

const dataOf = (name: string): Readonly<Record<string, string>> => {
  const data = api.secrets.get(`shop/${name}`)?.data ?? {};
  const texts = Object.entries(data).map(([file, value]) => [
    file,
    Buffer.from(String(value), 'base64').toString(),
  ]);
  return Object.fromEntries(texts) as Readonly<Record<string, string>>;
};

targetContract(() => {
  const type = typeNow();
  return {
    type,
    address: `kubernetes://${api.host}/shop`,
    open: () => open('shop', type),
    holds: async (application) => {
      const { 'user.json': user, 'client.json': client } = dataOf(application);
      return { ...(user === undefined ? {} : { user }), ...(client === undefined ? {} : { client }) };
    },
    refuse: async () => api.rights.clear(),
    hang: async () => {
      api.instead = () => true;
    },
    narrow: () => {
      listed = { ...listed, kubernetes: [entry('other')] };
    },
    wrong: [
      `kubernetes://${api.host}`,
      `kubernetes://${api.host}/`,
      `kubernetes://${api.host}/Shop`,
      `kubernetes://${api.host}/shop/x`,
      `kubernetes://${api.host}/other`,
      `kubernetes://user:secret@${api.host}/shop`,
      `kubernetes://${api.host}/shop?token=/etc/passwd`,
      `kubernetes://${api.host}/shop#x`,
      `kubernetes://127.0.0.1/shop`,
      'kubernetes://evil.example/shop',
      `kubernetes:${api.host}/shop`,
      `https://${api.host}/shop`,
    ],
    together: true,
  };
});

it('makes an opaque Secret that says whose it is, and probes by dry runs', async () => {
  const target = open();
  await target.probe('shop', never());
  expect(api.requests.at(-1)).toContain(
    'POST /api/v1/namespaces/shop/secrets?fieldManager=coffer&dryRun=All',
  );
  await target.deliver(parcelOf(firstUser, firstClient), never());
  expect(api.secrets.get('shop/shop')).toMatchObject({ type: 'Opaque', metadata: { labels: label } });
  expect(dataOf('shop')).toEqual({ 'user.json': firstUser.text, 'client.json': firstClient.text });
  await target.probe('shop', never());
  expect(api.requests.at(-1)).toContain(
    'PUT /api/v1/namespaces/shop/secrets/shop?fieldManager=coffer&dryRun=All',
  );
});

it('keeps what others noted on it', async () => {
  const metadata = { labels: { ...label, team: 'a' }, annotations: { note: 'b' }, finalizers: ['c/d'] };
  api.put('shop', 'shop', { metadata, data: { stale: 'eA==' } });
  await open().deliver(parcelOf(firstUser, undefined), never());
  expect(api.secrets.get('shop/shop')?.metadata).toMatchObject(metadata);
  expect(dataOf('shop')).toEqual({ 'user.json': firstUser.text });
});

describe('a Secret of somebody else', () => {
  it.each([
    ['without labels', {}],
    ['of another maker', { labels: { 'app.kubernetes.io/managed-by': 'Helm' } }],
  ] as const)('stays as it is: %s', async (_what, metadata) => {
    api.put('shop', 'shop', { metadata, data: { password: 'eA==' } });
    const target = open();
    for (const call of [
      () => target.probe('shop', never()),
      () => target.deliver(parcelOf(firstUser, firstClient), never()),
    ]) {
      expect(await failureOf(call())).toMatchObject({
        code: 'permission_denied',
        message: expect.stringContaining('was not made by Coffer'),
      });
    }
    await target.remove('shop', never());
    expect(dataOf('shop')).toEqual({ password: 'x' });
  });

  it('stays when it takes the place while ours is written', async () => {
    const target = open();
    api.instead = (verb) => {
      if (verb === 'create') api.put('shop', 'shop', { data: { password: 'eA==' } });
      return undefined;
    };
    expect((await failureOf(target.deliver(parcelOf(firstUser, firstClient), never()))).code).toBe(
      'permission_denied',
    );
    expect(dataOf('shop')).toEqual({ password: 'x' });
  });
});

it('looks again where somebody changed it in the meantime, and not for ever', async () => {
  const target = open();
  await target.deliver(parcelOf(firstUser, firstClient), never());
  let times = 0;
  const change = (most: number) => () => {
    if (times++ < most) api.put('shop', 'shop', { metadata: { labels: label }, data: {} });
    return undefined;
  };
  const onWrites = (most: number) => {
    times = 0;
    const once = change(most);
    api.instead = (verb) => (verb === 'get' ? undefined : once());
  };
  onWrites(1);
  await target.deliver(parcelOf(secondUser, secondClient), never());
  expect(dataOf('shop')).toEqual({ 'user.json': secondUser.text, 'client.json': secondClient.text });
  onWrites(1);
  await target.remove('shop', never());
  expect(api.secrets.size).toBe(0);
  await target.deliver(parcelOf(firstUser, firstClient), never());
  onWrites(100);
  expect(await failureOf(target.deliver(parcelOf(secondUser, secondClient), never()))).toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('all the time'),
  });
});

it.each([
  ['get', 'permission_denied', /let this server get/],
  ['create', 'permission_denied', /let this server create/],
] as const)('says which right is missing: %s', async (right, code, words) => {
  api.rights.delete(right);
  expect(await failureOf(open().deliver(parcelOf(firstUser, firstClient), never()))).toMatchObject({
    code,
    message: expect.stringMatching(words),
  });
});

it.each([
  [400, 'invalid_request'],
  [422, 'invalid_request'],
  [429, 'rate_limited'],
  [500, 'unavailable'],
  [503, 'unavailable'],
  [302, 'unavailable'],
] as const)('threat 16: tells of an answer %i its number and nothing else', async (status, code) => {
  api.instead = (_verb, response) => {
    response.writeHead(status, { location: 'https://evil.example' }).end('{"message":"pa55word-one"}');
    return true;
  };
  const failure = await failureOf(open().deliver(parcelOf(firstUser, firstClient), never()));
  expect(failure.code).toBe(code);
  expect(failure.message).not.toContain(api.token);
});

it('says so of a namespace that is not there', async () => {
  expect(await failureOf(open('sh-2').deliver(parcelOf(firstUser, firstClient), never()))).toMatchObject({
    code: 'invalid_request',
    message: expect.stringContaining('no namespace sh-2'),
  });
});

describe('threat 17: the token', () => {
  it('of the pod goes to the pod’s own cluster alone', async () => {
    listed = { ...listed, kubernetes: [`https://${api.host}/shop`] };
    const failure = await failureOf(open().deliver(parcelOf(firstUser, firstClient), never()));
    expect(failure).toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('token and ca'),
    });
    expect(api.requests).toEqual([]);
    const [host = '', port = ''] = api.host.split(':');
    env = { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port };
    await open().deliver(parcelOf(firstUser, firstClient), never());
    expect(dataOf('shop')['user.json']).toBe(firstUser.text);
  });

  it('is read anew for each call', async () => {
    const target = open();
    writeFileSync(join(folder, 'token'), 'old');
    expect(await failureOf(target.probe('shop', never()))).toMatchObject({ code: 'permission_denied' });
    writeFileSync(join(folder, 'token'), api.token);
    await target.probe('shop', never());
  });

  it('goes to nobody whose certificate the cluster’s own have not made', async () => {
    writeFileSync(join(folder, 'ca.crt'), makeCertificate('other').certificate);
    expect((await failureOf(open().probe('shop', never()))).code).toBe('unavailable');
    expect(api.requests).toEqual([]);
  });

  it.each([
    ['token', ''],
    ['token', 'a\nb'],
    ['ca.crt', ''],
  ])('is not sent with a file that holds nothing: %s', async (file, content) => {
    writeFileSync(join(folder, file), content);
    expect((await failureOf(open().probe('shop', never()))).message).toContain('holds none');
    rmSync(join(folder, file));
    expect((await failureOf(open().probe('shop', never()))).message).toContain('cannot be read (ENOENT)');
    expect(api.requests).toEqual([]);
  });
});

it('threat 21: asks no address that is never asked, though it be listed', async () => {
  for (const host of ['169.254.169.254', '[fd00:ec2::254]']) {
    listed = {
      ...listed,
      kubernetes: [`https://${host}/shop?token=${join(folder, 'token')}&ca=${join(folder, 'ca.crt')}`],
    };
    const type = typeNow();
    const target = type.open(type.parse(`kubernetes://${host}/shop`), surroundings);
    expect((await failureOf(target.probe('shop', never()))).message).toContain('never asked');
  }
});

it('has one spelling of a host', () => {
  listed = { ...listed, kubernetes: ['https://API.example:443/shop', 'https://127.0.0.1:6443/shop'] };
  const type = typeNow();
  expect(type.parse('kubernetes://Api.Example/shop/')).toBe('kubernetes://api.example/shop');
  expect(type.parse('kubernetes://api.example:443/shop')).toBe('kubernetes://api.example/shop');
  expect(type.parse('kubernetes://0x7f.1:6443/shop')).toBe('kubernetes://127.0.0.1:6443/shop');
});
