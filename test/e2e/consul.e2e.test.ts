/** The real program over a store in Consul: two servers, a crash, a move there and back, a backup, and what is said where Consul is not to be had. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { ConsulAgentFake } from '../fakes/consul-agent.ts';
import { type ConsulPlace, consulPlace } from '../setup/consul-place.ts';
import { need } from '../setup/need.ts';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, cli, freshPlace, type Place, runProgram, startServer } from './server-process.ts';
import { at, openWire } from './wire.ts';

const agents: (ConsulPlace | ConsulAgentFake)[] = [];
afterEach(async () => {
  await cleanUp();
  await Promise.all(agents.splice(0).map((agent) => agent.close()));
});
afterAll(cleanUp);

/** What the program finds its agent and its storage by. */
async function consul(): Promise<{ readonly CONSUL_HTTP_ADDR: string; readonly COFFER_STORAGE: string }> {
  const agent = await consulPlace();
  agents.push(agent);
  return { CONSUL_HTTP_ADDR: agent.address, COFFER_STORAGE: 'consul:coffer' };
}

async function wordAt(address: string, token: string): Promise<unknown> {
  const wire = openWire(address, token);
  const { json } = await wire.ask('GET', 'secret/data/a');
  wire.close();
  return at(json, 'data', 'data', 'word');
}

describe('a server over Consul', () => {
  it('serves with another one, loses nothing when it is killed, and goes on', async () => {
    const env = await consul();
    const place = freshPlace();
    const first = await startServer(place, { words: ['--init'], env });
    expect(first.stdout).toContain('store       consul:coffer\n');
    // A second host: a data directory of its own, the same keyfile.
    const second = await startServer(place, { words: ['--data', join(place.home, 'second')], env });
    const token = rootTokenOf(place);
    const one = openWire(first.address, token);
    const two = openWire(second.address, token);
    for (let count = 1; count <= 10; count++) {
      const [writer, reader] = count % 2 === 0 ? [one, two] : [two, one];
      await writer.ask('PUT', 'secret/data/turns', { body: { data: { count } } });
      expect(at((await reader.ask('GET', 'secret/data/turns')).json, 'data', 'data', 'count')).toBe(count);
    }
    await first.kill();
    expect(at((await two.ask('GET', 'secret/data/turns')).json, 'data', 'data', 'count')).toBe(10);
    const again = await startServer(place, { env });
    const three = openWire(again.address, token);
    await three.ask('PUT', 'secret/data/turns', { body: { data: { count: 11 } } });
    expect(at((await two.ask('GET', 'secret/data/turns')).json, 'data', 'data', 'count')).toBe(11);
    for (const wire of [one, two, three]) wire.close();
    expect(await second.stop()).toMatchObject({ code: 0 });
    expect(await again.stop()).toMatchObject({ code: 0 });
  });

  it('walks the App-ID workflow of hvac 0.11', async (context) => {
    const python = need(context, 'hvac-app-id');
    const env = await consul();
    const place = freshPlace();
    const server = await startServer(place, { words: ['--init'], env });
    const script = fileURLToPath(new URL('../compat/hvac-app-id.py', import.meta.url));
    expect(await runProgram(python, [script, server.address], place.env, rootTokenOf(place))).toEqual({
      code: 0,
      stdout: 'mapped\nhanded over\nlogged in\nrefused\n',
      stderr: '',
    });
    expect(await server.stop()).toMatchObject({ code: 0 });
  });

  it('serves what the configuration of the old server says, initialised and unsealed by hand', async () => {
    const { CONSUL_HTTP_ADDR } = await consul();
    const place = freshPlace();
    const config = join(place.home, 'vault.hcl');
    const listener = 'listener "tcp" {\n  address = "127.0.0.1:0"\n  tls_disable = 1\n}\n';
    const storage = `storage "consul" {\n  address = "${CONSUL_HTTP_ADDR}"\n  path = "coffer/"\n}\n`;
    writeFileSync(config, storage + listener, { mode: 0o600 });
    const start = () =>
      startServer(place, { verb: ['vault', 'server'], listen: [], words: [`-config=${config}`] });
    const first = await start();
    const vault = (address: string, words: readonly string[], env: Record<string, string> = {}) =>
      cli(place, ['vault', ...words], { env: { VAULT_ADDR: address, ...env } });
    const made = await vault(first.address, ['operator', 'init', '-n=1', '-t=1', '-format=json']);
    const { unseal_keys_b64: keys, root_token: token } = JSON.parse(made.stdout) as {
      unseal_keys_b64: string[];
      root_token: string;
    };
    const env = { VAULT_TOKEN: token };
    await vault(first.address, ['unseal', keys[0] ?? '']);
    expect((await vault(first.address, ['secrets', 'enable', '-path=config', 'generic'], env)).code).toBe(0);
    expect((await vault(first.address, ['write', 'config/a', 'b=c'], env)).code).toBe(0);
    await first.stop();
    const second = await start();
    await vault(second.address, ['unseal', keys[0] ?? '']);
    expect((await vault(second.address, ['read', '-field=b', 'config/a'], env)).stdout).toBe('c');
    expect((await second.stop()).code).toBe(0);
  });

  it('takes a store over from a directory, is backed up while it serves, and gives it back', async () => {
    const { COFFER_STORAGE, ...env } = await consul();
    const place = freshPlace();
    const before = await startServer(place, { words: ['--init'], env });
    const token = rootTokenOf(place);
    const wire = openWire(before.address, token);
    await wire.ask('PUT', 'secret/data/a', { body: { data: { word: 'kept' } } });
    wire.close();
    await before.stop();
    const own = `lmdb:${join(place.data, 'store')}`;
    const migrate = (from: string, to: string) =>
      cli(place, ['operator', 'migrate', '--from', from, '--to', to], { env });
    expect(await migrate(own, COFFER_STORAGE)).toMatchObject({ code: 0 });
    const server = await startServer(place, { env: { ...env, COFFER_STORAGE } });
    expect(await wordAt(server.address, token)).toBe('kept');
    const login = { COFFER_ADDRESS: server.address, VAULT_ADDR: server.address, VAULT_TOKEN: token };
    const file = join(place.home, 'backup');
    const backup = await cli(place, ['operator', 'backup', file], { env: { ...env, ...login } });
    expect(backup, backup.stderr).toMatchObject({ code: 0 });
    const away = `lmdb:${join(place.home, 'away')}`;
    const early = await migrate(COFFER_STORAGE, away);
    expect(early).toMatchObject({ code: 6, stderr: expect.stringContaining('is open elsewhere (process ') });
    await server.stop();
    const back = await migrate(COFFER_STORAGE, away);
    expect(back, back.stderr).toMatchObject({ code: 0 });
    const home = await startServer(place, { words: ['--storage', away], env });
    expect(await wordAt(home.address, token)).toBe('kept');
    await home.stop();
    const left = await cli(place, ['server', '--listen', '127.0.0.1:0'], { env: { ...env, COFFER_STORAGE } });
    expect(left).toMatchObject({ code: 10, stderr: expect.stringContaining('migrated to') });
  });

  it('threat 16: tells no token, whatever keeps it from starting', async () => {
    const rights = { write: ['coffer/'], sessions: true };
    const agent = await ConsulAgentFake.start({ tokens: new Map([['s3cret-token', rights]]) });
    agents.push(agent);
    const place = freshPlace();
    const host = `127.0.0.1:${agent.port}`;
    const start = (storage: string, token: string) =>
      cli(place, ['server', '--listen', '127.0.0.1:0'], {
        env: { COFFER_STORAGE: storage, CONSUL_HTTP_TOKEN: token },
      });
    const outcomes = [
      [await start(`consul://${host}/coffer`, 's3cret-token'), 10, 'no store'],
      [await start(`consul://${host}/coffer`, 's3cret-other'), 10, 'refuses the token'],
      [await start(`consul://${host}/elsewhere`, 's3cret-token'), 10, 'refuses the token'],
      [await start('consul://127.0.0.1:1/coffer', 's3cret-token'), 9, 'cannot be reached'],
      [await start(`consul://:s3cret-token@${host}/coffer`, ''), 10, 'no store'],
      [await start(`consul://s3cret-token@${host}/coffer`, ''), 2, 'behind a colon'],
      [
        await cli(place, ['server', '--storage', `consul://:s3cret-token@${host}/coffer`]),
        2,
        'COFFER_STORAGE',
      ],
    ] as const;
    for (const [outcome, code, said] of outcomes) {
      expect(outcome).toMatchObject({ code, stderr: expect.stringContaining(said) });
      expect(outcome.stdout + outcome.stderr).not.toContain('s3cret');
    }
    expect(keyfilesOf(place)).toEqual([]);
  });
});

function keyfilesOf(place: Place): readonly string[] {
  try {
    return readdirSync(place.config);
  } catch {
    return [];
  }
}
