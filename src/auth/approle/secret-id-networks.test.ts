import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, type Place } from '../../../test/fakes/client.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
const role = 'auth/approle/role/app';

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
  await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
  await ask(node, 'update', role, {
    role_id: 'the-role',
    token_bound_cidrs: ['10.0.0.0/8', '2001:db8::/32', '203.0.113.7'],
    secret_id_bound_cidrs: ['10.0.0.0/8', '192.0.2.0/24'],
  });
});
afterEach(() => place.remove());

const make = (fields: { readonly [name: string]: string }) =>
  ask(node, 'update', `${role}/secret-id`, fields);

describe('threat 27: the networks of a secret id', () => {
  it.each([
    ['token_bound_cidrs', '0.0.0.0/0'],
    ['token_bound_cidrs', '10.0.0.0/7'],
    ['token_bound_cidrs', '::/0'],
    ['token_bound_cidrs', '2001:db8::/31'],
    ['token_bound_cidrs', '10.1.0.0/16,192.0.2.1'],
    ['token_bound_cidrs', '192.0.2.1'],
    ['token_bound_cidrs', '::ffff:10.0.0.1/8'],
    ['cidr_list', '0.0.0.0/0'],
    ['cidr_list', '192.0.2.0/23'],
  ])('are not wider than its role’s: %s %s', async (field, networks) => {
    const { status, errors } = await make({ [field]: networks });
    expect([status, ...errors]).toEqual([400, expect.stringContaining(field)]);
    expect((await ask(node, 'list', `${role}/secret-id/`)).status).toBe(404);
  });

  it.each([
    ['token_bound_cidrs', '10.0.0.0/8'],
    ['token_bound_cidrs', '10.1.2.3'],
    ['token_bound_cidrs', '203.0.113.7/32'],
    ['token_bound_cidrs', '10.1.0.0/16,2001:db8:1::/48'],
    ['cidr_list', '10.0.0.0/8,192.0.2.9'],
  ])('may be narrower: %s %s', async (field, networks) => {
    expect((await make({ [field]: networks })).status).toBe(200);
  });

  it('bind a token no longer where its role was bound more narrowly since', async () => {
    const { data } = await make({ token_bound_cidrs: '10.1.0.0/16,10.2.0.0/16' });
    const fields = { role_id: 'the-role', secret_id: data['secret_id'] ?? '' };
    const logIn = () => ask(node, 'update', 'auth/approle/login', fields, null);
    await ask(node, 'update', role, { token_bound_cidrs: '10.2.0.0/15' });
    const token = (await logIn()).auth?.clientToken ?? '';
    const works = async (from: string) =>
      (await ask(node, 'read', 'auth/token/lookup-self', {}, token, { from })).status;
    expect([await works('10.2.0.1'), await works('10.1.0.1')]).toEqual([200, 403]);
    await ask(node, 'update', role, { token_bound_cidrs: '10.4.0.0/16' });
    expect((await logIn()).status).toBe(400);
  });
});
