import { createHmac } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, makeToken, type Place, rootToken, writePolicy } from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import { type CofferNode, createNode } from '../../main/node.ts';
import { bumpEpoch } from '../epoch.ts';
import { deviceKey, encodeDevice } from './record.ts';

let directory: string;
let place: Place;
let node: CofferNode;
const printed: string[] = [];

beforeEach(async () => {
  directory = join(mkdtempSync(join(tmpdir(), 'coffer-devices-')), 'own');
  printed.length = 0;
  const devicePlaces = {
    directories: [directory],
    own: directory,
    targets: [],
    stdout: async (bytes: Buffer) => void printed.push(bytes.toString()),
  };
  place = await makePlace({ devicePlaces });
  node = await place.node();
});
afterEach(async () => {
  await place.remove();
  rmSync(join(directory, '..'), { recursive: true, force: true });
});

const enable = (path: string, options: JsonObject, type = 'file') =>
  ask(node, 'update', `sys/audit/${path}`, { type, options });
const fileText = (name: string) => readFileSync(join(directory, name), 'utf8');
const linesOf = (name: string) =>
  fileText(name)
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as JsonObject);

/** Waits for lines that are on their way. */
async function shipped(of: CofferNode = node): Promise<void> {
  const devices = of.state.core?.devices;
  for (let turn = 0; turn < 100_000; turn++) {
    if (devices?.list().every(({ waiting }) => waiting === 0)) return;
    await new Promise(setImmediate);
  }
  throw new Error('lines are not shipped');
}

/** Shipping goes on between requests. */
async function failing(state: () => Promise<JsonObject>): Promise<void> {
  for (let turn = 0; turn < 10_000 && (await state())['state'] !== 'failing'; turn++) {
    await new Promise(setImmediate);
  }
}

describe('a device', () => {
  it('is enabled, listed at both levels, and disabled again', async () => {
    expect((await enable('team/main', { file_path: 'a.log' })).status).toBe(204);
    const listed = await ask(node, 'read', 'sys/audit');
    expect(listed.data).toMatchObject({
      'coffer-chain/': { type: 'chain', path: 'coffer-chain/', options: null },
      'team/main/': {
        type: 'file',
        description: '',
        options: { file_path: 'a.log' },
        path: 'team/main/',
        local: false,
        state: 'working',
        dropped: 0,
        problem: '',
      },
    });
    expect((await ask(node, 'delete', 'sys/audit/team/main')).status).toBe(204);
    expect((await ask(node, 'delete', 'sys/audit/team/main')).status).toBe(204);
    expect(Object.keys((await ask(node, 'read', 'sys/audit')).data)).toEqual(['coffer-chain/']);
    const size = statSync(join(directory, 'a.log')).size;
    await ask(node, 'read', 'sys/mounts');
    expect(statSync(join(directory, 'a.log')).size).toBe(size);
  });

  it('writes Vault’s entries: what was asked by whom, and what was answered', async () => {
    await enable('main', { file_path: 'a.log', hmac_accessor: 'false' });
    await writePolicy(node, 'reader', 'path "secret/data/a" { capabilities = ["read", "create"] }');
    const token = await makeToken(node, { policies: ['reader'] });
    await ask(node, 'update', 'secret/data/a', { data: { password: 'hunter2hunter2' } }, token);
    const denied = await ask(node, 'delete', 'secret/data/a', {}, token);
    const read = await ask(node, 'read', 'secret/data/a', {}, token);
    await shipped();
    const lines = linesOf('a.log').filter(
      ({ request }) => (request as JsonObject)?.['id'] === read.requestId,
    );
    expect(lines.map(({ type }) => type)).toEqual(['request', 'response']);
    const [asked, answered] = lines;
    expect(asked).toEqual({
      time: '2026-11-22T01:36:00.000000000Z',
      type: 'request',
      auth: {
        accessor: expect.stringMatching(/^[a-z0-9]{50}$/) as string,
        display_name: 'token',
        policies: ['default', 'reader'],
        token_policies: ['default', 'reader'],
        policy_results: {
          allowed: true,
          granting_policies: [{ name: 'reader', namespace_id: 'root', type: 'acl' }],
        },
      },
      request: {
        id: read.requestId,
        operation: 'read',
        mount_type: 'kv',
        namespace: { id: 'root' },
        path: 'secret/data/a',
        data: {},
        remote_address: '192.0.2.1',
        client_token_accessor: expect.stringMatching(/^[a-z0-9]{50}$/) as string,
      },
    });
    expect(answered).toMatchObject({
      type: 'response',
      auth: asked?.['auth'],
      request: asked?.['request'],
      response: {
        mount_type: 'kv',
        status: 200,
        data: { data: expect.stringMatching(/^hmac-sha256:/) as string },
      },
    });
    const refused = linesOf('a.log').filter(
      (line) => (line['request'] as JsonObject)['id'] === denied.requestId,
    );
    expect(refused).toMatchObject([
      { type: 'request', auth: { policy_results: { allowed: false } }, error: 'permission denied' },
      { type: 'response', error: expect.stringContaining('permission denied') as string },
    ]);
  });

  it('hides accessors unless it is told not to', async () => {
    await enable('hides', { file_path: 'hides.log' });
    await enable('shows', { file_path: 'shows.log', hmac_accessor: false });
    const { auth } = await ask(node, 'update', 'auth/token/create', { policies: ['default'] });
    await shipped();
    const accessor = auth?.accessor ?? '';
    expect(fileText('shows.log')).toContain(accessor);
    expect(fileText('hides.log')).not.toContain(accessor);
    const { data } = await ask(node, 'update', 'sys/audit-hash/hides', { input: accessor });
    expect(fileText('hides.log')).toContain(String(data['hash']));
  });

  it('begins its lines with its prefix', async () => {
    await enable('main', { file_path: 'a.log', prefix: '@cee: ' });
    await ask(node, 'read', 'sys/mounts');
    await shipped();
    expect(fileText('a.log').split('\n')[0]).toMatch(/^@cee: \{"time":/);
  });

  it('goes to standard output or nowhere, also by the paths that Vault has for them', async () => {
    expect((await enable('out', {}, 'stdout')).status).toBe(204);
    expect((await enable('out2', { file_path: 'stdout', mode: '0600' })).status).toBe(204);
    expect((await enable('none', { path: 'discard' })).status).toBe(204);
    await ask(node, 'read', 'sys/mounts');
    await shipped();
    expect(printed.join('').split('\n').length).toBeGreaterThan(4);
    expect(existsSync(directory)).toBe(false);
  });

  it('begins its file anew after a reload, and loses no line', async () => {
    await enable('main', { file_path: 'a.log' });
    await ask(node, 'read', 'sys/mounts');
    await shipped();
    renameSync(join(directory, 'a.log'), join(directory, 'a.log.1'));
    node.state.core?.devices.reopen();
    const { requestId } = await ask(node, 'read', 'sys/auth');
    await shipped();
    expect(linesOf('a.log').map((line) => (line['request'] as JsonObject)['id'])).toEqual([
      requestId,
      requestId,
    ]);
  });

  it('is opened by every node of the store, and by one that starts later', async () => {
    const other = await place.node();
    await enable('main', { file_path: 'a.log' });
    const first = await ask(other, 'read', 'sys/mounts');
    await shipped(other);
    const later = await place.node();
    const second = await ask(later, 'read', 'sys/mounts');
    await shipped(later);
    for (const { requestId } of [first, second]) expect(fileText('a.log')).toContain(requestId);
    await ask(node, 'delete', 'sys/audit/main');
    const { requestId } = await ask(other, 'read', 'sys/mounts');
    expect(fileText('a.log')).not.toContain(requestId);
  });
});

describe('what is refused', () => {
  it.each([
    ['no type', { options: {} }, 'missing field "type"'],
    ['an unknown type', { type: 'kafka', options: {} }, 'unknown type'],
    ['raw secrets', { type: 'file', options: { file_path: 'a', log_raw: 'true' } }, 'log_raw'],
    ['another format', { type: 'file', options: { file_path: 'a', format: 'jsonx' } }, 'format'],
    ['a filter', { type: 'file', options: { file_path: 'a', filter: 'x' } }, 'no option "filter"'],
    ['a fallback', { type: 'file', options: { file_path: 'a', fallback: 'true' } }, 'no option "fallback"'],
    ['elided lists', { type: 'file', options: { file_path: 'a', elide_list_responses: 1 } }, 'elide'],
    ['half a switch', { type: 'file', options: { file_path: 'a', hmac_accessor: 'maybe' } }, 'hmac_accessor'],
    ['a mode', { type: 'file', options: { file_path: 'a', mode: '0644' } }, '0600'],
    ['no file', { type: 'file', options: {} }, 'file_path'],
    ['no target', { type: 'socket', options: { address: '127.0.0.1:1' } }, 'audit.targets'],
  ])('%s', async (_, data, message) => {
    const answer = await ask(node, 'update', 'sys/audit/x', data as JsonObject);
    expect(answer).toMatchObject({ status: 400, errors: [expect.stringContaining(message) as string] });
    expect(Object.keys((await ask(node, 'read', 'sys/audit')).data)).toEqual(['coffer-chain/']);
  });

  it('a path that is taken, around or below another, or no path', async () => {
    await enable('a/b', { file_path: 'a.log' });
    for (const path of ['a/b', 'a', 'a/b/c', 'coffer-chain', 'coffer-chain/x']) {
      const inUse = [expect.stringMatching(/^path is already in use at /) as string];
      expect(await enable(path, { file_path: 'b.log' }), path).toMatchObject({ status: 400, errors: inUse });
    }
    for (const path of ['ä', 'a b', '-x', '.x']) {
      expect((await enable(path, { file_path: 'b.log' })).status, path).toBe(400);
    }
  });

  it('more than eight devices, also when they come at once', async () => {
    const asked = await Promise.all(
      Array.from({ length: 12 }, (_, n) => enable(`d${n}`, {}, 'discard').then(({ status }) => status)),
    );
    expect(asked.filter((status) => status === 204).length).toBeLessThanOrEqual(8);
    for (let n = 12; n < 24; n++) await enable(`d${n}`, {}, 'discard');
    expect(Object.keys((await ask(node, 'read', 'sys/audit')).data)).toHaveLength(9);
  });

  it('taking the built-in log away, or another in its place', async () => {
    const answer = await ask(node, 'delete', 'sys/audit/coffer-chain');
    expect(answer).toMatchObject({ status: 400, errors: ['the built-in audit log cannot be disabled'] });
    expect((await enable('coffer-chain', {}, 'discard')).status).toBe(400);
    await enable('none', {}, 'discard');
    const { requestId } = await ask(node, 'read', 'sys/mounts');
    expect(place.auditLines().filter((line) => line['request_id'] === requestId)).toHaveLength(2);
  });

  it('all of it without sudo', async () => {
    const all = 'capabilities = ["create", "read", "update", "delete", "list"]';
    await writePolicy(node, 'nosudo', `path "sys/audit*" { ${all} }`);
    const token = await makeToken(node, { policies: ['nosudo'] });
    const device = { type: 'discard' };
    expect((await ask(node, 'update', 'sys/audit/x', device, token)).status).toBe(403);
    expect((await ask(node, 'delete', 'sys/audit/x', {}, token)).status).toBe(403);
    expect((await ask(node, 'read', 'sys/audit', {}, token)).status).toBe(403);
  });
});

describe('threat 16: secrets in logs — what a device shows', () => {
  it('is no more than the built-in log does, under a key of its own', async () => {
    await enable('one', { file_path: 'one.log' });
    await enable('two', { file_path: 'two.log', hmac_accessor: 'false' });
    const secret = 'a-secret-value-of-its-own';
    await ask(node, 'update', 'secret/data/a', { data: { password: secret } });
    const token = await makeToken(node, { policies: ['default'], metadata: { a: 'b' } });
    await ask(node, 'read', 'auth/token/lookup-self', {}, token);
    await ask(node, 'update', 'auth/token/lookup', { token });
    await ask(node, 'read', `secret/data/${token}`);
    await ask(node, 'update', 'sys/wrapping/wrap', { secret }, rootToken, { wrapTtl: 60 });
    await shipped();
    for (const name of ['one.log', 'two.log']) {
      for (const text of [secret, token, rootToken]) expect(fileText(name)).not.toContain(text);
    }
    const digestsOf = (text: string) => new Set(text.match(/hmac-sha256:[0-9a-f]{64}/g) ?? []);
    const [one, two] = [digestsOf(fileText('one.log')), digestsOf(fileText('two.log'))];
    const chain = digestsOf(JSON.stringify(place.auditLines()));
    expect(one.size).toBeGreaterThan(3);
    for (const digest of one) expect(two.has(digest) || chain.has(digest)).toBe(false);
    for (const digest of two) expect(chain.has(digest)).toBe(false);
  });

  it('can be found by audit-hash, device by device', async () => {
    await enable('one', { file_path: 'one.log' });
    await enable('two', { file_path: 'two.log' });
    const token = await makeToken(node, { policies: ['default'] });
    await ask(node, 'update', 'auth/token/lookup', { token });
    await shipped();
    const hashOf = async (path: string) => {
      const { data } = await ask(node, 'update', `sys/audit-hash/${path}`, { input: token });
      return String(data['hash']);
    };
    const hashes = await Promise.all(['one', 'two', 'coffer-chain'].map(hashOf));
    expect(new Set(hashes).size).toBe(3);
    for (const hash of hashes) expect(hash).toMatch(/^hmac-sha256:[0-9a-f]{64}$/);
    expect(fileText('one.log')).toContain(hashes[0]);
    expect(fileText('two.log')).toContain(hashes[1]);
    expect(JSON.stringify(place.auditLines())).toContain(hashes[2]);
    expect(await ask(node, 'update', 'sys/audit-hash/none', { input: 'a' })).toMatchObject({
      status: 400,
      errors: ['unknown audit backend'],
    });
    expect((await ask(node, 'update', 'sys/audit-hash/one', {})).status).toBe(400);
    // Nothing that a caller knows makes the digest.
    expect(hashes).not.toContain(`hmac-sha256:${createHmac('sha256', '').update(token).digest('hex')}`);
  });

  it('is one line, whatever a caller sends', async () => {
    await enable('one', { file_path: 'one.log' });
    await ask(node, 'update', 'sys/policies/acl/x', { policy: '}\n{"type":"request","time":"\r\n' });
    await ask(node, 'update', 'sys/mounts/x', { type: 'kv\n{"type":"response"}\u2028' });
    await ask(node, 'read', 'secret/data/{"type":"x"}', { 'a\nb': 'c\nd' });
    await shipped();
    for (const line of fileText('one.log').split('\n').slice(0, -1)) {
      expect(['request', 'response', 'event']).toContain((JSON.parse(line) as JsonObject)['type']);
    }
  });
});

describe('a device that fails', () => {
  it('holds up and fails no request; it says so itself, in the log and in numbers', async () => {
    await enable('main', { file_path: 'sub/a.log' });
    await shipped();
    rmSync(directory, { recursive: true });
    node.state.core?.devices.reopen();
    // A link in place of the directory.
    mkdirSync(`${directory}-elsewhere`, { mode: 0o777 });
    symlinkSync(`${directory}-elsewhere`, directory);
    mkdirSync(join(directory, 'sub'), { mode: 0o700 });
    chmodSync(`${directory}-elsewhere`, 0o777);
    for (let n = 0; n < 20; n++) expect((await ask(node, 'read', 'sys/mounts')).status).toBe(200);
    const state = async () => (await ask(node, 'read', 'sys/audit')).data['main/'] as JsonObject;
    await failing(state);
    expect(await state()).toMatchObject({
      state: 'failing',
      problem: expect.stringContaining('write') as string,
    });
    expect(place.log.some(({ message }) => message.startsWith('an audit device fails'))).toBe(true);
    chmodSync(`${directory}-elsewhere`, 0o700);
    place.clock.advance(2);
    await shipped();
    expect(await state()).toMatchObject({ state: 'working', dropped: 0 });
    expect(linesOf('sub/a.log').length).toBeGreaterThan(40);
  });

  it('is told of where a node’s own configuration does not list its place', async () => {
    await enable('main', { file_path: 'a.log' });
    const elsewhere = await makePlaceOver(place);
    await ask(elsewhere, 'read', 'sys/mounts');
    const listed = async () => (await ask(elsewhere, 'read', 'sys/audit')).data['main/'] as JsonObject;
    await failing(listed);
    expect(await listed()).toMatchObject({
      state: 'failing',
      problem: expect.stringContaining('audit.directories') as string,
    });
    await elsewhere.state.drop();
  });

  it('of a newer program keeps no node from working', async () => {
    const { core } = node.state;
    if (core === undefined) throw new Error('sealed');
    const bump = await bumpEpoch(core.store, 'system');
    const value = encodeDevice({
      path: 'new/',
      type: 'kafka',
      description: '',
      options: { format: 'avro', topic: 'a' },
      local: false,
      key: Buffer.alloc(32).toString('base64'),
    });
    await core.store.commit([{ key: deviceKey('new/'), value }, bump.write], [bump.expectation]);
    const state = async () => (await ask(node, 'read', 'sys/audit')).data['new/'] as JsonObject;
    await failing(state);
    expect(await state()).toMatchObject({ type: 'kafka', state: 'failing' });
    expect((await ask(node, 'delete', 'sys/audit/new')).status).toBe(204);
  });

  it('is not taken when it cannot be opened, unless it is not to be tried', async () => {
    const targets = { address: '127.0.0.1:1' };
    expect((await enable('x', targets, 'socket')).status).toBe(400);
    mkdirSync(directory, { mode: 0o700 });
    symlinkSync('/tmp', join(directory, 'link'));
    expect(await enable('x', { file_path: 'link/a.log' })).toMatchObject({
      status: 400,
      errors: [expect.stringMatching(/cannot be opened/) as string],
    });
    expect((await enable('x', { file_path: 'link/a.log', skip_test: 'true' })).status).toBe(204);
  });
});

/** Another node on the same store, whose configuration lets devices reach nothing. */
async function makePlaceOver({ storage, keys, clock }: Place): Promise<CofferNode> {
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };
  const other = createNode({ storage, auditDirectory: undefined, seals: [], log: quiet, clock });
  await other.state.start();
  for (const key of keys) await other.state.submitKey(key);
  return other;
}
