import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BuiltinPlace,
  clientFields,
  issuer,
  passwordGrant,
  type Registered,
} from '../../../test/fakes/builtin-place.ts';
import { type Asked, ask, auditText, finishDuties, storedText } from '../../../test/fakes/client.ts';
import { parseApiPath } from '../../core/path.ts';
import { defaultLimits } from '../../core/quota/limits.ts';
import type { JsonObject } from '../../json.ts';
import { MemoryStorage } from '../../storage/memory/memory.ts';

let at: BuiltinPlace;
let shop: Registered;
let other: Registered;
beforeAll(async () => {
  at = await BuiltinPlace.open();
  shop = await at.register('shop');
  other = await at.register('other');
});
afterAll(() => at[Symbol.asyncDispose]());

function post(path: string, data: JsonObject, from?: string): Promise<Asked> {
  const options = from === undefined ? {} : { from };
  return ask(at.node, 'update', `service-users/oauth2/${path}`, data, null, options);
}

async function tokenOf(data: JsonObject): Promise<string> {
  const answer = await post('access_token', data);
  expect([answer.status, answer.data['error_description']]).toEqual([200, undefined]);
  return String(answer.data['access_token']);
}

const byClient = (registered: Registered) => ({
  grant_type: 'client_credentials',
  ...clientFields(registered),
});

function introspect(token: string, registered: Registered = other): Promise<Asked> {
  return post('introspect', { token, ...clientFields(registered) });
}

async function keySet(): Promise<JSONWebKeySet> {
  const { data } = await ask(at.node, 'read', 'service-users/oauth2/keys', {}, null);
  return data as unknown as JSONWebKeySet;
}

describe('an access token', () => {
  it('is made for both grants, and verified by the published keys', async () => {
    for (const wish of [passwordGrant(shop), byClient(shop)]) {
      const asked = await post('access_token', { ...wish, scope: 'cn uid parcel.read' });
      expect(asked.data).toMatchObject({
        token_type: 'Bearer',
        expires_in: 3_600,
        scope: 'cn uid parcel.read',
      });
      const token = String(asked.data['access_token']);
      expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'ES256', typ: 'at+jwt' });
      const verified = await jwtVerify(token, createLocalJWKSet(await keySet()), {
        issuer,
        audience: `${issuer}/oauth2`,
        typ: 'at+jwt',
        currentDate: new Date(at.place.clock.now()),
      });
      expect(verified.payload).toMatchObject({
        sub: 'stups_shop',
        client_id: shop.client.id,
        scope: 'cn uid parcel.read',
        uid: 'stups_shop',
        cn: 'Application shop',
      });
    }
  });

  it('has at most what its application has, and uid where nothing is asked for', async () => {
    expect((await post('access_token', byClient(shop))).data['scope']).toBe('uid');
    const refused = await post('access_token', { ...byClient(shop), scope: 'uid parcel.write' });
    expect([refused.status, refused.data['error']]).toEqual([400, 'invalid_scope']);
  });

  it('is told of by introspection to every client, and to nobody else', async () => {
    const token = await tokenOf({ ...byClient(shop), scope: 'cn' });
    const told = await introspect(token);
    expect(told.data).toMatchObject({
      active: true,
      username: 'stups_shop',
      client_id: shop.client.id,
      scope: 'cn',
      token_type: 'Bearer',
    });
    const anonymous = await post('introspect', { token });
    expect([anonymous.status, anonymous.data]).toMatchObject([401, { error: 'invalid_client' }]);
    for (const text of ['', 'x', `${token}x`, 'hvs.CAESIJ', `${token.slice(0, -8)}AAAAAAAA`]) {
      const asked = await introspect(text);
      expect(asked.data, text).toMatchObject(text === '' ? { error: 'invalid_request' } : { active: false });
    }
  });

  it('threat 12: ends at its time, by revocation, with the sessions, and with its user', async () => {
    const gone = await at.register('gone');
    const active = async (token: string) => (await introspect(token)).data['active'];
    const first = await tokenOf(byClient(gone));
    const second = await tokenOf(byClient(gone));
    const foreign = await post('revoke', { token: first, ...clientFields(shop) });
    expect([foreign.data['error'], await active(first)]).toEqual(['unauthorized_client', true]);
    expect((await post('revoke', { token: first, ...clientFields(gone) })).status).toBe(200);
    expect([await active(first), await active(second)]).toEqual([false, true]);
    expect((await post('revoke', { token: first, ...clientFields(gone) })).status).toBe(200);
    expect((await post('revoke', { token: 'nobody knows it', ...clientFields(gone) })).status).toBe(200);

    await at.provider.revokeSessions?.(gone.user, at.turn);
    const third = await tokenOf(byClient(gone));
    expect([await active(second), await active(third)]).toEqual([false, true]);

    await at.provider.disable(gone.user.username, at.turn);
    expect([await active(third), (await post('access_token', byClient(gone))).data['error']]).toEqual([
      false,
      'invalid_client',
    ]);
    await at.provider.ensure(gone.user, at.turn);
    const fourth = await tokenOf(byClient(gone));
    expect([await active(third), await active(fourth)]).toEqual([false, true]);

    await at.provider.delete(gone.user.username, at.turn);
    expect(await active(fourth)).toBe(false);
    const again = await at.register('gone');
    expect(await active(fourth)).toBe(false);
    const fifth = await tokenOf(byClient(again));
    at.place.clock.jump(3_599);
    expect(await active(fifth)).toBe(true);
    at.place.clock.jump(1);
    expect(await active(fifth)).toBe(false);
    await finishDuties(at.node, at.place.clock);
    expect((await at.turn.view.range('oauth2/revoked/', { limit: 10 })).items).toEqual([]);
  });

  it('is verified by its key until it ends, also when the key signs no more', async () => {
    const before = await keySet();
    at.place.clock.jump(7 * 86_400 - 60);
    const token = await tokenOf(byClient(shop));
    at.place.clock.jump(120);
    await finishDuties(at.node, at.place.clock);
    const next = await tokenOf(byClient(shop));
    const kid = (text: string) => decodeProtectedHeader(text).kid;
    expect(kid(next)).not.toBe(kid(token));
    // Whoever keeps keys for a while has the new one already.
    expect(before.keys.map((key) => key.kid)).toContain(kid(next));
    expect([(await introspect(token)).data['active'], (await keySet()).keys.length]).toEqual([true, 3]);
    at.place.clock.jump(4_000);
    await finishDuties(at.node, at.place.clock);
    expect((await keySet()).keys.length).toBe(2);
  });
});

describe('refusals', () => {
  it('threat 12: a user is asked for by clients of its own application alone', async () => {
    const mixed = { ...passwordGrant(shop), ...clientFields(other) };
    const refused = await post('access_token', mixed);
    expect([refused.status, refused.data['error']]).toEqual([400, 'invalid_grant']);
  });

  it('threat 16: are one answer for what is not there, what is wrong and who is disabled', async () => {
    const asleep = await at.register('asleep');
    await at.provider.disable(asleep.user.username, at.turn);
    const unknown = { ...clientFields(shop), client_id: `stups_nobody_${'0'.repeat(20)}` };
    const clients = [
      { ...clientFields(shop), client_secret: 'wrong' },
      { ...clientFields(shop), client_secret: '' },
      { ...clientFields(shop), client_id: `stups_shop_${'0'.repeat(20)}` },
      { ...clientFields(shop), client_id: '' },
      { ...clientFields(shop), client_id: '\u0000 ü/../' },
      clientFields(asleep),
      unknown,
      {},
    ];
    const answers = new Set<string>();
    for (const [number, fields] of clients.entries()) {
      const wish = { grant_type: 'client_credentials', ...fields };
      const { status, data } = await post('access_token', wish, `198.51.100.${number}`);
      answers.add(JSON.stringify([status, data]));
    }
    expect([...answers].map((each) => JSON.parse(each))).toEqual([
      [401, { error: 'invalid_client', error_description: expect.any(String) }],
    ]);
    const grants = new Set<string>();
    for (const change of [{ password: 'wrong' }, { username: 'stups_nobody' }, { username: 'stups_other' }]) {
      const { status, data } = await post('access_token', { ...passwordGrant(shop), ...change });
      grants.add(JSON.stringify([status, data]));
    }
    expect([...grants].map((each) => JSON.parse(each))).toEqual([
      [400, { error: 'invalid_grant', error_description: expect.any(String) }],
    ]);
  });

  it('are in RFC 6749’s words', async () => {
    const cases: readonly (readonly [JsonObject, string])[] = [
      [{}, 'invalid_request'],
      [{ grant_type: 'authorization_code' }, 'unsupported_grant_type'],
      [{ grant_type: 'refresh_token' }, 'unsupported_grant_type'],
      [{ grant_type: 'password', ...clientFields(shop) }, 'invalid_request'],
    ];
    for (const [data, error] of cases) {
      const asked = await post('access_token', data);
      expect([asked.status, asked.data['error']]).toEqual([400, error]);
    }
  });

  it('meet every grant of a public client, which proves nothing', async () => {
    const open = await at.register('open', { confidential: false });
    expect(open.client.secret).toBeNull();
    for (const wish of [passwordGrant(open), byClient(open)]) {
      const asked = await post('access_token', wish);
      expect(asked.data['error']).toBe('unauthorized_client');
    }
  });
});

describe('rotation', () => {
  it('lets several secrets be good side by side, and ends those that are retired', async () => {
    const app = await at.register('turning');
    const password = await at.rotate(app.user, 'password', 2);
    const client = await at.rotate(app.user, 'client', 2);
    expect(client.id).not.toBe(app.client.id);
    const after = { ...app, password, client };
    for (const each of [app, after, { ...app, password }, { ...app, client }])
      await tokenOf(passwordGrant(each));
    await at.provider.retireOthers(app.user, 'password', [password], at.turn);
    await at.provider.retireOthers(app.user, 'client', [client], at.turn);
    expect((await post('access_token', passwordGrant(after))).status).toBe(200);
    expect((await post('access_token', passwordGrant({ ...app, client }))).data['error']).toBe(
      'invalid_grant',
    );
    expect((await post('access_token', passwordGrant(app))).data['error']).toBe('invalid_client');
  });

  it('who is late with an old secret locks nobody out; who guesses does', async () => {
    const app = await at.register('late');
    const password = await at.rotate(app.user, 'password', 2);
    await at.provider.retireOthers(app.user, 'password', [password], at.turn);
    for (let i = 0; i < 30; i++) {
      expect((await post('access_token', passwordGrant(app))).data['error']).toBe('invalid_grant');
    }
    const after = { ...app, password };
    await tokenOf(passwordGrant(after));
    for (let i = 0; i < 5; i++)
      await post('access_token', { ...passwordGrant(after), password: `guess ${i}` });
    expect((await post('access_token', passwordGrant(after))).data['error']).toBe('invalid_grant');
    const mounts = (await ask(at.node, 'read', 'sys/mounts')).data['service-users/'] as JsonObject;
    const accessor = String(mounts['accessor']);
    const locked = await ask(at.node, 'list', 'sys/locked-users', { mount_accessor: accessor });
    expect(locked.data['keys']).toEqual([`${accessor}/user/stups_late`]);
    await ask(at.node, 'update', `sys/locked-users/${accessor}/unlock/user/stups_late`);
    await tokenOf(passwordGrant(after));
  });

  it('locks clients by themselves, and only where the failures came from', async () => {
    const app = await at.register('locked');
    const wrong = { ...byClient(app), client_secret: 'wrong' };
    for (let i = 0; i < 5; i++) await post('access_token', wrong, '203.0.113.7');
    const there = await post('access_token', byClient(app), '203.0.113.7');
    expect([there.status, there.data['error']]).toEqual([401, 'invalid_client']);
    expect((await post('access_token', byClient(app), '203.0.113.8')).status).toBe(200);
    at.place.clock.jump(15 * 60);
    expect((await post('access_token', byClient(app), '203.0.113.7')).status).toBe(200);
  });

  it('nobody locks out an application by its name alone', async () => {
    const app = await at.register('known');
    for (let i = 0; i < 40; i++) {
      const client_id = `stups_known_${String(i).padStart(20, '0')}`;
      const wish = { grant_type: 'client_credentials', client_id, client_secret: 'guess' };
      await post('access_token', wish, `198.51.100.${i}`);
      await post('access_token', { ...wish, client_id: app.client.id.slice(0, -1) }, `198.51.100.${i}`);
    }
    expect((await post('access_token', byClient(app), '203.0.113.9')).status).toBe(200);
  });

  it('leaves no counts behind of clients and users that are gone', async () => {
    const app = await at.register('counted');
    const locks = async () => (await at.turn.view.range('lockout/', { limit: 1_000 })).items.length;
    const before = await locks();
    await post('access_token', { ...byClient(app), client_secret: 'wrong' });
    await post('access_token', { ...passwordGrant(app), password: 'wrong' });
    expect(await locks()).toBe(before + 2);
    const client = await at.rotate(app.user, 'client', 2);
    await at.provider.retireOthers(app.user, 'client', [client], at.turn);
    expect(await locks()).toBe(before + 1);
    await at.provider.delete(app.user.username, at.turn);
    expect(await locks()).toBe(before);
  });
});

it('threat 16: no secret, token or password is in the audit log or in the store in the clear', async () => {
  const token = await tokenOf(passwordGrant(shop));
  await introspect(token, shop);
  await post('access_token', { ...passwordGrant(shop), password: 'a guess of somebody' });
  const texts = [auditText(at.place.auditDirectory), await storedText(at.place.storage)];
  const secrets = [token, shop.password.secret, shop.client.secret, 'a guess of somebody'];
  for (const text of texts) for (const secret of secrets) expect(text).not.toContain(secret);
  const lines = at.place.auditLines().filter((line) => line['path'] === 'service-users/oauth2/access_token');
  expect(lines.at(-2)).toMatchObject({
    type: 'request',
    data: {
      grant_type: 'password',
      username: 'stups_shop',
      client_id: shop.client.id,
      password: expect.stringMatching(/^hmac-sha256:/),
      client_secret: expect.stringMatching(/^hmac-sha256:/),
    },
  });
  expect(lines.at(-1)).toMatchObject({ status: 400, data: { error: 'invalid_grant' } });
});

it('threat 12: an access token is no token of Coffer, and a token of Coffer none of these', async () => {
  const token = await tokenOf(byClient(shop));
  expect((await ask(at.node, 'read', 'auth/token/lookup-self', {}, token)).status).toBe(403);
  const root = (await ask(at.node, 'update', 'auth/token/create', {})).auth?.clientToken ?? '';
  expect((await introspect(root)).data).toEqual({ active: false });
});

it('threat 21: names its issuer by configuration and by nothing that a request says', async () => {
  const read = () => ask(at.node, 'read', 'service-users/oauth2/metadata', { host: 'evil.example' }, null);
  expect((await read()).data).toMatchObject({ issuer, jwks_uri: `${issuer}/oauth2/keys` });
});

/** Counts what is asked of it. */
class CountingStorage extends MemoryStorage {
  reads = 0;
  commits = 0;

  override readMany(...asked: Parameters<MemoryStorage['readMany']>): ReturnType<MemoryStorage['readMany']> {
    this.reads++;
    return super.readMany(...asked);
  }

  override commit(...asked: Parameters<MemoryStorage['commit']>): ReturnType<MemoryStorage['commit']> {
    this.commits++;
    return super.commit(...asked);
  }
}

it('threat 12: a refusal costs the same reads and one commit, whoever it is about', async () => {
  const storage = new CountingStorage();
  await using counted = await BuiltinPlace.open({ storage });
  const app = await counted.register('shop');
  const asleep = await counted.register('asleep');
  const turned = await counted.register('turned');
  const next = await counted.rotate(turned.user, 'password', 2);
  await counted.provider.retireOthers(turned.user, 'password', [next], counted.turn);
  await counted.provider.disable(asleep.user.username, counted.turn);
  // What a first login from an address writes is not what is counted here.
  await ask(
    counted.node,
    'update',
    'service-users/oauth2/access_token',
    passwordGrant({ ...turned, password: next }),
    null,
  );
  const good = passwordGrant(app);
  await ask(counted.node, 'update', 'service-users/oauth2/access_token', good, null);
  const cases: readonly JsonObject[] = [
    { ...good, password: 'wrong' },
    { ...good, username: 'stups_nobody' },
    { ...good, username: 'stups_asleep' },
    { ...good, ...clientFields(turned), username: 'stups_turned', password: turned.password.secret },
    { ...good, client_secret: 'wrong' },
    { ...good, client_id: `stups_nobody_${'0'.repeat(20)}` },
    { ...good, client_id: `stups_shop_${'0'.repeat(20)}` },
    { ...good, client_id: 'nobody' },
    passwordGrant(asleep),
  ];
  const work = new Set<string>();
  for (const data of cases) {
    const [reads, commits] = [storage.reads, storage.commits];
    await ask(counted.node, 'update', 'service-users/oauth2/access_token', data, null);
    work.add(JSON.stringify([storage.reads - reads, storage.commits - commits]));
  }
  expect([...work]).toEqual([JSON.stringify([2, 1])]);
  // The first one forgets the failures.
  await ask(counted.node, 'update', 'service-users/oauth2/access_token', good, null);
  const [reads, commits] = [storage.reads, storage.commits];
  expect((await ask(counted.node, 'update', 'service-users/oauth2/access_token', good, null)).status).toBe(
    200,
  );
  // Who is known and right leaves nothing in the store.
  expect([storage.reads - reads, storage.commits - commits]).toEqual([2, 0]);
});

it('strangers are counted, and whoever has proven itself is not', async () => {
  const limits = () => ({ ...defaultLimits, requestsPerSecond: 1, burst: 3 });
  await using small = await BuiltinPlace.open({ limits });
  const app = await small.register('shop');
  const visit = async (data: JsonObject) => {
    await ask(small.node, 'update', 'service-users/oauth2/access_token', data, null);
    return small.node.road.admit?.(parseApiPath('service-users/oauth2/access_token'), '192.0.2.1', false)
      ?.admitted;
  };
  for (let i = 0; i < 10; i++) expect(await visit(byClient(app))).not.toBe(false);
  const seen: (boolean | undefined)[] = [];
  for (let i = 0; i < 4; i++) seen.push(await visit({ grant_type: 'client_credentials' }));
  expect(seen).toContain(false);
});
