/** From a backup to a store that is served again: what comes back, what stays behind, and what a cut leaves. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  finishJobs,
  keysOf,
  makePlace,
  makeToken,
  type Place,
  rootToken,
  tokenOf,
  writePolicy,
} from '../../../test/fakes/client.ts';
import { leasedType, Outside } from '../../../test/fakes/leased-engine.ts';
import { systemRandom } from '../../crypto/random.ts';
import type { JsonObject } from '../../json.ts';
import { type CofferNode, createNode } from '../../main/node.ts';
import { restoringKey } from '../../seal/boot.ts';
import { MemoryStorage } from '../../storage/memory/memory.ts';
import { parseStorageKey, type Storage, type Write } from '../../storage/storage.ts';
import { askSnapshot, bytesOf, chunksOf, takeBackup, unlockWith, verify } from './backup.fixture.ts';
import { encodeFrame } from './format.ts';
import { type RestoreOptions, type RestoreReport, restoreBackup } from './restore.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace({ engines: [leasedType(new Outside())] });
  node = await place.node();
  await ask(node, 'update', 'secret/data/a', { data: { word: 'first' } });
});
afterEach(() => place.remove());

interface Restored {
  readonly report: RestoreReport;
  readonly token: string | undefined;
  readonly storage: Storage;
}

async function restore(bytes: Buffer, changes: Partial<RestoreOptions> = {}): Promise<Restored> {
  const storage = new MemoryStorage();
  let token: string | undefined;
  const report = await restoreBackup({
    open: () => chunksOf(bytes),
    openPlace: async () => storage,
    unlock: unlockWith(place),
    clock: place.clock,
    random: systemRandom,
    keepTokens: false,
    allowUnsigned: false,
    keepRootToken: async (text) => {
      token = text;
    },
    onProgress: () => {},
    ...changes,
  });
  return { report, token, storage };
}

const read = async (on: CofferNode, path: string, token: string | null | undefined) =>
  ask(on, 'read', path, {}, token ?? null);

it('has everything sealed anew that was sealed before the backup', async () => {
  const { token, storage } = await restore(await takeBackup(node));
  const again = await place.node(storage);
  await finishJobs(again);
  const jobs = await ask(again, 'list', 'sys/jobs', {}, token ?? null);
  expect(Object.values(jobs.data['key_info'] ?? {})).toMatchObject([
    { type: 'reseal', status: 'done', requested_by: 'coffer', result: { damaged: 0, retired: [1] } },
  ]);
  expect((await read(again, 'sys/key-status', token)).data).toMatchObject({ term: 2, older_terms: [] });
  expect((await read(again, 'secret/data/a', token)).data).toMatchObject({ data: { word: 'first' } });
});

it('brings everything back that was there, to be read with a new root token', async () => {
  await writePolicy(node, 'team', 'path "secret/*" { capabilities = ["read"] }');
  await ask(node, 'update', 'secret/data/big', { data: { word: 'x'.repeat(600_000) } });
  const bytes = await takeBackup(node);
  await ask(node, 'update', 'secret/data/a', { data: { word: 'later' } });
  const { token, storage, report } = await restore(bytes);
  const again = await place.node(storage);
  expect((await read(again, 'secret/data/a', token)).data).toMatchObject({ data: { word: 'first' } });
  expect((await read(again, 'secret/data/big', token)).data).toMatchObject({
    data: { word: 'x'.repeat(600_000) },
  });
  expect((await read(again, 'sys/policies/acl/team', token)).status).toBe(200);
  expect((await ask(again, 'update', 'secret/data/new', { data: { a: 'b' } }, token ?? null)).status).toBe(
    200,
  );
  expect(report.revival.tokens).toBe(1);
  expect((await verify(await bytesOf(await askSnapshot(again, token)), place)).tag).toBe('signed');
});

describe('threat 18: a restore', () => {
  it('leaves tokens behind, with what ended with them', async () => {
    const revoked = await makeToken(node, { policies: ['root'], ttl: '1h' });
    await ask(node, 'update', 'cubbyhole/mine', { note: 'own' }, revoked);
    await ask(node, 'update', 'auth/token/revoke', { token: await makeToken(node) });
    const waiting = (await keysOf(place.storage, 'due/')).map((key) => key.split('/')[4]);
    expect(new Set(waiting)).toEqual(new Set(['token', 'token-tree']));
    const bytes = await takeBackup(node);
    await ask(node, 'update', 'auth/token/revoke', { token: revoked });
    const { storage, report, token } = await restore(bytes);
    const again = await place.node(storage);
    for (const old of [revoked, rootToken])
      expect((await read(again, 'secret/data/a', old)).status).toBe(403);
    expect(report.revival).toMatchObject({ keptTokens: false, tokens: 2 });
    const keys = await keysOf(storage);
    expect(keys.filter((key) => key.startsWith('core/token/id/'))).toHaveLength(1);
    expect(keys.filter((key) => /^due\/.*\/(token|lease)/.test(key))).toEqual([]);
    expect(keys.filter((key) => key.includes('/mine'))).toEqual([]);
    expect((await read(again, 'auth/token/lookup-self', token)).status).toBe(200);
  });

  it('leaves leases behind, and tells what it orphans', async () => {
    await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
    for (let count = 0; count < 3; count++) await ask(node, 'read', 'leased/creds/app');
    const leases = (await keysOf(place.storage, 'core/lease/id/')).length;
    expect(leases).toBeGreaterThan(0);
    const { report, storage } = await restore(await takeBackup(node));
    expect(report.revival.leases).toBe(leases);
    expect(report.revival.leasePaths).toEqual([{ path: 'leased/creds/app', count: leases }]);
    expect(await keysOf(storage, 'core/lease/')).toEqual([]);
    expect(await keysOf(storage, 'due/')).toEqual([]);
  });

  it('brings tokens back only when it is told to', async () => {
    const token = await makeToken(node, { policies: ['root'] });
    const bytes = await takeBackup(node);
    const { storage, report } = await restore(bytes, { keepTokens: true, keepRootToken: undefined });
    const again = await place.node(storage);
    expect((await read(again, 'secret/data/a', token)).status).toBe(200);
    expect(report.revival).toMatchObject({ keptTokens: true, dropped: 0 });
  });

  it.each([false, true])(
    'leaves batch tokens of before behind, and those that the store before goes on to make (tokens kept: %s)',
    async (keepTokens) => {
      await writePolicy(node, 'reader', 'path "secret/*" { capabilities = ["read"] }');
      const maker = await makeToken(node, { policies: ['root'], ttl: '9h' });
      const batch = async (on: CofferNode, fields: JsonObject, by: string) =>
        tokenOf(
          await ask(
            on,
            'update',
            'auth/token/create',
            { type: 'batch', policies: ['reader'], ...fields },
            by,
          ),
        );
      const orphan = await batch(node, { no_parent: true }, maker);
      const child = await batch(node, {}, maker);
      const bytes = await takeBackup(node);
      place.clock.jump(60);
      const { storage, token } = await restore(bytes, { keepTokens });
      place.clock.jump(60);
      const late = await batch(node, { no_parent: true }, maker);
      const again = await place.node(storage);
      const status = async (text: string) => (await read(again, 'secret/data/a', text)).status;
      expect(await status(orphan)).toBe(403);
      expect(await status(late)).toBe(403);
      // With its parent it came back, and without it did not.
      expect(await status(child)).toBe(keepTokens ? 200 : 403);
      expect(await status(await batch(again, { no_parent: true }, token ?? ''))).toBe(200);
      // The store before is none the wiser.
      for (const text of [orphan, child, late])
        expect((await read(node, 'secret/data/a', text)).status).toBe(200);
    },
  );

  it('counts the secret ids that work again', async () => {
    await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
    await ask(node, 'update', 'auth/approle/role/app', { policies: 'default' });
    await ask(node, 'update', 'auth/approle/role/app/secret-id');
    await ask(node, 'update', 'auth/approle/role/app/secret-id');
    expect((await restore(await takeBackup(node))).report.revival.secretIds).toBe(2);
  });
});

it('is told to the audit log once, by the first process that serves it', async () => {
  const bytes = await takeBackup(node);
  const { storage } = await restore(bytes);
  const lines = () => place.auditLines().filter(({ event }) => event === 'store restored from a backup');
  await place.node(storage);
  await place.node(storage);
  expect(lines()).toHaveLength(1);
  expect(lines()[0]).toMatchObject({ kept_tokens: false, dropped_tokens: 1 });
});

it('leaves the audit chains before it to history, and begins a new term', async () => {
  const { storage, report } = await restore(await takeBackup(node));
  expect(report.earlierChains).toBe(1);
  expect(await keysOf(storage, 'core/audit/chain/')).toEqual([]);
  expect(await keysOf(storage, 'core/audit/open/')).toEqual([]);
  expect(await keysOf(storage, 'core/audit/earlier/')).toHaveLength(1);
  expect(await keysOf(storage, 'core/keyring/usage/')).toHaveLength(2);
});

it('shows in the status of backups', async () => {
  const { storage, token } = await restore(await takeBackup(node));
  const again = await place.node(storage);
  const { data } = await read(again, 'sys/backup/status', token);
  expect(data).toMatchObject({ scheduled: false, restored: { kept_tokens: false } });
  expect((await ask(node, 'read', 'sys/backup/status')).data).toEqual({
    scheduled: false,
    drill: null,
    restored: null,
  });
});

describe('a restore is refused', () => {
  it('over a store, which stays as it is', async () => {
    const bytes = await takeBackup(node);
    const before = await keysOf(place.storage);
    const over = restore(bytes, { openPlace: async () => place.storage });
    await expect(over).rejects.toMatchObject({ code: 'conflict' });
    expect(await keysOf(place.storage)).toEqual(before);
  });

  it('from a damaged backup, before its place is touched', async () => {
    const bytes = await takeBackup(node);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 100) ^ 1, bytes.length - 100);
    let opened = false;
    const openPlace = async () => {
      opened = true;
      return new MemoryStorage();
    };
    await expect(restore(bytes, { openPlace })).rejects.toMatchObject({ code: 'integrity' });
    expect(opened).toBe(false);
  });

  it('from a backup without a tag, unless that is allowed', async () => {
    const bytes = withoutTag(await takeBackup(node));
    await expect(restore(bytes)).rejects.toMatchObject({
      code: 'integrity',
      message: expect.stringContaining('has no tag'),
    });
    expect((await restore(bytes, { allowUnsigned: true })).report.backup.tag).toBe('unsigned');
  });
});

describe('a restore that was cut off', () => {
  /** Fails at the commit of that number. */
  class CutStorage extends MemoryStorage {
    left: number;
    constructor(commits: number) {
      super();
      this.left = commits;
    }
    override commit(...given: Parameters<MemoryStorage['commit']>): ReturnType<MemoryStorage['commit']> {
      this.left -= 1;
      return this.left < 0 ? Promise.reject(new Error('killed')) : super.commit(...given);
    }
  }

  it('leaves a place that refuses to serve, wherever it was cut, and can be run again', async () => {
    for (let count = 0; count < 60; count++) {
      await ask(node, 'update', `secret/data/many/${count}`, { data: { word: `w${count}` } });
    }
    const bytes = await takeBackup(node);
    let cuts = 0;
    for (let commits = 1; ; commits++) {
      const storage = new CutStorage(commits);
      const openPlace = async () => storage;
      const ended = await restore(bytes, { openPlace }).then(
        () => true,
        () => false,
      );
      if (!ended) {
        cuts += 1;
        const refusing = place.sealedNode({ storage });
        await expect(refusing.state.start()).rejects.toMatchObject({
          code: 'store_unusable',
          message: expect.stringContaining('coffer operator restore'),
        });
        storage.left = 10_000;
        const { token } = await restore(bytes, { openPlace });
        const again = await place.node(storage);
        expect((await read(again, 'secret/data/many/59', token)).data).toMatchObject({
          data: { word: 'w59' },
        });
      }
      if (ended) break;
    }
    expect(cuts).toBeGreaterThan(5);
  });

  it('begins again from nothing, also with another backup', async () => {
    const first = await takeBackup(node);
    await ask(node, 'delete', 'secret/metadata/a');
    const second = await takeBackup(node);
    const storage = new CutStorage(5);
    await expect(restore(first, { openPlace: async () => storage })).rejects.toThrow('killed');
    storage.left = 10_000;
    const { token } = await restore(second, { openPlace: async () => storage });
    expect((await read(await place.node(storage), 'secret/data/a', token)).status).toBe(404);
  });

  it('a place so marked makes no new store either', async () => {
    const storage = new MemoryStorage();
    const write: Write = { key: restoringKey, value: Buffer.from('{}') };
    await storage.commit([write]);
    const other = createNode({ storage, auditDirectory: undefined, seals: [], log: quiet });
    await expect(other.state.initialize({ shares: 1, threshold: 1 })).rejects.toMatchObject({
      code: 'store_unusable',
    });
    expect(await storage.read(parseStorageKey('boot/store'))).toBeUndefined();
  });
});

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** As a writer without keys leaves it. */
function withoutTag(bytes: Buffer): Buffer {
  const tagFrame = 5 + 32;
  const body = bytes.subarray(0, bytes.length - 2 * tagFrame);
  const unsigned = Buffer.concat([body, encodeFrame('T', Buffer.alloc(0))]);
  return Buffer.concat([unsigned, encodeFrame('S', createHash('sha256').update(unsigned).digest())]);
}

it('ends where another one was begun in the same place meanwhile', async () => {
  const storage = new MemoryStorage();
  const openPlace = async (): Promise<Storage> => storage;
  const keepRootToken = async () => {
    await storage.commit([{ key: restoringKey, value: Buffer.from('{"format":1,"backup":"another"}') }]);
  };
  const bytes = await takeBackup(node);
  await expect(restore(bytes, { openPlace, keepRootToken })).rejects.toMatchObject({ code: 'conflict' });
  expect(await storage.read(parseStorageKey('boot/store'))).toBeUndefined();
  const again = await restore(bytes, { openPlace });
  expect((await read(await place.node(storage), 'secret/data/a', again.token)).status).toBe(200);
});
