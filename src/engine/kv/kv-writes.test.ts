import { afterEach, describe, expect, it } from 'vitest';
import {
  ask,
  auditText,
  finishDuties,
  keysOf,
  makePlace,
  type Place,
  storedText,
} from '../../../test/fakes/client.ts';
import { type FaultPlan, faultyStorage } from '../../../test/fault/storage-fault.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;

async function open(options: Parameters<typeof makePlace>[0] = {}): Promise<void> {
  place = await makePlace(options);
  node = await place.node();
}
afterEach(() => place.remove());

const write = (path: string, data: JsonObject, at: CofferNode = node, options: JsonObject = {}) =>
  ask(at, 'update', `secret/data/${path}`, { data, options });
const read = (path: string, version = 0) => ask(node, 'read', `secret/data/${path}`, { version });
const records = () => keysOf(place.storage, 'mount/');

/** A secret whose JSON text has exactly this many bytes. */
function ofSize(bytes: number): JsonObject {
  return { v: 'x'.repeat(bytes - '{"v":""}'.length) };
}
const mebibyte = 1024 * 1024;

describe.each([false, true])('writers at the same time (LMDB: %s)', (lmdb) => {
  it('each get a version of their own, and none is lost', async () => {
    await open({ lmdb });
    const second = await place.node();
    await ask(node, 'update', 'secret/metadata/a', { max_versions: 100 });
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, writer) => write('a', { writer }, writer % 2 === 0 ? node : second)),
    );
    const versions = answers.map(({ data }) => Number(data['version']));
    expect(versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, index) => index + 1));
    for (const [writer, version] of versions.entries()) {
      expect((await read('a', version)).data['data']).toEqual({ writer });
    }
  });

  it('with the same check-and-set have one winner', async () => {
    await open({ lmdb });
    const second = await place.node();
    for (const cas of [0, 1, 2]) {
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, writer) =>
          write('a', { writer, cas }, writer % 2 === 0 ? node : second, { cas }),
        ),
      );
      const winners = answers.flatMap(({ status }, writer) => (status === 200 ? [writer] : []));
      expect(winners).toHaveLength(1);
      expect((await read('a')).data['data']).toEqual({ writer: winners[0], cas });
    }
  });

  it('and readers: a reader sees whole versions only, and never one older than it saw', async () => {
    await open({ lmdb });
    await write('a', { n: 0 });
    let stop = false;
    const problems: unknown[] = [];
    const readers = Array.from({ length: 4 }, async () => {
      let last = 0;
      while (!stop) {
        const { status, data } = await read('a');
        const shown = data as { data?: { n?: number }; metadata?: { version?: number } };
        const version = shown.metadata?.version ?? 0;
        if (status !== 200 || shown.data?.n !== version - 1 || version < last) problems.push(data);
        last = version;
      }
    });
    for (let n = 1; n <= 60; n++) await write('a', { n });
    stop = true;
    await Promise.all(readers);
    expect(problems).toEqual([]);
  });
});

describe('a large secret', () => {
  it.each([240 * 1024, 240 * 1024 + 1, 300_000, mebibyte])('of %i bytes comes back whole', async (bytes) => {
    await open();
    const data = ofSize(bytes);
    expect((await write('big', data)).status).toBe(200);
    expect((await read('big')).data['data']).toEqual(data);
    const fresh = await place.node();
    expect((await ask(fresh, 'read', 'secret/data/big')).data['data']).toEqual(data);
  });

  it('of more than a mebibyte is refused with 413, and nothing is stored', async () => {
    await open();
    expect((await write('big', ofSize(mebibyte + 1))).status).toBe(413);
    expect((await write('big', { v: 'ü'.repeat(mebibyte / 2) })).status).toBe(413);
    expect(await records()).toEqual([]);
  });

  it('is gone with all its parts when it is destroyed, pruned or removed', async () => {
    await open();
    await ask(node, 'update', 'secret/metadata/big', { max_versions: 2 });
    for (let v = 0; v < 4; v++) await write('big', { v, text: 'x'.repeat(mebibyte - 100) });
    expect((await records()).filter((key) => key.includes('/part/'))).toHaveLength(10);
    await ask(node, 'update', 'secret/destroy/big', { versions: [3] });
    expect((await records()).filter((key) => key.includes('/part/'))).toHaveLength(5);
    await ask(node, 'delete', 'secret/metadata/big');
    expect(await records()).toEqual([]);
  });

  it('of which many are dropped at once leaves no part', async () => {
    await open({ silent: true });
    await ask(node, 'update', 'secret/metadata/big', { max_versions: 20 });
    for (let v = 0; v < 14; v++) await write('big', { v, text: 'x'.repeat(mebibyte - 100) });
    await ask(node, 'update', 'secret/metadata/big', { max_versions: 1 });
    expect((await write('big', { v: 'last' })).data['version']).toBe(15);
    expect((await read('big')).data['data']).toEqual({ v: 'last' });
    expect((await read('big', 14)).status).toBe(404);
    await finishDuties(node, place.clock);
    expect(await records()).toHaveLength(2);
  });

  it('that lost its check-and-set leaves its parts to the duty', async () => {
    await open();
    await write('big', { small: true });
    expect((await write('big', ofSize(600_000), node, { cas: 0 })).status).toBe(400);
    expect((await records()).length).toBeGreaterThan(2);
    await finishDuties(node, place.clock);
    expect((await records()).length).toBeGreaterThan(2);
    place.clock.jump(3_600);
    await finishDuties(node, place.clock);
    expect(await records()).toHaveLength(2);
    expect((await read('big')).data['data']).toEqual({ small: true });
  });

  it('whose parts were cleared away before its last commit is refused, never half there', async () => {
    await open();
    let late = () => {};
    const waiting = new Promise<void>((resolve) => {
      late = resolve;
    });
    let commits = 0;
    const storage = faultyStorage(place.storage, (_count, operation) =>
      // The mark and three parts go through; the commit that would make the version visible dawdles.
      operation === 'commit' && ++commits === 5 ? { kind: 'delay', until: waiting } : undefined,
    );
    const slow = await place.node(storage);
    commits = 0;
    const writing = write('big', ofSize(700_000), slow);
    while (commits < 5) await new Promise(setImmediate);
    place.clock.jump(3_601);
    await finishDuties(node, place.clock);
    late();
    expect((await writing).status).toBe(408);
    expect((await read('big')).status).toBe(404);
    expect(await records()).toEqual([]);
  });
});

describe('a store that fails', () => {
  const before = { v: 'before' };

  async function attempt(plan: FaultPlan, data: JsonObject): Promise<number> {
    let on = false;
    const storage = faultyStorage(place.storage, (count, operation) =>
      on ? plan(count, operation) : undefined,
    );
    const shaky = await place.node(storage);
    on = true;
    const { status } = await write('a', data, shaky);
    on = false;
    await shaky.state.drop().catch(() => undefined);
    return status;
  }

  it.each([
    ['a small secret', { v: 'after' }],
    ['a large secret', ofSize(500_000)],
  ] as const)('leaves the old or the new, never less: %s', async (_size, data) => {
    await open();
    await write('a', before);
    for (let failing = 1; failing <= 12; failing++) {
      for (const kind of ['before', 'after'] as const) {
        let seen = 0;
        const status = await attempt(() => (++seen === failing ? { kind } : undefined), data);
        const shown = (await read('a')).data['data'];
        const isNew = JSON.stringify(shown) === JSON.stringify(data);
        expect(isNew || JSON.stringify(shown) === JSON.stringify(before)).toBe(true);
        if (status === 200) expect(isNew).toBe(true);
        if (isNew) await write('a', before);
      }
    }
    place.clock.jump(3_601);
    await finishDuties(node, place.clock);
    expect((await records()).filter((key) => /\/(part|upload)\//.test(key)).length).toBeLessThanOrEqual(30);
    await ask(node, 'delete', 'secret/metadata/a');
    await finishDuties(node, place.clock);
    expect(await records()).toEqual([]);
  });
});

describe('threat 16: the value of a secret', () => {
  it('is nowhere in the store, the audit log or the program’s log in the clear', async () => {
    await open();
    const canary = 'canary-7f3a9c1e55';
    await write('a', { [`field-${canary}`]: canary, deep: { list: [canary] } });
    await write('a', { [canary]: `${canary}${'x'.repeat(400_000)}` });
    await read('a');
    await read('a', 1);
    await ask(node, 'update', 'secret/data/a', { data: canary });
    await ask(node, 'update', 'secret/data/a', { data: [canary], options: { cas: 1 } });
    await ask(node, 'update', 'secret/data/a', { dat: { x: canary } });
    await ask(node, 'update', 'secret/a', { value: canary });
    await ask(node, 'update', 'secret/data/a', { data: { x: canary } }, 'unknown-token');
    const texts = [
      await storedText(place.storage),
      auditText(place.auditDirectory),
      JSON.stringify(place.log),
    ];
    for (const text of texts) {
      expect(text).not.toContain(canary);
      expect(text).not.toContain(Buffer.from(canary).toString('base64').slice(0, 20));
    }
    expect(texts[1]).toContain('secret/data/a');
  });
});
