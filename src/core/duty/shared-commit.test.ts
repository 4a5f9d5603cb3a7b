import { beforeEach, describe, expect, it } from 'vitest';
import { createStore, keyOf, put, type TestStore, textAt, watched } from '../../barrier/barrier.fixture.ts';
import { ConflictError } from '../../errors.ts';
import { MemoryStorage } from '../../storage/memory/memory.ts';
import type { Expectation } from '../../storage/storage.ts';
import { SharedCommit } from './shared-commit.ts';

let store: TestStore;
let commits: number;
let shared: SharedCommit;
let fence: Expectation;

beforeEach(async () => {
  store = await createStore({
    storage: watched(new MemoryStorage(), (call) => {
      if (call === 'commit') commits++;
    }),
  });
  shared = new SharedCommit(store.barrier);
  fence = await newFence();
  commits = 0;
});

async function newFence(): Promise<Expectation> {
  const key = keyOf('core/duty/test');
  const [revision] = await store.barrier.commit([{ key, value: Buffer.from('fence') }]);
  return { key, revision: revision ?? null };
}

async function fill(count: number): Promise<readonly string[]> {
  const keys = Array.from({ length: count }, (_, index) => `work/${index}`);
  for (const key of keys) await put(store.barrier, key, 'left');
  commits = 0;
  return keys;
}

const removal = (key: string) => [{ key: keyOf(key), value: null }];

describe('SharedCommit', () => {
  it('puts what is asked for in one turn into one commit', async () => {
    const keys = await fill(40);
    await Promise.all(keys.map((key) => shared.commit(removal(key), fence)));
    expect(commits).toBe(1);
    for (const key of keys) expect(await textAt(store.barrier, key)).toBeUndefined();
  });

  it('takes as many commits as the limit of one asks for', async () => {
    const keys = await fill(200);
    await Promise.all(keys.map((key) => shared.commit(removal(key), fence)));
    expect(commits).toBe(4);
    for (const key of keys) expect(await textAt(store.barrier, key)).toBeUndefined();
  });

  it('removes a thing for each who asks to', async () => {
    const [key = ''] = await fill(1);
    await Promise.all([shared.commit(removal(key), fence), shared.commit(removal(key), fence)]);
    expect(await textAt(store.barrier, key)).toBeUndefined();
  });

  it('a fence that was lost refuses each of them, and nothing is written', async () => {
    const keys = await fill(10);
    const later = await newFence();
    const outcomes = await Promise.allSettled(keys.map((key) => shared.commit(removal(key), fence)));
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: expect.any(ConflictError) });
    for (const key of keys) expect(await textAt(store.barrier, key)).toBe('left');
    // What comes under the fence that holds is not held up by what came under the other.
    const [first = '', second = ''] = keys;
    const mixed = await Promise.allSettled([
      shared.commit(removal(first), fence),
      shared.commit(removal(second), later),
    ]);
    expect(mixed.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });
});
