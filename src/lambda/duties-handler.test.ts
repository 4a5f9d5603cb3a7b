import { beforeEach, describe, expect, it } from 'vitest';
import { HandClock } from '../../test/fakes/hand-clock.ts';
import { albEvent, albHealthCheck, dutyEvent, restEvent, urlEvent } from '../../test/fakes/lambda-events.ts';
import { dutiesHandler, type Slice } from './duties-handler.ts';

let clock: HandClock;
let slices: Slice[];
beforeEach(() => {
  clock = new HandClock();
  slices = [];
});

function handler() {
  return dutiesHandler({
    clock,
    work: (slice) => {
      slices.push(slice);
      return Promise.resolve();
    },
  });
}

const invocation = (left = 180_000) => ({ awsRequestId: 'call', getRemainingTimeInMillis: () => left });

describe('the duties’ function', () => {
  it('works on what its scheduler says, for as long as it has time to end what it begins', async () => {
    expect(await handler()(dutyEvent(clock.now()), invocation())).toEqual({ duty: 'due', done: true });
    await handler()(dutyEvent(clock.now() - 60_000, 'tidy'), invocation(60_000));
    expect(slices).toEqual([
      { duty: 'due', time: 135_000 },
      { duty: 'tidy', time: 30_000 },
    ]);
  });

  it('threat 28: does nothing for requests, and for words that are nearly the scheduler’s', async () => {
    const word = dutyEvent(clock.now());
    const target = '/v1/sys/health';
    const others = [
      albHealthCheck,
      albEvent({ target }),
      urlEvent({ target }),
      restEvent({ target }),
      { ...albEvent({ target }), ...word },
      { ...word, duty: 'purge' },
      { ...word, duty: 'toString' },
      { ...word, source: 'coffer' },
      { ...word, more: true },
      { source: 'coffer.duties', duty: 'due' },
      { ...word, time: 'now' },
      { ...word, time: '2026-99-99T00:00:00Z' },
      { ...word, time: clock.now() },
      null,
      [],
      'due',
    ];
    for (const event of others) {
      await expect(handler()(event, invocation())).rejects.toMatchObject({ code: 'invalid_request' });
    }
    expect(slices).toEqual([]);
  });

  it('threat 18: does nothing where its clock and the scheduler’s differ, or the word is an old one', async () => {
    for (const by of [-3_600_000, -121_000, 11_000, 3_600_000]) {
      const late = handler()(dutyEvent(clock.now() + by), invocation());
      await expect(late).rejects.toMatchObject({ code: 'unavailable' });
    }
    expect(slices).toEqual([]);
    await handler()(dutyEvent(clock.now() + 5_000), invocation());
    expect(slices).toHaveLength(1);
  });
});
