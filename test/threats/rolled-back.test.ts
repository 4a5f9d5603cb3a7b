/** Whoever administers the storage puts records back, brings them back or takes them away: what is decided by them is refused. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { epochKey } from '../../src/core/epoch.ts';
import { witnessKey } from '../../src/core/witness.ts';
import type { CofferNode } from '../../src/main/node.ts';
import { parseStorageKey, type StorageKey } from '../../src/storage/storage.ts';
import { ask, keysOf, makePlace, makeToken, type Place, writePolicy } from '../fakes/client.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
});
afterEach(() => place.remove());

const key = (text: string) => parseStorageKey(text);
const stored = async (at: StorageKey) => (await place.storage.read(at))?.value ?? null;
const putBack = (at: StorageKey, value: Buffer | null) => place.storage.commit([{ key: at, value }]);
const open = 'path "secret/*" { capabilities = ["read", "list"] }';
const shut = 'path "secret/*" { capabilities = ["deny"] }';

/** As a node sees it that has nothing in its caches. */
async function readAs(token: string): Promise<number> {
  return (await ask(await place.node(), 'read', 'secret/data/x', {}, token)).status;
}

describe('threat 25: a policy', () => {
  const policy = key('core/policy/team');
  let token: string;

  beforeEach(async () => {
    await ask(node, 'update', 'secret/data/x', { data: { a: 'b' } });
    await writePolicy(node, 'team', open);
    token = await makeToken(node, { policies: ['team'] });
  });

  it('works as long as it is the one last written', async () => {
    expect(await readAs(token)).toBe(200);
    await writePolicy(node, 'team', shut);
    expect(await readAs(token)).toBe(403);
    await ask(node, 'delete', 'sys/policies/acl/team');
    expect(await readAs(token)).toBe(403);
  });

  it('that was put back to an earlier text decides nothing', async () => {
    const before = await stored(policy);
    await writePolicy(node, 'team', shut);
    await putBack(policy, before);
    expect(await readAs(token)).toBe(500);
  });

  it('that was put back together with its witness decides nothing', async () => {
    const witness = witnessKey('policies', 'team');
    const [before, list] = [await stored(policy), await stored(witness)];
    await writePolicy(node, 'team', shut);
    await putBack(policy, before);
    await putBack(witness, list);
    expect(await readAs(token)).toBe(500);
  });

  it('that was deleted and brought back decides nothing', async () => {
    const before = await stored(policy);
    await ask(node, 'delete', 'sys/policies/acl/team');
    await putBack(policy, before);
    expect(await readAs(token)).toBe(500);
  });

  it('that was taken away is not taken for one that never was', async () => {
    await writePolicy(node, 'team', shut);
    await putBack(policy, null);
    expect(await readAs(token)).toBe(500);
  });

  it('is mended by writing it again', async () => {
    const before = await stored(policy);
    await writePolicy(node, 'team', shut);
    await putBack(policy, before);
    await writePolicy(node, 'team', open);
    expect(await readAs(token)).toBe(200);
  });
});

describe('threat 25: a mount', () => {
  const mounts = async () => new Set(await keysOf(place.storage, 'core/mount/'));

  async function enabled(path: string): Promise<StorageKey> {
    const before = await mounts();
    await ask(node, 'update', `sys/mounts/${path}`, { type: 'kv', options: { version: '2' } });
    const [made] = [...(await mounts())].filter((one) => !before.has(one));
    return key(made ?? '');
  }

  it('that was disabled and brought back keeps a node from starting', async () => {
    const mount = await enabled('team');
    const before = await stored(mount);
    await ask(node, 'delete', 'sys/mounts/team');
    await putBack(mount, before);
    await expect(place.node()).rejects.toMatchObject({ code: 'integrity' });
  });

  it('that was taken away keeps a node from starting', async () => {
    await putBack(await enabled('team'), null);
    await expect(place.node()).rejects.toMatchObject({ code: 'integrity' });
  });

  it('whose list was put back keeps a running node from serving once it looks', async () => {
    const mount = await enabled('team');
    const list = witnessKey('mounts', mount.slice('core/mount/'.length));
    await putBack(list, null);
    expect(
      (await ask(node, 'update', 'sys/mounts/other', { type: 'kv', options: { version: '2' } })).status,
    ).toBe(500);
    expect(await keysOf(place.storage, 'core/mount/')).toHaveLength(6);
  });
});

describe('threat 25: an epoch that was put back', () => {
  it.each([
    ['mounts', 'sys/mounts/team', { type: 'kv' }],
    ['policies', 'sys/policies/acl/team', { policy: shut }],
    ['quotas', 'sys/quotas/rate-limit/team', { rate: 1 }],
    ['second factors', 'identity/mfa/method/totp', { issuer: 'a' }],
    ['the keyring', 'sys/rotate', {}],
  ])('to before a change of %s stops a node that knew of it', async (_, path, data) => {
    const before = await stored(epochKey);
    expect((await ask(node, 'update', path, data)).status).toBeLessThan(300);
    await ask(node, 'read', 'sys/mounts');
    await putBack(epochKey, before);
    expect((await ask(node, 'read', 'sys/mounts')).status).toBe(500);
  });
});

it('many changes at once are all vouched for', async () => {
  const names = Array.from({ length: 40 }, (_, number) => `policy-${number}`);
  const second = await place.node();
  await Promise.all(names.map((name, number) => writePolicy(number % 2 === 0 ? node : second, name, open)));
  const token = await makeToken(node, { policies: names });
  await ask(node, 'update', 'secret/data/x', { data: { a: 'b' } });
  expect(await readAs(token)).toBe(200);
});
