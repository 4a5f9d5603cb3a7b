import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, loggerInto, makePlace, type Place } from '../../test/fakes/client.ts';
import { HandClock } from '../../test/fakes/hand-clock.ts';
import { type FaultPlan, faultyStorage } from '../../test/fault/storage-fault.ts';
import { createNode } from '../main/node.ts';
import type { Seal } from '../seal/seal.ts';
import { MemoryStorage } from '../storage/memory/memory.ts';
import type { Storage } from '../storage/storage.ts';

let place: Place;
beforeEach(async () => {
  place = await makePlace();
});
afterEach(() => place.remove());

const mark = 'boot/seal-state';
const isMarked = async () =>
  (await place.storage.children('boot/', { limit: 10 })).items.includes(mark.slice(5));

describe('unsealing while another node seals', () => {
  it('leaves the store sealed: whoever seals has the last word', async () => {
    const open = await place.node();
    let sealed: Promise<unknown> | undefined;
    // The seal comes, whole, between the unseal's first look at the store and its end.
    const plan: FaultPlan = (_count, operation) => {
      if (operation !== 'range' || sealed !== undefined) return undefined;
      sealed = ask(open, 'update', 'sys/seal');
      return { kind: 'delay', until: sealed };
    };
    const late = place.sealedNode({ storage: faultyStorage(place.storage, plan) });
    await late.state.start();
    await expect(late.state.submitKey(place.keys[0] ?? '')).rejects.toMatchObject({ code: 'sealed' });
    expect(sealed).toBeDefined();
    expect(late.state.core).toBeUndefined();
    expect(open.state.core).toBeUndefined();
    expect(await isMarked()).toBe(true);
  });

  it('can be done over, also by two people at once', async () => {
    const node = await place.node();
    await ask(node, 'update', 'sys/seal');
    expect(await isMarked()).toBe(true);
    const key = place.keys[0] ?? '';
    await Promise.all([node.state.submitKey(key), node.state.submitKey(key)]);
    expect(node.state.core).toBeDefined();
    expect(await isMarked()).toBe(false);
    expect((await ask(node, 'read', 'sys/mounts')).status).toBe(200);
  });
});

/** Opens by itself; its slot holds the key as it is. */
const openSeal: Seal = {
  kind: 'keyfile',
  automatic: true,
  wrap: async (rootKey) => ({ key: rootKey.toString('base64') }),
  unwrap: async (body) => Buffer.from(String(body['key']), 'base64'),
};

function automaticNode(storage: Storage) {
  const log = loggerInto([]);
  return createNode({ storage, auditDirectory: undefined, seals: [openSeal], log, clock: new HandClock() });
}

it('a start that opens by itself while another node seals stays sealed', async () => {
  const storage = new MemoryStorage();
  const first = automaticNode(storage);
  const { rootToken } = await first.state.create({
    withSecretMount: true,
    makeSlots: async (rootKey, storeId) => {
      const slotId = '00000000-0000-4000-8000-000000000001';
      return [{ id: slotId, kind: 'keyfile', body: await openSeal.wrap(rootKey, { storeId, slotId }) }];
    },
  });
  await first.state.start();
  let sealed: Promise<{ readonly status: number }> | undefined;
  const plan: FaultPlan = (_count, operation) => {
    // The keyring is read once the mark was looked for.
    if (operation !== 'readMany' || sealed !== undefined || !starting) return undefined;
    sealed = ask(first, 'update', 'sys/seal', {}, rootToken);
    return { kind: 'delay', until: sealed };
  };
  let starting = false;
  const seal: Seal = {
    ...openSeal,
    unwrap: (body, place) => {
      starting = true;
      return openSeal.unwrap(body, place);
    },
  };
  const late = createNode({
    storage: faultyStorage(storage, plan),
    auditDirectory: undefined,
    seals: [seal],
    log: loggerInto([]),
    clock: new HandClock(),
  });
  await late.state.start();
  expect((await sealed)?.status).toBe(204);
  expect(late.state.core).toBeUndefined();
  expect((await ask(late, 'read', 'sys/mounts', {}, rootToken)).status).toBe(503);
});

it('a node at rest that opened meanwhile answers nothing of a store that is sealed', async () => {
  const storage = new MemoryStorage();
  const first = automaticNode(storage);
  const { rootToken } = await first.state.create({
    withSecretMount: true,
    makeSlots: async (rootKey, storeId) => {
      const slotId = '00000000-0000-4000-8000-000000000001';
      return [{ id: slotId, kind: 'keyfile', body: await openSeal.wrap(rootKey, { storeId, slotId }) }];
    },
  });
  await first.state.start();
  let sealed: Promise<{ readonly status: number }> | undefined;
  // Mounts are loaded once it is known that the store was not sealed.
  const plan: FaultPlan = (_count, operation) => {
    if (operation !== 'range' || sealed !== undefined) return undefined;
    sealed = ask(first, 'update', 'sys/seal', {}, rootToken);
    return { kind: 'delay', until: sealed };
  };
  const late = createNode({
    storage: faultyStorage(storage, plan),
    auditDirectory: undefined,
    seals: [openSeal],
    log: loggerInto([]),
    clock: new HandClock(),
    manner: 'rests',
  });
  await late.state.start();
  expect((await sealed)?.status).toBe(204);
  expect((await ask(late, 'read', 'secret/data/a', {}, rootToken)).status).toBe(503);
  expect(late.state.core).toBeUndefined();
});
