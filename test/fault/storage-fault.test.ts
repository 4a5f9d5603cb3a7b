import { describe, expect, it } from 'vitest';
import { MemoryStorage } from '../../src/storage/memory/memory.ts';
import { parseStorageKey, type Write } from '../../src/storage/storage.ts';
import { failNth, faultyStorage, seededFaults } from './storage-fault.ts';

const a = parseStorageKey('a');
const write = (text: string): Write => ({ key: a, value: Buffer.from(text) });

describe('faultyStorage', () => {
  it('passes everything through when nothing is planned', async () => {
    const storage = faultyStorage(new MemoryStorage(), () => undefined);
    const [revision] = await storage.commit([write('1')], [{ key: a, revision: null }]);
    expect(await storage.readMany([a])).toEqual([{ value: Buffer.from('1'), revision }]);
    expect((await storage.children('', { limit: 1 })).items).toEqual(['a']);
    expect((await storage.range('', { limit: 1 })).items[0]?.key).toBe('a');
    expect(storage.calls.map((call) => call.operation)).toEqual(['commit', 'readMany', 'children', 'range']);
  });

  it('fails the planned call before its effect', async () => {
    const storage = faultyStorage(new MemoryStorage(), failNth('commit', 2, 'before'));
    await storage.commit([write('1')]);
    await expect(storage.commit([write('2')])).rejects.toMatchObject({ code: 'unavailable' });
    expect((await storage.read(a))?.value.toString()).toBe('1');
    await storage.commit([write('3')]);
    expect((await storage.read(a))?.value.toString()).toBe('3');
  });

  it('fails the planned call after its effect', async () => {
    const storage = faultyStorage(new MemoryStorage(), failNth('commit', 1, 'after'));
    await expect(storage.commit([write('1')])).rejects.toMatchObject({ code: 'unavailable' });
    expect((await storage.read(a))?.value.toString()).toBe('1');
  });

  it('lets other calls overtake a delayed one', async () => {
    let release = (): void => {};
    const until = new Promise<void>((resolve) => {
      release = resolve;
    });
    const storage = faultyStorage(new MemoryStorage(), (count) =>
      count === 1 ? { kind: 'delay', until } : undefined,
    );
    const slow = storage.commit([write('slow')]);
    await storage.commit([write('fast')]);
    expect((await storage.read(a))?.value.toString()).toBe('fast');
    release();
    await slow;
    expect((await storage.read(a))?.value.toString()).toBe('slow');
  });

  it('draws the same faults from the same seed, of every kind', async () => {
    const history = async (seed: number) => {
      const storage = faultyStorage(new MemoryStorage(), seededFaults(seed, 0.2));
      for (let index = 0; index < 200; index++)
        await storage.commit([write(`${index}`)]).catch(() => undefined);
      return storage.calls.map((call) => call.fault);
    };
    const first = await history(7);
    expect(await history(7)).toEqual(first);
    expect(await history(8)).not.toEqual(first);
    expect(new Set(first)).toEqual(new Set([undefined, 'before', 'after', 'delay']));
  });
});
