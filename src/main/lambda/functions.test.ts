/** What the two functions do with a store, with KMS on moto: opened, sealed, outgrown, not there, tidied. */
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, keysOf, type LogLine, loggerInto, rootToken } from '../../../test/fakes/client.ts';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { makeKmsKey, testRegion } from '../../../test/fakes/moto-calls.ts';
import { faultyStorage } from '../../../test/fault/storage-fault.ts';
import { startMoto } from '../../../test/setup/moto.ts';
import type { Core } from '../../core/core.ts';
import { parseApiPath } from '../../core/path.ts';
import type { Answer, Road } from '../../core/request.ts';
import { systemRandom } from '../../crypto/random.ts';
import type { Formats } from '../../engine/engine.ts';
import type { LevelledLogger } from '../../log.ts';
import { MemoryStorage } from '../../storage/memory/memory.ts';
import { openConfiguredSeals } from '../configured-seals.ts';
import { type CofferNode, createNode } from '../node.ts';
import { type FunctionWorld, openFunctionNode } from './function-node.ts';
import { FunctionStore } from './served-store.ts';
import { functionSettings } from './settings.ts';
import { visit } from './visit.ts';

const moto = await startMoto();
if (moto !== undefined) await makeKmsKey(moto, 'function');
afterAll(() => moto?.close());

/** A memory that does not end with whoever closes it: the next process finds what the one before left. */
class Lasting extends MemoryStorage {
  override close(): Promise<void> {
    return Promise.resolve();
  }
}

describe.skipIf(moto === undefined)('functions', () => {
  let storage: Lasting;
  let clock: HandClock;
  let log: LogLine[];
  let world: FunctionWorld;
  let others: CofferNode[];
  beforeEach(() => {
    storage = new Lasting();
    clock = new HandClock();
    log = [];
    others = [];
    const env = {
      ...moto?.env,
      AWS_REGION: testRegion,
      COFFER_STORAGE: `dynamodb:table?region=${testRegion}`,
      COFFER_SEAL: `awskms:alias/function?region=${testRegion}`,
    };
    const found = functionSettings(env);
    world = {
      ...found,
      env,
      clock,
      random: systemRandom,
      log: Object.assign(loggerInto(log), {
        level: 'info',
        levelOf: () => 'info',
        watch: () => ({ [Symbol.dispose]: () => undefined }),
      }) as never as LevelledLogger,
      place: {
        kind: 'memory',
        name: 'memory',
        lasting: true,
        mayHoldStore: () => true,
        open: async () => storage,
      },
    };
  });
  afterEach(async () => {
    for (const node of others) await node.state.drop().catch(() => undefined);
  });

  /** A server beside the functions. */
  function server(formats?: Formats): CofferNode {
    const { seals, makers } = openConfiguredSeals(world.settings.seals, world.env);
    const node = createNode({
      storage,
      auditDirectory: undefined,
      auditLog: { log: 'store', keep: undefined },
      seals,
      slotMakers: makers,
      log: loggerInto(log),
      clock,
      ...(formats === undefined ? {} : { formats }),
    });
    others.push(node);
    return node;
  }

  async function makeStore(): Promise<readonly string[]> {
    const node = server();
    const { shares } = await node.state.initialize({ shares: 1, threshold: 1 }, rootToken, true);
    await node.state.drop();
    return shares.map((share) => share.toString('hex'));
  }

  function handle(road: Road, path = 'sys/mounts'): Promise<Answer> {
    return road.handle({
      id: 'one',
      operation: 'read',
      path: parseApiPath(path),
      data: {},
      token: rootToken,
      wrapTtl: 0,
      remoteAddress: '192.0.2.1',
    });
  }

  const statusOf = (answer: Answer) => (answer.kind === 'empty' ? 204 : answer.status);

  /** Moves the clock, a second at a time, until the work is done; not while it waits for KMS, which knows another time. */
  async function meanwhile<T>(work: Promise<T>): Promise<T> {
    const before = clock.pending;
    let done = false;
    const settled = work.finally(() => {
      done = true;
    });
    settled.catch(() => undefined);
    while (!done) {
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
      if (clock.pending > before) clock.advance(1);
    }
    return settled;
  }

  it('serve a store, with every line of an answer in it, and leave nothing running', async () => {
    await makeStore();
    const store = new FunctionStore(world);
    expect(statusOf(await handle(await store.wake()))).toBe(200);
    await store.rest();
    expect(clock.pending).toBe(0);
    expect(await keysOf(storage, 'core/node/')).toEqual([]);
    const lines = await keysOf(storage, 'core/audit/log/');
    expect(lines.length).toBeGreaterThan(0);
    const before = await keysOf(storage);
    // Frozen, for an hour or for good: nothing more comes of it.
    clock.advance(3_600);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(await keysOf(storage)).toEqual(before);
    expect(statusOf(await handle(await store.wake()))).toBe(200);
  });

  it('ask the store for little before their first answer', async () => {
    await makeStore();
    const counted = faultyStorage(storage, () => undefined);
    const store = new FunctionStore({ ...world, place: { ...world.place, open: async () => counted } });
    const road = await store.wake();
    expect(statusOf(await handle(road, 'secret/data/app/db'))).toBe(404);
    const counts = new Map<string, number>();
    for (const { operation } of counted.calls) counts.set(operation, (counts.get(operation) ?? 0) + 1);
    // What rests in the clear, what opening begins with and the token; mounts and their witnesses; the term's count, and of kv the mark
    // and the secret; seals, and a line for the request and for its answer.
    expect(Object.fromEntries(counts)).toEqual({ readMany: 3, range: 2, read: 3, commit: 3 });
    await store.close();
  });

  it('threat 14: serve no place without a store, not even to make one; and find it once it is there', async () => {
    const store = new FunctionStore(world);
    await expect(store.wake()).rejects.toMatchObject({ code: 'store_unusable' });
    expect(await keysOf(storage)).toEqual([]);
    await makeStore();
    expect(statusOf(await handle(await store.wake()))).toBe(200);
    await store.close();
  });

  it('stay sealed while the store is sealed on purpose, and serve once it is not', async () => {
    const [key = ''] = await makeStore();
    const store = new FunctionStore(world);
    expect(statusOf(await handle(await store.wake()))).toBe(200);
    const node = server();
    await node.state.start();
    await ask(node, 'update', 'sys/seal');
    await node.state.drop();
    expect(statusOf(await handle(await store.wake()))).toBe(503);
    expect(statusOf(await handle(await new FunctionStore(world).wake()))).toBe(503);
    await visit(world, { duty: 'due', time: 10_000 });
    expect(clock.pending).toBe(0);
    await node.state.submitKey(key);
    expect(statusOf(await handle(await store.wake()))).toBe(200);
    await store.close();
  });

  it('serve no more, once they wake, where others went on to formats that they do not read', async () => {
    await makeStore();
    const store = new FunctionStore(world);
    expect(statusOf(await handle(await store.wake()))).toBe(200);
    const newer = server({ 'kv/pointer': { reads: 99, writes: 99, first: 2 } });
    await newer.state.start();
    // Looked at within the last ten seconds, as nodes that stay do.
    expect(statusOf(await handle(await store.wake()))).toBe(200);
    clock.jump(10);
    await expect(store.wake()).rejects.toMatchObject({ code: 'store_unusable' });
    await expect(new FunctionStore(world).wake()).rejects.toMatchObject({ code: 'store_unusable' });
    await expect(visit(world, { duty: 'due', time: 10_000 })).rejects.toMatchObject({
      code: 'store_unusable',
    });
  });

  it('look again after a rest, whichever of the clocks stood still meanwhile', async () => {
    await makeStore();
    const store = new FunctionStore(world);
    await store.wake();
    await server({ 'kv/pointer': { reads: 99, writes: 99, first: 2 } }).state.start();
    // The machine slept: only the time of day has gone on.
    clock.set(60);
    await expect(store.wake()).rejects.toMatchObject({ code: 'store_unusable' });
  });

  it('a chain of one that rests stays open for a day, and is closed by the tidying after it', async () => {
    await makeStore();
    const store = new FunctionStore(world);
    await handle(await store.wake());
    const open = () => keysOf(storage, 'core/audit/stored/open/');
    const before = await open();
    const tidy = () => meanwhile(visit(world, { duty: 'tidy', time: 135_000 }));
    expect(before).toHaveLength(1);
    await tidy();
    expect(await open()).toEqual(before);
    clock.jump(86_400);
    await tidy();
    expect(await open()).toEqual([]);
    // It lives after all, and goes on in another chain, having lost nothing.
    expect(statusOf(await handle(await store.wake()))).toBe(200);
    expect(await open()).toHaveLength(1);
    expect(await keysOf(storage, 'core/node/')).toEqual([]);
    await store.close();
  });

  it('tidying removes what a node that was killed has left', async () => {
    await makeStore();
    const { node } = await openFunctionNode(world, 'visits', 'never');
    expect(await keysOf(storage, 'core/node/')).toHaveLength(1);
    // Killed: it never leaves. Its timers go nowhere.
    (node.state.core as Core).nodes.beat = () => Promise.resolve();
    await meanwhile(visit(world, { duty: 'due', time: 60_000 }));
    expect(await keysOf(storage, 'core/node/')).toHaveLength(1);
    await meanwhile(visit(world, { duty: 'tidy', time: 135_000 }));
    expect(await keysOf(storage, 'core/node/')).toEqual([]);
    others.push(node);
  });
});
