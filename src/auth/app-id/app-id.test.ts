import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Asked,
  ask,
  auditText,
  keysOf,
  makePlace,
  makeToken,
  type Place,
  storedText,
  tokenOf,
  writePolicy,
} from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
  await ask(node, 'update', 'sys/auth/app-id', { type: 'app-id' });
});
afterEach(() => place.remove());

const app = '5eb1b0a2-7f67-4b0e-b0a3-6f5f0a1f2c11';
const user = createHash('sha1').update('11:ff:30:d6:ba:5f').digest('hex');

const map = (kind: 'app-id' | 'user-id', id: string, fields: JsonObject) =>
  ask(node, 'update', `auth/app-id/map/${kind}/${id}`, fields);
const read = (kind: 'app-id' | 'user-id', id: string) => ask(node, 'read', `auth/app-id/map/${kind}/${id}`);
const login = (appId: string, userId: string, from = '192.0.2.1') =>
  ask(node, 'update', 'auth/app-id/login', { app_id: appId, user_id: userId }, null, { from });
const tokens = () => keysOf(place.storage, 'core/token/id/');
const said = ({ status, errors }: Asked) => [status, ...errors];
const refused = [400, 'invalid user ID or app ID'];

async function mapPair(fields: JsonObject = {}): Promise<void> {
  await map('app-id', app, { value: 'web', display_name: 'shop' });
  await map('user-id', user, { value: app, ...fields });
}

describe('a mapping', () => {
  it('is written, shown with its key, replaced whole and deleted', async () => {
    expect((await map('app-id', 'foo', { value: 'web, Logs', display_name: 'Shop', team: 'a' })).status).toBe(
      204,
    );
    expect((await read('app-id', 'foo')).data).toEqual({
      key: 'foo',
      value: 'web, Logs',
      display_name: 'Shop',
      team: 'a',
    });
    expect((await read('app-id', 'FOO')).data).toMatchObject({ key: 'FOO', value: 'web, Logs' });
    await map('app-id', 'foo', { value: 'other' });
    expect((await read('app-id', 'foo')).data).toEqual({ key: 'foo', value: 'other' });
    for (let times = 0; times < 2; times++)
      expect((await ask(node, 'delete', 'auth/app-id/map/app-id/foo')).status).toBe(204);
    const gone = await read('app-id', 'foo');
    expect([gone.status, gone.hasData]).toEqual([200, false]);
  });

  it('of a user id shows its app ids and networks as texts, also where lists were sent', async () => {
    await map('user-id', user, { value: ['a', 'b'], cidr_block: ['192.0.2.0/24', '198.51.100.7'] });
    expect((await read('user-id', user)).data).toEqual({
      key: user,
      value: 'a,b',
      cidr_block: '192.0.2.0/24,198.51.100.7',
    });
  });

  it('is listed by a digest, with LIST and with GET; a list of nothing is 404', async () => {
    expect((await ask(node, 'list', 'auth/app-id/map/app-id/')).status).toBe(404);
    await map('app-id', 'foo', { value: 'a' });
    await map('app-id', 'Bar', { value: 'a' });
    for (const operation of ['list', 'read'] as const) {
      const { status, data } = await ask(node, operation, 'auth/app-id/map/app-id');
      expect(status).toBe(200);
      const keys = data['keys'] as string[];
      expect(keys).toHaveLength(2);
      for (const key of keys) expect(key).toMatch(/^s[0-9a-f]{64}$/);
      expect(keys).toEqual(keys.toSorted());
    }
    expect((await ask(node, 'list', 'auth/app-id/map/user-id/')).status).toBe(404);
  });

  it('differs between mounts, so that lists cannot be compared', async () => {
    await ask(node, 'update', 'sys/auth/other', { type: 'app-id' });
    await map('app-id', 'foo', { value: 'a' });
    await ask(node, 'update', 'auth/other/map/app-id/foo', { value: 'a' });
    const [one, two] = await Promise.all(
      ['app-id', 'other'].map(async (at) => (await ask(node, 'list', `auth/${at}/map/app-id/`)).data['keys']),
    );
    expect(one).not.toEqual(two);
  });

  it.each(['11:ff:30:d6:ba:5f', 'a b', 'ä', 'a.b', 'a'.repeat(401)])(
    'is not at a path that is no id: %s',
    async (id) => {
      for (const kind of ['app-id', 'user-id'] as const) {
        expect((await map(kind, id, { value: 'a' })).status).toBe(404);
        expect((await read(kind, id)).status).toBe(404);
      }
      expect((await ask(node, 'list', 'auth/app-id/map/app-id/')).status).toBe(404);
    },
  );

  it.each([
    ['app-id', {}, 'missing field "value"'],
    ['app-id', { policies: 'web' }, 'missing field "value"'],
    ['app-id', { value: 'root' }, 'root'],
    ['app-id', { value: { a: 1 } }, 'value'],
    ['user-id', {}, 'missing field "value"'],
    ['user-id', { value: '' }, 'names no app id'],
    ['user-id', { value: ',,' }, 'names no app id'],
    ['user-id', { value: 'a,b c' }, 'entry 2'],
    ['user-id', { value: Array.from({ length: 257 }, (_, index) => `a${index}`) }, 'more than 256'],
    ['user-id', { value: 'a', cidr_block: 'home' }, 'network'],
    ['user-id', { value: 'a', cidr_block: '10.0.0.0/33' }, 'network'],
  ] as const)('of an %s is not written with %j', async (kind, fields, words) => {
    const answer = await map(kind, 'foo', fields);
    expect(answer.status).toBe(400);
    expect(answer.errors.join()).toContain(words);
    expect((await read(kind, 'foo')).hasData).toBe(false);
  });

  it('takes create for a new id and update for one that is there', async () => {
    await writePolicy(node, 'maker', 'path "auth/app-id/map/*" { capabilities = ["create"] }');
    const maker = await makeToken(node, { policies: ['maker'] });
    const write = () => ask(node, 'update', 'auth/app-id/map/app-id/foo', { value: 'a' }, maker);
    expect((await write()).status).toBe(204);
    expect((await write()).status).toBe(403);
  });
});

describe('a login', () => {
  it.each(['body', 'path'])('with both ids, the app id in the %s, makes a token', async (where) => {
    await mapPair();
    await map('app-id', 'default', { value: 'all' });
    const answer =
      where === 'body'
        ? await login(app, user)
        : await ask(node, 'update', `auth/app-id/login/${app}`, { user_id: user }, null);
    expect(answer.status).toBe(200);
    const sha1 = (text: string) => `sha1:${createHash('sha1').update(text).digest('hex')}`;
    expect(answer.auth).toMatchObject({
      policies: ['all', 'default', 'web'],
      metadata: { 'app-id': sha1(app), 'user-id': sha1(user) },
      renewable: true,
      leaseDuration: 2_764_800,
      orphan: true,
    });
    const { data } = await ask(node, 'read', 'auth/token/lookup-self', {}, tokenOf(answer));
    expect(data['display_name']).toBe('app-id-shop');
  });

  it('knows ids in any case, but the app id of a user id exactly', async () => {
    await map('app-id', 'Shop', { value: 'web' });
    await map('user-id', 'ABC', { value: 'x , shop , y' });
    expect((await login('shop', 'abc')).status).toBe(200);
    expect((await login('shop', 'AbC')).status).toBe(200);
    expect(said(await login('SHOP', 'abc'))).toEqual(refused);
  });

  it.each([{}, { app_id: app }, { user_id: user }, { app_id: '', user_id: '' }])(
    'without both ids is refused: %j',
    async (fields) => {
      expect(said(await ask(node, 'update', 'auth/app-id/login', fields, null))).toEqual([
        400,
        "missing 'app_id' or 'user_id'",
      ]);
    },
  );

  it('is refused as soon as either mapping is gone, and is possible again once it is back', async () => {
    for (const [kind, id] of [
      ['app-id', app],
      ['user-id', user],
    ] as const) {
      await mapPair();
      expect((await login(app, user)).status).toBe(200);
      await ask(node, 'delete', `auth/app-id/map/${kind}/${id}`);
      expect(said(await login(app, user))).toEqual(refused);
    }
  });

  it('comes from the networks of the user id only, and is refused elsewhere in the same words', async () => {
    await mapPair({ cidr_block: '192.0.2.0/24' });
    expect((await login(app, user, '192.0.2.99')).status).toBe(200);
    expect(said(await login(app, user, '198.51.100.1'))).toEqual(refused);
  });

  it('threat 08: says the same whichever half is wrong, and makes no token', async () => {
    await mapPair({ cidr_block: '192.0.2.0/24' });
    await map('app-id', 'other', { value: 'web' });
    const before = await tokens();
    const answers = [
      await login('nobody', user, '192.0.2.1'),
      await login(app, 'nobody', '192.0.2.2'),
      await login('nobody', 'nobody', '192.0.2.3'),
      await login('other', user, '192.0.2.4'),
      await login(app, user, '198.51.100.1'),
      await login('no:id', user, '192.0.2.5'),
      await login(app, 'no:id', '192.0.2.6'),
      await login('x'.repeat(100_000), user, '192.0.2.7'),
    ];
    for (const answer of answers) expect(said(answer)).toEqual(refused);
    expect(await tokens()).toEqual(before);
  });

  it('threat 07: failures under every spelling of an app id lock it where they came from, and an administrator ends that', async () => {
    await mapPair();
    const spellings = [app, app.toUpperCase(), app, app.toUpperCase(), app];
    for (const each of spellings) expect(said(await login(each, 'wrong'))).toEqual(refused);
    expect((await login(app, user)).status).toBe(403);
    expect((await login(app, user, '198.51.100.1')).status).toBe(200);
    const { data } = await ask(node, 'list', 'sys/locked-users');
    const shown = JSON.stringify(data);
    expect(shown).toMatch(/s[0-9a-f]{64}/);
    expect(shown).not.toContain(app);
    const accessor = (await ask(node, 'read', 'sys/auth')).data['app-id/'] as JsonObject;
    const unlock = `sys/locked-users/${String(accessor['accessor'])}/unlock/${app.toUpperCase()}`;
    expect((await ask(node, 'update', unlock)).status).toBe(204);
    expect((await login(app, user)).status).toBe(200);
  });

  it('threat 07: an app id that nobody has is locked in the same way', async () => {
    for (let times = 0; times < 5; times++) expect(said(await login('nobody', 'a'))).toEqual(refused);
    expect((await login('nobody', 'a')).status).toBe(403);
  });

  it('leaves nothing of failed logins behind when its app id is deleted', async () => {
    await mapPair();
    const before = await keysOf(place.storage, 'mount/');
    await login(app, 'wrong');
    expect((await keysOf(place.storage, 'mount/')).length).toBe(before.length + 1);
    await ask(node, 'delete', `auth/app-id/map/app-id/${app}`);
    expect((await keysOf(place.storage, 'mount/')).length).toBe(before.length - 1);
  });
});

describe('a renewal', () => {
  const renew = (token: string, from = '192.0.2.1') =>
    ask(node, 'update', 'auth/token/renew-self', {}, token, { from });

  it('goes on while both mappings stand, and ends with either', async () => {
    for (const [kind, id] of [
      ['app-id', app],
      ['user-id', user],
    ] as const) {
      await mapPair();
      const token = tokenOf(await login(app, user));
      expect((await renew(token)).status).toBe(200);
      await ask(node, 'delete', `auth/app-id/map/${kind}/${id}`);
      expect(said(await renew(token))).toEqual(refused);
    }
  });

  it('threat 18: asks again for app id, network and policies', async () => {
    await mapPair();
    const token = tokenOf(await login(app, user));
    await map('user-id', user, { value: 'other' });
    expect(said(await renew(token))).toEqual(refused);
    await map('user-id', user, { value: app, cidr_block: '192.0.2.0/24' });
    expect((await renew(token)).status).toBe(200);
    expect(said(await renew(token, '198.51.100.1'))).toEqual(refused);
    await map('app-id', app, { value: 'web,more' });
    expect(said(await renew(token))).toEqual([400, 'policies do not match, not renewing']);
    await map('app-id', app, { value: 'default, web' });
    await map('app-id', 'default', { value: 'web' });
    expect((await renew(token)).status).toBe(200);
    await map('app-id', 'default', { value: 'shared' });
    expect(said(await renew(token))).toEqual([400, 'policies do not match, not renewing']);
  });
});

describe('what is kept', () => {
  it('threat 16: neither id is stored in the clear, and neither fields nor answers of them are audited', async () => {
    await map('app-id', 'app-of-the-canary', { value: 'web' });
    await map('user-id', 'user-of-the-canary', { value: 'app-of-the-canary', note: 'note-of-the-canary' });
    await read('user-id', 'user-of-the-canary');
    const stored = await storedText(place.storage);
    for (const word of ['app-of-the-canary', 'user-of-the-canary', 'note-of-the-canary']) {
      expect(stored).not.toContain(word);
    }
    await login('app-of-the-canary', 'user-of-the-canary');
    await login('app-of-the-canary', 'other-canary');
    const audited = auditText(place.auditDirectory);
    for (const word of ['other-canary', 'note-of-the-canary', '"app-of-the-canary"']) {
      expect(audited).not.toContain(word);
    }
  });

  it('threat 10: no spelling of root comes into a token', async () => {
    for (const value of ['root', 'ROOT', ' root ', 'web,root', ['Root'], 'root\u0000']) {
      expect((await map('app-id', app, { value })).status).toBe(400);
    }
    expect((await read('app-id', app)).hasData).toBe(false);
  });

  it('who-can finds app ids by their digests', async () => {
    await writePolicy(node, 'web', 'path "secret/data/web" { capabilities = ["read"] }');
    await mapPair();
    const answer = await ask(node, 'update', 'sys/policies/who-can', {
      path: 'secret/data/web',
      operation: 'read',
    });
    expect(answer.errors).toEqual([]);
    expect(JSON.stringify(answer.data)).toContain('"type":"app-id"');
    expect(JSON.stringify(answer.data)).not.toContain(app);
  });
});

it('says in its help that it is a legacy method', async () => {
  for (const path of ['auth/app-id/login', 'auth/app-id/map/app-id/a', 'auth/app-id/map/user-id']) {
    const { data } = await ask(node, 'help', path);
    expect(String(data['help'])).toContain('AppRole');
  }
});

it('a mapping that is too large for a record is refused, and nothing is left of it', async () => {
  const answer = await map('app-id', 'large', { value: 'a', note: 'x'.repeat(400_000) });
  expect([answer.status, answer.errors.join()]).toEqual([400, expect.stringContaining('64 KiB')]);
  expect((await read('app-id', 'large')).hasData).toBe(false);
});

it('of mappings and logins at once, none is half', async () => {
  await mapPair();
  const logins = Array.from({ length: 8 }, () => login(app, user));
  const changes = Array.from({ length: 8 }, (_, index) => map('app-id', app, { value: `p${index}` }));
  const answers = await Promise.all(logins);
  for (const change of await Promise.all(changes)) expect(change.status).toBe(204);
  for (const { status, auth } of answers) {
    expect([200, 400]).toContain(status);
    if (status === 200) expect(auth?.policies).toHaveLength(2);
  }
});
