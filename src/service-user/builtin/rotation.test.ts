/** The rotation machine with this provider: what an application finds is good, and what an emergency ends is dead. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Asked, ask, makePlace, type Place } from '../../../test/fakes/client.ts';
import type { TargetType } from '../../delivery/target.ts';
import { serviceUsers } from '../../engine/service-users/service-users.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { builtin } from './builtin.ts';

let place: Place;
let node: CofferNode;
/** What an application would find, by document. */
const found = new Map<string, JsonObject>();

const remembering: TargetType = {
  scheme: 'directory',
  summary: 'for tests',
  parse: (address) => address,
  open: () => ({
    place: 'here',
    probe: () => Promise.resolve(),
    deliver: async ({ documents }) => {
      for (const [name, document] of Object.entries(documents)) found.set(name, JSON.parse(document.text));
    },
    remove: async () => found.clear(),
    close() {},
  }),
};

beforeAll(async () => {
  const engine = serviceUsers({
    targets: new Map([[remembering.scheme, remembering]]),
    providers: new Map([[builtin.type, builtin]]),
  });
  place = await makePlace({ engines: [engine], program: { address: () => 'https://coffer.example' } });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/service-users', { type: 'service-users' });
  await ask(node, 'update', 'service-users/apps/shop', { name: 'The shop' });
  const delivery = { targets: ['directory:/here'], scopes: ['parcel.read'], confidential: true };
  await ask(node, 'update', 'service-users/apps/shop/delivery', delivery);
  await work();
});
afterAll(() => place.remove());

/** What is due outside, until nothing is. */
async function work(seconds = 0): Promise<void> {
  place.clock.jump(seconds);
  for (let pass = 0; pass < 20; pass++) {
    place.clock.jump(1);
    await node.state.core?.outside.run();
    await node.state.core?.outside.settled();
  }
}

function grant(): JsonObject {
  const { application_username: username = '', application_password: password = '' } =
    found.get('user') ?? {};
  return { grant_type: 'password', username, password, ...found.get('client') };
}

function post(path: string, data: JsonObject): Promise<Asked> {
  return ask(node, 'update', `service-users/oauth2/${path}`, data, null);
}

it('what is delivered gets tokens, before, during and after a rotation', async () => {
  const before = grant();
  expect((await post('access_token', { ...before, scope: 'cn parcel.read' })).data['scope']).toBe(
    'cn parcel.read',
  );
  // One rotation after the other: the first has to be over.
  await work(900);
  await ask(node, 'update', 'service-users/apps/shop/rotate', {});
  await work();
  const after = grant();
  expect(after['password']).not.toBe(before['password']);
  expect(after['client_id']).not.toBe(before['client_id']);
  for (const each of [before, after]) expect((await post('access_token', each)).status).toBe(200);
  await work(3_600 + 900);
  expect((await post('access_token', grant())).status).toBe(200);
  expect((await post('access_token', before)).data['error']).toBe('invalid_client');
});

it('threat 12: an emergency ends old credentials and every token made with them, at once', async () => {
  const before = grant();
  const token = String((await post('access_token', before)).data['access_token']);
  await ask(node, 'update', 'service-users/apps/shop/rotate', { emergency: true });
  await work();
  expect((await post('access_token', before)).status).not.toBe(200);
  const { client_id = '', client_secret = '' } = found.get('client') ?? {};
  expect((await post('introspect', { token, client_id, client_secret })).data).toEqual({ active: false });
  expect((await post('access_token', grant())).status).toBe(200);
});

it('an application that is not active any more gets nothing, and finds nothing', async () => {
  const before = grant();
  await ask(node, 'update', 'service-users/apps/shop', { active: false });
  await work();
  expect((await post('access_token', before)).data['error']).toBe('invalid_client');
  await work(2 * 86_400);
  expect((await post('access_token', before)).data['error']).toBe('invalid_client');
});
