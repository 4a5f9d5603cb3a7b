import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allowance, isOrdinary } from './shrink.ts';

describe('what a registry may lose', () => {
  it.each([
    // lost, active, before, limit, may
    [0, 0, 0, 0.1, true],
    [1, 1, 0, 0.1, true],
    [1, 5, 0, 0.1, true],
    [1, 4, 1, 0.1, false],
    [2, 5, 0, 0.1, false],
    [2, 20, 0, 0.1, true],
    [3, 20, 0, 0.1, false],
    [10, 100, 0, 0.1, true],
    [11, 100, 0, 0.1, false],
    [1, 90, 10, 0.1, false],
    [1, 100, 0, 0, false],
    [100, 100, 0, 1, true],
    [29, 100, 0, 0.29, true],
  ])('%i of %i, after %i, with the limit %f: %s', (lost, active, before, limit, may) => {
    expect(isOrdinary({ lost, active, before, limit, older: active + before, isEmpty: false })).toBe(may);
  });

  it('is nothing where it lists nothing', () => {
    expect(isOrdinary({ lost: 1, active: 1, before: 0, limit: 1, older: 1, isEmpty: true })).toBe(false);
  });

  it('does not grow with applications that it invents', () => {
    const real = { lost: 20, active: 100, before: 0, limit: 0.1, older: 100, isEmpty: false };
    expect(isOrdinary(real)).toBe(false);
    expect(isOrdinary({ ...real, active: 10_100 })).toBe(true);
    expect(isOrdinary({ ...real, lost: 21, active: 10_100 })).toBe(false);
  });

  const counts = fc.record({
    active: fc.nat(20_000),
    before: fc.nat(2_000),
    older: fc.nat(20_000),
    limit: fc.double({ min: 0, max: 1, noNaN: true }),
  });

  it('is never more than the limit says, but for a single one', () => {
    fc.assert(
      fc.property(counts, (some) => {
        const all = some.active + some.before;
        expect(allowance(some)).toBeLessThanOrEqual(Math.max(1, all * some.limit + 1e-6));
      }),
    );
  });

  it('in many steps is no more than at once', () => {
    const steps = fc.array(fc.nat(30), { maxLength: 40 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        steps,
        fc.constantFrom(0, 0.05, 0.1, 0.5),
        (fleet, losses, limit) => {
          let active = fleet;
          let before = 0;
          for (const wanted of losses) {
            const lost = Math.min(wanted, active);
            if (!isOrdinary({ lost, active, before, limit, older: fleet, isEmpty: false })) continue;
            active -= lost;
            before += lost;
          }
          expect(before).toBeLessThanOrEqual(limit === 0 ? 0 : Math.max(1, fleet * limit + 1e-6));
        },
      ),
    );
  });
});
