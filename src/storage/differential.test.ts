/**
 * Random operations on every implementation at once, each answer compared with the memory store's. The seed stands in the
 * test's name: `COFFER_TEST_SEED=… npx vitest run --project unit src/storage/differential.test.ts` replays it, and
 * `COFFER_TEST_STEPS` makes it longer.
 */
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { generator } from '../../test/fault/storage-fault.ts';
import { consulPlace } from '../../test/setup/consul-place.ts';
import { databasePlace } from '../../test/setup/database-place.ts';
import { startDynamoLocal } from '../../test/setup/dynamodb-local.ts';
import { CofferError } from '../errors.ts';
import { parseConsulPlace } from './consul/address.ts';
import { openConsulStorage } from './consul/consul.ts';
import { parseDynamoAddress } from './dynamodb/address.ts';
import { openDynamoStorage } from './dynamodb/dynamodb.ts';
import { openLmdbStorage } from './lmdb/lmdb.ts';
import { MemoryStorage } from './memory/memory.ts';
import { bytes, key } from './opened-storage.ts';
import { openPostgresStorage } from './postgres/postgres.ts';
import { withSnapshots } from './snapshot.ts';
import type { Expectation, Revision, Storage, StorageKey, StorageRecord, Write } from './storage.ts';

const seed = Number(process.env['COFFER_TEST_SEED'] ?? randomInt(2 ** 31));
const steps = Number(process.env['COFFER_TEST_STEPS'] ?? 400);
/** Compared where there is such a server. */
const server = await databasePlace('postgresql');
const agent = await consulPlace();
const local = await startDynamoLocal();

/** A store under comparison. Revisions mean something in one store only: each remembers its own, by when they were seen. */
interface Subject {
  storage: Storage;
  readonly reopen?: () => Promise<Storage>;
  readonly revisions: Map<StorageKey, Revision[]>;
}

type Random = (below: number) => number;

it(`all stores answer alike (COFFER_TEST_SEED=${seed})`, { timeout: 60_000 + steps * 100 }, async () => {
  const path = mkdtempSync(join(tmpdir(), 'coffer-differential-'));
  try {
    await compare(await openAll(path), steps);
  } finally {
    rmSync(path, { recursive: true });
    await server?.close();
    await agent.close();
  }
});

/** A list over everything is a request for each folder there, so it has fewer steps. */
it.skipIf(local === undefined)(
  `so does DynamoDB (COFFER_TEST_SEED=${seed})`,
  { timeout: 60_000 + steps * 300 },
  async () => {
    const memory: Subject = { storage: new MemoryStorage(), revisions: new Map() };
    try {
      await compare([memory, await openDynamo()], steps / 8);
    } finally {
      await local?.close();
    }
  },
);

async function compare(subjects: readonly Subject[], most: number): Promise<void> {
  const draw = generator(seed);
  const random: Random = (below) => Math.floor(draw() * below);
  try {
    for (let step = 0; step < most; step++) {
      const operation = drawOperation(random);
      const [expected, ...others] = await Promise.all(subjects.map(operation.run));
      for (const [index, answer] of others.entries()) {
        expect(answer, `step ${step}: ${operation.name} on ${subjects[index + 1]?.storage.kind}`).toEqual(
          expected,
        );
      }
    }
  } finally {
    await Promise.all(subjects.map((subject) => subject.storage.close()));
  }
}

async function openAll(path: string): Promise<readonly Subject[]> {
  const memory: Subject = { storage: new MemoryStorage(), revisions: new Map() };
  const lmdb: Subject = {
    storage: await openLmdbStorage({ path, create: true }),
    reopen: () => openLmdbStorage({ path, create: false }),
    revisions: new Map(),
  };
  const place = { place: parseConsulPlace('consul:differential'), env: { CONSUL_HTTP_ADDR: agent.address } };
  const consul: Subject = {
    storage: await openConsulStorage({ ...place, create: true }),
    reopen: () => openConsulStorage({ ...place, create: false }),
    revisions: new Map(),
  };
  if (server === undefined) return [memory, lmdb, consul];
  const { name, password } = server;
  const url = `postgres://${name}:${password}@${server.server.host}:${server.server.port}/${name}`;
  const postgres: Subject = {
    storage: await openPostgresStorage({ url, create: true }),
    reopen: () => openPostgresStorage({ url, create: false }),
    revisions: new Map(),
  };
  return [memory, lmdb, consul, postgres];
}

async function openDynamo(): Promise<Subject> {
  const env = local?.env ?? {};
  const address = parseDynamoAddress(local?.url() ?? '');
  return {
    storage: await openDynamoStorage({ address, create: true, env }),
    reopen: () => openDynamoStorage({ address, create: false, env }),
    revisions: new Map(),
  };
}

interface Operation {
  readonly name: string;
  /** An answer that is the same on every store that works. */
  readonly run: (subject: Subject) => Promise<unknown>;
}

function drawOperation(random: Random): Operation {
  const kind = random(23);
  if (kind < 9) return commitOperation(random);
  if (kind < 11) return groupOperation(random);
  if (kind < 14) return readOperation(random);
  if (kind < 17) return childrenOperation(random);
  if (kind < 19) return rangeOperation(random);
  if (kind < 20) return { name: 'reopen', run: reopen };
  return kind < 22 ? snapshotOperation(random) : refusedOperation(random);
}

const segments = ['a', 'a-', 'a0', 'b', 'é', 'ｘ', '𝒳', 'long'.repeat(20), ''];

function drawKey(random: Random): StorageKey {
  const parts = Array.from({ length: 1 + random(4) }, () => segments[random(segments.length)] ?? 'a');
  return key(parts.join('/') || 'a');
}

function drawKeys(random: Random, most: number): readonly StorageKey[] {
  return [...new Set(Array.from({ length: 1 + random(most) }, () => drawKey(random)))];
}

function drawValue(random: Random): Buffer {
  const sizes = [0, 1, 40, 300, 2000, 5000, 70_000];
  return Buffer.alloc(sizes[random(sizes.length)] ?? 0, bytes(`${random(1000)}`));
}

type Wanted = 'absent' | 'newest' | 'older';

interface Commit {
  readonly writes: readonly Write[];
  readonly wanted: readonly { readonly key: StorageKey; readonly state: Wanted }[];
}

function drawCommit(random: Random): Commit {
  const writes = drawKeys(random, 6).map((each) => ({
    key: each,
    value: random(3) === 0 ? null : drawValue(random),
  }));
  const states: readonly Wanted[] = ['absent', 'newest', 'newest', 'older'];
  const guarded = random(2) === 0 ? [] : drawKeys(random, 2);
  return { writes, wanted: guarded.map((each) => ({ key: each, state: states[random(4)] ?? 'absent' })) };
}

async function applyCommit(subject: Subject, { writes, wanted }: Commit): Promise<unknown> {
  const expectations: Expectation[] = wanted.map(({ key: each, state }) => {
    const seen = subject.revisions.get(each) ?? [];
    return {
      key: each,
      revision: (state === 'absent' ? null : seen.at(state === 'newest' ? -1 : -2)) ?? null,
    };
  });
  try {
    const revisions = await subject.storage.commit(writes, expectations);
    for (const [index, { key: each, value }] of writes.entries()) {
      const revision = revisions[index];
      if (value === null || revision === undefined) continue;
      subject.revisions.set(each, [...(subject.revisions.get(each) ?? []), revision].slice(-2));
    }
    return 'committed';
  } catch (thrown) {
    return thrown instanceof Error && 'key' in thrown ? `conflict on ${thrown.key}` : thrown;
  }
}

function commitOperation(random: Random): Operation {
  const commit = drawCommit(random);
  return { name: 'commit', run: (subject) => applyCommit(subject, commit) };
}

/** Commits that are under way together; on keys of their own, for their order among each other is open. */
function groupOperation(random: Random): Operation {
  const value = drawValue(random);
  const count = 2 + random(30);
  const run = (subject: Subject) =>
    Promise.all(
      Array.from({ length: count }, (_, index) => {
        const own = key(`group/${index}`);
        const expectations = index % 3 === 0 ? [{ key: own, revision: null }] : [];
        return subject.storage
          .commit([{ key: own, value: index % 5 === 0 ? null : value }], expectations)
          .then(
            () => 'committed',
            (thrown: unknown) => (thrown instanceof Error && 'key' in thrown ? thrown.key : thrown),
          );
      }),
    );
  return { name: 'group', run };
}

/** Values as text: comparing two buffers byte by byte in a test's assertion is slow. */
function text(value: Buffer): string {
  return value.toString('latin1');
}

function readOperation(random: Random): Operation {
  const keys = drawKeys(random, 12);
  const run = async ({ storage, revisions }: Subject): Promise<unknown> => {
    const shown = (record: StorageRecord | undefined, index: number): unknown => {
      const newest = revisions.get(keys[index] ?? key('a'))?.at(-1);
      return record && [text(record.value), record.revision === newest];
    };
    const many = (await storage.readMany(keys)).map(shown);
    const single = (await Promise.all(keys.map((each) => storage.read(each)))).map(shown);
    expect(single).toEqual(many);
    return many;
  };
  return { name: 'read', run };
}

function childrenOperation(random: Random): Operation {
  const parts = Array.from({ length: random(3) }, () => segments[random(segments.length)] ?? 'a');
  const prefix = parts.map((part) => `${part}/`).join('');
  const limit = 1 + random(8);
  const run = async ({ storage }: Subject): Promise<unknown> => {
    const pages: string[][] = [];
    for (let after: string | undefined, more = true; more; ) {
      const page = await storage.children(prefix, after === undefined ? { limit } : { limit, after });
      pages.push([...page.items]);
      after = page.next;
      more = after !== undefined;
    }
    return pages;
  };
  return { name: `children of ${prefix}`, run };
}

function rangeOperation(random: Random): Operation {
  const prefix =
    random(4) === 0
      ? ''
      : drawKey(random)
          .slice(0, 1 + random(3))
          .toWellFormed();
  const limit = 1 + random(20);
  const run = async ({ storage }: Subject): Promise<unknown> => {
    const found: unknown[] = [];
    for (let after: string | undefined, more = true; more; ) {
      const page = await storage.range(prefix, after === undefined ? { limit } : { limit, after });
      found.push(page.items.map((item) => [item.key, text(item.value)]));
      after = page.next;
      more = after !== undefined;
    }
    return found;
  };
  return { name: `range of ${prefix}`, run };
}

/** What a snapshot shows after a commit that came later; where there are none, what is there before it. */
function snapshotOperation(random: Random): Operation {
  const commit = drawCommit(random);
  const limit = 1 + random(50);
  const run = async (subject: Subject): Promise<unknown> => {
    using snapshot = await withSnapshots(subject.storage)?.snapshot();
    const before = snapshot === undefined ? await recordsOf(subject.storage, limit) : undefined;
    const outcome = await applyCommit(subject, commit);
    return [outcome, before ?? (await recordsOf(snapshot ?? subject.storage, limit))];
  };
  return { name: 'snapshot', run };
}

async function recordsOf(from: Pick<Storage, 'range'>, limit: number): Promise<unknown> {
  const found: unknown[] = [];
  for (let after: string | undefined, more = true; more; ) {
    const page = await from.range('', after === undefined ? { limit } : { limit, after });
    found.push(page.items.map((item) => [item.key, text(item.value)]));
    after = page.next;
    more = after !== undefined;
  }
  return found.flat();
}

/** What no store takes: each says so by the same code, and writes nothing. */
function refusedOperation(random: Random): Operation {
  const own = drawKey(random);
  const value = Buffer.alloc(0);
  const write = { key: own, value };
  // Drawn here: every store is asked the same.
  const limit = [0, 1_001, 1.5][random(3)] ?? 0;
  const many = Array.from({ length: 65 }, (_, index) => key(`many/${index}`));
  const refused: readonly ((storage: Storage) => Promise<unknown>)[] = [
    (storage) => storage.commit([write, write]),
    (storage) =>
      storage.commit(
        [write],
        [
          { key: own, revision: null },
          { key: own, revision: null },
        ],
      ),
    (storage) => storage.commit([{ key: own, value: Buffer.alloc(256 * 1024 + 1) }]),
    (storage) => storage.commit(many.map((each) => ({ key: each, value }))),
    (storage) => storage.readMany(many),
    (storage) => storage.range('', { limit: limit }),
    (storage) => storage.children('a', { limit: 1 }),
    (storage) => storage.range('a', { limit: 1, after: 'b' }),
  ];
  const index = random(refused.length);
  const attempt = refused[index];
  const run = async ({ storage }: Subject): Promise<unknown> => {
    try {
      return await attempt?.(storage);
    } catch (thrown) {
      return thrown instanceof CofferError ? thrown.code : thrown;
    }
  };
  return { name: `refused ${index}`, run };
}

async function reopen(subject: Subject): Promise<unknown> {
  if (subject.reopen === undefined) return undefined;
  await subject.storage.close();
  subject.storage = await subject.reopen();
  return undefined;
}
