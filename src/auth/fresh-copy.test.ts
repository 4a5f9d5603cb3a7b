import { beforeEach, describe, expect, it } from 'vitest';
import { HandClock } from '../../test/fakes/hand-clock.ts';
import { FreshCopy } from './fresh-copy.ts';

let clock: HandClock;
let copy: FreshCopy<number>;
let loads: number;
const load = async () => ++loads;

beforeEach(() => {
  clock = new HandClock();
  copy = new FreshCopy(clock, { goodFor: 600_000, betweenWishes: 30_000, afterFailure: 2_000 });
  loads = 0;
});

describe('a copy', () => {
  it('is loaded once for all who ask at once, and kept for its time', async () => {
    expect(await Promise.all([copy.read('a', load), copy.read('a', load)])).toEqual([1, 1]);
    clock.jump(599);
    expect(await copy.read('a', load)).toBe(1);
    clock.jump(1);
    expect(await copy.read('a', load)).toBe(2);
  });

  it('is of one thing: asked for another, it is loaded', async () => {
    expect([await copy.read('a', load), await copy.read('b', load), await copy.read('a', load)]).toEqual([
      1, 2, 3,
    ]);
  });

  it('is loaded anew on a wish, once in a while', async () => {
    await copy.read('a', load);
    expect(copy.readAgain('a', load)).toBeUndefined();
    clock.jump(30);
    expect(await Promise.all([copy.readAgain('a', load), copy.readAgain('a', load)])).toEqual([2, 2]);
    expect(copy.readAgain('a', load)).toBeUndefined();
    expect(await copy.read('a', load)).toBe(2);
  });

  it('that fails is told as failed for a moment, to everybody, and then loaded again', async () => {
    const fail = async () => {
      loads += 1;
      throw new Error('down');
    };
    await expect(Promise.all([copy.read('a', fail), copy.read('a', fail)])).rejects.toThrow('down');
    await expect(copy.read('a', load)).rejects.toThrow('down');
    expect(loads).toBe(1);
    clock.jump(2);
    expect(await copy.read('a', load)).toBe(2);
  });

  it('threat 15: a wish that fails, or takes its time, keeps nobody from the good copy', async () => {
    await copy.read('a', load);
    clock.jump(30);
    let fail: (error: Error) => void = () => undefined;
    const hanging = copy.readAgain('a', () => new Promise((_resolve, reject) => (fail = reject)));
    expect(await copy.read('a', load)).toBe(1);
    fail(new Error('down'));
    await expect(hanging).rejects.toThrow('down');
    expect(await copy.read('a', load)).toBe(1);
    expect(copy.readAgain('a', load)).toBeUndefined();
    clock.jump(30);
    expect(await copy.readAgain('a', load)).toBe(2);
    expect(await copy.read('a', load)).toBe(2);
  });
});
