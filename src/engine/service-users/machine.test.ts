import { describe, expect, it } from 'vitest';
import type { Around } from '../../../test/fakes/fake-provider.ts';
import { plainTraits, plainTurn, RotationPlace, Silence } from '../../../test/fakes/rotation-place.ts';
import { RotationWatch, shownAt, unfinished } from '../../../test/fakes/rotation-watch.ts';
import type { View } from '../../core/view.ts';
import { documentVersion } from '../../delivery/document.ts';
import { CofferError } from '../../errors.ts';
import { RateLimited } from '../../service-user/provider.ts';
import { historyFolder } from './history.ts';

const first = 'fake:one/a';
const second = 'fake:two/a';
const target = (address: string) => ({ address, entityId: '' });

/** An application whose first rotation is over, and its node. */
async function settled(around?: Around) {
  const place = await RotationPlace.make();
  const node = place.node(around === undefined ? {} : { around });
  await place.want('pear');
  await place.goOn(node, 1_000);
  return { place, node };
}

function passwordAt(place: RotationPlace, address: string, id = 'pear'): string | null | undefined {
  return shownAt(place, address, id).find(({ kind }) => kind === 'password')?.secret;
}

/** Fails calls of a name for as long as it says so. */
function faulty(): {
  readonly around: Around;
  error: Error | undefined;
  only: string;
  readonly calls: string[];
} {
  const fault = {
    error: undefined as Error | undefined,
    only: '',
    calls: [] as string[],
    around: (async (name, effect) => {
      fault.calls.push(name);
      if (fault.error !== undefined && name.startsWith(fault.only)) throw fault.error;
      return effect();
    }) satisfies Around as Around,
  };
  return fault;
}

const away = new CofferError('unavailable', 'the bucket is away');

describe('rotation', () => {
  it('gives a registered application a user, a password and a client, in each of its targets', async () => {
    const { place } = await settled();
    expect(await unfinished(place, 'pear')).toEqual([]);
    const { user = '', client = '' } = place.targets.shelf(first, 'pear');
    expect(Object.keys(JSON.parse(user))).toEqual(['application_username', 'application_password']);
    expect(Object.keys(JSON.parse(client))).toEqual(['client_id', 'client_secret']);
    expect(place.targets.shelf(second, 'pear')).toEqual({ user, client });
  });

  it('comes every two hours for passwords, up to a tenth earlier, and every thirty days for clients', async () => {
    const { place, node } = await settled();
    const before = place.targets.shelf(first, 'pear');
    await place.goOn(node, 7_200 * 0.9 - 1_002);
    expect(place.targets.shelf(first, 'pear')).toEqual(before);
    await place.goOn(node, 7_200 * 0.1 + 1_002);
    const after = place.targets.shelf(first, 'pear');
    expect(after.user).not.toBe(before.user);
    expect(after.client).toBe(before.client);
    await place.want('pear', { passwordPeriod: 864_000 });
    await place.goOn(node, 30 * 86_400);
    expect(place.targets.shelf(first, 'pear').client).not.toBe(before.client);
    const { kinds } = await place.state('pear');
    expect([kinds.client.generation, kinds.password.generation]).toEqual([2, 5]);
  });

  it('comes at another time for each application, and at the same again for each generation', async () => {
    const times = async () => {
      const place = await RotationPlace.make();
      const node = place.node();
      const next: number[] = [];
      for (const id of ['pear', 'plum', 'fig']) {
        await place.want(id);
        await place.pass(node);
        next.push((await place.state(id)).kinds.password.nextAt ?? 0);
      }
      return next.map((at) => at - place.clock.now());
    };
    const once = await times();
    expect(new Set(once).size).toBe(3);
    for (const at of once) expect(at).toBeGreaterThanOrEqual(7_200_000 * 0.9);
    for (const at of once) expect(at).toBeLessThanOrEqual(7_200_000);
    expect(await times()).toEqual(once);
  });

  it('on request takes the kinds that were asked for, and says when it is done', async () => {
    const { place, node } = await settled();
    const before = place.targets.shelf(first, 'pear');
    await place.want('pear', { request: { count: 1, kinds: ['client'], emergency: false } });
    await place.pass(node);
    const after = place.targets.shelf(first, 'pear');
    expect(after.user).toBe(before.user);
    expect(after.client).not.toBe(before.client);
    expect((await place.state('pear')).served).toBe(1);
  });

  it('in an emergency ends old ones and sessions as soon as new ones are everywhere, also of a rotation under way', async () => {
    const { place, node } = await settled();
    const old = passwordAt(place, first) ?? null;
    await place.want('pear', { request: { count: 1, kinds: ['password'], emergency: false } });
    await place.pass(node);
    expect(place.provider.accepts('password', 'stups_pear', old)).toBe(true);
    const compromised = passwordAt(place, first) ?? null;
    const user = place.provider.users.get('stups_pear');
    if (user !== undefined) user.sessions = 3;
    await place.want('pear', { paused: true, request: { count: 2, kinds: ['password'], emergency: true } });
    await place.goOn(node, 5);
    expect(place.provider.accepts('password', 'stups_pear', old)).toBe(false);
    expect(place.provider.accepts('password', 'stups_pear', compromised)).toBe(false);
    expect(user?.sessions).toBe(0);
    expect((await place.state('pear')).served).toBe(2);
    expect(await unfinished(place, 'pear')).toEqual([]);
  });

  it('is held up for an application or the mount, and goes on afterwards', async () => {
    const { place, node } = await settled();
    const before = passwordAt(place, first);
    await place.want('pear', { paused: true, request: { count: 1, kinds: ['password'], emergency: false } });
    await place.goOn(node, 30_000);
    expect(passwordAt(place, first)).toBe(before);
    expect(await place.queue('pear')).toEqual([]);
    await place.configure({ paused: true });
    await place.want('pear', {
      paused: false,
      targets: [target(first), target(second), target('fake:three/a')],
    });
    await place.goOn(node, 30_000);
    expect(passwordAt(place, first)).toBe(before);
    expect(passwordAt(place, 'fake:three/a')).toBe(before);
    await place.configure({});
    await place.want('pear');
    await place.pass(node);
    expect(passwordAt(place, first)).not.toBe(before);
  });

  it('delivers a public client once, without a secret, and again on request alone', async () => {
    const place = await RotationPlace.make();
    const node = place.node();
    await place.want('pear', { confidential: false, passwordPeriod: 864_000 });
    await place.goOn(node, 1_000);
    const before = place.targets.shelf(first, 'pear').client;
    expect(JSON.parse(before ?? '')).toMatchObject({ client_secret: null });
    await place.goOn(node, 90 * 86_400);
    expect(place.targets.shelf(first, 'pear').client).toBe(before);
    await place.want('pear', { request: { count: 1, kinds: ['client'], emergency: false } });
    await place.goOn(node, 1_000);
    expect(place.targets.shelf(first, 'pear').client).not.toBe(before);
    await place.want('pear', { confidential: true });
    await place.goOn(node, 1_000);
    expect(JSON.parse(place.targets.shelf(first, 'pear').client ?? '').client_secret).toEqual(
      expect.any(String),
    );
    expect(await unfinished(place, 'pear')).toEqual([]);
  });

  it('gives nobody credentials that no target takes: without targets none are made', async () => {
    const place = await RotationPlace.make();
    const node = place.node();
    await place.want('pear', { targets: [] });
    await place.goOn(node, 10_000);
    expect(place.provider.held('stups_pear', 'password')).toEqual([]);
    expect(await place.queue('pear')).toEqual([]);
    await place.want('pear', { targets: [target(first)] });
    await place.goOn(node, 1_000);
    expect(await unfinished(place, 'pear')).toEqual([]);
  });

  it('keeps its times when the clock is set, forth and back', async () => {
    const { place, node } = await settled();
    for (const seconds of [86_400 * 400, -86_400 * 399, -86_400 * 2, 3_600]) {
      place.clock.set(seconds);
      const watch = new RotationWatch(place, 'pear', 0);
      const count = (await place.state('pear')).served + 1;
      await place.want('pear', { request: { count, kinds: ['password', 'client'], emergency: false } });
      await place.goOn(place.node({ around: watch.around }), 2_000);
      expect(watch.found).toEqual([]);
      expect(await unfinished(place, 'pear')).toEqual([]);
      const { kinds, queuedAt } = await place.state('pear');
      expect(kinds.password.rotatedAt).toBeLessThanOrEqual(place.clock.now());
      expect(queuedAt).toBeLessThanOrEqual(place.clock.now() + 7_200_000);
    }
    await place.goOn(node, 10);
  });
});

describe('in an emergency a target that fails', () => {
  const asked = { request: { count: 1, kinds: ['password' as const], emergency: true } };

  /** A settled application, whose second target can be made unreachable. */
  async function withTargetAway() {
    const switched = { isAway: false, alsoFails: '' };
    const around: Around = async (name, effect) => {
      if (switched.isAway && name.endsWith(second)) throw away;
      if (name === switched.alsoFails) throw away;
      return effect();
    };
    return { ...(await settled(around)), switched };
  }

  it('and failed long before keeps nothing good, and gets the new one when it is back', async () => {
    const { place, node, switched } = await withTargetAway();
    switched.isAway = true;
    await place.goOn(node, 20_000);
    const leaked = passwordAt(place, first) ?? null;
    const user = place.provider.users.get('stups_pear');
    if (user !== undefined) user.sessions = 3;
    await place.want('pear', asked);
    await place.pass(node);
    const fresh = passwordAt(place, first) ?? null;
    expect(place.provider.accepts('password', 'stups_pear', leaked)).toBe(false);
    expect(place.provider.accepts('password', 'stups_pear', fresh)).toBe(true);
    expect(place.provider.held('stups_pear', 'password')).toHaveLength(1);
    expect(user?.sessions).toBe(0);
    expect((await place.state('pear')).served).toBe(1);
    expect((await place.history('pear')).map(({ detail }) => detail)).toContain(
      `at once, with all sessions, although ${second} could not be reached`,
    );
    // What was due besides waits, as ever.
    expect((await place.state('pear')).kinds.client.step).not.toBe('overlap');
    switched.isAway = false;
    await place.goOn(node, 5_000);
    expect(passwordAt(place, second)).toBe(passwordAt(place, first));
    expect(await unfinished(place, 'pear')).toEqual([]);
  });

  it('is waited for a minute, in which nothing ends', async () => {
    const { place, node, switched } = await withTargetAway();
    const leaked = passwordAt(place, first) ?? null;
    switched.isAway = true;
    await place.want('pear', asked);
    await place.goOn(node, 45);
    expect(place.provider.accepts('password', 'stups_pear', leaked)).toBe(true);
    expect(passwordAt(place, second)).toBe(leaked);
    switched.isAway = false;
    await place.goOn(node, 30);
    expect(place.provider.accepts('password', 'stups_pear', leaked)).toBe(false);
    expect(passwordAt(place, second)).toBe(passwordAt(place, first));
    expect(await unfinished(place, 'pear')).toEqual([]);
  });

  it('is waited for no longer than that, however long another has failed, and whatever step it was in', async () => {
    const { place, node, switched } = await withTargetAway();
    const leaked = passwordAt(place, first) ?? null;
    const third = 'fake:three/a';
    await place.want('pear', { targets: [target(first), target(second), target(third)] });
    switched.isAway = true;
    await place.goOn(node, 40_000);
    await place.want('pear', asked);
    switched.alsoFails = `deliver ${third}`;
    await place.goOn(node, 30);
    expect(place.provider.accepts('password', 'stups_pear', leaked)).toBe(true);
    await place.goOn(node, 60);
    expect(place.provider.accepts('password', 'stups_pear', leaked)).toBe(false);
    expect((await place.state('pear')).served).toBe(1);
  });
});

describe('a target that fails', () => {
  it('holds up the next rotation of its application and the fill of no other, with one notice and growing pauses', async () => {
    const fault = faulty();
    const { place, node } = await settled(fault.around);
    const before = passwordAt(place, first);
    fault.error = away;
    fault.only = `probe ${second}`;
    await place.goOn(node, 7_200);
    expect(passwordAt(place, first)).toBe(before);
    expect(place.provider.held('stups_pear', 'password')).toHaveLength(1);
    await place.want('pear', { targets: [target(first), target(second), target('fake:three/a')] });
    await place.goOn(node, 3_600);
    expect(passwordAt(place, 'fake:three/a')).toBe(before);
    const { problems, failures, retryAt, kinds } = await place.state('pear');
    expect(problems).toMatchObject([{ code: 'unavailable', message: 'the bucket is away', target: second }]);
    expect(problems[0]?.since).toBeLessThan(place.clock.now() - 3_600_000);
    expect(kinds.password.step).toBe('probing');
    expect(failures).toBeGreaterThan(5);
    expect(failures).toBeLessThan(15);
    expect(retryAt - place.clock.now()).toBeLessThanOrEqual(3_600_000);
    expect(place.notices.map(({ kind }) => kind)).toEqual(['rotation.failed', 'rotation.overdue']);
    expect((await place.history('pear')).filter(({ event }) => event === 'failed')).toHaveLength(1);
    fault.error = undefined;
    await place.goOn(node, 5_000);
    expect(passwordAt(place, first)).not.toBe(before);
    expect(await unfinished(place, 'pear')).toEqual([]);
    expect((await place.state('pear')).failures).toBe(0);
  });

  it('is tried at once when somebody changes the application', async () => {
    const fault = faulty();
    const { place, node } = await settled(fault.around);
    fault.error = away;
    fault.only = `probe ${second}`;
    await place.goOn(node, 20_000);
    const before = passwordAt(place, first);
    await place.want('pear', { targets: [target(first)] });
    await place.pass(node);
    expect(passwordAt(place, first)).not.toBe(before);
    expect(place.targets.shelf(second, 'pear')).toEqual({});
    expect((await place.state('pear')).problems).toEqual([]);
  });

  it('is emptied when it can be, and holds up no rotation once nobody wants it', async () => {
    const fault = faulty();
    const { place, node } = await settled(fault.around);
    fault.error = away;
    fault.only = `remove ${second}`;
    await place.want('pear', { targets: [target(first)] });
    await place.goOn(node, 8_000);
    expect(passwordAt(place, first)).not.toBe(passwordAt(place, second));
    expect((await place.state('pear')).problems).toMatchObject([{ target: second }]);
    fault.error = undefined;
    await place.goOn(node, 4_000);
    expect(await unfinished(place, 'pear')).toEqual([]);
  });

  it('in the middle of a delivery leaves both credentials good, and is gone on with', async () => {
    const fault = faulty();
    const { place, node } = await settled(fault.around);
    const watch = new RotationWatch(place, 'pear', 0);
    fault.error = away;
    fault.only = `deliver ${second}`;
    await place.goOn(node, 20_000);
    await watch.look('a while');
    expect(passwordAt(place, first)).not.toBe(passwordAt(place, second));
    expect((await place.state('pear')).kinds.password.step).toBe('delivering');
    fault.error = undefined;
    await place.goOn(node, 5_000);
    expect(watch.found).toEqual([]);
    expect(await unfinished(place, 'pear')).toEqual([]);
  });

  it('by not answering is left alone: whoever else needs it gives way at once, and one tries later', async () => {
    const fault = faulty();
    const place = await RotationPlace.make();
    const node = place.node({ around: fault.around });
    fault.error = new Silence();
    fault.only = `deliver ${second}`;
    for (let index = 0; index < 20; index++) await place.want(`pear-${index}`);
    await place.pass(node);
    expect(fault.calls.filter((name) => name === fault.only)).toHaveLength(1);
    expect((await place.state('pear-7')).problems).toMatchObject([{ code: 'unavailable', told: false }]);
    expect(place.notices).toHaveLength(1);
    await place.want('plum', { targets: [target(first)] });
    await place.pass(node);
    expect(passwordAt(place, first, 'plum')).toEqual(expect.any(String));
    await place.goOn(node, 600);
    expect(fault.calls.filter((name) => name === fault.only).length).toBeLessThan(20);
    fault.error = undefined;
    await place.goOn(node, 3_000);
    for (let index = 0; index < 20; index++) expect(await unfinished(place, `pear-${index}`)).toEqual([]);
  });
});

describe('a provider', () => {
  it('that asks for a pause has it, from all applications, and it is no failure', async () => {
    const fault = faulty();
    const place = await RotationPlace.make();
    const node = place.node({ around: fault.around });
    fault.error = new RateLimited('it answered 429', 120_000);
    fault.only = 'stage';
    for (let index = 0; index < 10; index++) await place.want(`pear-${index}`);
    await place.pass(node);
    const asked = fault.calls.length;
    await place.goOn(node, 110);
    expect(fault.calls).toHaveLength(asked);
    expect(fault.calls.filter((name) => name.startsWith('stage'))).toHaveLength(1);
    const { problems, failures } = await place.state('pear-0');
    expect([problems[0]?.code, failures]).toEqual(['rate_limited', 0]);
    expect(place.notices).toEqual([]);
    fault.error = undefined;
    await place.goOn(node, 2_000);
    for (let index = 0; index < 10; index++) expect(await unfinished(place, `pear-${index}`)).toEqual([]);
  });

  it('that refuses what it made is asked for another, and targets keep what works', async () => {
    const { place } = await settled();
    let lies = true;
    const watch = new RotationWatch(place, 'pear', 900);
    const node = place.node({
      around: (name, effect) =>
        watch.around(name, async () => (name === 'verify' && lies ? ('refused' as never) : await effect())),
    });
    await watch.look('the beginning');
    const before = passwordAt(place, first);
    await place.goOn(node, 8_000);
    expect(passwordAt(place, first)).toBe(before);
    expect((await place.state('pear')).problems[0]?.message).toContain('refuses the password');
    lies = false;
    await place.goOn(node, 6_000);
    expect(passwordAt(place, first)).not.toBe(before);
    expect(watch.found).toEqual([]);
    expect(await unfinished(place, 'pear')).toEqual([]);
  });

  it('that makes no secret where one is wanted has made nothing, and is asked again no sooner than after a failure', async () => {
    const place = await RotationPlace.make();
    let staged = 0;
    const node = place.node({
      around: async (name, effect) => {
        const answer = await effect();
        if (name !== 'stage client') return answer;
        staged++;
        return { ...answer, secret: null };
      },
    });
    await place.want('pear');
    await place.goOn(node, 3_600);
    expect(staged).toBeLessThan(12);
    expect(shownAt(place, first, 'pear').map(({ kind }) => kind)).toEqual(['password']);
    expect((await place.state('pear')).problems[0]?.message).toBe('it made a client without a secret');
    await place.goOn(place.node(), 6_000);
    expect(await unfinished(place, 'pear')).toEqual([]);
  });

  it('has what a failed call left with it ended, also where nothing is staged again', async () => {
    const { place, node } = await settled();
    const failing = place.node({
      around: async (name, effect) => {
        const answer = await effect();
        if (name !== 'stage password') return answer;
        await place.want('pear', { targets: [] });
        throw new CofferError('permission_denied', 'it answered 403');
      },
    });
    await place.goOn(failing, 6_300);
    await place.goOn(node, 60);
    const { current } = (await place.state('pear')).kinds.password;
    expect(place.provider.held('stups_pear', 'password')).toMatchObject([{ secret: current?.secret }]);
  });

  it('that is mistaken once keeps what it refused until every target has the earlier one again', async () => {
    const { place } = await settled();
    let verified = 0;
    let fails = false;
    const watch = new RotationWatch(place, 'pear', 0);
    const node = place.node({
      around: (name, effect) =>
        watch.around(name, async () => {
          if (fails && name === `deliver ${second}`) throw away;
          if (name !== 'verify' || ++verified !== 2) return effect();
          fails = true;
          return 'refused' as never;
        }),
    });
    await place.want('pear', { request: { count: 1, kinds: ['password'], emergency: false } });
    await place.goOn(node, 3_000);
    expect(passwordAt(place, first)).not.toBe(passwordAt(place, second));
    expect(watch.found).toEqual([]);
    fails = false;
    await place.goOn(node, 8_000);
    expect(watch.found).toEqual([]);
    expect(await unfinished(place, 'pear')).toEqual([]);
  });

  it('and places are never asked by more at a time than they take', async () => {
    const most = new Map<string, number>();
    const inside = new Map<string, number>();
    const place = await RotationPlace.make(plainTraits, undefined, 3);
    await place.configure({ targetConcurrency: 2 });
    const node = place.node({
      around: async (name, effect) => {
        const address = name.split(' ')[1];
        const key = address?.startsWith('fake:') ? (address.split('/')[0] ?? '') : 'provider';
        inside.set(key, (inside.get(key) ?? 0) + 1);
        most.set(key, Math.max(most.get(key) ?? 0, inside.get(key) ?? 0));
        await new Promise(setImmediate);
        inside.set(key, (inside.get(key) ?? 0) - 1);
        return effect();
      },
    });
    const ids = Array.from({ length: 20 }, (_none, index) => `pear-${index}`);
    for (const id of ids) await place.want(id);
    await Promise.all(ids.map((id) => node.machine.look(id, node.view, node.turn)));
    expect(Object.fromEntries(most)).toEqual({ provider: 3, 'fake:one': 2, 'fake:two': 2 });
  });
});

describe('readers', () => {
  async function rotatedBehind(seenAgo: number) {
    const { place, node } = await settled();
    const held = documentVersion(place.targets.shelf(first, 'pear').user ?? '');
    const old = passwordAt(place, first) ?? null;
    await place.want('pear', { request: { count: 1, kinds: ['password'], emergency: false } });
    await place.pass(node);
    const report = (version = held) =>
      place.report('pear', {
        name: 'host-1',
        holds: { user: version },
        seenAt: place.clock.now() - seenAgo * 1_000,
      });
    const works = () => place.provider.accepts('password', 'stups_pear', old);
    return { place, node, report, works };
  }

  it('that are behind keep an old credential beyond the overlap, until they catch up', async () => {
    const { place, node, report, works } = await rotatedBehind(0);
    for (let minutes = 0; minutes < 30; minutes++) {
      await report();
      await place.goOn(node, 60);
    }
    expect(works()).toBe(true);
    await report(documentVersion(place.targets.shelf(first, 'pear').user ?? ''));
    await place.goOn(node, 120);
    expect(works()).toBe(false);
    expect(place.notices).toEqual([]);
  });

  it('are waited for no longer than patience lasts, and people are told who was behind', async () => {
    const { place, node, report, works } = await rotatedBehind(0);
    for (let minutes = 0; minutes < 60; minutes++) {
      await report();
      await place.goOn(node, 60);
    }
    expect(works()).toBe(true);
    await report();
    await place.goOn(node, 900);
    expect(works()).toBe(false);
    expect(place.notices).toMatchObject([
      { kind: 'rotation.reader_behind', fields: { reader: 'host-1', application: 'pear' } },
    ]);
  });

  it('that were not seen lately are not waited for', async () => {
    const { place, node, report, works } = await rotatedBehind(1_900);
    await report();
    await place.goOn(node, 960);
    expect(works()).toBe(false);
  });
});

describe('a look', () => {
  /** Counts what a view is asked. */
  function counted(view: View): { readonly view: View; readonly calls: string[] } {
    const calls: string[] = [];
    const noted = <T>(name: string, answer: T) => {
      calls.push(name);
      return answer;
    };
    return {
      calls,
      view: {
        read: (path) => noted('read', view.read(path)),
        readMany: (paths) => noted('readMany', view.readMany(paths)),
        children: (...words) => noted('children', view.children(...words)),
        range: (...words) => noted('range', view.range(...words)),
        commit: (...words) => noted('commit', view.commit(...words)),
      },
    };
  }

  it('at which nothing is due is one read, and none of what is outside', async () => {
    const fault = faulty();
    const { place, node } = await settled(fault.around);
    const { view, calls } = counted(node.view);
    const asked = fault.calls.length;
    await node.machine.look('pear', view, node.turn);
    await node.machine.look('unknown', view, node.turn);
    expect(calls).toEqual(['readMany', 'readMany']);
    expect(fault.calls).toHaveLength(asked);
    expect(await place.queue('pear')).toHaveLength(1);
  });

  it('of a rotation commits six times: before and after each thing that happens outside', async () => {
    const { place, node } = await settled();
    const { view, calls } = counted(node.view);
    await place.want('pear', { request: { count: 1, kinds: ['password'], emergency: false } });
    await place.pass({ ...node, view });
    place.clock.jump(901);
    await place.pass({ ...node, view });
    expect(calls.filter((call) => call === 'commit').length).toBeLessThanOrEqual(8);
    expect(await unfinished(place, 'pear')).toEqual([]);
  });

  it('leaves one entry in the index of due work, however often it is asked for', async () => {
    const { place, node } = await settled();
    for (let index = 0; index < 20; index++) {
      await place.want('pear', { subtitle: String(index) });
      await place.pass(node);
      place.clock.jump(7);
    }
    expect(await place.queue('pear')).toHaveLength(1);
    await place.goOn(node, 40_000);
    expect(await place.queue('pear')).toHaveLength(1);
  });

  it('follows what is wanted while it is at it', async () => {
    const place = await RotationPlace.make();
    let changed = false;
    const node = place.node({
      around: async (name, effect) => {
        const answer = await effect();
        if (name === 'stage client' && !changed) {
          changed = true;
          await place.want('pear', { targets: [target(first)] });
        }
        return answer;
      },
    });
    await place.want('pear');
    await place.goOn(node, 1_000);
    expect(place.targets.shelf(second, 'pear')).toEqual({});
    expect(await unfinished(place, 'pear')).toEqual([]);
  });

  it('keeps the newest entries of a history', async () => {
    const { place, node } = await settled();
    await place.want('pear', { passwordPeriod: 1_000, overlap: 0 });
    await place.goOn(node, 300_000);
    const { items } = await place.view.children(historyFolder('pear'), { limit: 1_000 });
    expect(items.length).toBeLessThan(230);
    expect(items.length).toBeGreaterThanOrEqual(200);
    expect((await place.history('pear'))[0]?.at).toBeGreaterThan(place.clock.now() - 2_000_000);
  });

  it('counts what it did', async () => {
    const { place } = await settled();
    expect(place.tallied.toSorted()).toEqual([
      'credential_rotated',
      'credential_rotated',
      'target_filled',
      'target_filled',
    ]);
  });
});

describe('what the machine lets out', () => {
  /** What is asked of anybody for entries of these names, whose records somebody has put there. */
  async function askedFor(...names: readonly string[]): Promise<readonly string[]> {
    const fault = faulty();
    const place = await RotationPlace.make();
    const node = place.node({ around: fault.around });
    await place.want('pear');
    for (const name of names) await node.machine.look(name, node.view, node.turn);
    return fault.calls;
  }

  it('threat 12: names that lead elsewhere lead nowhere', async () => {
    const names = [
      '',
      '../app/pear',
      'pear/../pear',
      'pear/',
      './pear',
      'PEAR',
      'pear%2f',
      'p'.repeat(64),
      'p\0',
    ];
    expect(await askedFor(...names)).toEqual([]);
    expect(await askedFor('pear')).not.toEqual([]);
  });

  it('threat 22: names that another language would read come to no provider', async () => {
    expect(
      await askedFor("pear'--", 'pear;DROP ROLE pear', 'pear"', '$(pear)', '`pear`', 'pear\n', 'pear*'),
    ).toEqual([]);
  });

  it('threat 17: a target is handed an application’s documents and its own surroundings, and nothing of the server’s', async () => {
    const { place } = await settled();
    const seen: unknown[] = [];
    const spied = place.node({
      spy: (parcel, surroundings) => seen.push(Object.keys(parcel), Object.keys(surroundings)),
    });
    await place.want('pear', { request: { count: 1, kinds: ['password'], emergency: false } });
    await place.pass(spied);
    expect(seen.slice(0, 2)).toEqual([
      ['application', 'documents', 'changed'],
      ['clock', 'random', 'entityId', 'askAs'],
    ]);
  });

  it('threat 16: secrets are in the targets and sealed in the state, and in no notice, history or problem', async () => {
    const fault = faulty();
    const { place, node } = await settled(fault.around);
    const secrets = shownAt(place, first, 'pear').map(({ secret }) => secret ?? '');
    fault.only = 'deliver';
    fault.error = new TypeError(`cannot write ${secrets[0]}`);
    await place.goOn(node, 20_000);
    secrets.push(...place.provider.held('stups_pear', 'password').map(({ secret }) => secret ?? ''));
    const { problems } = await place.state('pear');
    const told = JSON.stringify([place.notices, await place.history('pear'), problems]);
    expect(problems).toMatchObject([{ message: 'internal error' }, { message: 'internal error' }]);
    for (const secret of secrets) expect(told).not.toContain(secret);
  });

  it('asks nothing of anybody once the duty is lost', async () => {
    const fault = faulty();
    const { place } = await settled();
    await place.want('pear', { request: { count: 1, kinds: ['password'], emergency: false } });
    const before = await place.state('pear');
    const lost = place.node({
      around: fault.around,
      turn: { outside: () => Promise.reject(new CofferError('unavailable', 'the lock ran out')) },
    });
    await place.pass(lost);
    expect(fault.calls).toEqual([]);
    expect((await place.state('pear')).kinds.password.current).toEqual(before.kinds.password.current);
    await place.goOn(place.node({ turn: plainTurn }), 2_000);
    expect(await unfinished(place, 'pear')).toEqual([]);
  });
});
