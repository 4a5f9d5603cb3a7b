import { describe, expect, it } from 'vitest';
import { Restarts } from './restarts.ts';

describe('replacing workers', () => {
  it('waits longer after each early end, and gives up after six', () => {
    const restarts = new Restarts();
    const waits = Array.from({ length: 6 }, () => restarts.after(2, 1_000));
    expect(waits).toEqual([100, 200, 400, 800, 1_600, undefined]);
  });

  it('begins anew for one that served long', () => {
    const restarts = new Restarts();
    for (let ends = 0; ends < 4; ends++) restarts.after(1, 0);
    expect(restarts.after(1, 30_000)).toBe(100);
    expect(restarts.after(1, 29_999)).toBe(200);
  });

  it('counts each place by itself, and replaces none that never served', () => {
    const restarts = new Restarts();
    for (let ends = 0; ends < 5; ends++) restarts.after(1, 0);
    expect(restarts.after(2, 0)).toBe(100);
    expect(restarts.replaces(1, false)).toBe(false);
    expect(restarts.replaces(1, true)).toBe(true);
    expect(restarts.replaces(1, false)).toBe(true);
  });
});
