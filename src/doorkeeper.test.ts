import { describe, expect, it } from 'vitest';
import { Doorkeeper } from './doorkeeper.ts';

describe('Doorkeeper', () => {
  it('knows what was asked for before', () => {
    const door = new Doorkeeper(1_024);
    expect(door.knows('a')).toBe(false);
    expect(door.knows('a')).toBe(true);
    expect(door.knows('b')).toBe(false);
    expect(door.knows('')).toBe(false);
    expect(door.knows('')).toBe(true);
  });

  it('takes hardly any of a long walk for known', () => {
    const door = new Doorkeeper(4_096);
    let known = 0;
    for (let count = 0; count < 100_000; count++) if (door.knows(`mount/secret/${count}`)) known++;
    expect(known).toBeLessThan(100);
  });

  it('still knows most of what is a quarter of its slots', () => {
    const door = new Doorkeeper(4_096);
    const keys = Array.from({ length: 1_024 }, (_, index) => `version/${index * 7}`);
    for (const key of keys) door.knows(key);
    expect(keys.filter((key) => door.knows(key)).length).toBeGreaterThan(800);
  });
});
