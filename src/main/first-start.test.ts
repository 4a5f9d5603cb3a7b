import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, loggerInto } from '../../test/fakes/client.ts';
import { HandClock } from '../../test/fakes/hand-clock.ts';
import type { Places } from '../config/paths.ts';
import { systemRandom } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { KeyfileSeal } from '../seal/keyfile/keyfile-seal.ts';
import type { Seal } from '../seal/seal.ts';
import { MemoryStorage } from '../storage/memory/memory.ts';
import type { Storage } from '../storage/storage.ts';
import { defaultKeyfile, type FirstStart, makeStore, refuseEarlierStore } from './first-start.ts';
import { type CofferNode, createNode } from './node.ts';

let root: string;
let places: Places;
const data = '/srv/coffer';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'coffer-first-'));
  places = {
    home: root,
    data: join(root, 'data'),
    cache: join(root, 'cache'),
    config: join(root, 'config'),
    tokenFile: join(root, 'login', 'token'),
    vaultTokenFile: join(root, '.vault-token'),
    cliFile: join(root, 'config', 'cli.json'),
  };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function nodeOn(storage: Storage): CofferNode {
  return createNode({
    storage,
    auditDirectory: undefined,
    seals: [],
    log: loggerInto([]),
    clock: new HandClock(),
  });
}

function make(storage: Storage, wish: Partial<FirstStart> = {}) {
  return makeStore({
    state: nodeOn(storage).state,
    random: systemRandom,
    places,
    data,
    keyfile: undefined,
    seals: [],
    rootTokenFile: undefined,
    logIn: true,
    ...wish,
  });
}

const filesIn = (directory: string) => (existsSync(directory) ? readdirSync(directory).toSorted() : []);

describe('making a store', () => {
  it('leaves a keyfile, a root token and a login, for their owner alone', async () => {
    const storage = new MemoryStorage();
    const made = await make(storage);
    expect(statSync(join(data, 'audit-devices')).mode & 0o777).toBe(0o700);
    expect(made.keyfile).toBe(defaultKeyfile(places, made.storeId));
    for (const file of [made.keyfile ?? '', made.rootTokenFile, places.tokenFile]) {
      expect(statSync(file).mode & 0o777).toBe(0o600);
    }
    const token = readFileSync(made.rootTokenFile, 'utf8').trim();
    expect(readFileSync(places.tokenFile, 'utf8').trim()).toBe(token);
    const node = createNode({
      storage,
      auditDirectory: undefined,
      seals: [new KeyfileSeal({ path: made.keyfile ?? '', random: systemRandom })],
      log: loggerInto([]),
      clock: new HandClock(),
    });
    await node.state.start();
    expect((await ask(node, 'read', 'sys/mounts', {}, token)).status).toBe(200);
    await node.state.drop();
  });

  it('that another process made first leaves the other one’s files and login, and none of its own', async () => {
    const storage = new MemoryStorage();
    const outcomes = await Promise.allSettled([make(storage), make(storage)]);
    const made = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    const failed = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    expect(failed).toMatchObject([{ code: 'conflict' }]);
    const [winner] = made;
    expect(filesIn(places.config)).toEqual([`${winner?.storeId}.keyfile`, `${winner?.storeId}.root-token`]);
    const token = readFileSync(winner?.rootTokenFile ?? '', 'utf8');
    expect(readFileSync(places.tokenFile, 'utf8')).toBe(token);
  });

  it('for a key that is elsewhere has no keyfile, and its empty place is known again', async () => {
    const kept = new Map<string, Buffer>();
    const seal: Seal = {
      kind: 'elsewhere',
      automatic: true,
      remote: true,
      async wrap(rootKey, place) {
        kept.set(place.slotId, Buffer.from(rootKey));
        return { key: 'k' };
      },
      unwrap: async (_, place) => Buffer.from(kept.get(place.slotId) ?? []),
    };
    const storage = new MemoryStorage();
    const made = await make(storage, { seals: [seal, seal] });
    expect(made).toMatchObject({ keyfile: undefined, kinds: ['elsewhere', 'elsewhere'] });
    const files = [`${made.storeId}.root-token`, `${made.storeId}.seal.json`];
    expect(filesIn(places.config)).toEqual(files);
    expect(kept.size).toBe(2);
    for (const name of files) expect(statSync(join(places.config, name)).mode & 0o777).toBe(0o600);
    await expect(refuseEarlierStore(places, data)).rejects.toMatchObject({
      code: 'store_unusable',
      message: expect.stringContaining(join(places.config, `${made.storeId}.seal.json`)),
    });
    await refuseEarlierStore(places, join(root, 'another'));
    writeFileSync(join(places.config, `${made.storeId}.seal.json`), '{"format":1,"store":');
    await refuseEarlierStore(places, data);
  });

  it('leaves nothing where the key that is elsewhere refuses, in either direction', async () => {
    const refusing: Seal = {
      kind: 'elsewhere',
      automatic: true,
      wrap: async () => ({ key: 'k' }),
      unwrap: () => Promise.reject(new CofferError('unavailable', 'it may not decrypt')),
    };
    const storage = new MemoryStorage();
    await expect(make(storage, { seals: [refusing] })).rejects.toThrow('it may not decrypt');
    expect(filesIn(places.config)).toEqual([]);
    expect((await storage.children('', { limit: 1 })).items).toEqual([]);
  });

  it('can be tried again after its root token had no place', async () => {
    const taken = join(root, 'taken');
    writeFileSync(taken, 'somebody’s file');
    const storage = new MemoryStorage();
    await expect(make(storage, { rootTokenFile: taken })).rejects.toThrow('the file exists already');
    expect(readFileSync(taken, 'utf8')).toBe('somebody’s file');
    expect(filesIn(places.config)).toEqual([]);
    await refuseEarlierStore(places, data);
    await make(storage);
  });

  it('never takes away a keyfile that was there before', async () => {
    const keyfile = join(root, 'my.keyfile');
    writeFileSync(keyfile, 'older');
    await expect(make(new MemoryStorage(), { keyfile })).rejects.toMatchObject({ code: 'conflict' });
    expect(readFileSync(keyfile, 'utf8')).toBe('older');
  });

  it('keeps keyfile and root token when nobody knows whether the store was written', async () => {
    const storage = new MemoryStorage();
    const doubtful: Storage = {
      kind: 'memory',
      read: (key) => storage.read(key),
      readMany: (keys) => storage.readMany(keys),
      children: (prefix, page) => storage.children(prefix, page),
      range: (prefix, page) => storage.range(prefix, page),
      close: () => storage.close(),
      async commit(writes, expectations) {
        await storage.commit(writes, expectations);
        throw new Error('the power went');
      },
    };
    await expect(make(doubtful)).rejects.toThrow();
    expect(filesIn(places.config)).toHaveLength(2);
  });

  it('is not hindered by what a start that was cut off left of its login', async () => {
    mkdirSync(join(root, 'login'));
    // In a container every start has the same process id.
    writeFileSync(`${places.tokenFile}.${process.pid}.tmp`, 'half a tok');
    const made = await make(new MemoryStorage());
    expect(readFileSync(places.tokenFile, 'utf8')).toBe(readFileSync(made.rootTokenFile, 'utf8'));
    expect(filesIn(join(root, 'login'))).toEqual(['token']);
  });

  it('is done although the login cannot be kept', async () => {
    const storage = new MemoryStorage();
    writeFileSync(join(root, 'login'), 'a file where a directory should be');
    await expect(make(storage)).rejects.toThrow(places.tokenFile);
    // The store is there, and so are the ways into it.
    expect(filesIn(places.config)).toHaveLength(2);
    expect((await storage.children('', { limit: 1 })).items).toHaveLength(1);
  });
});
