import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { originOf } from '../../origin.ts';
import {
  afterFailure,
  afterSuccess,
  defaultLockout,
  freshState,
  isLocked,
  isLockedAnywhere,
  type LockState,
  unlocked,
} from './lock-state.ts';

const minute = 60_000;
const start = Date.UTC(2026, 0, 1);

function failed(state: LockState, origin: string, times: number, now = start): LockState {
  let after = state;
  for (let i = 0; i < times; i++) after = afterFailure(after, origin, now, defaultLockout);
  return after;
}

describe('a name at one origin', () => {
  it('is locked by the fifth failure, for 15 minutes, and nowhere else', () => {
    expect(isLocked(failed(freshState('a'), 'x', 4), 'x', start)).toBe(false);
    const state = failed(freshState('a'), 'x', 5);
    expect(isLocked(state, 'x', start + 15 * minute - 1)).toBe(true);
    expect(isLocked(state, 'x', start + 15 * minute)).toBe(false);
    expect(isLocked(state, 'y', start)).toBe(false);
  });

  it('is locked twice as long each time, four hours at most, until somebody logs in from there', () => {
    let state = freshState('a');
    let now = start;
    const lasted: number[] = [];
    for (let i = 0; i < 6; i++) {
      state = failed(state, 'x', 5, now);
      const from = now;
      while (isLocked(state, 'x', now)) now += minute;
      lasted.push((now - from) / minute);
    }
    expect(lasted).toEqual([15, 30, 60, 120, 240, 240]);
    state = failed(afterSuccess(state, 'x', now), 'x', 5, now);
    expect(isLocked(state, 'x', now + 15 * minute)).toBe(false);
  });

  it('forgets failures after 15 minutes without one', () => {
    const state = failed(failed(freshState('a'), 'x', 4), 'x', 1, start + 15 * minute);
    expect(isLocked(state, 'x', start + 15 * minute)).toBe(false);
  });
});

describe('many origins', () => {
  const attacked = (before: LockState, origins = 25) => {
    let state = before;
    for (let i = 0; i < origins; i++) state = failed(state, `stranger-${i}`, 1);
    return state;
  };

  it('lock a name to strangers after 25 failures, and not to who has logged in before', () => {
    const known = afterSuccess(freshState('a'), 'home', start - minute);
    expect(isLocked(attacked(known, 24), 'elsewhere', start)).toBe(false);
    const state = attacked(known);
    expect(isLocked(state, 'elsewhere', start)).toBe(true);
    expect(isLocked(state, 'stranger-3', start)).toBe(true);
    expect(isLocked(state, 'home', start)).toBe(false);
    expect(isLocked(state, 'elsewhere', start + 15 * minute)).toBe(false);
  });

  it('lock the owner out at their own origin by failing there alone', () => {
    const known = afterSuccess(freshState('a'), 'home', start);
    expect(isLocked(failed(known, 'home', 5), 'home', start)).toBe(true);
    expect(isLocked(failed(known, 'home', 100), 'elsewhere', start)).toBe(false);
  });

  it('never make the record grow beyond its bounds, whatever happens', () => {
    const event = fc.record({
      origin: fc.nat(200).map((number) => `198.51.100.${number}`),
      kind: fc.constantFrom('fail', 'fail', 'fail', 'succeed'),
      wait: fc.nat(20),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 400 }), (events) => {
        let now = start;
        let state = freshState('a');
        for (const { origin, kind, wait } of events) {
          now += wait * minute;
          if (isLocked(state, origin, now)) continue;
          state =
            kind === 'fail'
              ? afterFailure(state, origin, now, defaultLockout)
              : afterSuccess(state, origin, now);
        }
        expect(state.origins.length).toBeLessThanOrEqual(64);
        expect(state.known.length).toBeLessThanOrEqual(64);
      }),
      { numRuns: 50 },
    );
  });

  it('judge at most 25 guesses of strangers in a quarter of an hour', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(500), { minLength: 200, maxLength: 400 }), (origins) => {
        let state = freshState('a');
        let judged = 0;
        for (const origin of origins.map(String)) {
          if (isLocked(state, origin, start)) continue;
          judged += 1;
          state = afterFailure(state, origin, start, defaultLockout);
        }
        expect(judged).toBeLessThanOrEqual(25);
      }),
      { numRuns: 50 },
    );
  });
});

it('a success writes only what is new', () => {
  const state = afterSuccess(freshState('a'), 'x', start);
  expect(afterSuccess(state, 'x', start + 10 * minute)).toBe(state);
  expect(afterSuccess(state, 'x', start + 25 * 60 * minute)).not.toBe(state);
  let full = freshState('a');
  for (let i = 0; i < 64; i++) full = afterSuccess(full, String(i), start);
  expect(afterSuccess(full, 'one more', start)).toBe(full);
});

it('unlocking ends every lock and keeps who is known', () => {
  const state = failed(afterSuccess(freshState('a'), 'home', start), 'x', 5);
  expect(isLockedAnywhere(state, start)).toBe(true);
  expect(isLockedAnywhere(unlocked(state), start)).toBe(false);
  expect(unlocked(state).known).toEqual(state.known);
});

describe('an origin', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:0:7::1', '2001:db8:0:7::/64'],
    ['2001:DB8:0:7:ffff:ffff:ffff:ffff', '2001:db8:0:7::/64'],
    ['2001:0db8:0000:0007::', '2001:db8:0:7::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4::/64'],
    ['', ''],
    ['unix:', 'unix:'],
  ])('of %s is %s', (address, origin) => expect(originOf(address)).toBe(origin));

  it('threat 07: is the same for every address of one subnet, however it is written', () => {
    const group = fc.nat(0xffff);
    fc.assert(
      fc.property(fc.tuple(group, group, group, group), fc.tuple(group, group, group, group), (net, host) => {
        const hex = [...net, ...host].map((number) => number.toString(16));
        const padded = hex.map((text) => text.padStart(4, '0').toUpperCase());
        const short = `${hex.slice(0, 4).join(':')}::1`;
        expect(originOf(padded.join(':'))).toBe(originOf(hex.join(':')));
        expect(originOf(short)).toBe(originOf(hex.join(':')));
      }),
    );
  });
});
