import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  finishDuties,
  keysOf,
  makePlace,
  makeToken,
  type Place,
  writePolicy,
} from '../../../test/fakes/client.ts';
import { leasedType, Outside } from '../../../test/fakes/leased-engine.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { parseApiPath } from '../path.ts';
import { Buckets } from './buckets.ts';
import { defaultLimits } from './limits.ts';
import { firstConfig, QuotaTable } from './quota.ts';

describe('buckets', () => {
  it('admit no more than the burst and what the rate adds in the time gone by', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 200 }),
        (requests, burst, pauses) => {
          const buckets = new Buckets();
          const rate = { requests, per: 1_000, burst };
          let now = 1_000_000;
          let admitted = 0;
          for (const pause of pauses) {
            now += pause;
            const waits = buckets.wait('a', rate, now) > 0;
            const { admitted: one, remaining, wait } = buckets.take('a', rate, now);
            expect(one).toBe(!waits);
            expect(wait > 0).toBe(!one);
            if (one) admitted += 1;
            expect(remaining).toBeLessThan(burst + 1);
          }
          expect(admitted).toBeLessThanOrEqual(burst + Math.ceil(((now - 1_000_000) * requests) / 1_000));
        },
      ),
    );
  });

  it('let a client go on at the time they told it', () => {
    const buckets = new Buckets();
    const rate = { requests: 3, per: 1_000, burst: 3 };
    for (let count = 0; count < 3; count++) expect(buckets.take('a', rate, 0).admitted).toBe(true);
    const { wait } = buckets.take('a', rate, 0);
    expect(buckets.take('a', rate, wait - 1).admitted).toBe(false);
    expect(buckets.take('a', rate, wait).admitted).toBe(true);
  });

  it('threat 15: keep a bounded number of clients, whoever comes', () => {
    const buckets = new Buckets();
    const rate = { requests: 1, per: 1_000, burst: 1 };
    const before = process.memoryUsage().heapUsed;
    for (let count = 0; count < 1_000_000; count++) buckets.take(`2001:db8:${count}`, rate, 0);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100 * 1024 * 1024);
  });
});

describe('which quota counts', () => {
  const quota = (name: string, path: string) => ({ name, path, rate: 1, interval: 1, blockInterval: 0 });
  const table = new QuotaTable(
    [
      quota('all', ''),
      quota('mount', 'secret/'),
      quota('glob', 'secret/data/a*'),
      quota('exact', 'secret/data/ab'),
      quota('sys', 'sys/'),
    ],
    { ...firstConfig, exemptPaths: ['secret/data/free', 'secret/open/*'] },
  );
  it.each([
    ['secret/data/ab', 'exact'],
    ['secret/data/abc', 'glob'],
    ['secret/data/b', 'mount'],
    ['other/x', 'all'],
    ['sys/mounts', 'sys'],
    ['sys/health', undefined],
    ['sys/seal-status', undefined],
    ['sys/unseal', undefined],
    ['secret/data/free', undefined],
    ['secret/open/x', undefined],
    ['secret/open', 'mount'],
  ])('%s: %s', (path, name) => {
    expect(table.for(parseApiPath(path))?.name).toBe(name);
  });
});

describe('quotas', () => {
  let place: Place;
  let node: CofferNode;
  beforeEach(async () => {
    place = await makePlace();
    node = await place.node();
  });
  afterEach(() => place.remove());

  const admit = (path: string, address = '192.0.2.7', on = node) =>
    on.road.admit?.(parseApiPath(path), address, true);
  const write = (name: string, fields: Record<string, string | number | boolean>) =>
    ask(node, 'update', `sys/quotas/rate-limit/${name}`, fields);

  it('are written, shown, listed and deleted', async () => {
    expect((await ask(node, 'list', 'sys/quotas/rate-limit')).status).toBe(404);
    expect(
      (await write('q', { path: 'secret/', rate: '2.5', interval: '10s', block_interval: 30 })).status,
    ).toBe(204);
    expect((await ask(node, 'read', 'sys/quotas/rate-limit/q')).data).toEqual({
      type: 'rate-limit',
      name: 'q',
      path: 'secret/',
      rate: 2.5,
      interval: 10,
      block_interval: 30,
      role: '',
      inheritable: true,
    });
    expect((await write('q', { rate: 7 })).status).toBe(204);
    expect((await ask(node, 'read', 'sys/quotas/rate-limit/q')).data).toMatchObject({
      rate: 7,
      path: 'secret/',
    });
    expect((await ask(node, 'list', 'sys/quotas/rate-limit')).data).toEqual({ keys: ['q'] });
    expect((await ask(node, 'delete', 'sys/quotas/rate-limit/q')).status).toBe(204);
    expect((await ask(node, 'read', 'sys/quotas/rate-limit/q')).status).toBe(404);
    expect(admit('secret/data/a')).toBeUndefined();
  });

  it('are listed in pieces', async () => {
    for (const name of ['c', 'a', 'b']) {
      await ask(node, 'update', `sys/quotas/rate-limit/${name}`, { path: 'secret/', rate: 5 });
    }
    const list = (fields: JsonObject) => ask(node, 'list', 'sys/quotas/rate-limit', fields);
    expect((await list({ limit: 2 })).data['keys']).toEqual(['a', 'b']);
    expect((await list({ limit: 2, after: 'b' })).data['keys']).toEqual(['c']);
    expect((await list({ after: 'c' })).status).toBe(404);
  });

  it.each([
    ['no rate', {}],
    ['a rate of nothing', { rate: 0 }],
    ['a negative rate', { rate: -1 }],
    ['an endless rate', { rate: 'Infinity' }],
    ['a role', { rate: 1, role: 'x' }],
    ['a path of no mount', { rate: 1, path: 'nowhere/' }],
    ['a star in the middle', { rate: 1, path: 'secret/*/x' }],
    ['a path that climbs', { rate: 1, path: 'secret/../sys' }],
    ['another type', { rate: 1, type: 'lease-count' }],
    ['no interval', { rate: 1, interval: 0 }],
  ])('are refused with %s', async (_, fields) => {
    expect((await write('q', fields)).status).toBe(400);
    expect((await ask(node, 'read', 'sys/quotas/rate-limit/q')).status).toBe(404);
  });

  it('hold for each client by itself, from the moment the write is answered, on every node', async () => {
    const other = await place.node();
    await write('q', { path: 'secret/', rate: 2 });
    await ask(other, 'read', 'sys/mounts');
    for (const one of [node, other]) {
      expect(admit('secret/data/a', '192.0.2.7', one)?.admitted).toBe(true);
      expect(admit('secret/data/b', '192.0.2.7', one)?.admitted).toBe(true);
      expect(admit('secret/data/a', '192.0.2.7', one)).toMatchObject({ admitted: false, retryAfter: 1 });
      expect(admit('secret/data/a', '192.0.2.8', one)?.admitted).toBe(true);
      expect(admit('sys/mounts', '192.0.2.7', one)).toBeUndefined();
    }
    place.clock.jump(1);
    expect(admit('secret/data/a')?.admitted).toBe(true);
  });

  it('measure time as it goes by, whatever the clock is set to', async () => {
    await write('q', { rate: 1, block_interval: 60 });
    for (let count = 0; count < 2; count++) admit('secret/data/a');
    place.clock.set(-3_600);
    expect(admit('secret/data/a')).toMatchObject({ admitted: false, retryAfter: 60 });
    place.clock.jump(60);
    expect(admit('secret/data/a')?.admitted).toBe(true);
    admit('secret/data/a');
    place.clock.set(7_200);
    expect(admit('secret/data/a')?.admitted).toBe(false);
  });

  it('block for the time they say', async () => {
    await write('q', { rate: 1, block_interval: 60 });
    expect(admit('secret/data/a')?.admitted).toBe(true);
    expect(admit('secret/data/a')).toMatchObject({ admitted: false, retryAfter: 60 });
    place.clock.jump(59);
    expect(admit('secret/data/a')?.admitted).toBe(false);
    place.clock.jump(1);
    expect(admit('secret/data/a')?.admitted).toBe(true);
  });

  it('tell and audit refusals where they are asked to, and leave out what is exempt', async () => {
    await write('q', { rate: 1 });
    expect(admit('secret/data/a')?.shown).toBeUndefined();
    const changed = await ask(node, 'update', 'sys/quotas/config', {
      enable_rate_limit_audit_logging: true,
      enable_rate_limit_response_headers: 'true',
      rate_limit_exempt_paths: 'sys/internal/*,auth/token/lookup-self',
    });
    expect(changed.status).toBe(204);
    expect((await ask(node, 'read', 'sys/quotas/config')).data).toMatchObject({
      rate_limit_exempt_paths: ['sys/internal/*', 'auth/token/lookup-self'],
      enable_rate_limit_audit_logging: true,
      enable_rate_limit_response_headers: true,
    });
    expect(admit('secret/data/a')).toMatchObject({ admitted: false, shown: { limit: 1, remaining: 0 } });
    expect(admit('sys/internal/ui/mounts')).toBeUndefined();
    await ask(node, 'read', 'sys/mounts');
    expect(place.auditLines().filter((line) => line['event'] === 'rate-limited')).toMatchObject([
      { path: 'secret/data/a', remote_address: '192.0.2.7', quota: 'q' },
    ]);
  });
});

it.each([
  ['auth/userpass/login/bob', 'auth/userpass/login/Bob'],
  ['auth/userpass/login/bob', 'auth/userpass/login/bob/'],
  ['auth/userpass/login/bob', 'auth/userpass/login/BOB/'],
  ['secret/data/a', 'secret/data/a/'],
])('threat 07: a quota for %s counts %s too', (path, spelling) => {
  const quota = { name: 'q', path, rate: 1, interval: 1, blockInterval: 0 };
  const table = new QuotaTable([quota], firstConfig);
  expect(table.for(parseApiPath(spelling))).toEqual(quota);
});

it('keeps apart what is not the same secret', () => {
  const quota = { name: 'q', path: 'secret/data/a', rate: 1, interval: 1, blockInterval: 0 };
  expect(new QuotaTable([quota], firstConfig).for(parseApiPath('secret/data/A'))).toBeUndefined();
});

describe('limits that nobody has written', () => {
  let place: Place;
  let node: CofferNode;
  const limits = { ...defaultLimits };
  let outside: Outside;
  beforeEach(async () => {
    Object.assign(limits, { requestsPerSecond: 2, burst: 5, tokensPerIdentity: 3, leasesPerIdentity: 3 });
    outside = new Outside();
    place = await makePlace({ limits: () => limits, engines: [leasedType(outside)] });
    node = await place.node();
    await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
    await ask(node, 'update', 'auth/approle/role/app', { token_policies: 'app' });
    await writePolicy(node, 'app', 'path "auth/token/create" { capabilities = ["update"] }');
  });
  afterEach(() => place.remove());

  async function roleId(): Promise<string> {
    return String((await ask(node, 'read', 'auth/approle/role/app/role-id')).data['role_id']);
  }

  it('threat 15: strangers of one address get so many answers, and cost no audit line beyond', async () => {
    const from = '198.51.100.1';
    const lines = () => place.auditLines().length;
    for (let count = 0; count < 5; count++) {
      expect((await ask(node, 'read', 'secret/data/a', {}, 'no such token', { from })).status).toBe(403);
    }
    const before = lines();
    for (let count = 0; count < 20; count++) {
      expect((await ask(node, 'read', 'secret/data/a', {}, 'no such token', { from })).status).toBe(429);
    }
    expect(lines()).toBe(before);
    expect(node.road.admit?.(parseApiPath('sys/health'), from, false)).toMatchObject({ admitted: false });
    expect(node.road.admit?.(parseApiPath('sys/health'), from, true)).toBeUndefined();
    expect(node.road.admit?.(parseApiPath('sys/health'), '198.51.100.2', false)).toBeUndefined();
    // Whoever has a valid token is let in from the same address.
    expect((await ask(node, 'read', 'sys/mounts', {}, undefined, { from })).status).toBe(200);
    // Somebody sets the clock right meanwhile.
    place.clock.set(-3_600);
    place.clock.jump(1);
    expect((await ask(node, 'read', 'secret/data/a', {}, 'no such token', { from })).status).toBe(403);
    limits.requestsPerSecond = 0;
    expect((await ask(node, 'read', 'secret/data/a', {}, 'no such token', { from })).status).toBe(403);
  });

  it('an identity holds so many leases, and whatever ends one makes room', async () => {
    await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
    await writePolicy(node, 'app', 'path "leased/creds/*" { capabilities = ["read"] }');
    const role_id = await roleId();
    const { secret_id } = (await ask(node, 'update', 'auth/approle/role/app/secret-id')).data;
    const login = { role_id, secret_id: String(secret_id) };
    const token = (await ask(node, 'update', 'auth/approle/login', login, null)).auth?.clientToken ?? '';
    const lease = () => ask(node, 'read', 'leased/creds/app', {}, token);
    const listed = () => keysOf(place.storage, 'core/lease/of/');
    for (let count = 0; count < 3; count++) expect((await lease()).status).toBe(200);
    expect((await lease()).status).toBe(429);
    expect(outside.working).toHaveLength(3);
    await ask(node, 'update', 'sys/leases/revoke-prefix/leased/creds/app');
    expect(await listed()).toEqual([]);
    place.clock.jump(2);
    expect((await lease()).status).toBe(200);
    outside.failures = 1;
    await ask(node, 'update', 'sys/leases/revoke-force/leased');
    expect(await listed()).toEqual([]);
    expect((await lease()).status).toBe(200);
    expect(await listed()).toHaveLength(1);
    await ask(node, 'delete', 'sys/mounts/leased');
    await finishDuties(node, place.clock);
    expect(await listed()).toEqual([]);
    await ask(node, 'delete', 'sys/auth/approle');
    await finishDuties(node, place.clock);
    expect(await keysOf(place.storage, 'core/token/of/')).toEqual([]);
  });

  it('answers that wait wrapped are of the identity that had them wrapped', async () => {
    const role_id = await roleId();
    const { secret_id } = (await ask(node, 'update', 'auth/approle/role/app/secret-id')).data;
    const login = { role_id, secret_id: String(secret_id) };
    const token = (await ask(node, 'update', 'auth/approle/login', login, null)).auth?.clientToken ?? '';
    const wrap = () => ask(node, 'update', 'sys/wrapping/wrap', { a: 1 }, token, { wrapTtl: 60 });
    const first = (await wrap()).wrap?.token ?? '';
    expect((await wrap()).status).toBe(200);
    expect((await wrap()).status).toBe(429);
    const again = await ask(node, 'update', 'sys/wrapping/rewrap', { token: first });
    place.clock.jump(1);
    expect((await wrap()).status).toBe(429);
    await ask(node, 'update', 'sys/wrapping/unwrap', {}, again.wrap?.token ?? '');
    place.clock.jump(1);
    expect((await wrap()).status).toBe(200);
  });

  it('an identity holds so many tokens, those made from its tokens among them', async () => {
    const role_id = await roleId();
    const { secret_id } = (await ask(node, 'update', 'auth/approle/role/app/secret-id')).data;
    const logIn = () =>
      ask(node, 'update', 'auth/approle/login', { role_id, secret_id: String(secret_id) }, null);
    const first = await logIn();
    expect(first.status).toBe(200);
    const token = first.auth?.clientToken ?? '';
    await makeToken(node, { policies: ['app'] }, token);
    expect((await logIn()).status).toBe(200);
    expect(await logIn()).toMatchObject({ status: 429 });
    expect((await ask(node, 'update', 'auth/token/create', { policies: ['app'] }, token)).status).toBe(429);
    // The tree ends with its root, and there is room again.
    await ask(node, 'update', 'auth/token/revoke', { token });
    place.clock.jump(2);
    await node.state.core?.expiry.run();
    expect((await logIn()).status).toBe(200);
    // Tokens that go back to no login are nobody's.
    for (let count = 0; count < 10; count++) await makeToken(node);
  });
});
