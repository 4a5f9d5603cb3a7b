/** Secrets of Coffer itself: with the rights of who configured the target, as they are by now, and nothing but secrets of kv. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, type Place, writePolicy } from '../../../test/fakes/client.ts';
import { systemClock } from '../../clock.ts';
import { systemRandom } from '../../crypto/random.ts';
import type { EngineType } from '../../engine/engine.ts';
import type { CofferNode } from '../../main/node.ts';
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
import { type AskAs, type OpenTarget, wantedAddress } from '../target.ts';
import { kvTarget } from './kv.ts';

let askAs: AskAs | undefined;
/** Hands its environment to the test. */
const asker: EngineType = {
  type: 'asker',
  summary: 'for tests',
  parseOptions: (options) => options,
  create(environment) {
    askAs = environment.askAs;
    return { endpoints: [] };
  },
};

let place: Place;
let node: CofferNode;
let entity = '';
let silent = false;

const rights = (...paths: readonly string[]) =>
  writePolicy(
    node,
    'delivers',
    paths.map((path) => `path "${path}" { capabilities = ["create", "update", "delete"] }`).join('\n'),
  );

beforeEach(async () => {
  silent = false;
  place = await makePlace({ engines: [asker] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/asker', { type: 'asker' });
  await ask(node, 'update', 'sys/mounts/plain', { type: 'kv', options: { version: '1' } });
  await ask(node, 'update', 'sys/mounts/transit', { type: 'transit' });
  const made = await ask(node, 'update', 'identity/entity', { name: 'ann', policies: ['delivers'] });
  entity = String(made.data['id']);
  await rights('secret/data/apps/*', 'secret/metadata/apps/*', 'plain/apps/*', 'transit/*');
});
afterEach(() => place.remove());

const surroundings = () => ({
  clock: systemClock,
  random: systemRandom,
  entityId: entity,
  askAs: ((...words) =>
    silent
      ? new Promise(() => undefined)
      : (askAs?.(...words) ?? Promise.reject(new Error('none')))) satisfies AskAs,
});
const open = (address: string): OpenTarget => kvTarget.open(kvTarget.parse(address), surroundings());

/** The two documents, out of the fields of the secret. */
function documentsIn(fields: Readonly<Record<string, unknown>>): { user?: string; client?: string } {
  const { application_username, application_password, client_id, client_secret } = fields;
  return {
    ...(application_username === undefined
      ? {}
      : { user: JSON.stringify({ application_username, application_password }) }),
    ...(client_id === undefined ? {} : { client: JSON.stringify({ client_id, client_secret }) }),
  };
}

describe.each([
  ['with versions', 'kv:secret/apps', (app: string) => `secret/data/apps/${app}`],
  ['without', 'kv:plain/apps/', (app: string) => `plain/apps/${app}`],
] as const)('a kv mount %s', (_what, address, pathOf) => {
  const fieldsAt = async (application: string) => {
    const { data } = await ask(node, 'read', pathOf(application));
    return (address.startsWith('kv:secret') ? (data['data'] ?? {}) : data) as Record<string, unknown>;
  };
  targetContract(() => ({
    type: kvTarget,
    address,
    open: () => open(address),
    holds: async (application) => documentsIn(await fieldsAt(application)),
    refuse: async () => void (await ask(node, 'update', `identity/entity/id/${entity}`, { policies: [] })),
    hang: async () => {
      silent = true;
    },
    wrong: [
      'kv:/secret/apps',
      'kv:sys/policies/acl',
      'kv:SYS/policies',
      'kv:auth/userpass/users',
      'kv:identity/entity',
      'kv:cubbyhole/x',
      'kv:secret//apps',
      'kv:secret/../sys',
      'kv:secret/a\\b',
      'kv:secret/*',
      'kv:secret/+/x',
      'kv:secret?cas=1',
      `kv:secret/${'ü'.repeat(400)}`,
    ],
    together: true,
  }));

  it('holds a pair in one map of fields, with the versions that readers report', async () => {
    await open(address).deliver(parcelOf(firstUser, firstClient), never());
    expect(await fieldsAt('shop')).toEqual({
      application_username: 'stups_shop',
      application_password: 'pa55word-one',
      client_id: 'id-1',
      client_secret: 'cl1ent-one',
      user_version: firstUser.version,
      client_version: firstClient.version,
    });
  });

  it('threat 17: is written with what the entity may by now, and audited as of it', async () => {
    const target = open(address);
    await target.deliver(parcelOf(firstUser, firstClient), never());
    expect(place.auditLines().some((line) => JSON.stringify(line).includes(entity))).toBe(true);
    await rights('secret/data/apps/other', 'plain/apps/other');
    const failure = await failureOf(target.deliver(parcelOf(secondUser, secondClient), never()));
    expect(failure.code).toBe('permission_denied');
    expect((await failureOf(target.probe('shop', never()))).code).toBe('permission_denied');
    await ask(node, 'update', `identity/entity/id/${entity}`, { disabled: true });
    expect((await failureOf(target.remove('shop', never()))).code).toBe('permission_denied');
    expect(await fieldsAt('shop')).toMatchObject({ application_password: 'pa55word-one' });
  });
});

it('changes both documents in one version', async () => {
  const target = open('kv:secret/apps');
  await target.deliver(parcelOf(firstUser, firstClient), never());
  await target.probe('shop', never());
  await target.deliver(parcelOf(secondUser, secondClient), never());
  const { data } = await ask(node, 'read', 'secret/metadata/apps/shop');
  expect(data['current_version']).toBe(2);
});

it('takes every version away, or the newest where it may no more', async () => {
  const target = open('kv:secret/apps');
  await target.deliver(parcelOf(firstUser, firstClient), never());
  await target.deliver(parcelOf(secondUser, secondClient), never());
  await rights('secret/data/apps/*');
  await target.remove('shop', never());
  expect((await ask(node, 'read', 'secret/data/apps/shop')).data['data']).toBeNull();
  expect((await ask(node, 'read', 'secret/data/apps/shop', { version: '1' })).data['data']).not.toBeNull();
  await rights('secret/data/apps/*', 'secret/metadata/apps/*');
  await target.remove('shop', never());
  expect((await ask(node, 'read', 'secret/metadata/apps/shop')).status).toBe(404);
});

it('threat 17: is pointed at nothing but secrets, whatever the entity may', async () => {
  await writePolicy(
    node,
    'delivers',
    'path "*" { capabilities = ["create", "read", "update", "delete", "sudo"] }',
  );
  for (const address of ['kv:transit', 'kv:transit/keys', 'kv:asker', 'kv:nowhere/x']) {
    const target = open(address);
    for (const call of [
      () => target.deliver(parcelOf(firstUser, firstClient), never()),
      () => target.probe('shop', never()),
      () => target.remove('shop', never()),
    ]) {
      expect(['invalid_request', 'permission_denied']).toContain((await failureOf(call())).code);
    }
  }
  expect((await ask(node, 'read', 'transit/keys/shop')).status).toBe(404);
  // What looks like kv's own endpoints is a folder of secrets there.
  await open('kv:secret/config').deliver(parcelOf(firstUser, undefined), never());
  expect((await ask(node, 'read', 'secret/data/config/shop')).data['data']).toMatchObject({
    application_username: 'stups_shop',
  });
});

it('is refused where another engine has taken the place', async () => {
  const target = open('kv:plain/apps');
  await target.deliver(parcelOf(firstUser, undefined), never());
  await ask(node, 'delete', 'sys/mounts/plain');
  await ask(node, 'update', 'sys/mounts/plain', { type: 'totp' });
  expect((await failureOf(target.deliver(parcelOf(secondUser, undefined), never()))).message).toContain(
    'is not below a kv mount',
  );
});

it('threat 17: is for entities, and says so to a caller who is none', async () => {
  const types = new Map([[kvTarget.scheme, kvTarget]]);
  expect(wantedAddress('kv:secret/apps/', types, entity)).toBe('kv:secret/apps');
  for (const attempt of [
    () => wantedAddress('kv:secret/apps', types, ''),
    () => kvTarget.open('kv:secret/apps', { ...surroundings(), entityId: '' }),
  ]) {
    expect(attempt).toThrow(
      expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining('log in') }),
    );
  }
  expect(() => kvTarget.open('kv:secret/apps', { ...surroundings(), askAs: undefined })).toThrow(
    expect.objectContaining({ code: 'unavailable' }),
  );
});
