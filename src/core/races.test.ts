/** What happens while a commit is on its way to the store: the other one came first, and nothing comes back to life. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  expiryOf,
  finishDuties,
  keysOf,
  makePlace,
  makeToken,
  type Place,
  tokenOf,
} from '../../test/fakes/client.ts';
import { leasedType, Outside } from '../../test/fakes/leased-engine.ts';
import { faultyStorage, type Operation } from '../../test/fault/storage-fault.ts';
import type { CofferNode } from '../main/node.ts';

let place: Place;
let node: CofferNode;
let slow: CofferNode;
let outside: Outside;
/** How many of the slow node's next commits go through before one is held up. */
let free: number;
let held: Promise<void> | undefined;
let heldOperation: Operation;
let reached: () => void;

beforeEach(async () => {
  outside = new Outside();
  place = await makePlace({ engines: [leasedType(outside)] });
  node = await place.node();
  free = Number.POSITIVE_INFINITY;
  heldOperation = 'commit';
  const storage = faultyStorage(place.storage, (_count, operation) => {
    if (operation !== heldOperation || held === undefined || free-- > 0) return undefined;
    const until = held;
    held = undefined;
    reached();
    return { kind: 'delay', until };
  });
  slow = await place.node(storage);
  await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
  await ask(slow, 'read', 'sys/mounts');
});
afterEach(() => place.remove());

/** Starts `action`, holds its commit up (after `before` others), lets `meanwhile` happen, and answers what `action` answers. */
async function overtaken<T>(
  action: () => Promise<T>,
  meanwhile: () => Promise<unknown>,
  before = 0,
): Promise<T> {
  let release = () => {};
  held = new Promise<void>((resolve) => {
    release = resolve;
  });
  free = before;
  const arrived = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const result = action();
  await arrived;
  await meanwhile();
  release();
  return result;
}

const revoke = (token: string) => ask(node, 'update', 'auth/token/revoke', { token });
const works = async (token: string) =>
  (await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status === 200;
const tokens = () => keysOf(place.storage, 'core/token/id/');

describe('threat 18: a token that is revoked', () => {
  it('is not brought back by a renewal that was under way', async () => {
    const token = await makeToken(node, { policies: ['a'], ttl: 60 });
    const renewal = await overtaken(
      () => ask(slow, 'update', 'auth/token/renew', { token, increment: 600 }),
      () => revoke(token),
    );
    expect(renewal.status).toBe(403);
    expect(await works(token)).toBe(false);
    expect(await tokens()).toHaveLength(1);
  });

  it('leaves no child that was being made, not even after its tree was cleaned', async () => {
    const parent = await makeToken(node, { policies: ['root'] });
    const made = await overtaken(
      () => ask(slow, 'update', 'auth/token/create', { policies: ['a'] }, parent),
      async () => {
        await revoke(parent);
        await finishDuties(node, place.clock);
      },
    );
    expect([made.status, made.auth]).toEqual([403, null]);
    expect(await tokens()).toHaveLength(1);
    expect(await keysOf(place.storage, 'core/token/child/')).toEqual([]);
  });

  it('leaves no lease that was being stored', async () => {
    const token = await makeToken(node, { policies: ['root'] });
    const leased = await overtaken(
      () => ask(slow, 'read', 'leased/creds/app', {}, token),
      async () => {
        await revoke(token);
        await finishDuties(node, place.clock);
      },
    );
    expect(leased.status).toBe(403);
    expect(outside.working).toEqual([]);
    expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
  });

  it('is not kept alive by a renewal that was asked for in time and decided too late', async () => {
    const token = await makeToken(node, { policies: ['a'], ttl: 60 });
    await overtaken(
      () => ask(slow, 'update', 'auth/token/renew', { token, increment: 600 }),
      async () => {
        place.clock.jump(61);
        await finishDuties(node, place.clock);
      },
    );
    expect(await works(token)).toBe(false);
  });

  it('is over when its time comes while its auth method is asked about it', async () => {
    await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
    await ask(node, 'update', 'auth/approle/role/app', { role_id: 'the-role', token_ttl: 60 });
    const { data } = await ask(node, 'update', 'auth/approle/role/app/secret-id');
    const fields = { role_id: 'the-role', secret_id: data['secret_id'] ?? '' };
    const token = tokenOf(await ask(node, 'update', 'auth/approle/login', fields, null));
    heldOperation = 'read';
    const renewed = await overtaken(
      () => ask(slow, 'update', 'auth/token/renew', { token }),
      async () => place.clock.jump(60),
    );
    expect([renewed.status, renewed.errors]).toEqual([403, ['bad token']]);
    expect(await works(token)).toBe(false);
  });

  it('has not its use spent by a request that comes too late', async () => {
    const token = await makeToken(node, { policies: ['root'], num_uses: 5 });
    const written = await overtaken(
      () => ask(slow, 'update', 'secret/data/x', { data: { a: 1 } }, token),
      () => revoke(token),
    );
    expect(written.status).toBe(403);
    expect((await ask(node, 'read', 'secret/data/x')).status).toBe(404);
    expect(await tokens()).toHaveLength(1);
  });
});

describe('a mount that is disabled', () => {
  it('leaves no lease that was being stored, even after it was purged', async () => {
    const leased = await overtaken(
      () => ask(slow, 'read', 'leased/creds/app'),
      async () => {
        await ask(node, 'delete', 'sys/mounts/leased');
        await finishDuties(node, place.clock);
      },
    );
    expect(leased.status).toBeGreaterThanOrEqual(400);
    expect(outside.made).toHaveLength(1);
    expect(outside.working).toEqual([]);
    expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
  });

  it('is not enabled twice by somebody who was slower', async () => {
    const fields = { type: 'kv', options: { version: '2' } };
    const second = await overtaken(
      () => ask(slow, 'update', 'sys/mounts/wanted', fields),
      () => ask(node, 'update', 'sys/mounts/wanted', fields),
    );
    expect(second.errors).toEqual(['path is already in use at wanted/']);
    expect(await keysOf(place.storage, 'core/mount/')).toHaveLength(7);
  });
});

describe('a lease that was revoked', () => {
  it('is not brought back by a renewal that was under way', async () => {
    const { lease } = await ask(node, 'read', 'leased/creds/app');
    const lease_id = lease?.id ?? '';
    const renewed = await overtaken(
      () => ask(slow, 'update', 'sys/leases/renew', { lease_id, increment: 600 }),
      () => ask(node, 'update', 'sys/leases/revoke', { lease_id }),
    );
    expect(renewed.errors).toEqual(['lease not found']);
    expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
  });
});

describe('a duty whose lock has run out', () => {
  it('puts nothing off and queues nothing again', async () => {
    await ask(node, 'read', 'leased/creds/app', { ttl: 60 });
    await ask(node, 'read', 'leased/creds/app', { ttl: 60 });
    place.clock.jump(60);
    const pass = slow.state.core?.expiry;
    outside.failures = 2;
    // The lock itself goes through; the first commit after it, which notes a failure, does not.
    await overtaken(
      async () => pass?.run(),
      async () => {
        await expiryOf(node).run();
        place.clock.jump(31);
        await finishDuties(node, place.clock);
        place.clock.jump(20);
        await finishDuties(node, place.clock);
        expect(outside.working).toEqual([]);
      },
      1,
    );
    expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
    expect(await keysOf(place.storage, 'due/')).toEqual([]);
  });
});
