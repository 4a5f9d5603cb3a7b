/** What ends has one entry in the index of what ends, however often its end is moved, and none once it is gone. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, expiryOf, keysOf, makePlace, makeToken, type Place } from '../../test/fakes/client.ts';
import { leasedType, Outside } from '../../test/fakes/leased-engine.ts';
import type { CofferNode } from '../main/node.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace({ silent: true, engines: [leasedType(new Outside())] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
});
afterEach(() => place.remove());

const entries = async (kind: string) =>
  (await keysOf(place.storage, 'due/')).filter((key) => key.split('/')[4] === kind).length;

/** Renewals to and fro, with the duty coming by or not. */
const renewals = fc.array(
  fc.record({
    increment: fc.integer({ min: 1, max: 4_000 }),
    pause: fc.integer({ min: 0, max: 40 }),
    duty: fc.boolean(),
  }),
  { minLength: 2, maxLength: 30 },
);

describe('threat 15: renewals to and fro do not fill the store', () => {
  it('with entries for one token', async () => {
    await fc.assert(
      fc.asyncProperty(renewals, async (steps) => {
        const token = await makeToken(node, { policies: ['a'], ttl: 3_600 });
        for (const { increment, pause, duty } of steps) {
          await ask(node, 'update', 'auth/token/renew-self', { increment }, token);
          place.clock.jump(pause);
          if (duty) await expiryOf(node).run();
          expect(await entries('token')).toBeLessThanOrEqual(1);
        }
        await ask(node, 'update', 'auth/token/revoke', { token });
        expect(await entries('token')).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  it('with entries for one lease', async () => {
    await fc.assert(
      fc.asyncProperty(renewals, async (steps) => {
        const { lease } = await ask(node, 'read', 'leased/creds/app', { ttl: 3_600 });
        for (const { increment, pause, duty } of steps) {
          await ask(node, 'update', 'sys/leases/renew', { lease_id: lease?.id ?? '', increment });
          place.clock.jump(pause);
          if (duty) await expiryOf(node).run();
          expect(await entries('lease')).toBeLessThanOrEqual(1);
        }
        await ask(node, 'update', 'sys/leases/revoke', { lease_id: lease?.id ?? '' });
        expect(await entries('lease')).toBe(0);
      }),
      { numRuns: 30 },
    );
  });
});

describe('threat 18: what was renewed to and fro', () => {
  it.each([
    [[30, 3_000, 60], 60],
    [[3_000, 30, 3_000], 3_000],
    [[500, 400, 300, 200, 100], 100],
  ])('for %j seconds ends after the last of them', async (increments, last) => {
    const token = await makeToken(node, { policies: ['a'], ttl: 3_600 });
    for (const increment of increments)
      await ask(node, 'update', 'auth/token/renew-self', { increment }, token);
    const tokens = async () => (await keysOf(place.storage, 'core/token/id/')).length;
    const alive = await tokens();
    for (let left = last - 1; left > 0; left -= 1_000) {
      place.clock.jump(Math.min(left, 1_000));
      await expiryOf(node).run();
    }
    expect(await tokens()).toBe(alive);
    place.clock.jump(1);
    await expiryOf(node).run();
    expect(await tokens()).toBe(alive - 1);
  });
});
