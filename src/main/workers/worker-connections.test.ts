import { expect, it } from 'vitest';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import type { LimitSettings } from '../../config/settings.ts';
import { Line } from './line.ts';
import { ConnectionPool } from './pool.ts';
import { commonConnections } from './worker-connections.ts';

const limits = { connections: 8, connectionsPerAddress: 2 } as LimitSettings;

it('threat 15: what a parent grants too late goes back to the pool, and what it refuses does not', async () => {
  const clock = new HandClock();
  const pool = new ConnectionPool(() => limits, 1);
  // A parent that was stopped: what it is sent waits, in order, until it goes on.
  const toParent: object[] = [];
  const worker = new Line({ clock, send: (message) => toParent.push(message), answers: {}, listeners: {} });
  const parent = new Line({
    clock,
    send: (message) => worker.receive(message),
    answers: { connection: (asked) => pool.ask(1, asked) },
    listeners: { released: (released) => pool.release(1, released) },
  });
  const goOn = async () => {
    while (toParent.length > 0) {
      for (const message of toParent.splice(0)) parent.receive(message);
      await new Promise(setImmediate);
    }
  };
  const common = commonConnections({ line: worker, start: { workers: 1 } }, 0);
  const asked = (count: number) => Array.from({ length: count }, () => common.ask('192.0.2.1', true));
  for (let time = 0; time < 3; time++) {
    const late = asked(5).map((each) => each.catch(({ code }: { code: string }) => code));
    clock.advance(6);
    expect(await Promise.all(late)).toEqual(Array.from({ length: 5 }, () => 'unavailable'));
    await goOn();
  }
  // All of the limit is there again, and no more of it.
  const words = asked(3);
  await goOn();
  expect(await Promise.all(words)).toEqual(['granted', 'granted', 'client-full']);
});
