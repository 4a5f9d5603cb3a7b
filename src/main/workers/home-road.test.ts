import { describe, expect, it } from 'vitest';
import { loggerInto, makePlace } from '../../../test/fakes/client.ts';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { parseApiPath } from '../../core/path.ts';
import type { Answer, Request } from '../../core/request.ts';
import { homeRoad } from './home-road.ts';
import { type Answers, Line, type Listeners } from './line.ts';
import { WorkerSeat } from './worker.ts';

/** Worker 2 of two, and a parent that passes on to a home which answers when it is told to. */
async function setUp() {
  const place = await makePlace();
  const clock = new HandClock();
  const parent = { stopped: false, asked: [] as string[], homeAnswers: (): void => {} };
  const answers: { -readonly [K in keyof Answers]: Answers[K] } = {};
  const listeners: Listeners = {};
  const ends: { worker?: Line; parent?: Line } = {};
  const line = new Line({
    clock,
    answers,
    listeners,
    // What is sent to a process that is stopped waits in the channel, and is not seen here.
    send: (message) => void (parent.stopped || ends.parent?.receive(message)),
  });
  ends.worker = line;
  ends.parent = new Line({
    clock,
    listeners: {},
    send: (message) => void (parent.stopped || ends.worker?.receive(message)),
    answers: {
      ping: () => null,
      others: () => [],
      home: ({ request }) =>
        new Promise<Answer>((resolve) => {
          parent.asked.push(request.path);
          parent.homeAnswers = () => resolve({ kind: 'empty' });
        }),
    },
  });
  const node = await place.node();
  await node.state.drop();
  const wires = { line, answers, listeners, isGone: false, onGone: () => {} };
  const seat = new WorkerSeat({ number: 2, workers: 2 } as never, wires, () => {});
  const road = homeRoad(node.road, node.state, seat, loggerInto([]), clock);
  return { place, clock, parent, road };
}

function requestOf(path: string): Request {
  return {
    id: 'r',
    operation: 'update',
    path: parseApiPath(path),
    data: {},
    token: undefined,
    wrapTtl: 0,
    remoteAddress: '',
  };
}

const turns = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
};

describe('a request for the home of keys', () => {
  it('is answered in seconds where the parent is stopped, and is not sent', async () => {
    const { place, clock, parent, road } = await setUp();
    parent.stopped = true;
    const answer = road.handle(requestOf('sys/unseal'));
    await turns();
    clock.advance(5);
    expect(await answer).toMatchObject({
      status: 503,
      errors: [expect.stringContaining('nothing was done')],
    });
    expect(parent.asked).toEqual([]);
    await place.remove();
  });

  it('is given up where the parent stops meanwhile, and says that it may have been done', async () => {
    const { place, clock, parent, road } = await setUp();
    const answer = road.handle(requestOf('sys/unseal'));
    await turns();
    expect(parent.asked).toEqual(['sys/unseal']);
    parent.stopped = true;
    clock.advance(5);
    await turns();
    clock.advance(5);
    expect(await answer).toMatchObject({ status: 503, errors: [expect.stringContaining('is not known')] });
    await place.remove();
  });

  it('is waited for as long as the home works on it and the parent is there', async () => {
    const { place, clock, parent, road } = await setUp();
    const answer = road.handle(requestOf('sys/unseal'));
    await turns();
    for (let seconds = 0; seconds < 90; seconds += 5) {
      clock.advance(5);
      await turns();
    }
    parent.homeAnswers();
    expect(await answer).toMatchObject({ kind: 'empty' });
    await turns();
    expect(clock.pending).toBe(0);
    await place.remove();
  });
});
