/** From what a team configures to where its application looks: the program's own targets, and the lists of the server's configuration. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aliasedType } from '../../../test/fakes/aliased-method.ts';
import { ask, writePolicy } from '../../../test/fakes/client.ts';
import { makeServicePlace, quietProvider, type ServicePlace } from '../../../test/fakes/service-place.ts';
import { noAwsPlaces } from '../../aws/aws-places.ts';
import { type DeliveryPlaces, noDeliveryPlaces } from '../../delivery/places.ts';
import type { JsonObject } from '../../json.ts';
import { targetTypesFor } from '../../main/service-users-catalog.ts';
import { serviceUsers } from './service-users.ts';

let base = '';
let root = '';
let listed: DeliveryPlaces = noDeliveryPlaces;
let at: ServicePlace;
let ann = '';

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'coffer-delivered-'));
  root = join(base, 'root');
  mkdirSync(root, { mode: 0o700 });
  listed = { ...noDeliveryPlaces, directories: [root], s3: ['org-*'] };
  const engine = serviceUsers({
    targets: targetTypesFor(noAwsPlaces, () => listed),
    providers: new Map([['builtin', quietProvider]]),
  });
  at = await makeServicePlace({ engines: [engine], authMethods: [aliasedType] });
  ann = await at.member('ann', ['payments']);
  await writePolicy(
    at.node,
    'delivers',
    'path "secret/data/apps/*" { capabilities = ["create", "update", "delete"] }',
  );
  await ask(at.node, 'update', 'identity/group', { name: 'payments', policies: ['delivers'] });
  await at.ask('update', 'apps/shop', { team: 'payments' });
});
afterEach(async () => {
  await at.place.remove();
  rmSync(base, { recursive: true, force: true });
});

const deliver = (...targets: readonly string[]) => at.ask('update', 'apps/shop/delivery', { targets }, ann);
const file = (name: string) =>
  JSON.parse(readFileSync(join(root, 'shop', `${name}.json`), 'utf8')) as JsonObject;
const secret = async () => (await ask(at.node, 'read', 'secret/data/apps/shop')).data['data'] as JsonObject;
const status = async () => JSON.stringify((await at.ask('read', 'apps/shop/status', {}, ann)).data);

/** Six turns; @param seconds from each to the next: a new rotation waits out the overlap of the one before. */
async function work(seconds = 60): Promise<void> {
  for (let turn = 0; turn < 6; turn++) {
    await at.outside();
    at.place.clock.jump(seconds);
  }
}

describe('a team’s targets', () => {
  it('hold the same credentials, and a rotation changes them everywhere', async () => {
    expect((await deliver(`directory:${root}`, 'kv:secret/apps')).status).toBe(204);
    await work(300);
    const first = { ...file('user'), ...file('client') };
    expect(first).toMatchObject({ application_username: 'stups_shop', client_id: expect.any(String) });
    expect(await secret()).toMatchObject(first);
    expect((await at.ask('update', 'apps/shop/rotate', {}, ann)).status).toBeLessThan(300);
    await work();
    const second = { ...file('user'), ...file('client') };
    expect(second['application_password']).not.toBe(first['application_password']);
    expect(await secret()).toMatchObject(second);
  });

  it('are filled when they come and emptied when they go', async () => {
    await deliver('kv:secret/apps');
    await work();
    const before = await secret();
    await deliver('kv:secret/apps', `directory:${root}`);
    await work();
    expect(before).toMatchObject(file('user'));
    await deliver(`directory:${root}`);
    await work();
    expect((await ask(at.node, 'read', 'secret/data/apps/shop')).data['data'] ?? null).toBeNull();
    await deliver();
    await work();
    expect(existsSync(join(root, 'shop'))).toBe(false);
  });
});

it('threat 17: what is not listed any more gets nothing, and the application shows it', async () => {
  await deliver(`directory:${root}`);
  await work(300);
  const before = file('user');
  listed = { ...listed, directories: [] };
  await at.ask('update', 'apps/shop/rotate', {}, ann);
  await work();
  expect(file('user')).toEqual(before);
  const shown = await status();
  expect(shown).toContain('delivery.directories');
  expect(shown).not.toContain(String(before['application_password']));
});

it.each([
  ['gs://org-mint', /a delivery target is a bucket of S3 or an address of a known kind/],
  ['mint-org', /delivery\.s3/],
  ['s3://org-a?region=nowhere.example', /AWS region/],
  ['s3://org-a?endpoint=http://169.254.169.254', /aws\.endpoints/],
  ['directory:/etc', /delivery\.directories/],
  ['directory:relative', /absolute path/],
  ['kv:sys/policies', /no kv mount/],
  ['ssm:/apps?region=eu-central-1', /delivery\.ssm/],
  ['secretsmanager:apps', /delivery\.secretsmanager/],
  ['kubernetes://10.0.0.1:6443/shop', /delivery\.kubernetes/],
] as const)('threat 21: refuses at once what leads elsewhere, in words: %s', async (address, words) => {
  const { status: code, errors } = await deliver('org-a', address);
  expect([code, errors.join()]).toEqual([400, expect.stringMatching(words)]);
  expect((await at.ask('read', 'apps/shop/delivery', {}, ann)).data['targets']).toEqual([]);
});

it('threat 17: wants an entity for targets that are written with somebody’s rights', async () => {
  await at.ask('update', 'apps/free', {});
  const answer = await at.ask('update', 'apps/free/delivery', { targets: ['kv:secret/apps'] });
  expect([answer.status, answer.errors.join()]).toEqual([
    400,
    expect.stringMatching(/log in by an auth method/),
  ]);
});
