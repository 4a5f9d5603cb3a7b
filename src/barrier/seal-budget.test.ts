import { describe, expect, it } from 'vitest';
import { systemRandom } from '../crypto/random.ts';
import { MemoryStorage } from '../storage/memory/memory.ts';
import type { Storage } from '../storage/storage.ts';
import { watched } from './barrier.fixture.ts';
import { firstUsage, openUsage, SealBudget, sealLimit, usageKey, usageWrite } from './seal-budget.ts';
import { generateTerm } from './term.ts';

const term = generateTerm(3, systemRandom, 0);

async function storageWith(reserved: number): Promise<Storage> {
  const storage = new MemoryStorage();
  await storage.commit([usageWrite(systemRandom, term, reserved)]);
  return storage;
}

async function reservedIn(storage: Storage): Promise<number> {
  const record = await storage.read(usageKey(term));
  if (record === undefined) throw new Error('no count');
  return openUsage(term, record.value);
}

function budgetOn(storage: Storage): SealBudget {
  return new SealBudget({ storage, random: systemRandom, term });
}

/** How many single seals can be taken without reserving. */
function drain(budget: SealBudget): number {
  let taken = 0;
  while (budget.take(1)) taken++;
  return taken;
}

describe('reserving seals', () => {
  it('writes the block down before any of it is used', async () => {
    const storage = await storageWith(0);
    const budget = budgetOn(storage);
    expect(budget.take(1)).toBe(false);
    await budget.reserve(1);
    expect(await reservedIn(storage)).toBe(256);
    // One seal was asked for and one wrote the count.
    expect(drain(budget)).toBe(254);
  });

  it('grows its blocks up to 2^20, so that long runs rarely reserve and short ones waste little', async () => {
    const storage = await storageWith(0);
    const budget = budgetOn(storage);
    const blocks: number[] = [];
    for (let before = 0; blocks.length < 15; ) {
      drain(budget);
      await budget.reserve(1);
      const now = await reservedIn(storage);
      blocks.push(now - before);
      before = now;
    }
    expect(blocks.slice(0, 3)).toEqual([256, 512, 1024]);
    expect(blocks.slice(-2)).toEqual([2 ** 20, 2 ** 20]);
  });

  it('begins with a count that was just read, and with the one that is there if that one is old', async () => {
    let reads = 0;
    const storage = watched(await storageWith(100), async (operation) => {
      if (operation === 'read') reads += 1;
    });
    const usage = await storage.read(usageKey(term));
    if (usage === undefined) throw new Error('no count');
    const [budget, late] = [budgetOn(storage), budgetOn(storage)];
    for (const each of [budget, late]) {
      each.note(term.id + 1, usage);
      each.note(term.id, usage);
    }
    reads = 0;
    await budget.reserve(1);
    expect(reads).toBe(0);
    expect(await reservedIn(storage)).toBe(356);
    await late.reserve(1);
    expect(await reservedIn(storage)).toBe(612);
  });

  it('can be begun before they are needed, and once', async () => {
    const storage = await storageWith(0);
    const budget = budgetOn(storage);
    budget.getReady();
    budget.getReady();
    await budget.reserve(1);
    expect(await reservedIn(storage)).toBe(256);
    budget.getReady();
    await budget.reserve(1);
    expect(await reservedIn(storage)).toBe(256);
  });

  it('gives processes that reserve at the same time blocks of their own', async () => {
    const storage = await storageWith(0);
    const budgets = Array.from({ length: 8 }, () => budgetOn(storage));
    await Promise.all(budgets.flatMap((budget) => [budget.reserve(10), budget.reserve(10)]));
    const usable = budgets.reduce((sum, budget) => sum + drain(budget), 0);
    expect(await reservedIn(storage)).toBe(8 * 256);
    expect(usable).toBe(8 * (256 - 1 - 20));
  });

  it('reserves once for many that wait', async () => {
    let commits = 0;
    const inner = await storageWith(0);
    const storage = watched(inner, (call) => {
      if (call === 'commit') commits++;
    });
    const budget = budgetOn(storage);
    await Promise.all(Array.from({ length: 50 }, () => budget.reserve(2)));
    expect(commits).toBe(1);
  });

  it('counts a block whose commit went unanswered as used', async () => {
    const inner = await storageWith(0);
    let failing = true;
    const storage: Storage = {
      ...watched(inner, () => undefined),
      async commit(writes, expectations) {
        const revisions = await inner.commit(writes, expectations);
        if (failing) throw new Error('the answer was lost');
        return revisions;
      },
    };
    const budget = budgetOn(storage);
    await expect(budget.reserve(1)).rejects.toThrow('lost');
    expect(drain(budget)).toBe(0);
    failing = false;
    await budget.reserve(1);
    expect(await reservedIn(inner)).toBe(512);
    expect(drain(budget)).toBe(254);
  });
});

describe('threat 25: the bound of SP 800-38D', () => {
  it('hands out the last seals and then refuses, saying what to do', async () => {
    const storage = await storageWith(sealLimit - 100);
    const budget = budgetOn(storage);
    await budget.reserve(60);
    expect(await reservedIn(storage)).toBe(sealLimit);
    expect(drain(budget)).toBe(39);
    await expect(budget.reserve(1)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(budget.reserve(1)).rejects.toThrow('rotate');
    expect(await reservedIn(storage)).toBe(sealLimit);
  });

  it('refuses at once where nothing is left, and changes nothing', async () => {
    const storage = await storageWith(sealLimit);
    await expect(budgetOn(storage).reserve(1)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await reservedIn(storage)).toBe(sealLimit);
  });

  it('refuses to count from a record that is gone, damaged or another term’s', async () => {
    const storage = new MemoryStorage();
    const refused = () => expect(budgetOn(storage).reserve(1)).rejects.toMatchObject({ code: 'integrity' });
    await refused();
    const { key, value } = usageWrite(systemRandom, term, 5);
    if (value === null) throw new Error('a value expected');
    value.writeUInt8(value.readUInt8(20) ^ 1, 20);
    await storage.commit([{ key, value }]);
    await refused();
    const other = usageWrite(systemRandom, generateTerm(4, systemRandom, 0), 5).value;
    await storage.commit([{ key, value: other }]);
    await refused();
  });

  it('begins a term with a first block', async () => {
    const storage = new MemoryStorage();
    const { write, left } = firstUsage(systemRandom, term);
    await storage.commit([write]);
    expect(await reservedIn(storage)).toBe(256);
    expect(left).toBe(255);
  });
});
