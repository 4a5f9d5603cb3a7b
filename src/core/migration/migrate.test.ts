/** Moving a store between storages: what arrives, what each cut leaves, and that it is never served in two places. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, keysOf, makePlace, makeToken, type Place, rootToken } from '../../../test/fakes/client.ts';
import { type FaultPlan, faultyStorage } from '../../../test/fault/storage-fault.ts';
import { systemRandom } from '../../crypto/random.ts';
import type { CofferNode } from '../../main/node.ts';
import { bootKeys, readBoot, restoringKey } from '../../seal/boot.ts';
import { migratingKey } from '../../seal/migration-mark.ts';
import { MemoryStorage } from '../../storage/memory/memory.ts';
import { parseStorageKey, type Storage } from '../../storage/storage.ts';
import { cancelMigration } from './cancel.ts';
import { changesBetween } from './compare.ts';
import { type MigrationReport, migrateStore } from './migrate.ts';
import type { MigrationPlace } from './places.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
  await ask(node, 'update', 'secret/data/a', { data: { word: 'first' } });
  await ask(node, 'update', 'secret/data/a', { data: { word: 'second' } });
  await ask(node, 'update', 'secret/data/big', { data: { word: 'x'.repeat(600_000) } });
});
afterEach(() => place.remove());

const from = (storage: Storage = place.storage): MigrationPlace => ({ storage, shown: 'memory:old' });
const to = (storage: Storage): MigrationPlace => ({ storage, shown: 'memory:new' });

function migrate(target: Storage, source: Storage = place.storage): Promise<MigrationReport> {
  const openTarget = async () => to(target);
  return migrateStore({ source: from(source), openTarget, random: systemRandom, onProgress: () => {} });
}

/** A storage that fails as `plan` says, and whose only user we are. */
function faulty(inner: Storage, plan: FaultPlan): Storage {
  return Object.assign(faultyStorage(inner, plan), { occupants: async () => [] });
}

/** Records as they rest, without the mark; the header only where `withHeader`. */
async function contents(storage: Storage): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const key of await keysOf(storage)) {
    if (key === migratingKey) continue;
    found.set(key, (await storage.read(parseStorageKey(key)))?.value.toString('base64') ?? '');
  }
  return found;
}

async function isServed(storage: Storage): Promise<boolean> {
  try {
    return (await readBoot(storage)).kind === 'store';
  } catch {
    return false;
  }
}

it('brings everything: versions, tokens, and what opens them', async () => {
  const token = await makeToken(node, { policies: ['root'], ttl: '1h' });
  await node.state.drop();
  const target = new MemoryStorage();
  const before = await contents(place.storage);
  const report = await migrate(target);
  expect(report).toMatchObject({ outcome: 'migrated', resumed: false, tally: { records: before.size } });
  expect(report.written).toBe(before.size - 1);
  expect(await contents(target)).toEqual(before);
  const moved = await place.node(target);
  expect((await ask(moved, 'read', 'secret/data/a', { version: 1 }, token)).data).toMatchObject({
    data: { word: 'first' },
  });
  expect((await ask(moved, 'read', 'secret/data/big', {}, token)).status).toBe(200);
  expect(
    (await ask(moved, 'update', 'secret/data/a', { data: { word: 'third' } }, token)).data,
  ).toMatchObject({
    version: 3,
  });
});

it('threat 18: the old place is never served again, so nothing that ends at the new one lives on there', async () => {
  await node.state.drop();
  await migrate(new MemoryStorage());
  await expect(place.sealedNode().state.start()).rejects.toMatchObject({
    code: 'store_unusable',
    message: expect.stringContaining('migrated to memory:new'),
  });
  expect((await contents(place.storage)).size).toBeGreaterThan(10);
  await expect(migrate(new MemoryStorage())).rejects.toMatchObject({ code: 'conflict' });
  await expect(cancelMigration(from(), to(new MemoryStorage()))).rejects.toMatchObject({ code: 'conflict' });
});

it('a node that waits for its keys does not open a store that is being moved', async () => {
  const waiting = place.sealedNode();
  await waiting.state.start();
  await node.state.drop();
  await migrate(new MemoryStorage());
  await expect(waiting.state.submitKey(place.keys[0] ?? '')).rejects.toMatchObject({
    code: 'store_unusable',
  });
  expect((await waiting.state.status()).sealed).toBe(true);
});

it('is done once: run again it says so and does nothing', async () => {
  const target = new MemoryStorage();
  await migrate(target);
  await ask(await place.node(target), 'update', 'secret/data/a', { data: { word: 'at the new place' } });
  const after = await contents(target);
  expect(await migrate(target)).toMatchObject({ outcome: 'already', written: 0 });
  expect(await contents(target)).toEqual(after);
});

describe('cut off', () => {
  /** Runs with the n-th call of one side failing, before or after its effect; true if the call came at all. */
  async function cut(side: 'source' | 'target', nth: number, kind: 'before' | 'after'): Promise<boolean> {
    const [source, target] = [new MemoryStorage(), new MemoryStorage()];
    await copyOf(place.storage, source);
    const plan: FaultPlan = (count) => (count === nth ? { kind } : undefined);
    const run =
      side === 'source' ? migrate(target, faulty(source, plan)) : migrate(faulty(target, plan), source);
    const outcome = await run.then(
      () => 'done',
      () => 'cut',
    );
    const served = [await isServed(source), await isServed(target)];
    expect(served, `${side} ${nth} ${kind}`).not.toEqual([true, true]);
    if (outcome === 'cut' && (await source.read(migratingKey)) === undefined) expect(served[0]).toBe(true);
    const again = await migrate(target, source);
    expect([await isServed(source), await isServed(target)]).toEqual([false, true]);
    expect(await contents(target)).toEqual(await contents(source));
    if (outcome === 'done') expect(again.outcome).toBe('already');
    return outcome === 'cut';
  }

  it.each(['source', 'target'] as const)(
    'at any call to its %s, it is finished by the same command',
    async (side) => {
      let cuts = 0;
      for (const kind of ['before', 'after'] as const) {
        for (let nth = 1; await cut(side, nth, kind); nth++) cuts += 1;
      }
      expect(cuts).toBeGreaterThan(12);
    },
  );

  it('goes on from what is there', async () => {
    const target = new MemoryStorage();
    // The mark is the first commit; of the records some batches arrive.
    let commits = 0;
    const plan: FaultPlan = (_count, operation) => {
      if (operation !== 'commit') return undefined;
      commits += 1;
      return commits === 4 ? { kind: 'before' } : undefined;
    };
    await expect(migrate(faulty(target, plan))).rejects.toMatchObject({ code: 'unavailable' });
    const there = (await contents(target)).size;
    expect(there).toBeGreaterThan(0);
    const { written, resumed, tally } = await migrate(target);
    expect([written, resumed]).toEqual([(tally?.records ?? 0) - 1 - there, true]);
  });

  it('repairs what it finds different, and removes what is not the source’s', async () => {
    const target = new MemoryStorage();
    await expect(migrate(faulty(target, failsAtHeader()))).rejects.toMatchObject({ code: 'unavailable' });
    await target.commit([
      { key: parseStorageKey('stray'), value: Buffer.from('x') },
      { key: bootKeys.keyring, value: Buffer.from('x') },
    ]);
    expect(await migrate(target)).toMatchObject({ written: 2 });
    expect(await contents(target)).toEqual(await contents(place.storage));
  });
});

/** Fails the commit that would make the target a store. */
function failsAtHeader(): FaultPlan {
  let ranges = 0;
  let commits = 0;
  return (_count, operation) => {
    if (operation === 'range') {
      ranges += 1;
      commits = 0;
    }
    if (operation === 'commit') commits += 1;
    // The comparison reads the target a second time from its beginning; the next commit is the last.
    return operation === 'commit' && ranges > 1 && commits === 1 ? { kind: 'before' } : undefined;
  };
}

async function copyOf(source: Storage, target: Storage): Promise<void> {
  for await (const { key, value } of changesBetween(source, target)) await target.commit([{ key, value }]);
  const header = await source.read(bootKeys.header);
  await target.commit([{ key: bootKeys.header, value: header?.value ?? null }]);
}

describe('is refused, and changes nothing', () => {
  async function refused(target: Storage, source: Storage, expected: object): Promise<void> {
    const before = [await contents(source), await contents(target)];
    const marks = [await source.read(migratingKey), await target.read(migratingKey)];
    await expect(migrate(target, source)).rejects.toMatchObject(expected);
    expect([await contents(source), await contents(target)]).toEqual(before);
    expect([await source.read(migratingKey), await target.read(migratingKey)]).toEqual(marks);
  }
  const holding = async (records: Readonly<Record<string, string>>): Promise<MemoryStorage> => {
    const storage = new MemoryStorage();
    const entries = Object.entries(records);
    await storage.commit(
      entries.map(([key, value]) => ({ key: parseStorageKey(key), value: Buffer.from(value) })),
    );
    return storage;
  };

  it('where there is no store to take', async () => {
    const code = 'store_unusable';
    await refused(new MemoryStorage(), await holding({ a: 'b' }), { code });
    await refused(new MemoryStorage(), await holding({ [restoringKey]: '{}' }), { code });
    const header = (await place.storage.read(bootKeys.header))?.value.toString() ?? '';
    await refused(new MemoryStorage(), await holding({ [bootKeys.header]: header }), { code });
    const newer = header.replace('"format":1', '"format":2');
    await refused(new MemoryStorage(), await holding({ [bootKeys.header]: newer }), {
      code,
      message: expect.stringContaining('newer Coffer'),
    });
  });

  it('where the target holds anything', async () => {
    await refused(await holding({ a: 'b' }), place.storage, { code: 'conflict' });
    const other = await makePlace();
    await refused(other.storage, place.storage, { code: 'conflict' });
    await other.remove();
    const mark = JSON.stringify({
      format: 1,
      id: '6f3f4c62-2d0e-4b57-9d0a-0f4a2a7c1b11',
      store_id: '6f3f4c62-2d0e-4b57-9d0a-0f4a2a7c1b12',
      role: 'target',
      other: 'memory:third',
    });
    await refused(await holding({ [migratingKey]: mark }), place.storage, {
      code: 'conflict',
      message: expect.stringContaining('memory:third'),
    });
    await refused(await holding({ [migratingKey]: mark.replace('1', '2') }), place.storage, {
      code: 'store_unusable',
    });
    await refused(await holding({ [migratingKey]: 'x' }), place.storage, { code: 'integrity' });
    // Half a store is no source either.
    await refused(new MemoryStorage(), await holding({ [migratingKey]: mark }), { code: 'store_unusable' });
  });

  it('while somebody else has a place open, before or just after the look', async () => {
    for (const looks of [1, 2]) {
      let asked = 0;
      const occupied = Object.assign(
        faultyStorage(place.storage, () => undefined),
        {
          occupants: async () => (++asked >= looks ? ['process 4711'] : []),
        },
      );
      await refused(new MemoryStorage(), occupied, {
        code: 'conflict',
        message: expect.stringContaining('process 4711'),
      });
    }
    expect(await isServed(place.storage)).toBe(true);
    await refused(
      new MemoryStorage(),
      faultyStorage(place.storage, () => undefined),
      {
        code: 'unsupported_operation',
      },
    );
  });
});

it('finds out a storage that does not keep what it was given', async () => {
  const target = new MemoryStorage();
  const lossy = Object.assign(
    faultyStorage(target, () => undefined),
    {
      occupants: async () => [],
      commit: (writes: Parameters<Storage['commit']>[0], expectations: Parameters<Storage['commit']>[1]) =>
        target.commit(
          writes.map(({ key, value }) => ({
            key,
            value: key.startsWith('core/policy/') ? Buffer.from('else') : value,
          })),
          expectations,
        ),
    },
  );
  await expect(migrate(lossy)).rejects.toMatchObject({ code: 'integrity' });
  expect(await isServed(target)).toBe(false);
});

it('lets one of two at once go to its end, and mixes nothing', async () => {
  const target = new MemoryStorage();
  const runs = await Promise.allSettled([migrate(target), migrate(target), migrate(new MemoryStorage())]);
  for (const run of runs) {
    if (run.status === 'rejected') expect(run.reason).toMatchObject({ code: 'conflict' });
  }
  expect(runs.filter(({ status }) => status === 'fulfilled').length).toBeLessThan(2);
  // Whoever comes last finishes what they left, or is told that it is done.
  await cancelMigration(from(), undefined).catch(() => undefined);
  expect([await isServed(place.storage), await isServed(target)]).not.toEqual([true, true]);
});

it('takes a place before a store can be made in it', async () => {
  const target = new MemoryStorage();
  const waiting = place.sealedNode({ storage: target });
  await waiting.state.start();
  let made: Promise<unknown> | undefined;
  await migrateStore({
    source: from(),
    openTarget: async () => to(target),
    random: systemRandom,
    onProgress: () => {
      made ??= waiting.state.initialize({ shares: 1, threshold: 1 }).catch((error: unknown) => error);
    },
  });
  expect(await made).toMatchObject({ code: 'store_unusable' });
  expect(await contents(target)).toEqual(await contents(place.storage));
});

describe('given up', () => {
  const cutAt = async (target: Storage, plan: FaultPlan) =>
    expect(migrate(faulty(target, plan))).rejects.toMatchObject({ code: 'unavailable' });

  it('leaves the store where it was, and nothing at the target', async () => {
    const target = new MemoryStorage();
    await cutAt(target, failsAtHeader());
    // The source has given it up already; only the target's last commit is missing.
    await expect(cancelMigration(from(), undefined)).rejects.toMatchObject({ code: 'conflict' });
    await expect(cancelMigration(from(), to(new MemoryStorage()))).rejects.toMatchObject({
      code: 'conflict',
    });
    await cancelMigration(from(), to(target));
    expect(await keysOf(target)).toEqual([]);
    expect((await ask(await place.node(), 'read', 'secret/data/a', {}, rootToken)).status).toBe(200);
    await expect(cancelMigration(from(), to(target))).rejects.toMatchObject({ code: 'conflict' });
  });

  it('without the target, while the source has it still', async () => {
    const target = new MemoryStorage();
    await cutAt(target, (_count, operation) => (operation === 'range' ? { kind: 'before' } : undefined));
    await cancelMigration(from(), undefined);
    expect([await isServed(place.storage), await isServed(target)]).toEqual([true, false]);
  });

  it('while a run is under way, ends that run', async () => {
    const target = new MemoryStorage();
    let cancelled: Promise<unknown> | undefined;
    const run = migrateStore({
      source: from(),
      openTarget: async () => to(target),
      random: systemRandom,
      onProgress: (phase) => {
        if (phase === 'comparing') cancelled ??= cancelMigration(from(), to(target));
      },
    });
    await expect(run).rejects.toBeInstanceOf(Error);
    await cancelled;
    expect([await isServed(place.storage), await keysOf(target)]).toEqual([true, []]);
  });

  it('cut off itself at any call, is given up by the same command', async () => {
    for (const moved of [false, true]) {
      for (let nth = 1, cut = true; cut; nth++) {
        const [source, target] = [new MemoryStorage(), new MemoryStorage()];
        await copyOf(place.storage, source);
        const stop: FaultPlan = moved
          ? failsAtHeader()
          : (_count, operation) => (operation === 'range' ? { kind: 'before' } : undefined);
        await expect(migrate(faulty(target, stop), source)).rejects.toMatchObject({ code: 'unavailable' });
        const plan: FaultPlan = (count) => (count === nth ? { kind: 'after' } : undefined);
        cut = await cancelMigration(from(faulty(source, plan)), to(faulty(target, plan))).then(
          () => false,
          () => true,
        );
        expect(await isServed(target)).toBe(false);
        if ((await source.read(migratingKey)) !== undefined) await cancelMigration(from(source), to(target));
        expect([await isServed(source), await keysOf(target)]).toEqual([true, []]);
      }
    }
  });
});

it('any two storages become the same by the changes between them', async () => {
  const records = fc.dictionary(
    fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom('a', 'b', '/', '-', 'é', 'ｘ', '𝒳') }),
    fc.uint8Array({ maxLength: 4 }),
    { maxKeys: 20 },
  );
  await fc.assert(
    fc.asyncProperty(records, records, async (left, right) => {
      const [source, target] = [new MemoryStorage(), new MemoryStorage()];
      for (const [storage, all] of [
        [source, left],
        [target, right],
      ] as const) {
        for (const [key, value] of Object.entries(all)) {
          await storage.commit([{ key: parseStorageKey(key), value: Buffer.from(value) }]);
        }
      }
      for await (const { key, value } of changesBetween(source, target))
        await target.commit([{ key, value }]);
      expect(await contents(target)).toEqual(await contents(source));
    }),
  );
});
