import { expect, it } from 'vitest';
import { TwoGenerationCache } from './two-generation-cache.ts';

/** How many of the keys `0` to `last` are there still, told without asking any of them to stay. */
function kept(cache: TwoGenerationCache<number>, last: number): number {
  let count = 0;
  for (let key = last; key >= 0; key--) if (cache.get(`${key}`) !== undefined) count++;
  return count;
}

it('threat 15: holds no more than twice its size, whatever is asked', () => {
  const cache = new TwoGenerationCache<number>(100);
  for (let key = 0; key < 10_000; key++) {
    cache.set(`${key}`, key);
    expect(cache.get(`${key}`)).toBe(key);
  }
  const count = kept(cache, 9_999);
  expect(count).toBeGreaterThanOrEqual(100);
  expect(count).toBeLessThanOrEqual(200);
});

it('threat 15: counts a large entry as the many small ones whose room it takes, also once it was asked for again', () => {
  const cache = new TwoGenerationCache<number>(100);
  for (let key = 0; key < 1_000; key++) {
    cache.set(`${key}`, key, 20 * 1_024);
    for (let back = 0; back < 12; back++) cache.get(`${key - back}`);
  }
  expect(kept(cache, 999)).toBeLessThanOrEqual(22);
  expect(cache.get('999')).toBe(999);
});

it('does not let one large entry that is written again and again push out the others', () => {
  const cache = new TwoGenerationCache<number>(100);
  for (let key = 0; key < 50; key++) cache.set(`${key}`, key);
  for (let round = 0; round < 1_000; round++) cache.set('hot', round, 40 * 1_024);
  expect(cache.get('hot')).toBe(999);
  expect(kept(cache, 49)).toBe(50);
});

it('counts no more what was deleted', () => {
  const cache = new TwoGenerationCache<number>(100);
  for (let key = 0; key < 40; key++) cache.set(`${key}`, key);
  for (let round = 0; round < 100; round++) {
    cache.set(`large-${round}`, round, 40 * 1_024);
    cache.delete(`large-${round}`);
  }
  expect(kept(cache, 39)).toBe(40);
});
