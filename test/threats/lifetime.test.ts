import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CofferNode } from '../../src/main/node.ts';
import { ask, makePlace, type Place } from '../fakes/client.ts';
import { leasedType, Outside } from '../fakes/leased-engine.ts';

/** Grants what it thinks right, whatever was asked. */
class Frugal extends Outside {
  override renew(): number {
    return 30;
  }
}

let place: Place;
let node: CofferNode;

beforeAll(async () => {
  place = await makePlace({ engines: [leasedType(new Frugal())] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
});
afterAll(() => place.remove());

describe('threat 18: a life of less than a second', () => {
  it.each(['ttl', 'explicit_max_ttl', 'period'])('is never taken for none: %s', async (field) => {
    const made = await ask(node, 'update', 'auth/token/create', { policies: ['default'], [field]: 0.5 });
    expect(made.auth?.leaseDuration).toBe(1);
  });

  it.each([-0.5, -1])('nor is %d taken for any', async (ttl) => {
    expect((await ask(node, 'update', 'auth/token/create', { ttl })).status).toBe(400);
  });
});

describe('threat 18: renewing a lease', () => {
  it('grants no more than its engine does', async () => {
    const made = await ask(node, 'read', 'leased/creds/app', { ttl: 60 });
    const renewed = await ask(node, 'update', 'sys/leases/renew', {
      lease_id: made.lease?.id ?? '',
      increment: 86_400,
    });
    expect(renewed.lease?.duration).toBe(30);
  });
});
