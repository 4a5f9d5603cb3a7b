/** What happens to versions by themselves and in the end: rotation by time, trimming, deletion, on several nodes and after crashes. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask as askAs, finishDuties, keysOf, makePlace, type Place } from '../../../test/fakes/client.ts';
import { failNth, faultyStorage } from '../../../test/fault/storage-fault.ts';
import type { Operation } from '../../core/request.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { mostVersions } from './key-record.ts';

let place: Place;
let node: CofferNode;
beforeEach(async () => {
  place = await makePlace({ silent: true });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/transit', { type: 'transit' });
});
afterEach(() => place.remove());

const ask = (on: CofferNode, operation: Operation, path: string, data: JsonObject = {}) =>
  askAs(on, operation, path, data);
const write = (path: string, data: JsonObject = {}, on = node) => ask(on, 'update', `transit/${path}`, data);
const read = (path: string, on = node) => ask(on, 'read', `transit/${path}`);
const plaintext = 'YXR0YWNr';

async function versionsStored(): Promise<readonly string[]> {
  return (await keysOf(place.storage, 'mount/')).filter((key) => key.includes('/version/'));
}

describe('rotation by itself', () => {
  it('comes each period, and once for all nodes', async () => {
    const other = await place.node();
    await write('keys/hourly', { auto_rotate_period: '1h' });
    place.clock.jump(3_599);
    await finishDuties(node, place.clock);
    // The duties' own passes have moved the time by some seconds.
    const before = Number((await read('keys/hourly')).data['latest_version']);
    for (let round = 1; round <= 3; round++) {
      place.clock.jump(3_600);
      await Promise.all([finishDuties(node, place.clock), finishDuties(other, place.clock)]);
      expect((await read('keys/hourly')).data['latest_version']).toBe(before + round);
    }
  });

  it('follows a rotation by hand and a change of the period, and ends with the key', async () => {
    await write('keys/hourly', { auto_rotate_period: '1h' });
    place.clock.jump(3_000);
    await write('keys/hourly/rotate');
    place.clock.jump(1_000);
    await finishDuties(node, place.clock);
    expect((await read('keys/hourly')).data['latest_version']).toBe(2);
    await write('keys/hourly/config', { auto_rotate_period: 0, deletion_allowed: true });
    place.clock.jump(86_400);
    await finishDuties(node, place.clock);
    expect((await read('keys/hourly')).data['latest_version']).toBe(2);
    await write('keys/hourly/config', { auto_rotate_period: '2h' });
    await ask(node, 'delete', 'transit/keys/hourly');
    place.clock.jump(86_400);
    await finishDuties(node, place.clock);
    expect(await versionsStored()).toEqual([]);
  });
});

it('a key keeps a bounded number of versions, says so, and takes more once it is trimmed', {
  timeout: 60_000,
}, async () => {
  await write('keys/few', { auto_rotate_period: '1h', exportable: true, allow_plaintext_backup: true });
  const few = JSON.parse(
    Buffer.from(String((await read('backup/few')).data['backup']), 'base64').toString(),
  ) as { readonly record: object; readonly versions: readonly object[] };
  const many = {
    ...few,
    record: { ...few.record, latestVersion: mostVersions },
    versions: Array.from({ length: mostVersions }, (_, index) => ({ ...few.versions[0], number: index + 1 })),
  };
  await write('restore/full', { backup: Buffer.from(JSON.stringify(many)).toString('base64') });
  expect(await versionsStored()).toHaveLength(mostVersions + 1);
  await write('keys/few/config', { auto_rotate_period: 0 });
  expect((await write('keys/full/rotate')).errors).toEqual([
    `a key keeps at most ${mostVersions} versions: trim older ones first`,
  ]);
  expect((await read('keys/full')).warnings[0]).toMatch(/does not rotate by itself any more/);
  place.clock.jump(4_000);
  await finishDuties(node, place.clock);
  expect((await read('keys/full')).data['latest_version']).toBe(mostVersions);
  await write('keys/full/config', { min_decryption_version: 900, min_encryption_version: 900 });
  await write('keys/full/trim', { min_available_version: 900 });
  expect(await versionsStored()).toHaveLength(mostVersions - 898);
  place.clock.jump(4_000);
  await finishDuties(node, place.clock);
  expect((await read('keys/full')).data['latest_version']).toBe(mostVersions + 1);
});

it('what one node trimmed, forbade or deleted no node uses', async () => {
  const other = await place.node();
  await write('keys/shared');
  const { data } = await write('encrypt/shared', { plaintext });
  const ciphertext = data['ciphertext'] ?? '';
  await write('keys/shared/rotate');
  expect((await write('decrypt/shared', { ciphertext }, other)).status).toBe(200);
  await write('keys/shared/config', { min_decryption_version: 2, min_encryption_version: 2 });
  expect((await write('decrypt/shared', { ciphertext }, other)).status).toBe(400);
  await write('keys/shared/trim', { min_available_version: 2 });
  expect((await write('decrypt/shared', { ciphertext }, other)).status).toBe(400);
  await write('keys/shared/config', { deletion_allowed: true });
  await ask(node, 'delete', 'transit/keys/shared');
  expect((await write('decrypt/shared', { ciphertext }, other)).errors).toEqual(['encryption key not found']);
  await write('keys/shared');
  expect((await write('decrypt/shared', { ciphertext }, other)).errors).toEqual([
    'cipher: message authentication failed',
  ]);
});

describe.each(['before', 'after'] as const)('a node whose store fails %s a commit took effect', (kind) => {
  /** Does the work on a node whose n-th commit fails, until none does. */
  async function failEverywhere(
    work: (on: CofferNode) => Promise<unknown>,
    check: () => Promise<void>,
    prepare: () => Promise<void>,
  ): Promise<number> {
    for (let nth = 1; ; nth++) {
      await prepare();
      let armed = false;
      const plan = failNth('commit', nth, kind);
      const storage = faultyStorage(place.storage, (count, operation) =>
        armed ? plan(count, operation) : undefined,
      );
      const faulty = await place.node(storage);
      armed = true;
      await work(faulty);
      const hit = storage.calls.some(({ fault }) => fault !== undefined);
      await faulty.state.drop();
      place.clock.jump(7_200);
      await finishDuties(node, place.clock);
      await check();
      if (!hit) return nth - 1;
    }
  }

  const fresh = async () => {
    await write('keys/k/config', { deletion_allowed: true });
    await ask(node, 'delete', 'transit/keys/k');
    await write('keys/k', { exportable: true, allow_plaintext_backup: true });
    for (let version = 2; version <= 90; version++) await write('keys/k/rotate');
    await write('keys/k/config', { min_decryption_version: 85, min_encryption_version: 85 });
  };

  it('rotates wholly or not at all', async () => {
    const failed = await failEverywhere(
      (on) => write('keys/k/rotate', {}, on),
      async () => {
        const latest = Number((await read('keys/k')).data['latest_version']);
        expect([1, 2]).toContain(latest);
        expect(await versionsStored()).toHaveLength(latest);
        expect((await write('encrypt/k', { plaintext })).status).toBe(200);
      },
      async () => {
        await write('keys/k/config', { deletion_allowed: true });
        await ask(node, 'delete', 'transit/keys/k');
        await write('keys/k');
      },
    );
    expect(failed).toBeGreaterThan(0);
  });

  it('trims wholly or not at all, and nothing of what is trimmed stays', { timeout: 60_000 }, async () => {
    const failed = await failEverywhere(
      (on) => write('keys/k/trim', { min_available_version: 85 }, on),
      async () => {
        const least = Number((await read('keys/k')).data['min_available_version']);
        expect(await versionsStored()).toHaveLength(least === 85 ? 6 : 90);
        expect((await write('encrypt/k', { plaintext })).status).toBe(200);
      },
      fresh,
    );
    expect(failed).toBeGreaterThan(2);
  });

  it('deletes and restores wholly or not at all, and leaves nothing behind', {
    timeout: 60_000,
  }, async () => {
    let backup: string;
    const failed = await failEverywhere(
      (on) => ask(on, 'delete', 'transit/keys/k'),
      async () => {
        const there = (await read('keys/k')).status === 200;
        expect(await versionsStored()).toHaveLength(there ? 90 : 0);
      },
      async () => {
        await fresh();
        await write('keys/k/config', { deletion_allowed: true });
        backup = String((await read('backup/k')).data['backup']);
      },
    );
    expect(failed).toBeGreaterThan(2);
    await failEverywhere(
      (on) => ask(on, 'update', 'transit/restore', { backup }),
      async () => {
        const there = (await read('keys/k')).status === 200;
        expect(await versionsStored()).toHaveLength(there ? 90 : 0);
      },
      async () => {
        await write('keys/k/config', { deletion_allowed: true });
        await ask(node, 'delete', 'transit/keys/k');
      },
    );
  });
});
