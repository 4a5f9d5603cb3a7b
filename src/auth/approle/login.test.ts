import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Asked,
  ask,
  finishDuties,
  keysOf,
  makePlace,
  type Place,
  tokenOf,
} from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;

beforeEach(() => open(false));
afterEach(() => place.remove());

async function open(lmdb: boolean): Promise<void> {
  place = await makePlace({ lmdb });
  node = await place.node();
  await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
}

const role = (fields: JsonObject, name = 'app') => ask(node, 'update', `auth/approle/role/${name}`, fields);
const login = (fields: JsonObject, from?: string, at: CofferNode = node) =>
  ask(at, 'update', 'auth/approle/login', fields, null, from === undefined ? {} : { from });
const outcome = ({ status, errors }: Asked) => [status, ...errors];
const tokens = () => keysOf(place.storage, 'core/token/id/');

async function secretId(fields: JsonObject = {}): Promise<string> {
  const { data } = await ask(node, 'update', 'auth/approle/role/app/secret-id', fields);
  return String(data['secret_id']);
}

describe('a login', () => {
  it('brings an orphan token with the role’s policies and times and the secret id’s metadata', async () => {
    await role({
      role_id: 'r',
      token_policies: ['b', 'a'],
      token_ttl: '10m',
      token_max_ttl: '1h',
      token_num_uses: 9,
    });
    const secret_id = await secretId({ metadata: { team: 'blue' } });
    const answer = await login({ role_id: 'r', secret_id });
    expect(answer.auth).toMatchObject({
      policies: ['a', 'b', 'default'],
      tokenPolicies: ['a', 'b', 'default'],
      metadata: { role_name: 'app', team: 'blue' },
      leaseDuration: 600,
      renewable: true,
      orphan: true,
      numUses: 9,
      tokenType: 'service',
    });
    const { data } = await ask(node, 'update', 'auth/token/lookup', { token: tokenOf(answer) });
    expect(data).toMatchObject({ path: 'auth/approle/login', display_name: 'approle', orphan: true });
  });

  it('cannot pass metadata for the role’s name', async () => {
    await role({ role_id: 'r' });
    const secret_id = await secretId({ metadata: { role_name: 'admin' } });
    expect((await login({ role_id: 'r', secret_id })).auth?.metadata).toEqual({ role_name: 'app' });
  });

  it('may go without the default policy, for a period, and is capped by an explicit longest life', async () => {
    await role({
      role_id: 'r',
      token_no_default_policy: true,
      token_policies: 'a',
      token_period: 300,
      token_explicit_max_ttl: 200,
    });
    const answer = await login({ role_id: 'r', secret_id: await secretId() });
    expect(answer.auth).toMatchObject({ policies: ['a'], leaseDuration: 200 });
  });

  it('is renewed within the role’s longest life as it is now', async () => {
    await role({ role_id: 'r', token_ttl: 100, token_max_ttl: 300 });
    const token = tokenOf(await login({ role_id: 'r', secret_id: await secretId() }));
    const renew = () => ask(node, 'update', 'auth/token/renew-self', { increment: 1_000 }, token);
    expect((await renew()).auth?.leaseDuration).toBe(300);
    await role({ token_max_ttl: 200 });
    expect((await renew()).auth?.leaseDuration).toBe(200);
    place.clock.jump(150);
    expect((await renew()).auth?.leaseDuration).toBe(50);
  });

  it('fails once the role is deleted, and so do renewals', async () => {
    await role({ role_id: 'r' });
    const secret_id = await secretId();
    const token = tokenOf(await login({ role_id: 'r', secret_id }));
    await ask(node, 'delete', 'auth/approle/role/app');
    expect(outcome(await login({ role_id: 'r', secret_id }))).toEqual([400, 'invalid role or secret ID']);
    expect((await ask(node, 'update', 'auth/token/renew-self', {}, token)).status).toBe(400);
    expect((await ask(node, 'update', 'auth/token/renew', { token })).status).toBe(400);
  });

  it('spends a use of its secret id only when it succeeds', async () => {
    await role({ role_id: 'r' });
    const secret_id = await secretId({ num_uses: 2, cidr_list: '192.0.2.0/24' });
    for (let i = 0; i < 5; i++) {
      await login({ role_id: 'wrong', secret_id });
      await login({ role_id: 'r', secret_id }, '198.51.100.1');
    }
    expect((await login({ role_id: 'r', secret_id })).status).toBe(200);
    const { data } = await ask(node, 'update', 'auth/approle/role/app/secret-id/lookup', { secret_id });
    expect(data['secret_id_num_uses']).toBe(1);
    expect((await login({ role_id: 'r', secret_id })).status).toBe(200);
    expect((await login({ role_id: 'r', secret_id })).status).toBe(400);
    expect((await ask(node, 'update', 'auth/approle/role/app/secret-id/lookup', { secret_id })).status).toBe(
      204,
    );
    expect((await ask(node, 'list', 'auth/approle/role/app/secret-id/')).status).toBe(404);
  });

  it.each([false, true])('at once with others takes exactly the uses there are (LMDB: %s)', async (lmdb) => {
    await place.remove();
    await open(lmdb);
    const second = await place.node();
    await role({ role_id: 'r' });
    const secret_id = await secretId({ num_uses: 3 });
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        login({ role_id: 'r', secret_id }, undefined, i % 2 ? node : second),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    // After five refusals the role id is locked for this address.
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(32);
    expect(await tokens()).toHaveLength(4);
  });

  it('at once with others succeeds for all where there is no limit, also while the role is written', async () => {
    await role({ role_id: 'r' });
    const secret_id = await secretId();
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        i % 8 === 0 ? role({ token_ttl: i + 60 }) : login({ role_id: 'r', secret_id }),
      ),
    );
    expect(answers.filter(({ status }) => status >= 400)).toEqual([]);
    expect(await tokens()).toHaveLength(36);
  });
});

describe('networks', () => {
  it('bind the login to the role’s and to the secret id’s', async () => {
    await role({ role_id: 'r', secret_id_bound_cidrs: ['192.0.2.0/24', '2001:db8::/32'] });
    const secret_id = await secretId({ cidr_list: '192.0.2.128/25,2001:db8::1' });
    const from = async (address: string) => (await login({ role_id: 'r', secret_id }, address)).status;
    expect(await from('192.0.2.129')).toBe(200);
    expect(await from('::ffff:192.0.2.129')).toBe(200);
    expect(await from('2001:db8::1')).toBe(200);
    expect(await from('192.0.2.1')).toBe(400);
    expect(await from('198.51.100.129')).toBe(400);
    expect(await from('2001:db8::2')).toBe(400);
    for (const odd of ['', 'localhost', '192.0.2.129 ', '::1%lo', 'unix:', '192.0.2.129:80']) {
      expect(await from(odd)).toBe(400);
    }
  });

  it('bind the token to the role’s, or to the secret id’s where it has some', async () => {
    await role({ role_id: 'r', token_bound_cidrs: '192.0.2.0/24' });
    const wide = tokenOf(await login({ role_id: 'r', secret_id: await secretId() }));
    const narrow = tokenOf(
      await login({ role_id: 'r', secret_id: await secretId({ token_bound_cidrs: '192.0.2.7/32' }) }),
    );
    const use = async (token: string, from: string) =>
      (await ask(node, 'read', 'auth/token/lookup-self', {}, token, { from })).status;
    expect([await use(wide, '192.0.2.1'), await use(wide, '192.0.2.7')]).toEqual([200, 200]);
    expect([await use(narrow, '192.0.2.1'), await use(narrow, '192.0.2.7')]).toEqual([403, 200]);
    expect([await use(wide, '198.51.100.1'), await use(wide, '')]).toEqual([403, 403]);
  });

  it('alone open a role that asks for no secret id', async () => {
    await role({ role_id: 'r', bind_secret_id: false, secret_id_bound_cidrs: '192.0.2.0/24' });
    expect((await login({ role_id: 'r' }, '192.0.2.1')).status).toBe(200);
    expect((await login({ role_id: 'r' }, '198.51.100.1')).status).toBe(400);
    expect((await login({ role_id: 'x' }, '192.0.2.1')).status).toBe(400);
  });
});

describe('threat 08: what is wrong with a login', () => {
  it('does not show in the answer', async () => {
    await role({ role_id: 'r' });
    await role({ role_id: 'bound', secret_id_bound_cidrs: '198.51.100.0/24' }, 'bound');
    await role({ role_id: 'other' }, 'other');
    await role({ role_id: 'open', bind_secret_id: false, secret_id_bound_cidrs: '198.51.100.0/24' }, 'open');
    const right = await secretId();
    const expired = await secretId({ ttl: 1 });
    const far = await secretId({ cidr_list: '198.51.100.0/24' });
    const used = await secretId({ num_uses: 1 });
    await login({ role_id: 'r', secret_id: used });
    place.clock.jump(1);
    let attempts = 0;
    // Each from an address of its own, so that none is locked out yet.
    const body = async (fields: JsonObject) => ({
      ...(await login(fields, `192.0.2.${++attempts}`)),
      requestId: '',
    });
    const wrong = [
      { role_id: 'nobody', secret_id: 'nothing' },
      { role_id: 'nobody', secret_id: right },
      { role_id: 'r', secret_id: 'nothing' },
      { role_id: 'r', secret_id: expired },
      { role_id: 'r', secret_id: far },
      { role_id: 'r', secret_id: used },
      { role_id: 'R', secret_id: right },
      { role_id: 'r ', secret_id: right },
      { role_id: 'other', secret_id: right },
      { role_id: 'bound', secret_id: right },
      { role_id: 'open', secret_id: right },
      { role_id: 'app', secret_id: right },
      { role_id: 'x'.repeat(100_000), secret_id: right },
      { role_id: 'r', secret_id: `${right}\u0000` },
      { role_id: 'r', secret_id: right.toUpperCase() },
      { role_id: 7, secret_id: true },
    ];
    const refused = await body({ role_id: 'nobody', secret_id: 'nothing' });
    for (const fields of wrong) expect(await body(fields)).toEqual(refused);
    expect(outcome(await login({ role_id: 'nobody', secret_id: 'nothing' }))).toEqual([
      400,
      'invalid role or secret ID',
    ]);
    const bare = ['nobody', 'r', 'bound', 'open', 'other'];
    const missing = await body({ role_id: 'nobody' });
    for (const role_id of bare) {
      for (const fields of [{ role_id }, { role_id, secret_id: '' }]) {
        expect(await body(fields)).toEqual(missing);
      }
    }
    expect((await login({})).status).toBe(400);
    expect((await login({ secret_id: right })).status).toBe(400);
    await finishDuties(node, place.clock);
    // The one that used the secret id up, and root's.
    expect(await tokens()).toHaveLength(2);
  });
});
