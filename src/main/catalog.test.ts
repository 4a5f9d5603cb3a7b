import { describe, expect, it } from 'vitest';
import { mountTypes } from './catalog.ts';
import { lazyRow } from './lazy-row.ts';

describe('a row of the catalog', () => {
  const rows = [...mountTypes.engines.values(), ...mountTypes.authMethods.values()];

  it.each(rows)('has the facts of $type as its code has them', async (row) => {
    const { load, ...facts } = row;
    const { type, formats, ...others } = await load();
    const stated = {
      ...('plugins' in others ? { plugins: others.plugins } : {}),
      ...('locksNames' in others ? { locksNames: others.locksNames } : {}),
      ...(formats === undefined ? {} : { formats }),
    };
    expect(facts).toEqual({ type, ...stated });
  });

  it('is loaded once, by however many', async () => {
    let loads = 0;
    const row = lazyRow({ type: 'x' }, async () => ({ number: ++loads }));
    const [one, other] = await Promise.all([row.load(), row.load()]);
    expect([one === other, await row.load(), loads]).toEqual([true, { number: 1 }, 1]);
  });

  it('says that the program may be another by now where its code is not there, and looks again', async () => {
    let loads = 0;
    const row = lazyRow({ type: 'x' }, async () => {
      loads += 1;
      if (loads === 1) throw new Error('Cannot find module /opt/coffer/dist/chunk/x.js');
      return loads;
    });
    await expect(row.load()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/"x" cannot be loaded.*restart/),
    });
    expect(await row.load()).toBe(2);
  });
});
