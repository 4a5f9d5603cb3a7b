import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CountedUserpass, cheapCost, countedUserpass } from '../../../test/fakes/cheap-userpass.ts';
import {
  type Asked,
  ask,
  auditText,
  keysOf,
  makePlace,
  type Place,
  storedText,
  tokenOf,
} from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
let userpass: CountedUserpass;

beforeEach(async () => {
  userpass = countedUserpass();
  place = await makePlace({ authMethods: [userpass.type] });
  node = await place.node();
  await ask(node, 'update', 'sys/auth/userpass', { type: 'userpass' });
});
afterEach(() => place.remove());

const user = (name: string, fields: JsonObject) => ask(node, 'update', `auth/userpass/users/${name}`, fields);
const read = (name: string) => ask(node, 'read', `auth/userpass/users/${name}`);
const login = (name: string, fields: JsonObject, from = '192.0.2.1') =>
  ask(node, 'update', `auth/userpass/login/${name}`, fields, null, { from });
const tokens = () => keysOf(place.storage, 'core/token/id/');
const said = ({ status, errors }: Asked) => [status, ...errors];

describe('a user', () => {
  it('is written, shown without password, listed and deleted', async () => {
    expect((await ask(node, 'list', 'auth/userpass/users/')).status).toBe(404);
    expect((await user('Bob', { password: 'p', token_policies: 'b,A', token_ttl: '1h' })).status).toBe(204);
    expect((await read('BOB')).data).toEqual({
      token_bound_cidrs: [],
      token_explicit_max_ttl: 0,
      token_max_ttl: 0,
      token_no_default_policy: false,
      token_num_uses: 0,
      token_period: 0,
      token_policies: ['a', 'b'],
      token_ttl: 3_600,
      token_type: 'default',
    });
    expect((await ask(node, 'list', 'auth/userpass/users/')).data).toEqual({ keys: ['bob'] });
    expect((await ask(node, 'delete', 'auth/userpass/users/bOb')).status).toBe(204);
    expect((await ask(node, 'delete', 'auth/userpass/users/bob')).status).toBe(204);
    expect((await read('bob')).status).toBe(404);
  });

  it('is shown old names while these are used', async () => {
    await user('bob', { password: 'p', policies: 'a', ttl: 60, max_ttl: 120, bound_cidrs: '192.0.2.0/24' });
    const old = { policies: ['a'], ttl: 60, max_ttl: 120, bound_cidrs: ['192.0.2.0/24'] };
    expect((await read('bob')).data).toMatchObject({ ...old, token_policies: ['a'], token_ttl: 60 });
    await ask(node, 'update', 'auth/userpass/users/bob/policies', { token_policies: ['c'] });
    expect((await read('bob')).data).toMatchObject({ token_policies: ['c'], ttl: 60 });
    expect((await read('bob')).data).not.toHaveProperty('policies');
  });

  it('needs a password once, and keeps it when other fields are written', async () => {
    expect(said(await user('bob', { token_ttl: 60 }))).toEqual([400, 'missing password']);
    expect((await user('bob', { password: 'p' })).status).toBe(204);
    expect((await user('bob', { token_ttl: 60 })).status).toBe(204);
    expect((await login('bob', { password: 'p' })).auth?.leaseDuration).toBe(60);
    expect((await ask(node, 'update', 'auth/userpass/users/bob/password', { password: 'q' })).status).toBe(
      204,
    );
    expect((await login('bob', { password: 'p' })).status).toBe(400);
    expect((await login('bob', { password: 'q' })).status).toBe(200);
    expect((await ask(node, 'update', 'auth/userpass/users/bob/password', {})).status).toBe(400);
    expect((await ask(node, 'update', 'auth/userpass/users/bob/policies', {})).status).toBe(400);
    for (const part of ['password', 'policies']) {
      const fields = { password: 'p', policies: 'a' };
      expect(said(await ask(node, 'update', `auth/userpass/users/eve/${part}`, fields))).toEqual([
        400,
        'user "eve" does not exist',
      ]);
    }
  });

  it.each([' bob', 'bob ', '-bob', '.bob', 'böb', 'bob\u200b', 'ｂob', 'b'.repeat(129), 'b,b', 'b*', 'b@c'])(
    'is not called %j',
    async (name) => {
      expect((await user(name, { password: 'p' })).status).toBe(400);
      expect(said(await login(name, { password: 'p' }))).toEqual([400, 'invalid username or password']);
      expect((await ask(node, 'list', 'auth/userpass/users/')).status).toBe(404);
    },
  );

  it.each([
    [{ token_policies: 'root' }],
    [{ token_ttl: '2h', token_max_ttl: '1h' }],
    [{ token_bound_cidrs: 'home' }],
    [{ password: '' }],
    [{ password: '\ud800' }],
    [{ password: 'ä'.repeat(513) }],
    [{ password: 'p', password_hash: 'p' }],
    [{ password_hash: '$2a$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW' }],
  ])('is not written with %j, and nothing is derived for it', async (fields) => {
    expect(
      (await user('bob', { ...('password_hash' in fields ? {} : { password: 'p' }), ...fields })).status,
    ).toBe(400);
    expect((await read('bob')).status).toBe(404);
    expect(userpass.derived).toEqual([]);
  });
});

describe('a password', () => {
  it('is its bytes as sent: nothing is trimmed, folded or composed', async () => {
    await user('bob', { password: ' Caf\u00e9 🔑 ' });
    let from = 0;
    for (const other of ['Caf\u00e9 🔑', ' Cafe\u0301 🔑 ', ' caf\u00e9 🔑 ', ' Café 🔑', 'x']) {
      expect((await login('bob', { password: other }, `192.0.2.${++from}`)).status).toBe(400);
    }
    expect((await login('bob', { password: ' Caf\u00e9 🔑 ' })).status).toBe(200);
    await user('bob', { password: 'ä'.repeat(512) });
    expect((await login('bob', { password: 'ä'.repeat(512) })).status).toBe(200);
  });

  it('threat 16: rests as a hash, and is in no log', async () => {
    await user('bob', { password: 'a-very-own-password' });
    await login('bob', { password: 'a-very-own-password' });
    await login('bob', { password: 'a-very-wrong-password' });
    const text =
      (await storedText(place.storage)) + auditText(place.auditDirectory) + JSON.stringify(place.log);
    expect(text).toContain('auth/userpass/login/bob');
    expect(text).not.toMatch(/a-very-(own|wrong)-password/);
  });

  it('that was hashed at less cost is hashed anew by a login, once', async () => {
    const weak = '$scrypt$ln=10,r=4,p=1$AAECAwQFBgcICQoLDA0ODw$';
    const { scryptSync } = await import('node:crypto');
    const salt = Buffer.from('AAECAwQFBgcICQoLDA0ODw', 'base64');
    const hash = scryptSync('old', salt, 32, { N: 1_024, r: 4, p: 1 }).toString('base64').replace('=', '');
    expect((await user('bob', { password_hash: weak + hash })).status).toBe(204);
    expect((await login('bob', { password: 'old' })).status).toBe(200);
    expect(userpass.derived).toEqual([{ ln: 10, r: 4, p: 1 }, cheapCost]);
    expect((await login('bob', { password: 'old' })).status).toBe(200);
    expect(userpass.derived.slice(2)).toEqual([cheapCost]);
  });
});

describe('a login', () => {
  it('brings an orphan token with the user’s policies and times', async () => {
    await user('bob', { password: 'p', token_policies: ['b', 'a'], token_ttl: 600, token_num_uses: 9 });
    const answer = await login('BOB', { password: 'p' });
    expect(answer.auth).toMatchObject({
      policies: ['a', 'b', 'default'],
      metadata: { username: 'bob' },
      leaseDuration: 600,
      renewable: true,
      orphan: true,
      numUses: 9,
    });
    const { data } = await ask(node, 'update', 'auth/token/lookup', { token: tokenOf(answer) });
    expect(data).toMatchObject({ display_name: 'userpass-bob', path: 'auth/userpass/login/BOB' });
  });

  it('derives once, also when its commit meets others’', async () => {
    await user('bob', { password: 'p' });
    const before = userpass.derived.length;
    const answers = await Promise.all(Array.from({ length: 20 }, () => login('bob', { password: 'p' })));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(userpass.derived).toHaveLength(before + 20);
  });

  it('is renewed while the user is there with the same policies, as the user is now', async () => {
    await user('bob', { password: 'p', token_policies: 'a', token_ttl: 100, token_max_ttl: 300 });
    const token = tokenOf(await login('bob', { password: 'p' }));
    const renew = () => ask(node, 'update', 'auth/token/renew-self', { increment: 1_000 }, token);
    expect((await renew()).auth?.leaseDuration).toBe(300);
    await user('bob', { token_max_ttl: 200 });
    expect((await renew()).auth?.leaseDuration).toBe(200);
    await user('bob', { token_policies: 'b' });
    expect(said(await renew())).toEqual([400, 'policies have changed, not renewing']);
    await user('bob', { token_policies: 'a' });
    expect((await renew()).status).toBe(200);
    await ask(node, 'delete', 'auth/userpass/users/bob');
    expect((await renew()).status).toBe(400);
    await user('bob', { password: 'p', token_policies: 'a' });
    expect((await renew()).status).toBe(400);
  });

  it('threat 18: makes no token once the user is deleted or has another password', async () => {
    await user('bob', { password: 'p' });
    const before = (await tokens()).length;
    const logins = Array.from({ length: 20 }, (_, i) => login('bob', { password: 'p' }, `192.0.2.${i}`));
    const answers = await Promise.all([...logins, ask(node, 'delete', 'auth/userpass/users/bob')]);
    const made = answers.filter(({ auth }) => auth !== null).length;
    expect(await tokens()).toHaveLength(before + made);
    expect((await login('bob', { password: 'p' }, '203.0.113.1')).status).toBe(400);
  });

  it('is answered 429 where too many wait, with a token for nobody', async () => {
    userpass = countedUserpass({ atOnce: 1, waiting: 4, waitingPerOrigin: 2 });
    const other = await makePlace({ authMethods: [userpass.type] });
    const at = await other.node();
    await ask(at, 'update', 'sys/auth/userpass', { type: 'userpass' });
    await ask(at, 'update', 'auth/userpass/users/bob', { password: 'p' });
    const attempts = Array.from({ length: 10 }, () =>
      ask(at, 'update', 'auth/userpass/login/bob', { password: 'p' }, null),
    );
    const answers = await Promise.all(attempts);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(7);
    expect(answers.filter(({ status }) => status === 429).every(({ auth }) => auth === null)).toBe(true);
    await other.remove();
  });
});

describe('threat 08: what is wrong with a login', () => {
  it('shows neither in the answer nor in the work done for it', async () => {
    await user('bob', { password: 'right' });
    await user('far', { password: 'right', token_bound_cidrs: '203.0.113.0/24' });
    let from = 0;
    const attempt = async (name: string, password: string) => {
      const before = userpass.derived.length;
      const answer = await login(name, { password }, `192.0.2.${++from}`);
      return { ...answer, requestId: '', derived: userpass.derived.slice(before) };
    };
    const nobody = await attempt('nobody', 'right');
    expect(nobody).toMatchObject({
      status: 400,
      errors: ['invalid username or password'],
      derived: [cheapCost],
    });
    for (const [name, password] of [
      ['bob', 'wrong'],
      ['far', 'right'],
      ['far', 'wrong'],
      ['NoBody', 'x'.repeat(1_024)],
      ['bob', 'right '],
      ['bob', '\u0000'],
    ] as const) {
      expect(await attempt(name, password)).toEqual(nobody);
    }
    const missing = { ...(await login('nobody', {})), requestId: '' };
    expect({ ...(await login('bob', {})), requestId: '' }).toEqual(missing);
    expect(missing.status).toBe(400);
    const long = { password: 'x'.repeat(1_025) };
    expect({ ...(await login('bob', long)), requestId: '' }).toEqual({
      ...(await login('nobody', long)),
      requestId: '',
    });
  });
});
