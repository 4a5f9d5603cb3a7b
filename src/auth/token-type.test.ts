/** What logins get, by what the mount is tuned to and what the method's role asks for. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countedUserpass } from '../../test/fakes/cheap-userpass.ts';
import {
  type Asked,
  ask,
  keysOf,
  makePlace,
  type Place,
  tokenOf,
  writePolicy,
} from '../../test/fakes/client.ts';
import type { JsonObject } from '../json.ts';
import type { CofferNode } from '../main/node.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace({ authMethods: [countedUserpass().type] });
  node = await place.node();
  await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
  await ask(node, 'update', 'sys/auth/userpass', { type: 'userpass' });
  await ask(node, 'update', 'secret/data/there', { data: { a: 1 } });
  await writePolicy(node, 'user', 'path "secret/*" { capabilities = ["read"] }');
});
afterEach(() => place.remove());

const tune = (method: string, fields: JsonObject) => ask(node, 'update', `sys/auth/${method}/tune`, fields);

const methods = {
  async approle(fields: JsonObject): Promise<Asked> {
    const role = 'auth/approle/role/app';
    const written = await ask(node, 'update', role, { token_policies: 'user', ...fields });
    if (written.status !== 204) return written;
    const id = (await ask(node, 'read', `${role}/role-id`)).data['role_id'] ?? '';
    const secret = (await ask(node, 'update', `${role}/secret-id`)).data['secret_id'] ?? '';
    return ask(node, 'update', 'auth/approle/login', { role_id: id, secret_id: secret }, null);
  },
  async userpass(fields: JsonObject): Promise<Asked> {
    const user = { password: 'right', token_policies: 'user', ...fields };
    const written = await ask(node, 'update', 'auth/userpass/users/ann', user);
    if (written.status !== 204) return written;
    return ask(node, 'update', 'auth/userpass/login/ann', { password: 'right' }, null);
  },
} as const;

describe.each(['approle', 'userpass'] as const)('a login with %s', (method) => {
  const logIn = methods[method];

  it.each([
    [undefined, undefined, 'service'],
    [undefined, 'default', 'service'],
    [undefined, 'service', 'service'],
    [undefined, 'batch', 'batch'],
    [undefined, 'default-service', 'service'],
    [undefined, 'default-batch', 'batch'],
    ['default-service', 'batch', 'batch'],
    ['default-batch', undefined, 'batch'],
    ['default-batch', 'default', 'batch'],
    ['default-batch', 'service', 'service'],
    ['service', 'batch', 'service'],
    ['service', undefined, 'service'],
    ['batch', 'service', 'batch'],
    ['batch', undefined, 'batch'],
  ])('at a mount of %s by a role of %s gets a %s token', async (mount, role, wanted) => {
    if (mount !== undefined) expect((await tune(method, { token_type: mount })).status).toBe(204);
    const made = await logIn(role === undefined ? {} : { token_type: role });
    expect(made.auth).toMatchObject({ tokenType: wanted, orphan: true, policies: ['default', 'user'] });
    const token = tokenOf(made);
    expect(token.slice(0, 4)).toBe(wanted === 'batch' ? 'hvb.' : 'hvs.');
    expect(made.auth?.renewable).toBe(wanted === 'service');
    expect((await ask(node, 'read', 'secret/data/there', {}, token)).status).toBe(200);
  });

  it('leaves no token in the store when it is a batch token', async () => {
    await logIn({ token_type: 'batch' });
    const before = await keysOf(place.storage, 'core/token/');
    for (let round = 0; round < 3; round++) expect((await logIn({})).auth?.tokenType).toBe('batch');
    expect(await keysOf(place.storage, 'core/token/')).toEqual(before);
    expect(await keysOf(place.storage, 'due/')).toEqual([]);
  });

  it.each([{ token_num_uses: 3 }, { token_period: '1h' }])(
    'is refused rather than freed of %j',
    async (limit) => {
      await tune(method, { token_type: 'batch' });
      const refused = await logIn(limit);
      expect([refused.status, refused.auth]).toEqual([400, null]);
      expect(refused.errors.join()).toContain('batch tokens');
      for (const type of ['batch', 'default-batch']) {
        expect((await logIn({ token_type: type, ...limit })).status).toBe(400);
      }
    },
  );

  it('by a role with a longest life gives no more than that', async () => {
    const made = await logIn({ token_type: 'batch', token_ttl: '1h', token_explicit_max_ttl: '30m' });
    expect(made.auth?.leaseDuration).toBe(1_800);
  });

  it('threat 18: gives a batch token that ends with the mount', async () => {
    const token = tokenOf(await logIn({ token_type: 'batch' }));
    const second = await place.node();
    const reads = async (at: CofferNode) => (await ask(at, 'read', 'secret/data/there', {}, token)).status;
    expect(await reads(second)).toBe(200);
    await ask(node, 'delete', `sys/auth/${method}`);
    expect([await reads(node), await reads(second)]).toEqual([403, 403]);
    await ask(node, 'update', `sys/auth/${method}`, { type: method });
    expect([await reads(node), await reads(second)]).toEqual([403, 403]);
  });

  it('keeps a batch token to the role’s networks', async () => {
    const here = { token_type: 'batch', token_bound_cidrs: '192.0.2.0/24' };
    const token = tokenOf(await logIn(here));
    const from = (address: string) => ask(node, 'read', 'secret/data/there', {}, token, { from: address });
    expect((await from('192.0.2.9')).status).toBe(200);
    expect((await from('198.51.100.1')).status).toBe(403);
  });
});

describe('the kind of tokens of a mount', () => {
  it('is shown as it is set', async () => {
    await ask(node, 'update', 'sys/auth/other', { type: 'approle', config: { token_type: 'batch' } });
    const shown = async (path: string) =>
      (await ask(node, 'read', `sys/auth/${path}/tune`)).data['token_type'];
    expect(await shown('other')).toBe('batch');
    expect(await shown('approle')).toBe('default-service');
    await tune('approle', { token_type: 'default-batch' });
    await tune('approle', { description: 'x', token_type: '' });
    expect(await shown('approle')).toBe('default-batch');
    expect((await ask(node, 'read', 'sys/auth')).data).toMatchObject({
      'other/': { config: { token_type: 'batch' } },
    });
  });

  it('is one of four, and of auth methods only', async () => {
    expect((await tune('approle', { token_type: 'bulk' })).status).toBe(400);
    const refused = await ask(node, 'update', 'sys/mounts/secret/tune', { token_type: 'batch' });
    expect([refused.status, refused.errors]).toEqual([
      400,
      ["'token_type' can only be modified on auth mounts"],
    ]);
  });

  it('is kept by a role as it was sent', async () => {
    for (const [sent, shown] of [
      ['batch', 'batch'],
      ['', 'default'],
      ['default-batch', 'default-batch'],
      ['service', 'service'],
    ]) {
      await ask(node, 'update', 'auth/approle/role/app', { token_type: sent ?? '' });
      expect((await ask(node, 'read', 'auth/approle/role/app')).data['token_type']).toBe(shown);
    }
    await ask(node, 'update', 'auth/approle/role/app', { token_ttl: '1h' });
    expect((await ask(node, 'read', 'auth/approle/role/app')).data['token_type']).toBe('service');
  });
});
