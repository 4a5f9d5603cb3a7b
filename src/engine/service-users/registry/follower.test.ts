import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, auditText, keysOf } from '../../../../test/fakes/client.ts';
import { Kio, kioApplication } from '../../../../test/fakes/kio.ts';
import { makeServicePlace, type ServicePlace } from '../../../../test/fakes/service-place.ts';
import { Sinks } from '../../../../test/fakes/sink-notifier.ts';
import type { JsonObject } from '../../../json.ts';
import { parseList } from './kio.ts';

let at: ServicePlace;
let kio: Kio;
let sinks: Sinks;
beforeEach(async () => {
  kio = await new Kio().open();
  sinks = new Sinks();
  const notifiers = { types: new Map([['sink', sinks.type]]), configured: [] };
  at = await makeServicePlace({ notifiers });
});
afterEach(async () => {
  await kio.close();
  await at.place.remove();
});

/** The registry is asked, and what it says is taken over. */
async function follow(seconds = 11): Promise<void> {
  at.place.clock.jump(seconds);
  await at.outside();
}

async function begin(count: number, more: JsonObject = {}): Promise<void> {
  kio.applications = Array.from({ length: count }, (_, n) => kioApplication(name(n)));
  const sent = { registry: 'kio', registry_url: kio.url, registry_token: 'canary-token', ...more };
  const { status, errors } = await at.ask('update', 'config', sent);
  expect([status, errors]).toEqual([204, []]);
  await follow(1);
}

const name = (n: number) => `app-${String(n).padStart(3, '0')}`;
const idsOf = async () => ((await at.ask('list', 'apps')).data['keys'] ?? []) as readonly string[];
const show = async (id: string) => (await at.ask('read', `apps/${id}`)).data;
const registry = async () => (await at.ask('read', 'status')).data['registry'] as JsonObject;

async function activeIds(): Promise<readonly string[]> {
  const ids: string[] = [];
  let after = '';
  do {
    const { data } = await at.ask('read', 'status', { after });
    const info = data['key_info'] as Record<string, JsonObject>;
    ids.push(...Object.keys(info).filter((id) => info[id]?.['active'] === true));
    after = typeof data['next'] === 'string' ? data['next'] : '';
  } while (after !== '');
  return ids;
}

describe('a registry elsewhere', () => {
  it('is asked with its token, and what it has as active is registered', async () => {
    await begin(3);
    kio.applications = [...kio.applications, kioApplication('retired', { active: false })];
    await follow();
    expect(kio.asked[0]).toEqual(['/apps', 'Bearer canary-token']);
    expect(await idsOf()).toEqual([name(0), name(1), name(2)]);
    expect(await show(name(0))).toMatchObject({
      team: 'payments',
      name: `The ${name(0)}`,
      active: true,
      username: `stups_${name(0)}`,
    });
    expect(await registry()).toMatchObject({ kind: 'kio', problem: null, held: 0, skipped_count: 0 });
  });

  it('says what changes, and its word is not anybody else’s', async () => {
    await begin(2);
    kio.applications = [
      kioApplication(name(0), { team_id: 'others', subtitle: 'x' }),
      kioApplication(name(1), { active: false }),
    ];
    await follow();
    expect(await show(name(0))).toMatchObject({ team: 'others', subtitle: 'x' });
    expect(await show(name(1))).toMatchObject({ active: false });
    for (const fields of [{ name: 'mine' }, { team: 'mine' }, { active: false }, {}])
      expect((await at.ask('update', `apps/${name(0)}`, fields)).errors.join()).toMatch(/registry’s to say/);
    expect((await at.ask('update', 'apps/new')).status).toBe(400);
    expect((await at.ask('delete', `apps/${name(0)}`)).errors.join()).toMatch(/Retire it there/);
    expect((await at.ask('delete', `apps/${name(1)}`)).status).toBe(204);
  });

  it('costs nothing while it says the same', async () => {
    await begin(3);
    await follow();
    const before = await show(name(1));
    const keys = (await keysOf(at.place.storage)).filter((key) => key.includes('/history/')).length;
    for (let round = 0; round < 5; round++) await follow();
    expect(kio.asked.length).toBeGreaterThanOrEqual(6);
    expect(await show(name(1))).toEqual(before);
    expect((await keysOf(at.place.storage)).filter((key) => key.includes('/history/'))).toHaveLength(keys);
  });

  it('is asked by one entry, however often somebody sets something', async () => {
    await begin(1);
    for (let round = 0; round < 4; round++) {
      await at.ask('update', 'config', { registry_interval: 10 });
      await follow(1);
    }
    const asked = kio.asked.length;
    await follow();
    expect(kio.asked.length).toBe(asked + 1);
    await at.ask('update', 'config', { registry: 'own' });
    await follow();
    await follow();
    expect(kio.asked.length).toBe(asked + 1);
    expect((await at.ask('update', 'apps/mine')).status).toBe(204);
  });

  it('threat 16: has its token in no answer, log or audit line, and nothing of what it sent in a message', async () => {
    await begin(1);
    kio.answer = { status: 500, body: 'canary-of-an-answer' };
    await follow();
    kio.answer = { body: '<html>canary-of-an-answer</html>', type: 'text/html' };
    await follow(30);
    const told = JSON.stringify([await registry(), (await at.ask('read', 'config')).data, at.place.log]);
    expect(told).not.toContain('canary');
    expect(auditText(at.place.auditDirectory)).not.toContain('canary');
  });

  it('threat 21: is not asked at an address that is forbidden, nor followed elsewhere', async () => {
    await begin(1);
    kio.answer = { status: 302, body: '' };
    await follow();
    expect((await registry())['problem']).toMatchObject({ message: expect.stringMatching(/redirects/) });
    const token = { registry_token: '' };
    for (const registry_url of ['http://10.0.0.1', 'http://kio.example.com', 'ftp://localhost'])
      expect((await at.ask('update', 'config', { ...token, registry_url })).status).toBe(400);
    await at.ask('update', 'config', { ...token, registry_url: 'https://169.254.169.254' });
    await follow(1);
    expect((await registry())['problem']).toMatchObject({ message: expect.stringMatching(/never asked/) });
  });
});

describe('a registry that lies', () => {
  it.each([
    ['HTML', '<html>'],
    ['an object', '{"apps":[]}'],
    ['a text', '"x"'],
    ['null', 'null'],
    ['half a list', '[{"id":"app-000"'],
    ['too many', JSON.stringify(Array(50_001).fill(0))],
    ['too much', ' '.repeat(17 * 1024 * 1024)],
    ['deep JSON', '['.repeat(100_000)],
  ])('with %s changes nothing, and is shown as a problem until it tells the truth', async (_what, body) => {
    await begin(5);
    kio.answer = { body };
    await follow();
    expect(await activeIds()).toHaveLength(5);
    const { problem } = (await registry()) as { problem: JsonObject };
    expect(problem).toMatchObject({ code: 'unavailable', message: expect.any(String) });
    kio.answer = undefined;
    await follow(400);
    expect((await registry())['problem']).toBeNull();
  });

  it('of one entry leaves that one as it is, and takes the others', async () => {
    await begin(3);
    kio.applications = [
      { id: name(0), team_id: 7, active: true, name: 'x' },
      kioApplication(name(1), { team_id: 'others' }),
      { ...kioApplication(name(2)), active: 'no' },
      kioApplication('../../etc'),
      kioApplication('Upper'),
      { id: 5 },
      kioApplication('double', { team_id: 'one' }),
      kioApplication('double', { team_id: 'two' }),
      kioApplication('alike'),
      kioApplication('alike'),
    ];
    await follow();
    expect(await activeIds()).toEqual(['alike', name(0), name(1), name(2)]);
    expect(await show(name(0))).toMatchObject({ team: 'payments' });
    expect(await show(name(1))).toMatchObject({ team: 'others' });
    const { skipped, skipped_count: count } = await registry();
    expect(count).toBe(6);
    expect(JSON.stringify(skipped)).toMatch(/listed twice/);
  });

  it('by names that nobody can read is not believed to the letter', () => {
    const list = parseList(
      Buffer.from(
        JSON.stringify([kioApplication('a', { name: `x\u0000\n${'y'.repeat(9_999)}`, subtitle: '\ud800' })]),
      ),
    );
    expect(list.active.get('a')).toEqual({
      team: 'payments',
      name: `x ${'y'.repeat(254)}`,
      subtitle: '\ufffd',
    });
  });

  it('moving an application to and fro leaves it and its targets', async () => {
    await begin(2);
    const owner = await at.member('ann', ['payments']);
    await at.ask('update', `apps/${name(0)}/delivery`, { targets: ['a-bucket'] }, owner);
    for (const team_id of ['others', 'payments', 'others', 'payments']) {
      kio.applications = [kioApplication(name(0), { team_id }), kioApplication(name(1))];
      await follow();
      expect(await show(name(0))).toMatchObject({ team: team_id, active: true });
    }
    expect((await at.ask('read', `apps/${name(0)}/delivery`, {}, owner)).data['targets']).toEqual([
      's3://a-bucket',
    ]);
  });
});

describe('a registry that shrinks', () => {
  const without = (...lost: readonly number[]) => {
    kio.applications = kio.applications.filter(({ id }) => !lost.map(name).includes(String(id)));
  };

  it('by an ordinary number has them inactive', async () => {
    await begin(20);
    without(3, 4);
    await follow();
    expect(await activeIds()).toHaveLength(18);
    expect((await show(name(3)))['inactive_since']).not.toBeNull();
  });

  it('by more than that changes nothing until a person confirms the very number', async () => {
    await begin(20);
    without(1, 2, 3);
    await follow();
    await follow();
    expect(await activeIds()).toHaveLength(20);
    expect((await at.ask('read', 'shrink')).data).toMatchObject({
      count: 3,
      active: 20,
      ids: [name(1), name(2), name(3)],
      confirmed_time: null,
    });
    expect((await registry())['problem']).toMatchObject({
      code: 'needs_approval',
      message: expect.stringMatching(/lost 3 of 20/),
    });
    expect((await at.ask('update', 'shrink', { confirm: 2 })).errors.join()).toMatch(/3 applications wait/);
    expect((await at.ask('update', 'shrink')).status).toBe(400);
    expect(await activeIds()).toHaveLength(20);
    expect((await at.ask('update', 'shrink', { confirm: 3 })).status).toBe(204);
    await follow(1);
    expect(await activeIds()).toHaveLength(17);
    expect((await at.ask('read', 'shrink')).data).toMatchObject({ count: 0, ids: [] });
    expect((await registry())['problem']).toBeNull();
    expect((await at.ask('update', 'shrink', { confirm: 3 })).errors.join()).toMatch(/no application waits/);
  });

  it('tells people once', async () => {
    await ask(at.node, 'update', 'sys/notifiers/sample', {
      type: 'sink',
      options: { to: 'sample' },
      kinds: 'registry.*',
    });
    await begin(20);
    without(1, 2, 3);
    for (let round = 0; round < 4; round++) await follow();
    await expect.poll(() => sinks.kinds('sample')).toEqual(['registry.shrunk']);
    const [letter] = sinks.letters('sample');
    expect(letter?.fields).toEqual({ mount: 'service-users/', lost: '3', active: '20' });
    without(4);
    await follow();
    await expect.poll(() => sinks.kinds('sample')).toEqual(['registry.shrunk', 'registry.shrunk']);
  });

  it('to nothing deletes nothing, however few there were', async () => {
    await begin(1, { shrink_limit: 1 });
    kio.applications = [];
    await follow();
    expect(await activeIds()).toHaveLength(1);
    expect((await at.ask('read', 'shrink')).data['count']).toBe(1);
  });

  it('and takes it back is forgiven', async () => {
    await begin(10);
    const all = kio.applications;
    kio.applications = [];
    await follow();
    expect((await registry())['held']).toBe(10);
    kio.applications = all;
    await follow();
    expect((await registry())['held']).toBe(0);
    expect(await activeIds()).toHaveLength(10);
  });

  it('by one each time is stopped, until what went is long gone or a person has looked', async () => {
    await begin(20);
    for (let n = 0; n < 6; n++) {
      without(n);
      await follow(600);
    }
    expect(await activeIds()).toHaveLength(18);
    expect((await at.ask('read', 'shrink')).data).toMatchObject({ count: 4 });
    expect((await at.ask('update', 'shrink', { confirm: 4 })).status).toBe(204);
    await follow(1);
    expect(await activeIds()).toHaveLength(14);
    without(6);
    await follow();
    expect(await activeIds()).toHaveLength(13);
    without(7);
    await follow();
    expect(await activeIds()).toHaveLength(13);
    // Another one, once the first is out of the window.
    kio.applications = [...kio.applications, kioApplication(name(7))];
    await follow();
    without(7);
    await follow(86_500);
    expect(await activeIds()).toHaveLength(12);
  });

  it('more while a person looks is asked about again', async () => {
    await begin(20);
    without(1, 2, 3);
    await follow();
    without(4, 5);
    expect((await at.ask('update', 'shrink', { confirm: 3 })).status).toBe(204);
    await follow();
    // The three that were looked at, and two that are ordinary by themselves... of a fleet of 17 one is.
    expect(await activeIds()).toHaveLength(17);
    expect((await at.ask('read', 'shrink')).data).toMatchObject({ count: 2, ids: [name(4), name(5)] });
  });

  it('goes on where a crash cut it off', async () => {
    await begin(20);
    without(...Array.from({ length: 12 }, (_, n) => n));
    await follow();
    await at.ask('update', 'shrink', { confirm: 12 });
    // As another node would find it: some are done, the confirmation stands.
    const second = await at.place.node();
    at.place.clock.jump(60);
    const { core } = second.state;
    await core?.outside.run();
    await core?.outside.settled();
    expect(await activeIds()).toHaveLength(8);
  });

  it('a thousand at once is held in pieces', async () => {
    await begin(1_100);
    expect(await idsOf()).toHaveLength(1_100);
    kio.applications = [kioApplication('other')];
    await follow();
    expect((await at.ask('read', 'shrink')).data).toMatchObject({ count: 1_100 });
    expect((await at.ask('read', 'shrink')).data['ids']).toHaveLength(1_000);
    await at.ask('update', 'shrink', { confirm: 1_100 });
    await follow();
    expect(await activeIds()).toEqual(['other']);
    expect((await keysOf(at.place.storage)).filter((key) => key.includes('registry/held'))).toEqual([]);
  });

  it('gives an id to another team once its user is gone, without what its former owners said', async () => {
    await begin(3);
    const owner = await at.member('ann', ['payments']);
    await at.ask('update', `apps/${name(0)}/delivery`, { targets: ['a-bucket'], scopes: ['uid'] }, owner);
    const rest = kio.applications.slice(1);
    kio.applications = rest;
    await follow();
    expect(await show(name(0))).toMatchObject({ active: false });
    kio.applications = [kioApplication(name(0), { team_id: 'others' }), ...rest];
    await follow(90_000);
    expect(await show(name(0))).toMatchObject({ active: true, team: 'others', scopes: [] });
    const next = await at.member('bob', ['others']);
    expect((await at.ask('read', `apps/${name(0)}/delivery`, {}, next)).data['targets']).toEqual([]);
  });
});
