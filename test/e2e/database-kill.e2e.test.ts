/** The real program, killed while it makes and ends users of a database: nothing there is left without a lease. */
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { auditDirectoryOf, createNode, storeDirectoryOf } from '../../src/main/node.ts';
import { openLmdbStorage } from '../../src/storage/lmdb/lmdb.ts';
import { ask, finishDuties, loggerInto } from '../fakes/client.ts';
import { roleOf } from '../fakes/database-mount.ts';
import { HandClock } from '../fakes/hand-clock.ts';
import { generator } from '../fault/storage-fault.ts';
import { type DatabasePlace, databasePlace } from '../setup/database-place.ts';
import { cleanUp, freshPlace, startServer } from './server-process.ts';
import { openWire, textAt, type Wire } from './wire.ts';

const found = await databasePlace('postgresql');
const seed = Number(process.env['COFFER_TEST_SEED'] ?? 20_261_122);
const rounds = 4;
const clients = 12;
const prefix = `k${process.pid}`;

afterAll(async () => {
  await cleanUp();
  await found?.close();
});

interface Handed {
  readonly username: string;
  readonly password: string;
  readonly lease: string;
}

/** What the clients were told. */
class Ledger {
  readonly handed = new Map<string, Handed>();
  /** Leases that somebody asked to end: whether that was told as done or not. */
  readonly ending = new Set<string>();
  told = 0;

  /** Asks again and again, until the server is no more. */
  async work(wire: Wire, random: () => number, enough: () => boolean): Promise<void> {
    while (!enough()) {
      const made = await wire.ask('GET', 'db/creds/app').catch(() => undefined);
      if (made?.status !== 200) return;
      const lease = textAt(made.json, 'lease_id');
      const username = textAt(made.json, 'data', 'username');
      this.handed.set(lease, { username, password: textAt(made.json, 'data', 'password'), lease });
      this.told += 1;
      if (random() < 0.5) continue;
      this.ending.add(lease);
      const ended = await wire
        .ask('POST', 'sys/leases/revoke', { body: { lease_id: lease } })
        .catch(() => undefined);
      if (ended === undefined) return;
      this.told += 1;
    }
  }
}

describe.skipIf(found === undefined)('kill -9', () => {
  it('leaves no user without a lease, and none that was handed over without a user', async () => {
    if (found !== undefined) await killRounds(found);
  });
});

async function killRounds(database: DatabasePlace): Promise<void> {
  const random = generator(seed);
  const place = freshPlace();
  const ledger = new Ledger();
  let keys: readonly string[] = [];
  let token = '';
  for (let round = 0; round < rounds; round++) {
    const server = await startServer(place, round === 0 ? { words: ['--init-by-api'] } : {});
    if (round === 0) {
      const wire = openWire(server.address);
      const init = await wire.ask('POST', 'sys/init', { body: { secret_shares: 1, secret_threshold: 1 } });
      wire.close();
      ({ keys, root_token: token } = init.json as {
        readonly keys: readonly string[];
        readonly root_token: string;
      });
    }
    const wire = openWire(server.address, token);
    await wire.ask('POST', 'sys/unseal', { body: { key: keys[0] ?? '' } });
    if (round === 0) await configure(wire, database);
    const last = ledger.told + 10 + Math.floor(random() * 60);
    const enough = () => ledger.told >= last;
    const working = Array.from({ length: clients }, () => ledger.work(wire, random, enough));
    // Whoever comes to the last one first ends the server, with the others in the middle of theirs.
    await Promise.race(working);
    await server.kill();
    await Promise.all(working);
    wire.close();
  }
  await settleAndCompare(place.data, keys, token, database, ledger);
}

async function configure(wire: Wire, database: DatabasePlace): Promise<void> {
  const config = {
    plugin_name: database.plugin,
    connection_url: database.url,
    username: database.name,
    password: database.password,
    allowed_roles: '*',
    max_open_connections: 8,
    username_template: `${prefix}-{{ random 20 }}`,
  };
  const steps: readonly (readonly [string, object])[] = [
    ['sys/mounts/db', { type: 'database' }],
    ['db/config/main', config],
    ['db/roles/app', { ...roleOf(database), default_ttl: '24h' }],
  ];
  for (const [path, body] of steps)
    expect((await wire.ask('POST', path, { body: { ...body } })).status).toBe(204);
}

/** Another process, some minutes later by its clock. */
async function settleAndCompare(
  data: string,
  keys: readonly string[],
  token: string,
  database: DatabasePlace,
  ledger: Ledger,
): Promise<void> {
  const storage = await openLmdbStorage({ path: storeDirectoryOf(data), create: false });
  const clock = new HandClock(Date.now() + 300_000);
  const log = loggerInto([]);
  const node = createNode({ storage, auditDirectory: join(auditDirectoryOf(data)), seals: [], log, clock });
  try {
    await node.state.start();
    for (const key of keys) await node.state.submitKey(key);
    await finishDuties(node, clock);
    const users = new Set(await database.users(prefix));
    for (const { username, password, lease } of ledger.handed.values()) {
      if (ledger.ending.has(lease)) continue;
      expect(users.has(username), `user of ${lease}`).toBe(true);
      expect(await database.whoAmI(username, password)).toBe(username);
    }
    // All leases end, and with them all users: one that is left had none.
    expect((await ask(node, 'update', 'sys/leases/revoke-prefix/db/creds', {}, token)).status).toBe(204);
    expect(await database.users(prefix)).toEqual([]);
    expect(ledger.handed.size).toBeGreaterThan(rounds * 5);
  } finally {
    await node.state.drop().catch(() => undefined);
    await storage.close();
  }
}
