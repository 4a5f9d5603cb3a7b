import { appendFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makePlace, type Place } from './audit.fixture.ts';
import { type FollowedLine, LogFollower } from './follow.ts';
import type { OpenAuditLog } from './log.ts';
import { filePlace } from './log-place.ts';

let place: Place;
beforeEach(() => {
  place = makePlace();
});
afterEach(() => place.remove());

const ids = (lines: readonly FollowedLine[]) =>
  lines.flatMap(({ content }) => (content['type'] === 'request' ? [content['request_id']] : []));

async function append(log: OpenAuditLog, from: number, to: number): Promise<void> {
  for (let id = from; id <= to; id++) {
    await log.append({ type: 'request', request_id: `r-${id}` }, 'kernel');
  }
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `r-${from + index}`);

it('begins with the end of the log and goes on across segments', async () => {
  const log = await place.open({ segmentBytes: 1_500 });
  await append(log, 1, 3);
  const follower = new LogFollower(filePlace(place.directory));
  expect(ids(await follower.recent()).at(-1)).toBe('r-3');
  expect(await follower.next()).toEqual([]);
  await append(log, 4, 40);
  expect(readdirSync(log.path).length).toBeGreaterThan(2);
  expect(ids(await follower.next())).toEqual(numbers(4, 40));
  await append(log, 41, 41);
  expect(ids(await follower.next())).toEqual(['r-41']);
  expect(follower.unreadable).toBe(0);
  await log.close();
});

it('waits for the end of a line, and passes over one that never got it', async () => {
  const log = await place.open({});
  await append(log, 1, 1);
  const follower = new LogFollower(filePlace(place.directory));
  await follower.recent();
  const segment = join(log.path, readdirSync(log.path).sort().at(-1) ?? '');
  appendFileSync(segment, '{"seq":99,"time":"2026');
  expect(await follower.next()).toEqual([]);
  expect(follower.unreadable).toBe(0);
  await log.close();
  // The closing line stands behind the piece: together they are no line.
  expect(await follower.next()).toEqual([]);
  expect(follower.unreadable).toBe(1);
});

it('finds the chain of another process that begins meanwhile', async () => {
  const first = await place.open({});
  const follower = new LogFollower(filePlace(place.directory));
  await follower.recent();
  await first.close();
  await follower.next();
  const second = await place.open({});
  await append(second, 7, 8);
  expect(ids(await follower.next())).toEqual(['r-7', 'r-8']);
  await second.close();
});
