import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseApiPath } from '../../src/core/path.ts';
import type { CofferNode } from '../../src/main/node.ts';
import { countedUserpass } from '../fakes/cheap-userpass.ts';
import { ask, makePlace, type Place } from '../fakes/client.ts';

let place: Place;
let node: CofferNode;
beforeAll(async () => {
  place = await makePlace({ silent: true, authMethods: [countedUserpass().type] });
  node = await place.node();
  await ask(node, 'update', 'sys/auth/userpass', { type: 'userpass' });
  for (const type of ['approle', 'jwt', 'kubernetes'])
    await ask(node, 'update', `sys/auth/${type}`, { type });
});
afterAll(() => place.remove());

/** Forms that fold to the name itself: one and the same thing. */
const sameName = ['alice', 'Alice', 'ALICE', 'aLiCe'];
/** Forms that look like it, or that a careless comparison takes for it. */
const lookAlikes = [
  ' alice',
  'alice ',
  'al ice',
  'alice.',
  '.alice',
  'alic\u0435',
  '\uff41lice',
  'alice\u200b',
  'alice\u00a0',
  'a\u0301lice',
  'al\u0131ce',
  'al\u0130ce',
  'alice\u202e',
];

/** Names as a client may send them; what is no path at all never gets as far as a name. */
function isPath(text: string): boolean {
  try {
    parseApiPath(`a/${text}`);
    return true;
  } catch {
    return false;
  }
}

describe.each([
  [
    'users of userpass',
    'auth/userpass/users',
    { password: 'a long enough password', token_policies: 'weak' },
  ],
  ['roles of AppRole', 'auth/approle/role', { token_policies: 'weak' }],
  [
    'roles of jwt',
    'auth/jwt/role',
    { role_type: 'jwt', user_claim: 'sub', bound_subject: 'a', token_policies: 'weak' },
  ],
  [
    'roles of kubernetes',
    'auth/kubernetes/role',
    { bound_service_account_names: 'a', bound_service_account_namespaces: 'b', token_policies: 'weak' },
  ],
  ['policies', 'sys/policies/acl', { policy: 'path "a" { capabilities = ["read"] }' }],
])('threat 09: %s', (_, folder, fields) => {
  it('are one under all forms that fold to one name', async () => {
    for (const name of sameName) {
      expect((await ask(node, 'update', `${folder}/${name}`, fields)).status, name).toBeLessThan(300);
      const { data } = await ask(node, 'list', `${folder}/`);
      expect((data['keys'] as string[]).filter((key) => /alice/i.test(key))).toEqual(['alice']);
    }
  });

  it('are not made under a name that looks like another', async () => {
    const before = (await ask(node, 'list', `${folder}/`)).data['keys'];
    const tried = lookAlikes.filter(isPath);
    expect(tried.length).toBeGreaterThan(8);
    for (const name of tried) {
      const { status } = await ask(node, 'update', `${folder}/${name}`, { ...fields });
      // A name may hold a dot within; such a one is another name for everybody.
      if (status < 300) await ask(node, 'delete', `${folder}/${name}`);
      if (/^[\x20-\x7e]*$/.test(name) && !name.includes(' ')) continue;
      expect(status, JSON.stringify(name)).toBe(400);
    }
    expect((await ask(node, 'list', `${folder}/`)).data['keys']).toEqual(before);
  });
});

it('threat 09: logs nobody in as somebody else whose name looks alike', async () => {
  await ask(node, 'update', 'auth/userpass/users/alice', { password: 'the password of alice' });
  for (const name of lookAlikes.filter(isPath)) {
    const answer = await ask(
      node,
      'update',
      `auth/userpass/login/${name}`,
      { password: 'the password of alice' },
      null,
    );
    expect(answer.auth, JSON.stringify(name)).toBeNull();
    expect(answer.status).toBe(400);
  }
});
