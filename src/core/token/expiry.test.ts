import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  expiryOf,
  finishDuties,
  keysOf,
  makePlace,
  makeToken,
  type Place,
} from '../../../test/fakes/client.ts';
import { leasedType, Outside } from '../../../test/fakes/leased-engine.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
let outside: Outside;

beforeEach(async () => {
  outside = new Outside();
  place = await makePlace({ silent: true, engines: [leasedType(outside)] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
});
afterEach(() => place.remove());

const works = async (token: string) =>
  (await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status === 200;

/** What somebody who wants to keep a credential for ever might try, with pauses between. */
const steps = fc.array(
  fc.record({
    pause: fc.integer({ min: 0, max: 60 }),
    increment: fc.oneof(fc.constant(undefined), fc.integer({ min: 0, max: 10_000 })),
    duty: fc.boolean(),
  }),
  { maxLength: 12 },
);

describe('threat 18: no credential outlives its end', () => {
  it('whatever renewals are asked for: tokens', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 1, max: 200 }),
        fc.option(fc.integer({ min: 1, max: 90 }), { nil: 0 }),
        steps,
        async (ttl, longest, period, sequence) => {
          const issued = place.clock.now();
          const token = await makeToken(node, { policies: ['a'], ttl, explicit_max_ttl: longest, period });
          let end = issued + Math.min(period || ttl, longest) * 1_000;
          for (const { pause, increment, duty } of sequence) {
            place.clock.jump(pause);
            if (duty) await expiryOf(node).run();
            const alive = place.clock.now() < end;
            expect(await works(token)).toBe(alive);
            const { auth } = await ask(
              node,
              'update',
              'auth/token/renew-self',
              increment === undefined ? {} : { increment },
              token,
            );
            if (auth !== null) {
              expect(alive).toBe(true);
              end = place.clock.now() + auth.leaseDuration * 1_000;
            }
            expect(end).toBeLessThanOrEqual(issued + longest * 1_000);
          }
          place.clock.jump(Math.max(0, (issued + longest * 1_000 - place.clock.now()) / 1_000));
          expect(await works(token)).toBe(false);
        },
      ),
      { numRuns: 60 },
    );
    await finishDuties(node, place.clock);
    expect(await keysOf(place.storage, 'core/token/id/')).toHaveLength(1);
  });

  it('whatever renewals are asked for: leases', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 1, max: 200 }),
        steps,
        async (ttl, longest, sequence) => {
          const issued = place.clock.now();
          const made = await ask(node, 'read', 'leased/creds/app', { ttl, max_ttl: longest });
          const id = made.lease?.id ?? '';
          let end = issued + (made.lease?.duration ?? 0) * 1_000;
          for (const { pause, increment, duty } of sequence) {
            place.clock.jump(pause);
            if (duty) await expiryOf(node).run();
            const renewed = await ask(node, 'update', 'sys/leases/renew', {
              lease_id: id,
              ...(increment === undefined ? {} : { increment }),
            });
            expect(renewed.status === 200).toBe(place.clock.now() < end);
            if (renewed.lease !== null) end = place.clock.now() + renewed.lease.duration * 1_000;
            expect(end).toBeLessThanOrEqual(issued + longest * 1_000);
          }
          place.clock.jump(Math.max(0, (end - place.clock.now()) / 1_000));
          await finishDuties(node, place.clock);
          expect(outside.working).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('not by a second: refused exactly when the time has come, before any duty', async () => {
    const token = await makeToken(node, { policies: ['a'], ttl: 90 });
    place.clock.jump(89.999);
    expect(await works(token)).toBe(true);
    place.clock.jump(0.001);
    expect(await works(token)).toBe(false);
    expect(await keysOf(place.storage, 'core/token/id/')).toHaveLength(2);
    await finishDuties(node, place.clock);
    expect(await keysOf(place.storage, 'core/token/id/')).toHaveLength(1);
    expect(await keysOf(place.storage, 'core/token/accessor/')).toHaveLength(1);
  });
});

describe('the duty', () => {
  it('takes no lock and writes nothing while nothing is due', async () => {
    await makeToken(node, { policies: ['a'], ttl: 90 });
    const before = await place.storage.range('', { limit: 1_000 });
    expect(await expiryOf(node).run()).toBe(0);
    const after = await place.storage.range('', { limit: 1_000 });
    expect(after.items.map(({ key, revision }) => [key, revision])).toEqual(
      before.items.map(({ key, revision }) => [key, revision]),
    );
  });

  it('leaves a token that was renewed meanwhile, and finds its later end', async () => {
    const token = await makeToken(node, { policies: ['a'], ttl: 60 });
    await ask(node, 'update', 'auth/token/renew', { token, increment: 300 });
    place.clock.jump(60);
    await finishDuties(node, place.clock);
    expect(await works(token)).toBe(true);
    place.clock.jump(240);
    await finishDuties(node, place.clock);
    expect(await keysOf(place.storage, 'core/token/id/')).toHaveLength(1);
    expect(await keysOf(place.storage, 'due/')).toEqual([]);
  });

  it('finds an end that a renewal brought forward', async () => {
    const token = await makeToken(node, { policies: ['a'], ttl: 3_600 });
    await ask(node, 'update', 'auth/token/renew', { token, increment: 30 });
    place.clock.jump(30);
    await finishDuties(node, place.clock);
    expect(await keysOf(place.storage, 'core/token/id/')).toHaveLength(1);
  });

  it('works through thousands of tokens that end at once', async () => {
    await Promise.all(Array.from({ length: 1_500 }, () => makeToken(node, { policies: ['a'], ttl: 60 })));
    place.clock.jump(60);
    await finishDuties(node, place.clock);
    expect(await keysOf(place.storage, 'core/token/')).toHaveLength(2);
    expect(await keysOf(place.storage, 'due/')).toEqual([]);
  });
});
