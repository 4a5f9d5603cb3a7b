import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, expiryOf, keysOf, makePlace, makeToken, type Place } from '../../../test/fakes/client.ts';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { leasedType, Outside } from '../../../test/fakes/leased-engine.ts';
import type { Formats } from '../../engine/engine.ts';
import { kv } from '../../engine/kv/kv.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { parseStorageKey, type Storage } from '../../storage/storage.ts';
import { currentProcess } from '../audit/process-identity.ts';
import type { Core } from '../core.ts';

let place: Place;

beforeEach(async () => {
  place = await makePlace();
});
afterEach(() => place.remove());

function coreOf(node: CofferNode): Core {
  const { core } = node.state;
  if (core === undefined) throw new Error('the node is sealed');
  return core;
}

const beat = (node: CofferNode) => coreOf(node).nodes.beat();
const records = () => keysOf(place.storage, 'core/node/');

async function listed(node: CofferNode): Promise<readonly JsonObject[]> {
  return (await ask(node, 'read', 'sys/ha-status')).data['nodes'] as JsonObject[];
}

async function health(node: CofferNode): Promise<JsonObject> {
  return (await ask(node, 'read', 'sys/health', {}, null)).data;
}

describe('the nodes of a store', () => {
  it('are listed by each of them, with where they are and what they are', async () => {
    const one = await place.node(undefined, { program: { address: () => 'https://one.example:8200' } });
    const two = await place.node();
    const [first, second, ...rest] = await listed(two);
    expect(rest).toEqual([]);
    expect(first).toMatchObject({ self: true, api_address: '', active_node: true });
    expect(second).toMatchObject({
      self: false,
      api_address: 'https://one.example:8200',
      cluster_address: '',
      active_node: true,
      version: '1.17.6',
      process: process.pid,
      workers: ['expiry', 'jobs', 'outside'],
      formats: { 'kv/pointer': { reads: 3, writes: 3 } },
      last_echo: '2026-11-22T01:36:00.000000000Z',
      clock_skew_ms: 0,
    });
    await beat(one);
    expect([await health(one), await health(two)]).toMatchObject([{ nodes: 2 }, { nodes: 2 }]);
  });

  it('write of themselves every ten seconds, by a clock of their own, and nothing in between', async () => {
    const node = await place.node();
    const before = (await listed(node))[0]?.['last_echo'];
    const read = async () => (await place.storage.range('core/node/', { limit: 10 })).items[0]?.revision;
    const revision = await read();
    place.clock.advance(9);
    await beatEnds(node);
    expect(await read()).toBe(revision);
    place.clock.advance(1);
    await beatEnds(node);
    expect(await read()).not.toBe(revision);
    expect((await listed(node))[0]?.['last_echo']).not.toBe(before);
  });

  it('leave when they stop', async () => {
    const node = await place.node();
    const other = await place.node();
    expect(await records()).toHaveLength(2);
    await other.state.drop();
    expect(await records()).toHaveLength(1);
    await beat(node);
    expect(await health(node)).toMatchObject({ nodes: 1 });
  });

  it('are removed by the others after a minute of silence, whatever their clocks say', async () => {
    const other = await place.node(undefined, { clock: new HandClock(Date.UTC(2031, 1, 1)) });
    const node = await place.node();
    const id = coreOf(other).nodes.id;
    await beat(node);
    place.clock.jump(59);
    await beat(node);
    expect(await records()).toContain(`core/node/${id}`);
    expect(await health(node)).toMatchObject({ nodes: 2 });
    place.clock.jump(1);
    await beat(node);
    expect(await records()).not.toContain(`core/node/${id}`);
    expect(await listed(node)).toHaveLength(1);
    // It was only asleep.
    await beat(other);
    await beat(node);
    expect(await listed(node)).toHaveLength(2);
  });

  it('that start again and again, never for a minute, leave a few records and not one each time', async () => {
    const life = (number: number) =>
      place.node(undefined, {
        program: { process: { ...currentProcess('box'), pidNamespace: `pid:[${number}]` } },
      });
    const neighbour = await place.node(undefined, { elsewhere: true });
    for (let number = 0; number < 30; number++) {
      const node = await life(number);
      place.clock.jump(1);
      // It ends without a word.
      const stored = (await records()).length;
      expect(stored).toBeLessThanOrEqual(11);
      await abandon(node);
    }
    const last = await life(30);
    expect((await records()).length).toBeLessThanOrEqual(10);
    expect(await records()).toContain(`core/node/${coreOf(neighbour).nodes.id}`);
    expect(await records()).toContain(`core/node/${coreOf(last).nodes.id}`);
    await beat(neighbour);
    expect(await health(neighbour)).toMatchObject({ nodes: 10 });
  });

  it('that were taken for an earlier life come back, and are not taken for one again', async () => {
    const nodes: CofferNode[] = [];
    for (let number = 0; number <= 10; number++) {
      place.clock.jump(1);
      const process = { ...currentProcess('box'), pidNamespace: `pid:[${number}]` };
      nodes.push(await place.node(undefined, { program: { process } }));
    }
    const [first, last] = [nodes[0], nodes.at(-1)];
    if (first === undefined || last === undefined) throw new Error('no nodes');
    const own = `core/node/${coreOf(first).nodes.id}`;
    expect(await records()).not.toContain(own);
    await beat(first);
    expect(await records()).toContain(own);
    await beat(last);
    expect(await records()).toContain(own);
    expect((await ask(first, 'read', 'sys/mounts')).status).toBe(200);
  });

  it('are counted for who asks without a token, and listed only for who may', async () => {
    const node = await place.node();
    const token = await makeToken(node, { policies: ['default'] });
    expect((await ask(node, 'read', 'sys/ha-status', {}, token)).status).toBe(403);
    expect((await ask(node, 'read', 'sys/ha-status', {}, null)).status).toBe(403);
    expect(Object.keys(await health(node))).not.toContain('hostname');
  });

  it('serve where there is no room to write of themselves, and join once there is', async () => {
    let full = true;
    const { storage } = place;
    const short: Storage = {
      kind: storage.kind,
      read: (key) => storage.read(key),
      readMany: (keys) => storage.readMany(keys),
      children: (prefix, page) => storage.children(prefix, page),
      range: (prefix, page) => storage.range(prefix, page),
      close: () => storage.close(),
      commit: async (writes, expectations) => {
        if (full && writes.some(({ key }) => key.startsWith('core/node/'))) {
          throw new CofferError('storage_full', 'the disk is full');
        }
        return storage.commit(writes, expectations);
      },
    };
    const node = await place.node(short);
    expect((await ask(node, 'read', 'sys/mounts')).status).toBe(200);
    await beat(node);
    expect(await records()).toEqual([]);
    const told = place.log.filter(
      ({ message }) => message === 'this node could not tell the others of itself',
    );
    expect(told).toHaveLength(1);
    full = false;
    await beat(node);
    expect(await records()).toHaveLength(1);
    expect(coreOf(node).formats.writes('kv/pointer')).toBe(3);
  });

  it('go on serving where a record of a node cannot be written', async () => {
    const node = await place.node();
    await place.storage.commit([{ key: (await records())[0] as never, value: Buffer.from('not sealed') }]);
    await beat(node);
    expect(place.log.map(({ message }) => message)).toContain(
      'this node could not tell the others of itself',
    );
    expect((await ask(node, 'read', 'sys/mounts')).status).toBe(200);
  });
});

describe('sys/leader', () => {
  it('says of a store that others can reach that this node is active', async () => {
    const shared = await makePlace({ lmdb: true, program: { address: () => 'http://here:8200' } });
    try {
      const node = await shared.node();
      const leader = () => ask(node, 'read', 'sys/leader', {}, null).then(({ data }) => data);
      expect(await leader()).toEqual({
        ha_enabled: true,
        is_self: true,
        active_time: '2026-11-22T01:36:00.000000000Z',
        leader_address: 'http://here:8200',
        leader_cluster_address: '',
        performance_standby: false,
        performance_standby_last_remote_wal: 0,
      });
      expect(await health(node)).toMatchObject({ standby: false, performance_standby: false });
      await ask(node, 'update', 'sys/seal');
      await node.state.drop();
      expect(await leader()).toMatchObject({ ha_enabled: true, is_self: false, leader_address: '' });
    } finally {
      await shared.remove();
    }
  });

  it('says of one in memory that there is one node', async () => {
    const node = await place.node();
    expect((await ask(node, 'read', 'sys/leader', {}, null)).data).toMatchObject({
      ha_enabled: false,
      is_self: false,
      leader_address: '',
    });
  });
});

describe('clocks of nodes', () => {
  /** Two nodes that have seen each other write, `seconds` apart. */
  async function apart(seconds: number): Promise<readonly [CofferNode, CofferNode, HandClock]> {
    const clock = new HandClock(place.clock.now() + seconds * 1_000);
    const node = await place.node();
    const other = await place.node(undefined, { clock, elsewhere: true });
    await bothBeat(node, other, clock, 2);
    return [node, other, clock];
  }

  async function bothBeat(
    node: CofferNode,
    other: CofferNode,
    clock: HandClock,
    times: number,
  ): Promise<void> {
    for (let turn = 0; turn < times; turn++) {
      for (const each of [place.clock, clock]) each.jump(10);
      await beat(node);
      await beat(other);
    }
  }

  it('that are a few seconds apart are no matter: both end what is due', async () => {
    const [node, other] = await apart(5);
    expect([await health(node), await health(other)]).toMatchObject([
      { clock_in_doubt: false },
      { clock_in_doubt: false },
    ]);
    await makeToken(node, { policies: ['default'], ttl: '10s' });
    place.clock.jump(15);
    expect(await expiryOf(node).run()).toBeGreaterThan(0);
  });

  it('threat 18: that are an hour apart are told of, and the one ahead ends nothing', async () => {
    const [node, other, clock] = await apart(3_600);
    const shown = await health(other);
    expect(shown).toMatchObject({ clock_in_doubt: true });
    expect(Math.abs(Number(shown['clock_skew_ms']) - 3_600_000)).toBeLessThanOrEqual(10_000);
    expect(await health(node)).toMatchObject({ clock_in_doubt: false });
    const token = await makeToken(node, { policies: ['default'], ttl: '10m' });
    expect(await expiryOf(other).run()).toBe(0);
    expect((await ask(other, 'read', 'auth/token/lookup-self', {}, token)).status).toBe(403);
    expect((await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status).toBe(200);
    // The other one does what is due, at its time.
    place.clock.jump(600);
    expect(await expiryOf(node).run()).toBeGreaterThan(0);
    // Its clock is set right.
    clock.set(-3_600 + 600);
    await bothBeat(node, other, clock, 2);
    expect(await health(other)).toMatchObject({ clock_in_doubt: false });
    expect(place.log.map(({ message }) => message)).toContain('the clock is relied on again');
  });

  it('threat 18: one that jumps an hour forward and back has ended nothing, and one that stays does', async () => {
    const node = await place.node();
    const token = await makeToken(node, { policies: ['default'], ttl: '10m' });
    const alive = async () => (await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status === 200;
    place.clock.set(3_600);
    expect(await expiryOf(node).run()).toBe(0);
    expect(await alive()).toBe(false);
    expect(await health(node)).toMatchObject({ clock_in_doubt: true, clock_jump_seconds: 3_600 });
    place.clock.set(-3_600);
    expect(await alive()).toBe(true);
    place.clock.set(3_600);
    place.clock.jump(300);
    expect(await expiryOf(node).run()).toBeGreaterThan(0);
    expect(await alive()).toBe(false);
    expect(place.log.map(({ message }) => message)).toContain(
      'the clock jumped: was the time set, or did the machine sleep?',
    );
  });

  it('threat 18: that jump together, as those of one machine do, do not vouch for each other', async () => {
    const node = await place.node();
    const other = await place.node();
    const token = await makeToken(node, { policies: ['default'], ttl: '10m' });
    await bothBeat(node, other, new HandClock(), 2);
    place.clock.set(3_600);
    await bothBeat(node, other, new HandClock(), 2);
    for (const each of [node, other]) {
      expect(await health(each)).toMatchObject({ clock_in_doubt: true });
      expect(await expiryOf(each).run()).toBe(0);
    }
    place.clock.set(-3_600);
    expect((await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status).toBe(200);
  });

  it('threat 18: one that starts an hour ahead ends nothing before it has heard another machine', async () => {
    const node = await place.node();
    const token = await makeToken(node, { policies: ['default'], ttl: '10m' });
    const clock = new HandClock(place.clock.now() + 3_600_000);
    const late = await place.node(undefined, { clock, elsewhere: true });
    expect(await expiryOf(late).run()).toBe(0);
    expect(await health(late)).toMatchObject({ clock_in_doubt: true });
    expect((await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status).toBe(200);
    await bothBeat(node, late, clock, 2);
    expect(await expiryOf(late).run()).toBe(0);
    // With its clock right it is believed at the first word of another.
    clock.set(-3_600);
    await bothBeat(node, late, clock, 2);
    expect(await health(late)).toMatchObject({ clock_in_doubt: false });
  });

  it('one that jumps back an hour brings nothing back that has ended', async () => {
    const node = await place.node();
    const token = await makeToken(node, { policies: ['default'], ttl: '10m' });
    place.clock.jump(600);
    await expiryOf(node).run();
    place.clock.set(-3_600);
    expect((await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status).toBe(403);
    expect(await health(node)).toMatchObject({ clock_jump_seconds: -3_600 });
  });
});

describe('nodes of two versions', () => {
  const pointer = (reads: number, writes = reads): Formats => ({ 'kv/pointer': { reads, writes, first: 2 } });
  const older = { formats: pointer(2) };

  async function formatOf(node: CofferNode, name: string): Promise<number> {
    await ask(node, 'update', `secret/data/${name}`, { data: { a: 'b' } });
    for (const key of await keysOf(place.storage, 'mount/')) {
      if (!key.endsWith(`/meta/${name}`)) continue;
      const record = await coreOf(node).store.read(key as never);
      return record?.open()[0] ?? 0;
    }
    throw new Error('no such secret');
  }

  it('write what both read, and more as soon as the older one has gone', async () => {
    const old = await place.node(undefined, older);
    const node = await place.node();
    expect(await formatOf(node, 'a')).toBe(2);
    await beat(node);
    expect(await formatOf(node, 'b')).toBe(2);
    expect((await ask(old, 'read', 'secret/data/b')).data).toMatchObject({ data: { a: 'b' } });
    await old.state.drop();
    await beat(node);
    expect(await formatOf(node, 'c')).toBe(3);
    expect((await ask(node, 'read', 'sys/ha-status')).data['formats']).toEqual({ 'kv/pointer': 3 });
    // What was written before reads as before.
    expect((await ask(node, 'read', 'secret/data/a')).data).toMatchObject({ data: { a: 'b' } });
  });

  it('a node alone writes the newest from its start', async () => {
    expect(await formatOf(await place.node(), 'a')).toBe(3);
    expect(kv.formats).toEqual(pointer(3));
  });

  it('a format that is read before it is written rises only once somebody writes it', async () => {
    expect(await formatOf(await place.node(undefined, { formats: pointer(3, 2) }), 'a')).toBe(2);
  });

  it('an older node is refused where a newer one wrote what it cannot read', async () => {
    await (await place.node()).state.drop();
    const old = place.sealedNode(older);
    await old.state.start();
    await expect(old.state.submitKey(place.keys[0] ?? '')).rejects.toMatchObject({
      code: 'store_unusable',
      message: expect.stringMatching(/holds kv\/pointer of version 3.* reads up to version 2.* newer Coffer/),
    });
    expect(old.state.core).toBeUndefined();
    const unknowing = place.sealedNode({ formats: {} });
    await unknowing.state.start();
    await expect(unknowing.state.submitKey(place.keys[0] ?? '')).rejects.toMatchObject({
      message: expect.stringContaining('does not know that format'),
    });
    expect(await records()).toEqual([]);
  });

  it('an older node that was asleep while the others went on without it serves no more', async () => {
    const own = new HandClock();
    const old = await place.node(undefined, { ...older, clock: own });
    const node = await place.node();
    place.clock.jump(60);
    await beat(node);
    expect(await formatOf(node, 'a')).toBe(3);
    // It wakes.
    await beat(old);
    expect(old.state.core).toBeUndefined();
    expect(place.log).toContainEqual({
      message: 'this node serves the store no more',
      fields: expect.objectContaining({ code: 'store_unusable' }),
    });
    expect((await ask(node, 'read', 'secret/data/a')).status).toBe(200);
  });

  it('enable no engine that one of them does not have, which could load no mounts from then on', async () => {
    const own = await makePlace({ engines: [leasedType(new Outside())] });
    try {
      const node = await own.node();
      const old = await own.node(undefined, { lacks: ['leased'] });
      const enable = () => ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
      expect(await enable()).toMatchObject({
        status: 400,
        errors: [expect.stringMatching(/ has no "leased": update it first/)],
      });
      expect((await ask(old, 'read', 'sys/mounts')).status).toBe(200);
      await old.state.drop();
      expect((await enable()).status).toBe(204);
      const again = own.sealedNode({ lacks: ['leased'] });
      await again.state.start();
      await expect(again.state.submitKey(own.keys[0] ?? '')).rejects.toMatchObject({
        code: 'store_unusable',
        message: expect.stringContaining('this program has no "leased", which is mounted at leased/'),
      });
    } finally {
      await own.remove();
    }
  });

  it('never differ on what may be written, whoever comes and goes at once', async () => {
    for (let round = 0; round < 10; round++) {
      const own = await makePlace({ silent: true });
      try {
        const fresh = own.node();
        const old = own.node(undefined, older).catch((error: unknown) => error);
        const [node, other] = await Promise.all([fresh, old]);
        await beat(node);
        const level = coreOf(node).formats.writes('kv/pointer');
        // Either the older one serves, or what it cannot read is written.
        if (other instanceof Error) expect(other).toMatchObject({ code: 'store_unusable' });
        expect(level).toBe(other instanceof Error ? 3 : 2);
      } finally {
        await own.remove();
      }
    }
  });
});

/** Ends a node as a crash does: what it wrote of itself stays. */
async function abandon(node: CofferNode): Promise<void> {
  const { id } = coreOf(node).nodes;
  const key = parseStorageKey(`core/node/${id}`);
  const left = await place.storage.read(key);
  if (left === undefined) throw new Error('it wrote nothing of itself');
  await node.state.drop();
  await place.storage.commit([{ key, value: left.value }]);
}

/** Lets a beat that a timer began come to its end. */
async function beatEnds(node: CofferNode): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  expect(node.state.core).toBeDefined();
}
