import { describe, expect, it } from 'vitest';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { Departures } from './departures.ts';

function make(together = true) {
  const clock = new HandClock();
  const again = { times: 0 };
  const departures = new Departures(clock, () => again.times++, together);
  return { clock, again, departures };
}

describe('what waits for the server', () => {
  it('leaves at once while few are under way', () => {
    const { departures } = make();
    for (let number = 0; number < 4; number++) {
      expect(departures.mayLeave(1)).toBe(true);
      departures.leave(1);
    }
    expect(departures.mayLeave(1)).toBe(false);
  });

  it('gathers while many are under way, and leaves when they have arrived', () => {
    const { departures } = make();
    const arrived = departures.leave(30);
    expect(departures.mayLeave(1)).toBe(false);
    expect(departures.mayLeave(30)).toBe(false);
    arrived();
    expect(departures.mayLeave(31)).toBe(true);
  });

  it('is not held up by what is under way for long, up to four groups', () => {
    const { clock, again, departures } = make();
    for (let group = 1; group <= 4; group++) {
      departures.leave(30);
      expect(departures.mayLeave(30)).toBe(false);
      clock.advance(0.05);
      expect(again.times).toBe(group);
      expect(departures.mayLeave(30)).toBe(group < 4);
    }
  });

  it('takes the place of a late group once, whenever it arrives', () => {
    const { clock, departures } = make();
    const arrived = departures.leave(30);
    clock.advance(0.05);
    departures.leave(3);
    arrived();
    expect(departures.mayLeave(1)).toBe(true);
    expect(departures.mayLeave(2)).toBe(false);
    expect(clock.pending).toBe(1);
  });

  it('does not gather where no two may go together', () => {
    const { departures } = make(false);
    for (let number = 0; number < 4; number++) {
      expect(departures.mayLeave(30)).toBe(true);
      departures.leave(1);
    }
    expect(departures.mayLeave(1)).toBe(false);
  });
});
