import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, auditText, keysOf, storedText } from '../../../test/fakes/client.ts';
import { makeServicePlace, type ServicePlace } from '../../../test/fakes/service-place.ts';
import type { JsonObject } from '../../json.ts';
import { applicationId } from './application.ts';

let at: ServicePlace;
beforeEach(async () => {
  at = await makeServicePlace();
});
afterEach(() => at.place.remove());

const register = (id: string, fields: JsonObject = {}, token?: string) =>
  at.ask('update', `apps/${id}`, fields, token);
const deliver = (id: string, fields: JsonObject, token?: string) =>
  at.ask('update', `apps/${id}/delivery`, fields, token);
const statusOf = async (answer: Promise<{ readonly status: number }>) => (await answer).status;

describe('registering', () => {
  it('makes an application whose user has the mount’s prefix, whatever the mount says later', async () => {
    expect(await statusOf(register('kio', { team: 'payments', name: 'Kio', subtitle: 'the registry' }))).toBe(
      204,
    );
    await at.ask('update', 'config', { username_prefix: 'svc.' });
    await register('mint');
    const kio = await at.ask('read', 'apps/kio');
    expect(kio.data).toMatchObject({
      id: 'kio',
      username: 'stups_kio',
      team: 'payments',
      name: 'Kio',
      subtitle: 'the registry',
      active: true,
      inactive_since: null,
      deleted: false,
      provider: 'builtin',
      confidential: true,
      scopes: [],
    });
    expect((await at.ask('read', 'apps/mint')).data['username']).toBe('svc.mint');
    expect((await at.ask('list', 'apps')).data).toEqual({ keys: ['kio', 'mint'] });
    expect((await at.ask('list', 'apps', { after: 'kio', limit: 5 })).data).toEqual({ keys: ['mint'] });
  });

  it('leaves what was not sent, and writes nothing where nothing changes', async () => {
    await register('kio', { team: 'payments', name: 'Kio' });
    const before = (await at.ask('read', 'apps/kio')).data;
    at.place.clock.advance(1);
    await register('kio', { name: 'Kio' });
    expect((await at.ask('read', 'apps/kio')).data).toEqual(before);
    await register('kio', { subtitle: 'x' });
    const after = (await at.ask('read', 'apps/kio')).data;
    expect(after).toMatchObject({ team: 'payments', name: 'Kio', subtitle: 'x' });
    expect(after['modified_time']).not.toBe(before['modified_time']);
  });

  it.each([
    ['upper case', 'Kio'],
    ['a dot', 'my.app'],
    ['a dash at the end', 'kio-'],
    ['a digit at the beginning', '1kio'],
    ['an underscore', 'my_app'],
    ['a letter that looks like one', 'kіo'],
    ['64 characters', `a${'b'.repeat(63)}`],
    ['space', 'my app'],
  ])('threat 12: refuses an id with %s, and takes it for no other', async (_what, id) => {
    await register('kio');
    const { status, errors } = await register(id);
    expect([status, errors.join()]).toEqual([400, expect.stringMatching(/a-z, 0-9 and -/)]);
    for (const rest of ['', '/status', '/history', '/delivery', '/readers'])
      expect(await statusOf(at.ask(rest === '/readers' ? 'list' : 'read', `apps/${id}${rest}`))).toBe(400);
    expect((await at.ask('list', 'apps')).data).toEqual({ keys: ['kio'] });
  });

  it('threat 12: an id that is taken is a safe name in every path', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[a-zA-Z0-9._/-]{0,70}$/)),
        (id) => {
          if (!applicationId.test(id)) return;
          expect(id.length).toBeLessThanOrEqual(63);
          expect(id).toMatch(/^[a-z0-9-]+$/);
          expect(encodeURIComponent(id)).toBe(id);
          expect(id.toLowerCase().normalize('NFKC')).toBe(id);
        },
      ),
    );
  });

  it('threat 12: no two prefixes and ids make one user', () => {
    const prefix = fc.stringMatching(/^(?:[a-z0-9][a-z0-9._-]{0,5}[._])?$/);
    const id = fc.stringMatching(/^[a-z](?:[a-z0-9-]{0,4}[a-z0-9])?$/);
    fc.assert(
      fc.property(prefix, id, prefix, id, (onePrefix, one, otherPrefix, other) => {
        expect(onePrefix + one === otherPrefix + other).toBe(onePrefix === otherPrefix && one === other);
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuses a prefix that could make two applications one user', async () => {
    for (const username_prefix of ['stups', 'a-', 'Ä_', `${'a'.repeat(32)}_`, '_', 'a/b_'])
      expect(await statusOf(at.ask('update', 'config', { username_prefix })), username_prefix).toBe(400);
    expect(await statusOf(at.ask('update', 'config', { username_prefix: '' }))).toBe(204);
  });

  it('takes a provider that is there, once', async () => {
    expect((await register('kio', { provider: 'nowhere' })).errors.join()).toMatch(/no provider "nowhere"/);
    expect(await statusOf(at.ask('read', 'apps/kio'))).toBe(404);
    expect(await statusOf(register('kio', { provider: 'builtin' }))).toBe(204);
    expect(await statusOf(register('kio', { provider: 'builtin', name: 'x' }))).toBe(204);
    expect((await register('kio', { provider: 'other' })).errors.join()).toMatch(/builtin for good/);
  });

  it('says since when an application is inactive, and deletes one by and by', async () => {
    await register('kio', { active: false });
    const since = (await at.ask('read', 'apps/kio')).data['inactive_since'];
    at.place.clock.advance(5);
    await register('kio', { name: 'x' });
    expect((await at.ask('read', 'apps/kio')).data).toMatchObject({ active: false, inactive_since: since });
    await register('kio', { active: true });
    expect((await at.ask('read', 'apps/kio')).data).toMatchObject({ active: true, inactive_since: null });
    expect(await statusOf(at.ask('delete', 'apps/kio'))).toBe(204);
    expect(await statusOf(at.ask('delete', 'apps/kio'))).toBe(204);
    expect((await at.ask('read', 'apps/kio')).data).toMatchObject({ active: false, deleted: true });
    for (const answer of [register('kio', { name: 'y' }), deliver('kio', { targets: ['a-bucket'] })])
      expect((await answer).errors.join()).toMatch(/being deleted/);
    expect(await statusOf(at.ask('delete', 'apps/other'))).toBe(404);
  });

  it.each([
    ['name', 'x'.repeat(257)],
    ['name', 'a\u0000b'],
    ['name', '\ud800'],
    ['subtitle', 'a\nb'],
    ['team', ' a'],
    ['team', 'x'.repeat(513)],
  ])('refuses a %s that cannot be shown', async (field, value) => {
    expect(await statusOf(register('kio', { [field]: value }))).toBe(400);
    expect(await statusOf(at.ask('read', 'apps/kio'))).toBe(404);
  });

  it('of one id by many at once makes one application', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => register('kio', { name: `n${n}` })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(204));
    const { data } = await at.ask('read', 'apps/kio/history');
    const events = (data['entries'] as readonly JsonObject[]).map(({ event }) => event);
    expect(events.filter((event) => event === 'registered')).toHaveLength(1);
    expect(events).toHaveLength(8);
  });

  it('has the machine look: each change leaves an entry of work outside', async () => {
    const waiting = async () => (await keysOf(at.place.storage, 'outside/')).length;
    await register('kio');
    const first = await waiting();
    expect(first).toBeGreaterThan(0);
    at.place.clock.jump(1);
    await register('kio', { name: 'x' });
    expect(await waiting()).toBe(first + 1);
    at.place.clock.jump(1);
    await register('kio', { name: 'x' });
    expect(await waiting()).toBe(first + 1);
  });
});

describe('the owners’ side', () => {
  const targets = ['a-bucket', 'kv:secret/team'];

  it('is for members of the team, and nobody else with whatever rights', async () => {
    await register('kio', { team: 'payments' });
    const ann = await at.member('ann', ['payments']);
    const bob = await at.member('bob', ['others']);
    for (const token of [undefined, bob]) {
      for (const answer of [
        at.ask('read', 'apps/kio/delivery', {}, token),
        deliver('kio', { targets }, token),
        at.ask('update', 'apps/kio/rotate', {}, token),
        at.ask('update', 'apps/kio/pause', { paused: true }, token),
      ]) {
        const { status, errors } = await answer;
        expect([status, errors.join()]).toEqual([403, expect.stringMatching(/team "payments"/)]);
      }
      expect(await statusOf(at.ask('read', 'apps/kio/status', {}, token))).toBe(200);
      expect(await statusOf(at.ask('read', 'apps/kio/history', {}, token))).toBe(200);
    }
    expect(await statusOf(deliver('kio', { targets }, ann))).toBe(204);
    expect((await at.ask('read', 'apps/kio/delivery', {}, ann)).data).toMatchObject({
      targets: ['s3://a-bucket', 'kv:secret/team'],
    });
  });

  it('is for whom policies allow where there is no team, and for nobody whom they do not', async () => {
    await register('kio');
    expect(await statusOf(deliver('kio', { targets }))).toBe(204);
    await register('kio', { team: 'payments' });
    const login = await at.member('ann', ['payments']);
    expect(await statusOf(at.ask('read', 'apps/kio/delivery', {}, login))).toBe(200);
    const { auth } = await ask(at.node, 'update', 'auth/people/login', { alias: 'ann' }, null);
    // The same person, by a login that no policy allows anything.
    const { status } = await at.ask('read', 'apps/kio/delivery', {}, auth?.clientToken ?? '');
    expect(status).toBe(403);
  });

  it('keeps who configured a target last', async () => {
    await register('kio');
    await deliver('kio', { targets });
    await register('kio', { team: 'payments' });
    const ann = await at.member('ann', ['payments']);
    expect(await statusOf(deliver('kio', { targets }, ann))).toBe(204);
    const { data } = await at.ask('read', 'apps/kio/history');
    const details = (data['entries'] as readonly JsonObject[]).map(({ detail }) => detail);
    expect(details).toContain('targets by who-ann');
  });

  it.each([
    [['gs://bucket'], /delivery target is/],
    [['nothing://x'], /delivery target is/],
    [['A-Bucket'], /delivery target is/],
    [['ab'], /delivery target is/],
    [['kv:forbidden'], /kv goes where the setting/],
    [['a-bucket', 's3://a-bucket'], /there twice/],
    [Array.from({ length: 17 }, (_, n) => `bucket-${n}`), /at most 16 targets/],
    [[`kv:${'x'.repeat(2_000)}`], /at most 1024/],
  ])('threat 21: refuses %j', async (wrong, words) => {
    await register('kio');
    await deliver('kio', { targets: ['a-bucket'] });
    const { status, errors } = await deliver('kio', { targets: wrong, confidential: false });
    expect([status, errors.join()]).toEqual([400, expect.stringMatching(words)]);
    expect((await at.ask('read', 'apps/kio/delivery')).data).toMatchObject({
      targets: ['s3://a-bucket'],
      confidential: true,
    });
  });

  it('takes scopes as texts and as mint has them, sorted and each once', async () => {
    await register('kio');
    const scopes = ['uid', { resource_type_id: 'sales.order', scope_id: 'read_all' }, 'customer.read', 'uid'];
    expect(await statusOf(deliver('kio', { scopes }))).toBe(204);
    const shown = [
      { resource_type_id: 'customer', scope_id: 'read' },
      { resource_type_id: 'sales.order', scope_id: 'read_all' },
      { resource_type_id: '', scope_id: 'uid' },
    ];
    expect((await at.ask('read', 'apps/kio/delivery')).data['scopes']).toEqual(shown);
    expect((await at.ask('read', 'apps/kio')).data['scopes']).toEqual(shown);
    await deliver('kio', { scopes: 'uid,customer.read' });
    expect((await at.ask('read', 'apps/kio')).data['scopes']).toHaveLength(2);
  });

  it.each([
    [['Upper.case']],
    [['a b']],
    [[1]],
    [[{ resource_type_id: 'a' }]],
    [[{ resource_type_id: 'a', scope_id: 'b', more: 1 }]],
    [['.read']],
    [['a.']],
    [5],
    [{ a: 1 }],
    [Array.from({ length: 101 }, (_, n) => `scope-${n}x`)],
    [[`a.${'x'.repeat(200)}`]],
  ])('refuses scopes %j', async (scopes) => {
    await register('kio');
    expect((await deliver('kio', { scopes })).status).toBe(400);
  });

  it.each(['http://a.example/', 'https://', 'https://a b', 'https://u:p@a.example', 'https://a/#x', 'x'])(
    'refuses the redirect URL %s',
    async (redirect_url) => {
      await register('kio');
      expect(await statusOf(deliver('kio', { redirect_url }))).toBe(400);
    },
  );

  it('takes times of its own, and back to the mount’s', async () => {
    await register('kio');
    await deliver('kio', { password_period: '1h', overlap: 60, redirect_url: 'https://a.example/cb' });
    expect((await at.ask('read', 'apps/kio/delivery')).data).toMatchObject({
      password_period: 3_600,
      client_period: null,
      overlap: 60,
      redirect_url: 'https://a.example/cb',
    });
    expect((await deliver('kio', { overlap: '2h' })).errors.join()).toMatch(/overlap is at most/);
    expect((await deliver('kio', { password_period: 59 })).errors.join()).toMatch(/at least 60/);
    await deliver('kio', { password_period: 0, overlap: '', redirect_url: '' });
    expect((await at.ask('read', 'apps/kio/delivery')).data).toMatchObject({
      password_period: null,
      overlap: null,
      redirect_url: null,
    });
  });
});

describe('rotation', () => {
  it('is asked for of any kind, and what was asked before is not forgotten', async () => {
    await register('kio');
    expect((await at.ask('update', 'apps/kio/rotate', { kinds: ['password'] })).data).toEqual({ request: 1 });
    expect((await at.ask('update', 'apps/kio/rotate', { kinds: 'client', emergency: true })).data).toEqual({
      request: 2,
    });
    expect((await at.ask('read', 'apps/kio/status')).data).toMatchObject({
      requests_made: 2,
      requests_served: 0,
    });
    expect((await at.ask('update', 'apps/kio/rotate', { kinds: ['key'] })).status).toBe(400);
    expect((await at.ask('update', 'apps/other/rotate')).status).toBe(404);
    await register('kio', { active: false });
    expect((await at.ask('update', 'apps/kio/rotate')).errors.join()).toMatch(/not active/);
  });

  it('is held up, and says so', async () => {
    await register('kio');
    expect(await statusOf(at.ask('update', 'apps/kio/pause', { paused: true }))).toBe(204);
    expect((await at.ask('update', 'apps/kio/rotate')).warnings.join()).toMatch(/paused/);
    expect((await at.ask('read', 'apps/kio/status')).data['paused']).toBe(true);
    await at.ask('update', 'apps/kio/pause', { paused: false });
    expect((await at.ask('read', 'apps/kio/status')).data['paused']).toBe(false);
    expect(await statusOf(at.ask('update', 'apps/kio/pause'))).toBe(400);
    const { data } = await at.ask('read', 'apps/kio/history');
    const events = (data['entries'] as readonly JsonObject[]).map(({ event }) => event);
    expect(events).toEqual(expect.arrayContaining(['paused', 'resumed', 'registered']));
    expect((await at.ask('read', 'apps/kio/history', { limit: 2 })).data['entries']).toHaveLength(2);
  });
});

describe('what holds for the mount', () => {
  it('is shown without the registry’s token, which is in clear nowhere', async () => {
    const registry_token = 'canary-of-the-registry';
    const registry_url = 'https://kio.example.com';
    expect(await statusOf(at.ask('update', 'config', { registry_token, registry_url }))).toBe(204);
    const { data } = await at.ask('read', 'config');
    expect(data).toEqual({
      username_prefix: 'stups_',
      password_period: 7_200,
      client_period: 2_592_000,
      overlap: 900,
      reader_patience: 3_600,
      reader_window: 1_800,
      deletion_grace: 86_400,
      target_concurrency: 32,
      default_provider: 'builtin',
      paused: false,
      registry: 'own',
      registry_url,
      has_registry_token: true,
      registry_interval: 10,
      shrink_limit: 0.1,
      issuer: '',
    });
  });

  it('threat 16: a registry’s token is in no answer, log line or audit line, nor in the store in clear', async () => {
    const token = 'canary-of-the-registry';
    await at.ask('update', 'config', { registry_token: token, registry_url: 'https://kio.example.com' });
    await at.ask('update', 'config', { registry_token: `${token} x` });
    const answers = [await at.ask('read', 'config'), await at.ask('read', 'status')];
    expect(JSON.stringify(answers)).not.toContain('canary');
    expect(JSON.stringify(at.place.log)).not.toContain('canary');
    expect(auditText(at.place.auditDirectory)).not.toContain('canary');
    expect(await storedText(at.place.storage)).not.toContain('canary');
  });

  it('threat 17: a token for one registry is not sent to another', async () => {
    await at.ask('update', 'config', { registry_token: 'one', registry_url: 'https://kio.example.com' });
    const moved = await at.ask('update', 'config', { registry_url: 'https://elsewhere.example.com' });
    expect(moved.errors.join()).toMatch(/has to be given again/);
    const sent = { registry_url: 'https://elsewhere.example.com', registry_token: '' };
    expect(await statusOf(at.ask('update', 'config', sent))).toBe(204);
    expect((await at.ask('read', 'config')).data['has_registry_token']).toBe(false);
  });

  it.each([
    { password_period: 10 },
    { overlap: '3h' },
    { target_concurrency: 0 },
    { target_concurrency: 257 },
    { default_provider: 'nowhere' },
    { default_provider: '../x' },
    { registry: 'github' },
    { registry: 'kio' },
    { registry_url: 'http://kio.example.com' },
    { registry_url: 'https://u:p@kio.example.com' },
    { registry_url: 'https://kio.example.com/?a=b' },
    { registry_url: 'file:///etc/passwd' },
    { registry_interval: 0 },
    { registry_interval: '2d' },
    { shrink_limit: 1.1 },
    { shrink_limit: -0.1 },
    { registry_token: 'a b' },
  ])('threat 21: refuses %j, and changes nothing', async (fields) => {
    const before = (await at.ask('read', 'config')).data;
    expect(await statusOf(at.ask('update', 'config', { paused: true, ...fields }))).toBe(400);
    expect((await at.ask('read', 'config')).data).toEqual(before);
  });
});

describe('readers', () => {
  const version = 'AAAAAAAAAAAAAAAA';
  const report = (reader: string, fields: JsonObject) =>
    at.ask('update', `apps/kio/readers/${reader}`, fields);

  it('say what they hold, and are listed', async () => {
    await register('kio');
    expect(await statusOf(report('host-1', { user_version: version }))).toBe(204);
    expect(await statusOf(report('host-1', { client_version: version }))).toBe(204);
    expect(await statusOf(report('__proto__', {}))).toBe(204);
    const { data } = await at.ask('list', 'apps/kio/readers');
    expect(data['keys']).toEqual(['__proto__', 'host-1']);
    expect((data['key_info'] as JsonObject)['host-1']).toMatchObject({
      user_version: version,
      client_version: version,
      seen: true,
      behind: [],
    });
    expect((await at.ask('read', 'apps/kio/status')).data['readers']).toEqual({ seen: 2, behind: [] });
    at.place.clock.advance(1_801);
    expect((await at.ask('read', 'apps/kio/status')).data['readers']).toEqual({ seen: 0, behind: [] });
  });

  it('that say the same again are not written each time', async () => {
    await register('kio');
    await report('host-1', { user_version: version });
    const seen = async () => {
      const { data } = await at.ask('list', 'apps/kio/readers');
      return ((data['key_info'] as JsonObject)['host-1'] as JsonObject)['last_seen'];
    };
    const first = await seen();
    at.place.clock.advance(60);
    await report('host-1', { user_version: version });
    expect(await seen()).toBe(first);
    at.place.clock.advance(600);
    await report('host-1', { user_version: version });
    expect(await seen()).not.toBe(first);
  });

  it.each([
    ['kio', ' host', version],
    ['kio', 'x'.repeat(201), version],
    ['kio', 'host', 'short'],
    ['kio', 'host', 'x'.repeat(100_000)],
  ])('of %s called %j that cannot be are refused', async (id, reader, user_version) => {
    await register('kio');
    expect(await statusOf(at.ask('update', `apps/${id}/readers/${reader}`, { user_version }))).toBe(400);
  });

  it('are of an application that is there', async () => {
    expect(await statusOf(report('host', { user_version: version }))).toBe(404);
    expect(await statusOf(at.ask('list', 'apps/kio/readers'))).toBe(404);
  });
});

describe('how it stands', () => {
  it('is shown from registration to deletion, and no secret with it', async () => {
    await register('kio', { team: 'payments' });
    const ann = await at.member('ann', ['payments']);
    await deliver('kio', { targets: ['a-bucket', 'directory:/run/x'] }, ann);
    const status = async () => (await at.ask('read', 'apps/kio/status')).data;
    expect(await status()).toMatchObject({ user: 'none', targets_total: 2, targets_current: 0 });
    at.place.clock.jump(1);
    await at.outside();
    const done = await status();
    expect(done).toMatchObject({ user: 'present', targets_current: 2, problem: null, problems: [] });
    const password = done['password'] as JsonObject;
    expect(password).toMatchObject({ generation: 1, last_rotation: expect.any(String) });
    const version = String(password['version']);
    const client_version = String((done['client'] as JsonObject)['version']);
    const level = { user_version: version, client_version, current: true, wanted: true };
    expect(done['targets']).toEqual([
      { address: 's3://a-bucket', ...level },
      { address: 'directory:/run/x', ...level },
    ]);
    // A reader that holds what is there is level with it, and behind after the next rotation.
    const held = { user_version: version };
    await at.ask('update', 'apps/kio/readers/host-1', held);
    expect((await status())['readers']).toEqual({ seen: 1, behind: [] });
    // The overlap of the first ones.
    at.place.clock.jump(901);
    await at.outside();
    const { data } = await at.ask('update', 'apps/kio/rotate', { kinds: ['password'] }, ann);
    at.place.clock.jump(1);
    await at.outside();
    expect(await status()).toMatchObject({ requests_served: data['request'], requests_made: 1 });
    expect((await status())['readers']).toEqual({ seen: 1, behind: ['host-1'] });
    await at.ask('delete', 'apps/kio');
    at.place.clock.jump(1);
    await at.outside();
    expect((await at.ask('read', 'apps/kio/status')).status).toBe(404);
    expect(
      (await keysOf(at.place.storage, 'mount/')).filter((key) => /\/(app|state|history|reader)\//.test(key)),
    ).toEqual([]);
    expect(await statusOf(register('kio'))).toBe(204);
  });

  it('follows what the mount says: a shorter period is looked at before the longer one was due', async () => {
    await register('kio');
    await deliver('kio', { targets: ['a-bucket'] });
    at.place.clock.jump(1);
    await at.outside();
    const generation = async () =>
      ((await at.ask('read', 'apps/kio/status')).data['password'] as JsonObject)['generation'];
    expect(await generation()).toBe(1);
    at.place.clock.jump(901);
    await at.outside();
    await at.ask('update', 'config', { password_period: 300, overlap: 60 });
    at.place.clock.jump(1);
    await at.outside();
    at.place.clock.jump(1);
    await at.outside();
    expect(await generation()).toBe(2);
  });
});

describe('the status of all', () => {
  it('comes in pages', async () => {
    for (const id of ['a', 'b', 'c']) await register(id);
    const first = await at.ask('read', 'status', { limit: 2 });
    expect(first.data).toMatchObject({ keys: ['a', 'b'], next: 'b', paused: false });
    expect((first.data['key_info'] as JsonObject)['a']).toMatchObject({ user: 'none', targets_total: 0 });
    expect((await at.ask('read', 'status', { after: 'b' })).data).toMatchObject({ keys: ['c'], next: null });
    expect((await at.ask('read', 'status', { after: 'z' })).data).toMatchObject({ keys: [], next: null });
  });
});
