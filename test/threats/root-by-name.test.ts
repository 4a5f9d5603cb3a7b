import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/json.ts';
import type { CofferNode } from '../../src/main/node.ts';
import {
  type Asked,
  ask,
  makePlace,
  makeToken,
  type Place,
  rootToken,
  writePolicy,
} from '../fakes/client.ts';

const variants: readonly JsonValue[] = [
  'root',
  'ROOT',
  'Root',
  'rOOt',
  ' root',
  'root ',
  '  root  ',
  '\troot',
  'root\n',
  'root\r\n',
  'root\u0000',
  '\u0000root',
  '\ufeffroot',
  'root\u200b',
  'ro\u00adot',
  '\u00a0root',
  'root\u3000',
  'ｒｏｏｔ',
  'ＲＯＯＴ',
  'rооt',
  'r\u03bfot',
  'ʀᴏᴏᴛ',
  '𝐫𝐨𝐨𝐭',
  'ro\u1d0ft',
  'root/',
  '/root',
  './root',
  'x/../root',
  'root\\',
  '%72oot',
  'root%00',
  '"root"',
  "'root'",
  'root;',
  'a,root',
  'root,a',
  ',root,',
  ['root'],
  [' ROOT '],
  ['a', 'root'],
  ['a', ['root']],
  { root: true },
  [{ name: 'root' }],
  ['a,root'],
  ['response-wrapping'],
  'Response-Wrapping',
];

let place: Place;
let node: CofferNode;
let chief: string;

beforeAll(async () => {
  place = await makePlace();
  node = await place.node();
  await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
  await ask(node, 'update', 'sys/auth/userpass', { type: 'userpass' });
  await ask(node, 'update', 'auth/userpass/users/bob', { password: 'right' });
  for (const type of ['jwt', 'kubernetes']) await ask(node, 'update', `sys/auth/${type}`, { type });
  const bound = { role_type: 'jwt', user_claim: 'sub', bound_subject: 'a' };
  await ask(node, 'update', 'auth/jwt/role/app', bound);
  const accounts = { bound_service_account_names: 'a', bound_service_account_namespaces: 'b' };
  await ask(node, 'update', 'auth/kubernetes/role/app', accounts);
  await ask(node, 'update', 'sys/auth/app-id', { type: 'app-id' });
  await writePolicy(
    node,
    'chief',
    'path "auth/*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }\n' +
      'path "sys/policies/*" { capabilities = ["create", "read", "update", "delete", "list"] }',
  );
  chief = await makeToken(node, { policies: ['chief'] });
});
afterAll(() => place.remove());

/** Whatever was answered, no token came of it that can do what only root can. */
async function isHarmless(answer: Asked): Promise<void> {
  if (answer.auth === null) return;
  expect(answer.auth.policies).not.toContain('root');
  expect((await ask(node, 'read', 'sys/mounts', {}, answer.auth.clientToken)).status).toBe(403);
}

async function logIn(role: string): Promise<Asked> {
  const roleId = (await ask(node, 'read', `auth/approle/role/${role}/role-id`)).data['role_id'] ?? '';
  const made = await ask(node, 'update', `auth/approle/role/${role}/secret-id`);
  const fields: JsonObject = { role_id: roleId, secret_id: made.data['secret_id'] ?? '' };
  return ask(node, 'update', 'auth/approle/login', fields, null);
}

describe.each(variants)('threat 10: the policy %j', (name) => {
  it.each(['auth/token/create', 'auth/token/create-orphan'])(
    'is not given to a token by somebody who is not root: %s',
    async (path) => {
      const answer = await ask(node, 'update', path, { policies: name }, chief);
      expect(answer.status).toBe(400);
      await isHarmless(answer);
    },
  );

  it.each(['token_policies', 'policies'])('is not given to a role, not even by root: %s', async (field) => {
    for (const by of [chief, rootToken]) {
      expect((await ask(node, 'update', 'auth/approle/role/app', { [field]: name }, by)).status).toBe(400);
    }
    await ask(node, 'update', 'auth/approle/role/app', {});
    const before = await ask(node, 'read', 'auth/approle/role/app');
    expect(before.data['token_policies']).toEqual([]);
    await isHarmless(await logIn('app'));
  });
});

describe.each(variants)('threat 10: the policy %j, in a token role,', (name) => {
  it('comes to no token that somebody who is not root makes', async () => {
    for (const by of [chief, rootToken]) {
      const path = 'auth/token/roles/allowing';
      expect((await ask(node, 'update', path, { allowed_policies: name }, by)).status).toBe(400);
    }
    await ask(node, 'update', 'auth/token/roles/globbing', { allowed_policies_glob: ['*'] });
    const answer = await ask(node, 'update', 'auth/token/create/globbing', { policies: name }, chief);
    expect(answer.status).toBe(400);
    await isHarmless(answer);
    await isHarmless(await ask(node, 'update', 'auth/token/create/globbing', {}, chief));
  });
});

describe.each(variants)('threat 10: the policy %j, one field at a time,', (name) => {
  it('is not given to an app id, not even by root', async () => {
    for (const by of [chief, rootToken]) {
      const answer = await ask(node, 'update', 'auth/app-id/map/app-id/app', { value: name }, by);
      expect(answer.status).toBe(400);
    }
    expect((await ask(node, 'read', 'auth/app-id/map/app-id/app')).hasData).toBe(false);
  });

  it.each(['token_policies', 'policies'])(
    'is not given to a role or a user, not even by root: %s',
    async (field) => {
      await ask(node, 'update', 'auth/approle/role/app', {});
      for (const path of [
        'auth/approle/role/app/policies',
        'auth/userpass/users/bob',
        'auth/userpass/users/bob/policies',
        'auth/jwt/role/app',
        'auth/kubernetes/role/app',
      ]) {
        for (const by of [chief, rootToken]) {
          expect((await ask(node, 'update', path, { [field]: name }, by)).status).toBe(400);
        }
      }
      for (const path of ['userpass/users/bob', 'jwt/role/app', 'kubernetes/role/app']) {
        expect((await ask(node, 'read', `auth/${path}`)).data['token_policies']).toEqual([]);
      }
      expect((await ask(node, 'read', 'auth/approle/role/app')).data['token_policies']).toEqual([]);
    },
  );
});

describe('threat 10: a policy’s text', () => {
  it.each(
    variants.filter((name) => typeof name === 'string' && !/[\\,\p{Cc}]|\/\/|^\/|\.\.|^\.\//u.test(name)),
  )('is not stored under %j', async (name) => {
    const policy = 'path "*" { capabilities = ["sudo"] }';
    for (const api of ['sys/policies/acl', 'sys/policy']) {
      for (const operation of ['update', 'delete'] as const) {
        expect((await ask(node, operation, `${api}/${String(name)}`, { policy })).status).toBe(400);
      }
    }
    expect((await ask(node, 'list', 'sys/policies/acl/')).data['keys']).toEqual(['chief', 'default', 'root']);
  });
});
