import { beforeEach, describe, expect, it } from 'vitest';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { ClockWatch, settlingTime, toleratedSkew } from './clock-watch.ts';

let clock: HandClock;
let said: string[];
let watch: ClockWatch;

beforeEach(() => {
  clock = new HandClock();
  said = [];
  watch = new ClockWatch(
    clock,
    (message, { seconds }) => void said.push(`${message} ${seconds ?? ''}`.trim()),
  );
});

const all = new Set(['a', 'b', 'c']);
const seen = (...ahead: number[]) =>
  ahead.map((each, at) => ({ id: 'abc'.charAt(at), machine: `m${at}`, ahead: each }));

describe('a clock', () => {
  it('that goes on as time does is relied on, however seldom somebody looks', () => {
    for (const seconds of [1, 3_600, 86_400]) {
      clock.jump(seconds);
      expect(watch.mayEnd()).toBe(true);
    }
    expect(watch.state()).toEqual({ skew: 0, jump: undefined, inDoubt: false });
    expect(said).toEqual([]);
  });

  it('that is slewed by a little at a time is relied on', () => {
    for (let hour = 0; hour < 100; hour++) {
      clock.jump(3_600);
      clock.set(2);
      expect(watch.mayEnd()).toBe(true);
    }
    expect(said).toEqual([]);
  });

  it('that jumps an hour forward is not, until the jump has stood for a while', () => {
    clock.set(3_600);
    expect(watch.mayEnd()).toBe(false);
    expect(said[0]).toMatch(/^the clock jumped.* 3600$/);
    expect(watch.state()).toMatchObject({ inDoubt: true, jump: 3_600_000 });
    clock.jump(settlingTime / 1_000 - 1);
    expect(watch.mayEnd()).toBe(false);
    clock.jump(1);
    expect(watch.mayEnd()).toBe(true);
    expect(said).toHaveLength(3);
    expect(watch.state().jump).toBe(3_600_000);
    clock.jump(86_400);
    expect(watch.state().jump).toBeUndefined();
  });

  it('that jumps forward and is set right again is not relied on meanwhile', () => {
    clock.set(3_600);
    expect(watch.mayEnd()).toBe(false);
    clock.jump(10);
    clock.set(-3_600);
    watch.look();
    expect(watch.state().jump).toBe(-3_600_000);
  });

  it('that jumps back is told of, and can end nothing too early', () => {
    clock.set(-3_600);
    expect(watch.mayEnd()).toBe(true);
    expect(said).toEqual([expect.stringMatching(/^the clock jumped.* -3600$/)]);
  });

  it('that was set within what is tolerated is relied on', () => {
    clock.set(toleratedSkew / 1_000);
    expect(watch.mayEnd()).toBe(true);
    expect(said).toEqual([]);
  });
});

describe('a clock among others', () => {
  it('that is ahead of half of them is not relied on, and is once they agree', () => {
    watch.compare(seen(20_000), all);
    expect(watch.mayEnd()).toBe(false);
    expect(watch.state().skew).toBe(20_000);
    watch.compare(seen(0), all);
    expect(watch.mayEnd()).toBe(true);
    watch.compare(seen(20_000, 20_000, 0), all);
    expect(watch.mayEnd()).toBe(false);
    watch.compare(seen(20_000, 0, 0), all);
    expect(watch.mayEnd()).toBe(true);
  });

  it('that is behind ends nothing too early, and says by how much it differs', () => {
    watch.compare(seen(-3_600_000), all);
    expect(watch.mayEnd()).toBe(true);
    expect(watch.state().skew).toBe(-3_600_000);
    expect(watch.skewOf('a')).toBe(-3_600_000);
    expect(watch.skewOf('z')).toBe(0);
  });

  it('is not relied on at its start beside others that were not heard yet, for as long as a jump is not', () => {
    watch.compare([], all);
    expect(watch.mayEnd()).toBe(false);
    watch.compare(seen(3_600_000), all);
    expect(watch.mayEnd()).toBe(false);
    watch.compare(seen(0), all);
    expect(watch.mayEnd()).toBe(true);
    const unheard = new ClockWatch(clock, () => undefined);
    unheard.compare([], all);
    clock.jump(settlingTime / 1_000 - 1);
    unheard.compare([], all);
    expect(unheard.state().inDoubt).toBe(true);
    clock.jump(1);
    expect(unheard.mayEnd()).toBe(true);
    // They were what is left of nodes that had died.
    const alone = new ClockWatch(clock, () => undefined);
    alone.compare([], all);
    alone.compare([], new Set());
    expect(alone.mayEnd()).toBe(true);
  });

  it('counts a machine once, however many nodes it has', () => {
    const ofOne = ['a', 'b'].map((id) => ({ id, machine: 'one', ahead: 0 }));
    const behind = { id: 'c', machine: 'other', ahead: 3_600_000 };
    watch.compare([...ofOne, behind], all);
    expect(watch.mayEnd()).toBe(false);
  });

  it('is believed after a jump as soon as another one agrees: so it is when a machine slept', () => {
    clock.set(3_600);
    expect(watch.mayEnd()).toBe(false);
    watch.compare([], all);
    expect(watch.mayEnd()).toBe(false);
    watch.compare(seen(0), all);
    expect(watch.mayEnd()).toBe(true);
  });

  it('does not take what it saw before a jump for agreement, nor one who is gone', () => {
    watch.compare(seen(0), all);
    clock.set(3_600);
    expect(watch.mayEnd()).toBe(false);
    watch.compare([], all);
    expect(watch.mayEnd()).toBe(false);
    watch.compare(seen(3_600_000), all);
    clock.jump(settlingTime / 1_000);
    expect(watch.mayEnd()).toBe(false);
    watch.compare([], new Set());
    expect(watch.mayEnd()).toBe(true);
  });
});
