import { expect, it } from 'vitest';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { CofferError } from '../../errors.ts';
import { type Answers, Line, type Listeners } from './line.ts';

function pair(answers: Answers, listeners: Listeners = {}) {
  const clock = new HandClock();
  // As JSON, which is how it goes between processes.
  const carry = (to: () => Line) => (message: object) => to().receive(JSON.parse(JSON.stringify(message)));
  const one: Line = new Line({ clock, send: carry(() => two), answers: {}, listeners: {} });
  const two: Line = new Line({ clock, send: carry(() => one), answers, listeners });
  return { one, two, clock };
}

it('carries answers, refusals with their codes, and tidings in order', async () => {
  const heard: unknown[] = [];
  const { one } = pair(
    {
      nobodyLocked: ({ key }) => key === 'a',
      home: () => {
        throw new CofferError('sealed', 'Vault is sealed');
      },
    },
    { homeIs: (number) => heard.push(number) },
  );
  expect(await one.ask('nobodyLocked', { key: 'a', origin: '' })).toBe(true);
  expect(await one.ask('nobodyLocked', { key: 'b', origin: '' })).toBe(false);
  await expect(one.ask('home', {} as never)).rejects.toMatchObject({ code: 'sealed' });
  await expect(one.ask('ping', null)).rejects.toMatchObject({ code: 'internal' });
  for (const number of [1, 2, 3]) one.tell('homeIs', number);
  expect(heard).toEqual([1, 2, 3]);
});

it('refuses what is not answered in time, and all that waits when the other side is gone', async () => {
  const { one, clock } = pair({ reload: () => new Promise<null>(() => {}) });
  const late = one.ask('reload', null, 2_000);
  await clock.advance(2);
  await expect(late).rejects.toMatchObject({ code: 'unavailable' });
  const waiting = one.ask('reload', null, 2_000);
  one.close();
  await expect(waiting).rejects.toMatchObject({ code: 'unavailable' });
  await expect(one.ask('ping', null)).rejects.toMatchObject({ code: 'unavailable' });
});
