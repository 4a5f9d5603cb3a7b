/** Several real servers over one store: how they show each other, what a stopped one honours, and who is refused. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemRandom } from '../../src/crypto/random.ts';
import type { JsonObject } from '../../src/json.ts';
import { auditDirectoryOf, createNode, storeDirectoryOf } from '../../src/main/node.ts';
import { KeyfileSeal } from '../../src/seal/keyfile/keyfile-seal.ts';
import { openLmdbStorage } from '../../src/storage/lmdb/lmdb.ts';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, cli, freshPlace, type Place, type ServerProcess, startServer } from './server-process.ts';
import { at, openWire, textAt, type Wire } from './wire.ts';

afterAll(cleanUp);

let place: Place;
let servers: ServerProcess[];
let wires: Wire[];

beforeEach(() => {
  place = freshPlace();
  [servers, wires] = [[], []];
});
afterEach(async () => {
  for (const wire of wires) wire.close();
  for (const server of servers) {
    server.signal('SIGCONT');
    await server.stop();
  }
});

async function serve(words: readonly string[] = []): Promise<{ server: ServerProcess; wire: Wire }> {
  const server = await startServer(place, { words });
  servers.push(server);
  const wire = openWire(server.address, rootTokenOf(place));
  wires.push(wire);
  return { server, wire };
}

const keyfileOf = (of: Place) =>
  join(of.config, readdirSync(of.config).find((name) => name.endsWith('.keyfile')) ?? '');

async function nodesOf(wire: Wire): Promise<readonly JsonObject[]> {
  return at((await wire.ask('GET', 'sys/ha-status')).json, 'data', 'nodes') as JsonObject[];
}

describe('two servers', () => {
  it('say each of itself that it is active, and list each other', async () => {
    const one = await serve(['--init']);
    const two = await serve(['--api-addr', 'https://two.example:8200']);
    for (const { wire } of [one, two]) {
      expect(await wire.ask('GET', 'sys/health')).toMatchObject({
        status: 200,
        json: { standby: false, performance_standby: false, clock_in_doubt: false },
      });
      expect((await wire.ask('HEAD', 'sys/health')).status).toBe(200);
    }
    expect((await one.wire.ask('GET', 'sys/leader')).json).toMatchObject({
      ha_enabled: true,
      is_self: true,
      leader_address: one.server.address,
    });
    expect((await two.wire.ask('GET', 'sys/leader')).json).toMatchObject({
      is_self: true,
      leader_address: 'https://two.example:8200',
    });
    const listed = await nodesOf(one.wire);
    expect(new Set(listed.map(({ process }) => process))).toEqual(new Set([one.server.pid, two.server.pid]));
    const table = await cli(place, ['operator', 'nodes'], { env: { COFFER_ADDR: two.server.address } });
    expect(table).toMatchObject({ code: 0, stdout: expect.stringContaining('https://two.example:8200') });
    expect(table.stdout.trim().split('\n')).toHaveLength(2);
    const env = { COFFER_ADDR: two.server.address, VAULT_ADDR: two.server.address };
    expect((await cli(place, ['status'], { env })).stdout).toMatch(/^nodes\s+2$/m);
    expect((await cli(place, ['vault', 'status'], { env })).stdout).toMatch(/^HA Mode\s+active$/m);
    expect((await cli(place, ['doctor'], { env })).stdout).toContain('2 nodes serve the store');
    // One that stops is gone from the list at once, and one that is killed as soon as somebody looks.
    await two.server.kill();
    expect(await nodesOf(one.wire)).toHaveLength(1);
  });

  it('one that was stopped for a while honours all that the other answered meanwhile', async () => {
    const one = await serve(['--init']);
    const two = await serve();
    await one.wire.ask('PUT', 'sys/policies/acl/reader', {
      body: { policy: 'path "secret/data/*" { capabilities = ["read"] }' },
    });
    await one.wire.ask('PUT', 'secret/data/a', { body: { data: { turn: 1 } } });
    const made = async () =>
      textAt(
        (await one.wire.ask('POST', 'auth/token/create', { body: { policies: 'reader' } })).json,
        'auth',
        'client_token',
      );
    const [token, revoked] = [await made(), await made()];
    const reads = async (by: string) => (await two.wire.ask('GET', 'secret/data/a', { token: by })).status;
    expect([await reads(token), await reads(revoked)]).toEqual([200, 200]);
    two.server.signal('SIGSTOP');
    // Asked while it is stopped: it has to answer by what holds when it wakes.
    const asked = Promise.all([reads(token), reads(revoked)]);
    await one.wire.ask('POST', 'auth/token/revoke', { body: { token: revoked } });
    await one.wire.ask('PUT', 'secret/data/a', { body: { data: { turn: 2 } } });
    await one.wire.ask('PUT', 'sys/rotate');
    await one.wire.ask('PUT', 'secret/data/b', { body: { data: { turn: 3 } } });
    two.server.signal('SIGCONT');
    expect(await asked).toEqual([200, 403]);
    expect(at((await two.wire.ask('GET', 'secret/data/a')).json, 'data', 'data', 'turn')).toBe(2);
    expect(at((await two.wire.ask('GET', 'secret/data/b')).json, 'data', 'data', 'turn')).toBe(3);
    await one.wire.ask('DELETE', 'sys/policies/acl/reader');
    expect(await reads(token)).toBe(403);
  });
});

describe('a server that cannot serve the store', () => {
  it('because it has another store’s key says so, and stays sealed beside the others', async () => {
    const one = await serve(['--init']);
    const other = freshPlace();
    const stranger = await startServer(other, { words: ['--init'] });
    await stranger.stop();
    const foreign = join(place.home, 'foreign.keyfile');
    copyFileSync(keyfileOf(other), foreign);
    const two = await serve(['--keyfile', foreign]);
    expect(two.server.stdout).toContain('The store is sealed');
    expect(two.server.stderr).toMatch(/belongs to store [^ ]+, and this is store/);
    expect((await two.wire.ask('GET', 'sys/health')).status).toBe(503);
    expect((await one.wire.ask('GET', 'sys/health')).status).toBe(200);
    // A sealed node is none of those that serve the store.
    expect(await nodesOf(one.wire)).toHaveLength(1);
    const key = /^key: (.*)$/m.exec(readFileSync(keyfileOf(place), 'utf8'))?.[1] ?? '';
    expect((await two.wire.ask('PUT', 'sys/unseal', { body: { key } })).json).toMatchObject({
      sealed: false,
    });
    expect(await nodesOf(one.wire)).toHaveLength(2);
  });

  it('because a newer program wrote there is refused at its start, with what it is that it cannot read', async () => {
    const first = await serve(['--init']);
    await first.server.stop();
    const storage = await openLmdbStorage({ path: storeDirectoryOf(place.data), create: false });
    const silent = { debug() {}, info() {}, warn() {}, error() {} };
    const newer = createNode({
      storage,
      auditDirectory: auditDirectoryOf(place.data),
      seals: [new KeyfileSeal({ path: keyfileOf(place), random: systemRandom })],
      log: silent,
      formats: { 'kv/pointer': { reads: 4, writes: 4, first: 2 } },
    });
    await newer.state.start();
    await newer.state.close();
    const refused = await cli(place, ['server', '--listen', '127.0.0.1:0']);
    expect(refused).toMatchObject({
      code: 10,
      stderr: expect.stringMatching(/the store holds kv\/pointer of version 4.*reads up to version 3/s),
    });
  });

  it('because it is of a newer format altogether, or no store, says which', async () => {
    const { server } = await serve(['--init']);
    await server.stop();
    const storage = await openLmdbStorage({ path: storeDirectoryOf(place.data), create: false });
    const key = 'boot/store' as never;
    const header = JSON.parse((await storage.read(key))?.value.toString('utf8') ?? '{}') as JsonObject;
    await storage.commit([{ key, value: Buffer.from(JSON.stringify({ ...header, format: 2 })) }]);
    await storage.close();
    expect(await cli(place, ['server', '--listen', '127.0.0.1:0'])).toMatchObject({
      code: 10,
      stderr: expect.stringMatching(/newer Coffer/),
    });
    const empty = join(place.home, 'elsewhere');
    mkdirSync(empty, { mode: 0o700 });
    writeFileSync(join(empty, 'README'), 'nothing of ours');
    expect(await cli(place, ['server', '--listen', '127.0.0.1:0', '--data', empty])).toMatchObject({
      code: 10,
      stderr: expect.stringContaining('there is no store in'),
    });
  });
});
