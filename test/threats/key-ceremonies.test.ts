import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemRandom } from '../../src/crypto/random.ts';
import type { CofferNode } from '../../src/main/node.ts';
import { bootKeys, readBoot } from '../../src/seal/boot.ts';
import { createShamirSlot } from '../../src/seal/shamir/shamir.ts';
import { encodeSlots } from '../../src/seal/slots.ts';
import { ask, makePlace, makeToken, type Place, writePolicy } from '../fakes/client.ts';

let place: Place;
let node: CofferNode;
beforeEach(async () => {
  place = await makePlace({ split: { shares: 3, threshold: 2 } });
  node = await place.node();
});
afterEach(() => place.remove());

/** What whoever writes to storage can do: the shamir slot gives way to one of the same id with keys of their own. */
async function forgeSlot(): Promise<readonly string[]> {
  const boot = await readBoot(place.storage);
  if (boot.kind === 'empty') throw new Error('no store');
  const [slot] = boot.slots;
  if (slot === undefined) throw new Error('no slot');
  const at = { storeId: boot.header.id, slotId: slot.id };
  const split = { shares: 1, threshold: 1 };
  const { body, shares } = await createShamirSlot(systemRandom.bytes(32), split, at, systemRandom);
  await place.storage.commit([{ key: bootKeys.slots, value: encodeSlots([{ ...slot, body }]) }]);
  return shares.map((share) => share.toString('hex'));
}

/** A token that may begin such operations, of somebody who holds no unseal key. */
async function steward(): Promise<string> {
  await writePolicy(
    node,
    'steward',
    'path "sys/rekey/init" { capabilities = ["read", "update", "delete", "sudo"] } path "sys/generate-root/attempt" { capabilities = ["read", "update", "sudo"] }',
  );
  return makeToken(node, { policies: ['steward'] });
}

it.each([false, true])(
  'threat 14: keys of a forged slot do not make new unseal keys (verification: %s)',
  async (require_verification) => {
    const [forged = ''] = await forgeSlot();
    const begun = await ask(
      node,
      'update',
      'sys/rekey/init',
      { secret_shares: 1, secret_threshold: 1, require_verification },
      await steward(),
    );
    const nonce = String(begun.data['nonce']);
    const made = await ask(node, 'update', 'sys/rekey/update', { key: forged, nonce }, null);
    expect(made.status).toBe(400);
    expect(made.data).not.toHaveProperty('keys');
  },
);

it('threat 14: keys of a forged slot make no root token', async () => {
  const [forged = ''] = await forgeSlot();
  const begun = await ask(node, 'update', 'sys/generate-root/attempt', {}, await steward());
  const nonce = String(begun.data['nonce']);
  const made = await ask(node, 'update', 'sys/generate-root/update', { key: forged, nonce }, null);
  expect(made.status).toBe(400);
});

it('threat 14: keys of a slot that was replaced since an attempt began make no root token', async () => {
  const begun = await ask(node, 'update', 'sys/generate-root/attempt', {});
  const nonce = String(begun.data['nonce']);
  const rekey = await ask(node, 'update', 'sys/rekey/init', { secret_shares: 1, secret_threshold: 1 });
  for (const key of place.keys.slice(0, 2)) {
    await ask(node, 'update', 'sys/rekey/update', { key, nonce: String(rekey.data['nonce']) }, null);
  }
  const made = [];
  for (const key of place.keys.slice(0, 2)) {
    made.push(await ask(node, 'update', 'sys/generate-root/update', { key, nonce }, null));
  }
  expect(made.map(({ data }) => data['complete'] ?? false)).toEqual([false, false]);
  expect(made.at(-1)?.status).toBe(400);
});
