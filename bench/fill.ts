/**
 * Fills a store for `bench/scale.mjs`, through the rooms and without HTTP or audit: very many secrets below one folder, leases,
 * and policies. Prints a line of progress a second.
 */

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Core } from '../src/core/core.ts';
import { parseApiPath } from '../src/core/path.ts';
import { systemRandom } from '../src/crypto/random.ts';
import { openLogger } from '../src/log.ts';
import { createNode, storeDirectoryOf } from '../src/main/node.ts';
import { KeyfileSeal } from '../src/seal/keyfile/keyfile-seal.ts';
import { openLmdbStorage } from '../src/storage/lmdb/lmdb.ts';

interface Wish {
  readonly data: string;
  readonly keyfile: string;
  readonly tokenFile: string;
  readonly secrets: number;
  readonly leases: number;
  /** Seconds of life of each lease. */
  readonly leaseTtl: number;
  readonly policies: number;
  readonly rules: number;
}

const wish = JSON.parse(process.argv[2] ?? '{}') as Wish;
const token = readFileSync(wish.tokenFile, 'utf8').trim();
const storage = await openLmdbStorage({ path: storeDirectoryOf(wish.data), create: false });
const node = createNode({
  storage,
  auditDirectory: undefined,
  seals: [new KeyfileSeal({ path: wish.keyfile, random: systemRandom })].map((seal) => ({
    kind: seal.kind,
    automatic: true,
    wrap: seal.wrap.bind(seal),
    unwrap: seal.unwrap.bind(seal),
  })),
  log: openLogger({ level: 'error', terminal: false, write: (line) => void process.stderr.write(line) }),
});
await node.state.start();
const { core } = node.state;
if (core === undefined) throw new Error('the store did not open');

await inParallel('secrets', wish.secrets, (index) =>
  write(`secret/data/many/${index}`, { data: { password: `value of ${index}` } }),
);
// Each changes the epoch: side by side they would only get in each other's way.
await inParallel(
  'policies',
  wish.policies,
  (index) => write(`sys/policies/acl/policy-${index}`, { policy: policyText(index) }),
  1,
);
const perCommit = 30;
await inParallel('leases', Math.ceil(wish.leases / perCommit), (index) =>
  leases(core, Math.min(perCommit, wish.leases - index * perCommit)),
);
await node.state.close();

async function write(path: string, data: Readonly<Record<string, unknown>>): Promise<void> {
  const answer = await node.road.handle({
    id: randomUUID(),
    operation: 'update',
    path: parseApiPath(path),
    data: data as never,
    token,
    wrapTtl: 0,
    remoteAddress: '127.0.0.1',
  });
  if (answer.kind === 'error') throw new Error(`${path}: ${answer.errors.join()}`);
}

/** Leases as an engine makes them: no engine is called when they end, so that only Coffer's own work is measured. */
async function leases(room: Core, count: number): Promise<void> {
  const mount = room.mounts.table.at('secret/');
  if (mount === undefined) throw new Error('there is no secret/');
  const lease = { ttl: wish.leaseTtl, renewable: true, internal: { user: 'nobody' } };
  const writes = Array.from({ length: count }, () =>
    room.leases.prepare('secret/creds/app', mount, null, lease),
  );
  await room.store.commit(writes.flatMap((prepared) => prepared.writes));
}

function policyText(index: number): string {
  return Array.from(
    { length: wish.rules },
    (_, rule) => `path "secret/data/team-${index}/app-${rule}/*" { capabilities = ["read", "list"] }`,
  ).join('\n');
}

async function inParallel(
  what: string,
  count: number,
  work: (index: number) => Promise<void>,
  workers = 1_024,
): Promise<void> {
  let next = 0;
  let told = Date.now();
  const worker = async () => {
    for (let index = next++; index < count; index = next++) {
      await work(index);
      if (Date.now() - told < 1_000) continue;
      told = Date.now();
      process.stderr.write(`${what}: ${index} of ${count}\n`);
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
}
