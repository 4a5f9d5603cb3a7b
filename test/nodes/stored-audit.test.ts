/** A server whose audit log is in its store, over every storage that nodes share: lines before answers, and no answer without. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Barrier } from '../../src/barrier/barrier.ts';
import { readAnchors } from '../../src/core/audit/anchor.ts';
import { findInPlace } from '../../src/core/audit/find.ts';
import { storedPlace, storedShelf } from '../../src/core/audit/stored-place.ts';
import { verifyPlace } from '../../src/core/audit/verify.ts';
import { chunksOf, takeBackup, unlockWith } from '../../src/core/backup/backup.fixture.ts';
import { restoreBackup } from '../../src/core/backup/restore.ts';
import { systemRandom } from '../../src/crypto/random.ts';
import type { JsonObject } from '../../src/json.ts';
import type { CofferNode } from '../../src/main/node.ts';
import { MemoryStorage } from '../../src/storage/memory/memory.ts';
import { ask, type Place } from '../fakes/client.ts';
import { faultyStorage } from '../fault/storage-fault.ts';
import { stores } from './stores.ts';

const auditLog = { log: 'store', keep: undefined } as const;

const barrierOf = (node: CofferNode): Barrier => {
  const core = node.state.core;
  if (core === undefined) throw new Error('the node is sealed');
  return core.barrier;
};

async function linesOf(barrier: Barrier, requestId: string): Promise<readonly JsonObject[]> {
  const lines: JsonObject[] = [];
  for await (const { content } of findInPlace(storedPlace(barrier), requestId)) lines.push(content);
  return lines;
}

const verified = async (barrier: Barrier) =>
  verifyPlace(storedPlace(barrier), { anchors: await readAnchors(barrier, storedShelf) });

describe.each(stores)('the audit log in $name', ({ make }) => {
  let place: Place;
  beforeEach(async () => {
    place = await make({ silent: true, auditLog });
  });
  afterEach(() => place.remove());

  it('has a line before each request is handled and one before its answer, from every node', async () => {
    const nodes = [await place.node(), await place.node(undefined, { elsewhere: true })];
    const asked = await Promise.all(
      Array.from({ length: 40 }, (_, at) => {
        const node = nodes[at % 2] ?? nodes[0];
        if (node === undefined) throw new Error('no node');
        return ask(node, at % 3 === 0 ? 'update' : 'read', `secret/data/name-${at}`, { data: { at } });
      }),
    );
    const [first, second] = nodes;
    if (first === undefined || second === undefined) throw new Error('no node');
    for (const { requestId } of asked) {
      const lines = await linesOf(barrierOf(first), requestId);
      expect(lines.map(({ type }) => type)).toEqual(['request', 'response']);
    }
    const report = await verified(barrierOf(second));
    expect(report).toMatchObject({ intact: true });
    expect(report.chains.filter(({ state }) => state === 'open')).toHaveLength(2);
    expect(report.chains.every(({ beyondAnchor }) => beyondAnchor === 0)).toBe(true);
  });

  it('is closed in order with its node, and goes on with the next one', async () => {
    const node = await place.node();
    const { requestId } = await ask(node, 'read', 'secret/data/a');
    await node.state.drop();
    const next = await place.node();
    const report = await verified(barrierOf(next));
    expect(report.intact).toBe(true);
    expect(report.chains.map(({ state }) => state)).toContain('closed');
    expect(await linesOf(barrierOf(next), requestId)).toHaveLength(2);
  });
});

describe('the audit log in a store', () => {
  let place: Place;
  afterEach(() => place.remove());

  it('that is away: nothing is done, and nothing is answered but that', async () => {
    const [memory] = stores;
    if (memory === undefined) throw new Error('no store');
    place = await memory.make({ silent: true, auditLog });
    let away = false;
    const fault = { kind: 'before' } as const;
    const node = await place.node(
      faultyStorage(place.storage, (_count, call) => (away && call === 'commit' ? fault : undefined)),
    );
    await ask(node, 'update', 'secret/data/a', { data: { value: 'old' } });
    away = true;
    const refused = await ask(node, 'update', 'secret/data/a', { data: { value: 'new' } });
    expect(refused.status).toBe(503);
    expect(refused.hasData).toBe(false);
    const read = await ask(node, 'read', 'secret/data/a');
    expect(read).toMatchObject({ status: 503, hasData: false });
    away = false;
    expect((await ask(node, 'read', 'secret/data/a')).data).toMatchObject({ data: { value: 'old' } });
    expect((await verified(barrierOf(node))).intact).toBe(true);
  });

  it('comes back with a backup, as far as that goes, and its open chain is closed there', async () => {
    const [memory] = stores;
    if (memory === undefined) throw new Error('no store');
    place = await memory.make({ silent: true, auditLog });
    const node = await place.node();
    const { requestId } = await ask(node, 'read', 'secret/data/a');
    const bytes = await takeBackup(node);
    const storage = new MemoryStorage();
    let rootKey: Buffer | undefined;
    await restoreBackup({
      open: () => chunksOf(bytes),
      openPlace: () => Promise.resolve(storage),
      unlock: async (boot) => {
        rootKey = await unlockWith(place)(boot);
        return Buffer.from(rootKey);
      },
      clock: place.clock,
      random: systemRandom,
      keepTokens: true,
      allowUnsigned: false,
      keepRootToken: undefined,
      onProgress: () => undefined,
    });
    const barrier = new Barrier({ storage, random: systemRandom, clock: place.clock });
    await barrier.unseal(rootKey ?? Buffer.alloc(0), barrierOf(node).storeId);
    const report = await verified(barrier);
    expect(report.intact).toBe(true);
    expect(report.chains.some(({ state }) => state === 'open')).toBe(false);
    expect(await linesOf(barrier, requestId)).toHaveLength(2);
  });
});
