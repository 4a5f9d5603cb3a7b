import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Asked,
  ask,
  auditPlace,
  loggerInto,
  makePlace,
  type Place,
  rootToken,
} from '../../test/fakes/client.ts';
import { HandClock } from '../../test/fakes/hand-clock.ts';
import { leasedType, Outside } from '../../test/fakes/leased-engine.ts';
import { systemRandom } from '../crypto/random.ts';
import { type CofferNode, createNode } from '../main/node.ts';
import { createKeyfile, readKeyfile } from '../seal/keyfile/keyfile.ts';
import { KeyfileSeal } from '../seal/keyfile/keyfile-seal.ts';
import type { Seal } from '../seal/seal.ts';
import { MemoryStorage } from '../storage/memory/memory.ts';

let root: string;
let storage: MemoryStorage;
const clock = new HandClock();

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'coffer-seal-'));
  storage = new MemoryStorage();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function freshNode(seals: readonly Seal[] = []): CofferNode {
  return createNode({ storage, auditDirectory: auditPlace(root), seals, log: loggerInto([]), clock });
}

const open = (node: CofferNode, operation: 'read' | 'update' | 'header', path: string, data = {}) =>
  ask(node, operation, path, data, null);
const outcome = ({ status, errors }: Asked) => [status, ...errors];
const unseal = (node: CofferNode, key: unknown) => open(node, 'update', 'sys/unseal', { key });

async function initialize(node: CofferNode, shares = 5, threshold = 3) {
  const { data } = await open(node, 'update', 'sys/init', {
    secret_shares: shares,
    secret_threshold: threshold,
  });
  return {
    keys: data['keys'] as string[],
    base64: data['keys_base64'] as string[],
    token: String(data['root_token']),
  };
}

describe('a place without a store', () => {
  it('says so in every way that clients ask', async () => {
    const node = freshNode();
    await node.state.start();
    expect((await open(node, 'read', 'sys/init')).data).toEqual({ initialized: false });
    expect((await open(node, 'read', 'sys/seal-status')).data).toMatchObject({
      initialized: false,
      sealed: true,
      t: 0,
      n: 0,
      progress: 0,
    });
    expect((await open(node, 'read', 'sys/health')).status).toBe(501);
    expect((await open(node, 'header', 'sys/health')).status).toBe(501);
    expect((await open(node, 'read', 'sys/leader')).status).toBe(200);
    expect((await ask(node, 'read', 'secret/data/x')).status).toBe(503);
    expect((await unseal(node, 'aa')).status).toBe(400);
  });

  it.each([
    [{}],
    [{ secret_shares: 0, secret_threshold: 0 }],
    [{ secret_shares: 3, secret_threshold: 4 }],
    [{ secret_shares: 256, secret_threshold: 3 }],
    [{ secret_shares: 5, secret_threshold: 1 }],
    [{ secret_shares: 5, secret_threshold: -1 }],
    [{ secret_shares: 'five', secret_threshold: 3 }],
    [{ secret_shares: 5, secret_threshold: 3, pgp_keys: ['x'] }],
    [{ secret_shares: 5, secret_threshold: 3, recovery_shares: 5 }],
  ])('is not made into one by %j', async (fields) => {
    const node = freshNode();
    expect((await open(node, 'update', 'sys/init', fields)).status).toBe(400);
    expect((await storage.children('', { limit: 1 })).items).toEqual([]);
  });

  it('becomes a store once, however many ask at once', async () => {
    const nodes = [freshNode(), freshNode()];
    const made = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        open(nodes[i % 2] ?? freshNode(), 'update', 'sys/init', { secret_shares: 1, secret_threshold: 1 }),
      ),
    );
    expect(made.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const refused of made.filter(({ status }) => status !== 200)) {
      expect(outcome(refused)).toEqual([400, 'Vault is already initialized']);
    }
  });
});

describe('a store that opens with shares', () => {
  it('stays sealed after init, and opens with three different shares of five', async () => {
    const node = freshNode();
    const { keys, base64, token } = await initialize(node);
    expect([keys.length, base64.length, token.length]).toEqual([5, 5, 28]);
    expect(outcome(await ask(node, 'read', 'sys/mounts', {}, token))).toEqual([503, 'Vault is sealed']);
    expect((await open(node, 'read', 'sys/health')).status).toBe(503);
    const [one, two, three] = [keys[4], base64[1], keys[2]];
    expect((await unseal(node, one)).data).toMatchObject({ sealed: true, progress: 1, t: 3, n: 5 });
    expect((await unseal(node, one)).data).toMatchObject({ sealed: true, progress: 1 });
    expect((await unseal(node, base64[4])).data).toMatchObject({ sealed: true, progress: 1 });
    expect((await unseal(node, two)).data).toMatchObject({ sealed: true, progress: 2 });
    const opened = await unseal(node, three);
    expect(opened.data).toMatchObject({ sealed: false, progress: 0, cluster_name: 'coffer' });
    expect(opened.data['version']).toMatch(/^\d+\.\d+\.\d+$/);
    expect((await open(node, 'read', 'sys/health')).status).toBe(200);
    expect((await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status).toBe(200);
    expect((await unseal(node, keys[0])).data).toMatchObject({ sealed: false });
    expect(outcome(await open(node, 'update', 'sys/unseal', { reset: true }))).toEqual([
      400,
      'vault is unsealed',
    ]);
    await node.state.drop();
  });

  it('forgets shares on reset', async () => {
    const node = freshNode();
    const { keys } = await initialize(node);
    await unseal(node, keys[0]);
    await unseal(node, keys[1]);
    expect((await open(node, 'update', 'sys/unseal', { reset: true })).data).toMatchObject({ progress: 0 });
    expect((await unseal(node, keys[2])).data).toMatchObject({ progress: 1, sealed: true });
  });

  it('refuses shares of another store, and begins to count anew', async () => {
    const node = freshNode();
    const { keys } = await initialize(node);
    const mine = storage;
    storage = new MemoryStorage();
    const others = await initialize(freshNode());
    storage = mine;
    await unseal(node, keys[0]);
    await unseal(node, keys[1]);
    const wrong = await unseal(node, others.keys[2]);
    expect(wrong.status).toBe(400);
    expect((await open(node, 'read', 'sys/seal-status')).data).toMatchObject({ sealed: true, progress: 0 });
    for (const key of keys.slice(0, 3)) await unseal(node, key);
    expect((await open(node, 'read', 'sys/seal-status')).data).toMatchObject({ sealed: false });
    await node.state.drop();
  });

  it.each([undefined, '', 'zz', 'not a key', 'ab'.repeat(500), 17, { a: 1 }, [], '\u0000'])(
    'refuses %j as a key',
    async (key) => {
      const node = freshNode();
      const { keys } = await initialize(node);
      await unseal(node, keys[0]);
      expect((await unseal(node, key)).status).toBe(400);
      expect((await open(node, 'read', 'sys/seal-status')).data).toMatchObject({ sealed: true, progress: 1 });
    },
  );

  it('opens once when people hand in their shares at the same moment', async () => {
    const node = freshNode();
    const { keys, token } = await initialize(node);
    await Promise.all(keys.map((key) => unseal(node, key)));
    expect((await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status).toBe(200);
    await node.state.drop();
  });
});

describe('sealing', () => {
  let place: Place;
  beforeEach(async () => {
    place = await makePlace();
  });
  afterEach(() => place.remove());

  it('wants sudo, and then refuses everything at once but what needs no key', async () => {
    const node = await place.node();
    const plain = await ask(node, 'update', 'auth/token/create', { policies: ['default'] });
    expect((await ask(node, 'update', 'sys/seal', {}, plain.auth?.clientToken)).status).toBe(403);
    expect((await ask(node, 'update', 'sys/seal', {}, null)).status).toBe(403);
    expect((await ask(node, 'update', 'sys/seal')).status).toBe(204);
    for (const path of ['secret/data/x', 'sys/mounts', 'auth/token/lookup-self', 'sys/internal/ui/mounts']) {
      expect(outcome(await ask(node, 'read', path))).toEqual([503, 'Vault is sealed']);
    }
    expect((await ask(node, 'update', 'auth/approle/login', {}, null)).status).toBe(503);
    expect((await open(node, 'read', 'sys/seal-status')).data).toMatchObject({ sealed: true });
  });

  it('reaches another node in its next request, and one that is not asked by its clock', async () => {
    const [node, second, idle] = [await place.node(), await place.node(), await place.node()];
    expect((await ask(second, 'read', 'sys/mounts')).status).toBe(200);
    await ask(node, 'update', 'sys/seal');
    expect(outcome(await ask(second, 'read', 'sys/mounts'))).toEqual([503, 'Vault is sealed']);
    expect(second.state.core).toBeUndefined();
    expect(idle.state.core).toBeDefined();
    place.clock.advance(2);
    for (let turn = 0; turn < 1_000 && idle.state.core !== undefined; turn++) await new Promise(setImmediate);
    expect(idle.state.core).toBeUndefined();
  });

  it('is followed at once by a node that is told, and a root key opens a sealed node only while no mark says sealed', async () => {
    const [node, second, third] = [await place.node(), await place.node(), place.sealedNode()];
    await third.state.start();
    const rootKey = () => node.state.core?.barrier.withRootKey(async (key) => Buffer.from(key));
    const [good, late] = [await rootKey(), await rootKey()] as [Buffer, Buffer];
    await third.state.openWith(good);
    expect(third.state.core).toBeDefined();
    expect(good.every((byte) => byte === 0)).toBe(true);
    await second.state.lookForSeal();
    expect(second.state.core).toBeDefined();
    await ask(node, 'update', 'sys/seal');
    for (const { state } of [second, third]) {
      await state.lookForSeal();
      expect(state.core).toBeUndefined();
    }
    await expect(third.state.openWith(late)).rejects.toMatchObject({ code: 'sealed' });
    expect(third.state.core).toBeUndefined();
    expect(late.every((byte) => byte === 0)).toBe(true);
  });

  it('does not wait for ever for a system outside that does not answer', async () => {
    const outside = new Outside();
    const other = await makePlace({ engines: [leasedType(outside)] });
    const node = await other.node();
    await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
    await ask(node, 'read', 'leased/creds/app', { ttl: 60 });
    const asked = new Promise<void>((resolve) => {
      outside.beforeRevoke = () => {
        resolve();
        return new Promise(() => {});
      };
    });
    other.clock.advance(61);
    await asked;
    const sealed = ask(node, 'update', 'sys/seal');
    while (node.state.core !== undefined) await new Promise(setImmediate);
    other.clock.advance(5);
    expect((await sealed).status).toBe(204);
    expect((await ask(node, 'read', 'sys/mounts')).status).toBe(503);
    await other.remove();
  });

  it('is undone on each node by a key', async () => {
    const [node, second] = [await place.node(), await place.node()];
    await ask(node, 'update', 'sys/seal');
    await ask(second, 'read', 'sys/mounts');
    await unseal(node, place.keys[0]);
    expect((await ask(node, 'read', 'sys/mounts')).status).toBe(200);
    expect((await ask(second, 'read', 'sys/mounts')).status).toBe(503);
    await unseal(second, place.keys[0]);
    expect((await ask(second, 'read', 'sys/mounts')).status).toBe(200);
  });
});

describe('a store with a keyfile', () => {
  async function keyfileStore(): Promise<string> {
    const path = join(root, 'the.keyfile');
    await freshNode().state.create({
      withSecretMount: true,
      rootToken,
      makeSlots: async (rootKey, storeId) => {
        const key = systemRandom.bytes(32);
        await createKeyfile(path, { storeId, dataPlace: root, key });
        const slotId = '11111111-2222-4333-8444-555555555555';
        const body = await new KeyfileSeal({ path, random: systemRandom }).wrap(rootKey, { storeId, slotId });
        return [{ id: slotId, kind: 'keyfile', body }];
      },
    });
    return path;
  }
  const started = async (path: string) => {
    const node = freshNode([new KeyfileSeal({ path, random: systemRandom })]);
    await node.state.start();
    return node;
  };

  it('opens by itself, and after sealing not even at a restart, until somebody hands in the key', async () => {
    const path = await keyfileStore();
    const node = await started(path);
    expect((await ask(node, 'read', 'sys/mounts')).status).toBe(200);
    await node.state.drop();
    const again = await started(path);
    expect((await ask(again, 'read', 'sys/mounts')).status).toBe(200);
    expect((await ask(again, 'update', 'sys/seal')).status).toBe(204);
    const restarted = await started(path);
    expect((await ask(restarted, 'read', 'sys/mounts')).status).toBe(503);
    expect((await unseal(restarted, '00'.repeat(32))).status).toBe(400);
    const { key } = await readKeyfile(path);
    expect((await unseal(restarted, key.reveal().toString('hex'))).data).toMatchObject({ sealed: false });
    expect((await ask(restarted, 'read', 'sys/mounts')).status).toBe(200);
    await restarted.state.drop();
    const later = await started(path);
    expect((await ask(later, 'read', 'sys/mounts')).status).toBe(200);
    await later.state.drop();
  });

  it('stays sealed without its keyfile, and with another store’s', async () => {
    const path = await keyfileStore();
    rmSync(path);
    expect((await ask(await started(path), 'read', 'sys/mounts')).status).toBe(503);
    await createKeyfile(path, {
      storeId: '99999999-2222-4333-8444-555555555555',
      dataPlace: root,
      key: systemRandom.bytes(32),
    });
    expect((await ask(await started(path), 'read', 'sys/mounts')).status).toBe(503);
  });
});
