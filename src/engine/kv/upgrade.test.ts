import { afterEach, describe, expect, it } from 'vitest';
import { ask, finishDuties, keysOf, makePlace, type Place } from '../../../test/fakes/client.ts';
import { type FaultPlan, faultyStorage } from '../../../test/fault/storage-fault.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;

async function open(options: Parameters<typeof makePlace>[0] = {}): Promise<void> {
  place = await makePlace(options);
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/m', { type: 'kv', options: { version: '1' } });
}
afterEach(() => place.remove());

const upgrade = (at: CofferNode = node) =>
  ask(at, 'update', 'sys/mounts/m/tune', { options: { version: 2 } });
const write = (path: string, data: JsonObject, at = node) => ask(at, 'update', `m/${path}`, data);

/** Every secret of the mount as version 2 has it. */
async function all(): Promise<JsonObject> {
  const { data } = await ask(node, 'scan', 'm/metadata/');
  const names = (data['keys'] ?? []) as readonly string[];
  const entries = await Promise.all(
    names.map(async (name) => [name, (await ask(node, 'read', `m/data/${name}`)).data['data'] ?? null]),
  );
  return Object.fromEntries(entries) as JsonObject;
}

describe('a mount of version 1 that becomes version 2', () => {
  it('has each secret as its first version, large ones too', async () => {
    await open();
    const values: Record<string, JsonObject> = { big: { v: 'x'.repeat(700_000) }, 'a/b': { ttl: '1h' } };
    for (let n = 0; n < 40; n++) values[`many/${n}`] = { n };
    for (const [path, data] of Object.entries(values)) await write(path, data);
    expect((await upgrade()).status).toBe(204);
    expect(await all()).toEqual(values);
    expect((await ask(node, 'read', 'sys/mounts/m')).data['options']).toEqual({ version: '2' });
    expect((await ask(node, 'read', 'm/metadata/big')).data).toMatchObject({
      current_version: 1,
      oldest_version: 0,
    });
    const second = await ask(node, 'update', 'm/data/big', { data: { v: 2 }, options: { cas: 1 } });
    expect(second.data['version']).toBe(2);
    await finishDuties(node, place.clock);
    expect((await ask(node, 'read', 'm/data/big', { version: 1 })).data['data']).toEqual(values['big']);
    expect((await keysOf(place.storage, 'mount/')).filter((key) => key.includes('/plain/'))).toEqual([]);
  });

  it('does not go back, and becomes version 2 once', async () => {
    await open();
    await write('a', { x: 1 });
    expect((await upgrade()).status).toBe(204);
    expect((await upgrade()).status).toBe(204);
    const back = await ask(node, 'update', 'sys/mounts/m/tune', { options: { version: '1' } });
    expect([back.status, back.errors.join()]).toEqual([400, expect.stringContaining('back to version 1')]);
    expect(await all()).toEqual({ a: { x: 1 } });
  });

  it('says so while it is being upgraded, and the duty finishes it', async () => {
    await open({ silent: true });
    for (let n = 0; n < 30; n++) await write(`n${n}`, { n });
    let commits = Number.NEGATIVE_INFINITY;
    const storage = faultyStorage(place.storage, (_count, operation) =>
      operation === 'commit' && ++commits > 2 ? { kind: 'before' } : undefined,
    );
    const cutOff = await place.node(storage);
    commits = 0;
    // The mount is version 2 and a page is turned when the store fails.
    expect((await upgrade(cutOff)).status).toBe(503);
    for (const [operation, path] of [
      ['read', 'm/data/n1'],
      ['update', 'm/data/n1'],
      ['list', 'm/metadata/'],
      ['read', 'm/config'],
      ['read', 'm/n1'],
    ] as const) {
      const answer = await ask(node, operation, path, operation === 'update' ? { data: {} } : {});
      expect([answer.status, answer.errors.join()]).toEqual([
        400,
        expect.stringContaining('Upgrading from non-versioned to versioned data'),
      ]);
    }
    const third = await place.node();
    await finishDuties(third, place.clock);
    expect(Object.keys(await all())).toHaveLength(30);
  });

  it('loses nothing, wherever it is cut off', async () => {
    await open({ silent: true });
    const values: Record<string, JsonObject> = {};
    for (let n = 0; n < 25; n++) values[`n${n}`] = { n };
    for (const [path, data] of Object.entries(values)) await write(path, data);
    for (let failing = 1, done = false; !done; failing++) {
      expect(failing).toBeLessThan(30);
      let seen = 0;
      let on = false;
      const plan: FaultPlan = (_count, operation) =>
        on && operation === 'commit' && ++seen === failing ? { kind: 'after' } : undefined;
      const shaky = await place.node(faultyStorage(place.storage, plan));
      on = true;
      const { status } = await upgrade(shaky);
      on = false;
      done = status === 204 && seen < failing;
    }
    await finishDuties(node, place.clock);
    expect(await all()).toEqual(values);
  });

  it('takes no write of version 1 any more, from whichever node', async () => {
    await open();
    const late = await place.node();
    expect((await write('a', { x: 1 }, late)).status).toBe(204);
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let holding = false;
    const storage = faultyStorage(place.storage, (_count, operation) =>
      holding && operation === 'commit' ? { kind: 'delay', until: held } : undefined,
    );
    const slow = await place.node(storage);
    holding = true;
    const writing = write('a', { x: 'late' }, slow);
    const removing = ask(slow, 'delete', 'm/a');
    await new Promise(setImmediate);
    expect((await upgrade()).status).toBe(204);
    release();
    expect([(await writing).status, (await removing).status]).toEqual([400, 400]);
    expect(await all()).toEqual({ a: { x: 1 } });
  });

  it('has its secrets also for a read that looked before they were turned, and asked about it after that', async () => {
    await open({ silent: true });
    await write('a', { x: 1 });
    let commits = Number.NEGATIVE_INFINITY;
    const storage = faultyStorage(place.storage, (_count, operation) =>
      operation === 'commit' && ++commits > 1 ? { kind: 'before' } : undefined,
    );
    const cutOff = await place.node(storage);
    commits = 0;
    expect((await upgrade(cutOff)).status).toBe(503);
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let reads = Number.NEGATIVE_INFINITY;
    // The mark is asked for first, and its answer comes last.
    const plan: FaultPlan = (_count, operation) =>
      operation === 'read' && ++reads === 1 ? { kind: 'delay', until: held } : undefined;
    const early = await place.node(faultyStorage(place.storage, plan));
    reads = 0;
    const reading = ask(early, 'read', 'm/data/a');
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(reads).toBe(2);
    await finishDuties(await place.node(), place.clock);
    release();
    expect((await reading).data['data']).toEqual({ x: 1 });
  });

  it('is turned once where two nodes turn it at a time', async () => {
    await open();
    for (let n = 0; n < 5; n++) await write(`n${n}`, { n });
    const { core } = node.state;
    const second = (await place.node()).state.core;
    if (core === undefined || second === undefined) throw new Error('sealed');
    const commit = core.store.commit.bind(core.store);
    let raced = false;
    core.store.commit = async (writes, expectations) => {
      if (!raced && writes.some(({ key }) => key.includes('/meta/'))) {
        raced = true;
        const uuid = core.mounts.table.at('m/')?.entry.uuid ?? '';
        await second.mounts.load();
        await second.mounts.table.byUuid(uuid)?.engine.onDue?.('upgrade', second.view(uuid));
      }
      return commit(writes, expectations);
    };
    expect((await upgrade()).status).toBe(204);
    expect(raced).toBe(true);
    expect(Object.keys(await all())).toHaveLength(5);
    expect((await keysOf(place.storage, 'mount/')).filter((key) => key.includes('/version/'))).toHaveLength(
      5,
    );
  });

  it('goes on over many passes when there are very many', async () => {
    await open({ silent: true });
    await Promise.all(Array.from({ length: 1_050 }, (_, n) => write(`n${n}`, { n })));
    expect((await upgrade()).status).toBe(204);
    expect((await ask(node, 'read', 'm/data/n1')).status).toBe(400);
    await finishDuties(node, place.clock);
    expect(Object.keys(await all())).toHaveLength(1_050);
  });
});
