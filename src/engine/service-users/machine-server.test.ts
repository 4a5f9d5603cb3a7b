import { afterEach, describe, expect, it } from 'vitest';
import { ask, type Place, writePolicy } from '../../../test/fakes/client.ts';
import { makeServicePlace } from '../../../test/fakes/service-place.ts';
import { kvTarget } from '../../delivery/kv/kv.ts';
import type { JsonObject } from '../../json.ts';
import { builtin } from '../../service-user/builtin/builtin.ts';
import { serviceUsers } from './service-users.ts';

const engine = serviceUsers({
  targets: new Map([['kv', kvTarget]]),
  providers: new Map([['builtin', builtin]]),
});

let place: Place | undefined;
afterEach(() => place?.remove());

/** A server with one application, whose team has its credentials put into kv. */
async function served() {
  const service = await makeServicePlace({ engines: [engine] });
  ({ place } = service);
  const { node } = service;
  await writePolicy(
    node,
    'hoops-secrets',
    'path "secret/data/apps/*" { capabilities = ["create", "update", "read"] }\n' +
      'path "secret/metadata/apps/*" { capabilities = ["read", "delete"] }',
  );
  const ann = await service.member('ann', ['hoops']);
  await ask(node, 'update', 'identity/group', { name: 'hoops', policies: ['hoops-secrets'] });
  const said = await service.ask('update', 'apps/pear', { team: 'hoops', name: 'Pear', active: true });
  expect(said.errors).toEqual([]);
  const told = await service.ask('update', 'apps/pear/delivery', { targets: ['kv:secret/apps'] }, ann);
  expect(told.errors).toEqual([]);
  const pass = async (seconds: number) => {
    service.place.clock.jump(seconds);
    await service.outside();
  };
  const secret = async (): Promise<JsonObject> => {
    const { data } = await ask(node, 'read', 'secret/data/apps/pear');
    return (data['data'] ?? {}) as JsonObject;
  };
  return { ...service, ann, pass, secret };
}

describe('a server', () => {
  it('makes users, keeps their credentials in kv as the team may, rotates them, and takes them away', async () => {
    const { pass, secret, ask: below, node, ann } = await served();
    await pass(1);
    const first = await secret();
    expect(first).toMatchObject({
      application_username: 'stups_pear',
      application_password: expect.any(String),
      client_id: expect.any(String),
      client_secret: expect.any(String),
    });
    const { data: state } = await below('read', 'apps/pear/status');
    expect(state).toMatchObject({ problems: [], user: 'present', client: { step: 'overlap' } });
    await pass(901);
    await below('update', 'apps/pear/rotate', { kinds: ['password'] }, ann);
    await pass(1);
    const second = await secret();
    expect(second['application_password']).not.toBe(first['application_password']);
    expect(second['client_secret']).toBe(first['client_secret']);
    await below('update', 'apps/pear', { active: false });
    await pass(1);
    expect((await below('read', 'apps/pear/status')).data).toMatchObject({ user: 'disabled' });
    await pass(86_401);
    expect((await ask(node, 'read', 'secret/data/apps/pear')).status).toBe(404);
    expect((await below('read', 'apps/pear/status')).data).toMatchObject({ user: 'deleted' });
  });

  it('says what holds a rotation up, and goes on once the team may write again', async () => {
    const { pass, secret, ask: below, node } = await served();
    await pass(1);
    await pass(901);
    const first = await secret();
    await ask(node, 'update', 'identity/group', { name: 'hoops', policies: [] });
    await pass(7_200);
    const { data } = await below('read', 'apps/pear/status');
    expect(data['problems']).toMatchObject([{ code: 'permission_denied', target: 'kv:secret/apps' }]);
    expect(await secret()).toEqual(first);
    await ask(node, 'update', 'identity/group', { name: 'hoops', policies: ['hoops-secrets'] });
    await pass(60);
    expect((await secret())['application_password']).not.toBe(first['application_password']);
    expect((await below('read', 'apps/pear/status')).data['problems']).toEqual([]);
  });

  it('forgets all of an application that is deleted', async () => {
    const { pass, ask: below, node } = await served();
    await pass(1);
    await below('delete', 'apps/pear');
    await pass(1);
    expect((await below('read', 'apps/pear')).status).toBe(404);
    expect((await ask(node, 'read', 'secret/data/apps/pear')).status).toBe(404);
  });
});
