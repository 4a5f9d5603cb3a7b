import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, makeToken, type Place, writePolicy } from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import { openLogger } from '../../log.ts';
import type { CofferNode } from '../../main/node.ts';
import { logControl } from '../../main/program-facts.ts';

let place: Place;
let node: CofferNode;
let reloads = 0;
const printed: string[] = [];
let directory: string;

beforeEach(async () => {
  printed.length = 0;
  reloads = 0;
  directory = mkdtempSync(join(tmpdir(), 'coffer-server-'));
  const log = openLogger({ level: 'info', terminal: false, write: (line) => void printed.push(line) });
  place = await makePlace({
    program: {
      logs: logControl(log, () => 'info'),
      configuration: () => ({ storage: { type: 'memory' }, log_level: 'info', listeners: [] }),
      reload: () => () => void reloads++,
    },
  });
  program = log;
  node = await place.node();
});
let program: ReturnType<typeof openLogger>;
afterEach(async () => {
  await place.remove();
  rmSync(directory, { recursive: true, force: true });
});

const read = (path: string) => ask(node, 'read', path);
const write = (path: string, data: JsonObject = {}) => ask(node, 'update', path, data);

describe('tools', () => {
  it('draw random bytes', async () => {
    expect(
      Buffer.from(String((await write('sys/tools/random')).data['random_bytes']), 'base64'),
    ).toHaveLength(32);
    expect(String((await write('sys/tools/random/7', { format: 'hex' })).data['random_bytes'])).toMatch(
      /^[0-9a-f]{14}$/,
    );
    expect((await write('sys/tools/random/platform/16')).status).toBe(200);
    for (const path of ['random/0', 'random/131073', 'random/x1', 'random/seal/8', 'random/all']) {
      expect((await write(`sys/tools/${path}`)).status, path).toBe(400);
    }
    expect((await write('sys/tools/random', { bytes: 8, format: 'text' })).status).toBe(400);
  });

  it('hash', async () => {
    const sum = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect((await write('sys/tools/hash', { input: 'YWJj' })).data).toEqual({ sum });
    const base64 = Buffer.from(sum, 'hex').toString('base64');
    expect((await write('sys/tools/hash', { input: 'YWJj', format: 'base64' })).data).toEqual({
      sum: base64,
    });
    expect((await write('sys/tools/hash/sha3-256', { input: 'YWJj' })).data).toEqual({
      sum: '3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532',
    });
    const field = { input: 'YWJj', algorithm: 'sha2-224' };
    expect(String((await write('sys/tools/hash', field)).data['sum'])).toHaveLength(56);
    for (const data of [{}, { input: '!' }, { input: 'YWJj', algorithm: 'md5' }, { input: 'YWJ' }]) {
      expect((await write('sys/tools/hash', data)).status, JSON.stringify(data)).toBe(400);
    }
    const anybody = await makeToken(node, { policies: ['default'] });
    expect((await ask(node, 'update', 'sys/tools/hash/sha2-512', { input: 'YWJj' }, anybody)).status).toBe(
      200,
    );
    expect((await ask(node, 'update', 'sys/tools/random', {}, anybody)).status).toBe(403);
  });
});

describe('loggers', () => {
  const wanted = () => {
    printed.length = 0;
    for (const component of ['core', 'http'])
      for (const level of ['debug', 'info', 'warn'] as const) {
        program[level](level, { component });
      }
    return printed.map((line) => {
      const { component, level } = JSON.parse(line) as { component: string; level: string };
      return `${component} ${level}`;
    });
  };

  it('are shown, set and reset, all or one by one', async () => {
    const usual = ['core info', 'core warn', 'http info', 'http warn'];
    expect(wanted()).toEqual(usual);
    expect((await read('sys/loggers')).data).toMatchObject({ core: 'info', http: 'info', audit: 'info' });
    expect((await write('sys/loggers/core', { level: 'trace' })).status).toBe(204);
    expect((await read('sys/loggers/core')).data).toEqual({ core: 'debug' });
    expect(wanted()).toEqual(['core debug', ...usual]);
    expect((await write('sys/loggers', { level: 'warning' })).status).toBe(204);
    expect(wanted()).toEqual(['core warn', 'http warn']);
    expect((await write('sys/loggers/http', { level: 'err' })).status).toBe(204);
    expect(wanted()).toEqual(['core warn']);
    expect((await ask(node, 'delete', 'sys/loggers/http')).status).toBe(204);
    expect(wanted()).toEqual(['core warn', 'http warn']);
    expect((await ask(node, 'delete', 'sys/loggers')).status).toBe(204);
    expect(wanted()).toEqual(usual);
  });

  it('refuse levels and names that there are none of', async () => {
    for (const data of [{}, { level: 'loud' }, { level: 'constructor' }, { level: 3 }]) {
      expect((await write('sys/loggers', data)).status, JSON.stringify(data)).toBe(400);
    }
    for (const name of ['nobody', 'constructor', '__proto__']) {
      expect((await write(`sys/loggers/${name}`, { level: 'info' })).status, name).toBe(404);
      expect((await read(`sys/loggers/${name}`)).status, name).toBe(404);
    }
  });
});

describe('monitor', () => {
  const open = async (data: JsonObject = {}) => {
    const { stream, status } = await ask(node, 'read', 'sys/monitor', data);
    if (stream === undefined) throw new Error(`no stream: ${status}`);
    return stream;
  };

  it('streams lines from a level on, also ones that are not logged', async () => {
    const stream = await open({ log_level: 'debug' });
    printed.length = 0;
    program.debug('quiet', { component: 'core' });
    program.error('loud', { token: 'hvs.CAESIabcdefghijklmnop' });
    const text = String(await stream.next());
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as JsonObject);
    expect(lines).toMatchObject([
      { level: 'debug', msg: 'quiet' },
      { level: 'error', token: '[token]' },
    ]);
    expect(printed).toHaveLength(1);
    await stream.close();
    program.error('later');
    expect(await stream.next()).toBeUndefined();
  });

  it('sends a blank line where nothing is said, so that the connection stays', async () => {
    const stream = await open();
    const next = stream.next();
    place.clock.advance(15);
    expect(String(await next)).toBe('\n');
    await stream.close();
  });

  it('threat 15: holds no more than its queue for a reader that takes nothing, and there are few readers', async () => {
    const stream = await open();
    for (let n = 0; n < 1_500; n++) program.info('line');
    const lines = String(await stream.next())
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(1_001);
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ msg: 'lines missed', count: 500 });
    const others = await Promise.all(Array.from({ length: 7 }, () => open()));
    expect((await ask(node, 'read', 'sys/monitor')).status).toBe(429);
    await stream.close();
    others.push(await open());
    for (const each of others) await each.close();
  });

  it('ends when the store is sealed', async () => {
    const stream = await open();
    const next = stream.next();
    await node.state.drop();
    expect(await next).toBeUndefined();
  });

  it('threat 18: tells nothing more once its reader’s token is revoked', async () => {
    await writePolicy(node, 'watcher', 'path "sys/monitor" { capabilities = ["read", "sudo"] }');
    const token = await makeToken(node, { policies: ['watcher'] });
    const { stream } = await ask(node, 'read', 'sys/monitor', {}, token);
    program.info('before');
    expect(String(await stream?.next())).toContain('before');
    await ask(node, 'update', 'auth/token/revoke', { token });
    program.info('after');
    expect(await stream?.next()).toBeUndefined();
    expect(await stream?.next()).toBeUndefined();
  });

  it('wants sudo, a level and a format that there are', async () => {
    await writePolicy(node, 'reader', 'path "sys/monitor" { capabilities = ["read"] }');
    const token = await makeToken(node, { policies: ['reader'] });
    expect((await ask(node, 'read', 'sys/monitor', {}, token)).status).toBe(403);
    expect((await ask(node, 'read', 'sys/monitor', { log_level: 'x' })).status).toBe(400);
    expect((await ask(node, 'read', 'sys/monitor', { log_format: 'x' })).status).toBe(400);
  });
});

describe('headers of requests in the audit log', () => {
  const withHeaders = (headers: Readonly<Record<string, string>>) =>
    ask(node, 'read', 'sys/mounts', {}, undefined, { request: { header: (name) => headers[name] } });
  const auditedOf = (id: string) =>
    place.auditLines().find((line) => line['request_id'] === id && line['type'] === 'request')?.['headers'];
  const base = 'sys/config/auditing/request-headers';

  it('are shown once they are listed: as digests, or as they are where that was asked for', async () => {
    const headers = { 'x-trace': 'abc', 'user-agent': 'curl/8\n"x"', other: 'o' };
    expect(auditedOf((await withHeaders(headers)).requestId)).toBeUndefined();
    expect((await write(`${base}/X-Trace`)).status).toBe(204);
    expect((await write(`${base}/User-Agent`, { hmac: false })).status).toBe(204);
    expect((await read(base)).data).toEqual({
      headers: { 'x-trace': { hmac: true }, 'user-agent': { hmac: false } },
    });
    expect((await read(`${base}/x-trace`)).data).toEqual({ 'x-trace': { hmac: true } });
    const { data } = await write('sys/audit-hash/coffer-chain', { input: 'abc' });
    expect(auditedOf((await withHeaders(headers)).requestId)).toEqual({
      'x-trace': [data['hash']],
      'user-agent': ['curl/8\n"x"'],
    });
    expect(auditedOf((await withHeaders({})).requestId)).toBeUndefined();
    expect((await ask(node, 'delete', `${base}/x-trace`)).status).toBe(204);
    expect((await read(`${base}/x-trace`)).status).toBe(400);
    expect(auditedOf((await withHeaders(headers)).requestId)).toEqual({ 'user-agent': ['curl/8\n"x"'] });
  });

  it('are shown by every node', async () => {
    const other = await place.node();
    await write(`${base}/x-trace`);
    const asked = await ask(other, 'read', 'sys/mounts', {}, undefined, {
      request: { header: () => 'abc' },
    });
    expect(auditedOf(asked.requestId)).toMatchObject({ 'x-trace': [expect.any(String) as string] });
  });

  it('threat 16: secrets in logs — never show credentials, long values or names that are none', async () => {
    for (const name of ['X-Vault-Token', 'authorization', 'Cookie', 'x-vault-mfa', 'Proxy-Authorization']) {
      expect((await write(`${base}/${name}`, { hmac: false })).status, name).toBe(400);
      expect((await write(`${base}/${name}`)).status, name).toBe(204);
    }
    const { requestId } = await withHeaders({ 'x-vault-token': 'a-token', cookie: 'a-cookie' });
    const shown = JSON.stringify(auditedOf(requestId));
    expect(shown).not.toContain('a-token');
    expect(shown).not.toContain('a-cookie');
    await write(`${base}/x-long`, { hmac: false });
    const long = await withHeaders({ 'x-long': 'x'.repeat(100_000) });
    expect(JSON.stringify(auditedOf(long.requestId)).length).toBeLessThan(1_200);
    for (const name of ['a b', 'ä', 'a:b', '"a"', 'x'.repeat(65)]) {
      expect((await write(`${base}/${name}`)).status, name).toBe(400);
    }
    for (let n = 0; n < 60; n++) await write(`${base}/x-${n}`);
    expect(Object.keys((await read(base)).data['headers'] as JsonObject)).toHaveLength(50);
  });
});

describe('headers for a console', () => {
  it('are kept, listed and taken away', async () => {
    expect((await ask(node, 'list', 'sys/config/ui/headers/')).status).toBe(404);
    expect((await write('sys/config/ui/headers/X-Custom', { values: ['a', 'b'] })).status).toBe(204);
    expect((await ask(node, 'list', 'sys/config/ui/headers/')).data).toEqual({ keys: ['x-custom'] });
    expect((await read('sys/config/ui/headers/x-custom')).data).toEqual({ value: 'a' });
    const all = await ask(node, 'read', 'sys/config/ui/headers/X-Custom', { multivalue: 'true' });
    expect(all.data).toEqual({ values: ['a', 'b'] });
    expect((await ask(node, 'delete', 'sys/config/ui/headers/x-custom')).status).toBe(204);
    expect((await read('sys/config/ui/headers/x-custom')).status).toBe(404);
  });

  it('are refused where they would be more than one header', async () => {
    const refused: readonly JsonObject[] = [
      {},
      { values: [] },
      { values: ['a\r\nSet-Cookie: x=1'] },
      { values: ['ä'] },
      { values: ['x'.repeat(3_000)] },
    ];
    for (const data of refused) {
      expect((await write('sys/config/ui/headers/x-a', data)).status, JSON.stringify(data)).toBe(400);
    }
    expect((await write('sys/config/ui/headers/X-Vault-Token', { values: ['a'] })).status).toBe(400);
    expect((await write('sys/config/ui/headers/a b', { values: ['a'] })).status).toBe(400);
  });
});

describe('what is told of the server', () => {
  it('its configuration, and reading it again', async () => {
    expect((await read('sys/config/state/sanitized')).data).toMatchObject({ log_level: 'info' });
    expect((await write('sys/config/reload/all')).status).toBe(204);
    expect(reloads).toBe(1);
    expect((await write('sys/config/reload/license')).status).toBe(404);
    expect((await write('sys/config/reload/x')).status).toBe(400);
    expect(reloads).toBe(1);
  });

  it('its running requests, without tokens', async () => {
    const { data, requestId } = await read('sys/in-flight-req');
    expect(data).toEqual({
      [requestId]: {
        start_time: '2026-11-22T01:36:00.000000000Z',
        client_remote_address: '192.0.2.1',
        request_path: '/v1/sys/in-flight-req',
        request_method: 'GET',
        client_id: '',
      },
    });
    const inFlight = node.state.core?.surroundings.inFlight;
    await read('secret/data/none');
    expect(inFlight?.list()).toEqual([]);
  });

  it('its versions, nodes, experiments and replication', async () => {
    expect((await read('sys/version-history')).data).toMatchObject({ keys: ['1.17.6'] });
    expect((await ask(node, 'list', 'sys/version-history/')).data).toMatchObject({
      key_info: { '1.17.6': { previous_version: null } },
    });
    const other = await place.node();
    const { nodes } = (await read('sys/ha-status')).data as { nodes: readonly JsonObject[] };
    expect(nodes[0]).toMatchObject({ active_node: true, version: '1.17.6', process: process.pid });
    await other.state.drop();
    expect((await read('sys/experiments')).data).toEqual({ available: [], enabled: [] });
    expect((await read('sys/replication/status')).data).toMatchObject({ dr: { mode: 'disabled' } });
    expect((await read('sys/internal/counters/requests')).data).toEqual({ counters: null });
    expect((await read('sys/internal/counters/config')).data).toMatchObject({ queries_available: false });
  });

  it('what is built in, and that nothing else can be', async () => {
    const { data } = await read('sys/plugins/catalog');
    expect(data['secret']).toContain('kv');
    expect(data['auth']).toContain('approle');
    expect(data['detailed']).toContainEqual({
      name: 'kv',
      type: 'secret',
      builtin: true,
      version: 'v1.17.6+builtin.vault',
      deprecation_status: 'supported',
    });
    expect((await ask(node, 'list', 'sys/plugins/catalog/auth/')).data['keys']).toContain('userpass');
    expect((await read('sys/plugins/catalog/secret/kv')).data).toMatchObject({ builtin: true, command: '' });
    expect((await read('sys/plugins/catalog/secret/none')).status).toBe(404);
    expect((await read('sys/plugins/catalog/kernel')).status).toBe(400);
  });

  it('threat 19: code by configuration — no plugin is registered, reloaded or taken away', async () => {
    const plugin = { sha256: 'ab'.repeat(32), command: 'evil', args: ['--x'] };
    for (const path of ['plugins/catalog/secret/evil', 'plugins/catalog/evil', 'plugins/reload/backend']) {
      expect((await write(`sys/${path}`, plugin)).status, path).toBe(400);
    }
    expect((await write('sys/plugins/reload/secret/kv')).status).toBe(400);
    expect((await ask(node, 'delete', 'sys/plugins/catalog/secret/kv')).status).toBe(400);
  });

  it('what there is none of', async () => {
    for (const path of ['namespaces', 'namespaces/a', 'storage/raft/configuration', 'license/status']) {
      expect(await read(`sys/${path}`), path).toMatchObject({
        status: 404,
        errors: [expect.stringContaining('unsupported path: ') as string],
      });
    }
    expect((await write('sys/namespaces/a')).status).toBe(404);
    expect((await write('sys/storage/raft/join')).status).toBe(404);
  });

  it('nothing of it to whoever has no right to it', async () => {
    const anybody = await makeToken(node, { policies: ['default'] });
    const paths = [
      ...['sys/loggers', 'sys/monitor', 'sys/in-flight-req', 'sys/config/state/sanitized', 'sys/config/cors'],
      ...['sys/plugins/catalog', 'sys/ha-status', 'sys/audit', 'sys/config/auditing/request-headers'],
    ];
    for (const path of paths) {
      expect((await ask(node, 'read', path, {}, anybody)).status, path).toBe(403);
      expect((await ask(node, 'read', path, {}, null)).status, path).toBe(403);
    }
  });
});

describe('resultant-acl', () => {
  it('shows a token its own rules, merged', async () => {
    await writePolicy(
      node,
      'one',
      'path "a/b" { capabilities = ["read"] } path "c/*" { capabilities = ["list"] }',
    );
    await writePolicy(
      node,
      'two',
      'path "a/b" { capabilities = ["update"] } path "d/+/e" { policy = "deny" }',
    );
    const token = await makeToken(node, { policies: ['one', 'two'], no_default_policy: true });
    const path = 'sys/internal/ui/resultant-acl';
    expect((await ask(node, 'read', path, {}, token)).status).toBe(403);
    const may = await makeToken(node, { policies: ['one', 'two'] });
    expect((await ask(node, 'read', path, {}, may)).data).toMatchObject({
      root: false,
      exact_paths: { 'a/b': { capabilities: ['read', 'update'] } },
      glob_paths: { 'c/': { capabilities: ['list'] }, 'd/+/e': { capabilities: ['deny'] } },
    });
    expect((await read(path)).data).toMatchObject({ root: true });
  });
});
