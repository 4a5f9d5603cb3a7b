import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Asked, ask, finishDuties, keysOf, makePlace, type Place } from '../../../test/fakes/client.ts';
import type { JsonObject, JsonValue } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
});
afterEach(() => place.remove());

const write = (path: string, data: JsonValue, options: JsonObject = {}) =>
  ask(node, 'update', `secret/data/${path}`, { data, options });
const patch = (path: string, data: JsonValue, options: JsonObject = {}) =>
  ask(node, 'patch', `secret/data/${path}`, { data, options });
const read = (path: string, version = 0) => ask(node, 'read', `secret/data/${path}`, { version });
const metadata = (path: string) => ask(node, 'read', `secret/metadata/${path}`);
const set = (path: string, fields: JsonObject) => ask(node, 'update', `secret/metadata/${path}`, fields);
const config = (fields: JsonObject) => ask(node, 'update', 'secret/config', fields);
const outcome = ({ status, errors }: Asked) => [status, ...errors];

describe('the settings of a mount', () => {
  const shown = async () => (await ask(node, 'read', 'secret/config')).data;
  const nothingSet = { max_versions: 0, cas_required: false, delete_version_after: '0s' };

  it('are shown, and changed one by one', async () => {
    expect(await shown()).toEqual(nothingSet);
    expect(outcome(await config({}))).toEqual([204]);
    expect(await keysOf(place.storage, 'mount/')).toEqual([]);
    expect(outcome(await config({ max_versions: '5', delete_version_after: '3h25m19s' }))).toEqual([204]);
    expect(await shown()).toEqual({ ...nothingSet, max_versions: 5, delete_version_after: '3h25m19s' });
    await config({ cas_required: 'true', delete_version_after: 0 });
    expect(await shown()).toEqual({ ...nothingSet, max_versions: 5, cas_required: true });
    await config({ delete_version_after: '-5m' });
    expect((await shown())['delete_version_after']).toBe('-1s');
    await config({ delete_version_after: '' });
    expect((await shown())['delete_version_after']).toBe('0s');
  });

  it.each([
    [{ max_versions: -1 }],
    [{ max_versions: 1_001 }],
    [{ delete_version_after: 'soon' }],
    [{ delete_version_after: '900000h' }],
    [{ cas_required: 'perhaps' }],
  ])('are refused as %j', async (fields) => {
    expect((await config(fields)).status).toBe(400);
    expect(await shown()).toEqual(nothingSet);
  });

  it('hold for the number of versions: the larger of two numbers', async () => {
    await config({ max_versions: 2 });
    for (let v = 1; v <= 4; v++) await write('a', { v });
    expect(Object.keys((await metadata('a')).data['versions'] as JsonObject)).toEqual(['3', '4']);
    await set('b', { max_versions: 3 });
    await set('c', { max_versions: 1 });
    for (const path of ['b', 'c']) for (let v = 1; v <= 4; v++) await write(path, { v });
    expect(Object.keys((await metadata('b')).data['versions'] as JsonObject)).toEqual(['2', '3', '4']);
    expect(Object.keys((await metadata('c')).data['versions'] as JsonObject)).toEqual(['3', '4']);
  });

  it('may require check-and-set of every write and patch', async () => {
    const required = [400, 'check-and-set parameter required for this call'];
    await config({ cas_required: true });
    expect(outcome(await write('a', {}))).toEqual(required);
    expect((await write('a', {}, { cas: 0 })).status).toBe(200);
    expect(outcome(await patch('a', {}))).toEqual(required);
    expect((await patch('a', {}, { cas: 1 })).status).toBe(200);
    const told = await set('a', { cas_required: false });
    expect([told.status, told.warnings.join()]).toEqual([200, expect.stringContaining('mandated')]);
    expect(outcome(await write('a', {}))).toEqual(required);
  });

  it.each([
    ['1h', undefined, '2026-11-22T02:36:00.000000000Z'],
    ['1h', '30m', '2026-11-22T02:06:00.000000000Z'],
    ['30m', '1h', '2026-11-22T02:06:00.000000000Z'],
    ['0s', '1h', '2026-11-22T02:36:00.000000000Z'],
    ['-1s', '1h', ''],
    ['0s', undefined, ''],
  ])('say when a version ends: mount %s, secret %s', async (mount, secret, wanted) => {
    await config({ delete_version_after: mount });
    if (secret !== undefined) await set('a', { delete_version_after: secret });
    expect((await write('a', {})).data['deletion_time']).toBe(wanted);
    expect((await patch('a', {})).data['deletion_time']).toBe(wanted);
  });
});

describe('a patch of a secret', () => {
  it('makes a new version by RFC 7396', async () => {
    await write('a', { keep: 1, gone: 2, deep: { keep: 3, gone: 4 }, list: [1, 2] });
    const answer = await patch('a', { gone: null, deep: { gone: null, new: { x: 1 } }, list: [3] });
    expect(answer.data).toMatchObject({ version: 2, destroyed: false, deletion_time: '' });
    expect((await read('a')).data['data']).toEqual({
      keep: 1,
      deep: { keep: 3, new: { x: 1 } },
      list: [3],
    });
    expect((await read('a', 1)).data['data']).toMatchObject({ gone: 2 });
  });

  it.each(['__proto__', 'constructor'])('may name a field %s', async (name) => {
    await write('a', { x: 1 });
    await ask(node, 'patch', 'secret/data/a', JSON.parse(`{"data": {"${name}": {"y": 2}}}`) as JsonObject);
    expect(JSON.stringify((await read('a')).data['data'])).toBe(`{"x":1,"${name}":{"y":2}}`);
  });

  it('needs a secret that can be read', async () => {
    expect((await patch('nothing', { x: 1 })).status).toBe(404);
    await set('empty', { max_versions: 3 });
    expect((await patch('empty', { x: 1 })).status).toBe(404);
    await write('a', { x: 1 });
    await ask(node, 'delete', 'secret/data/a');
    const deleted = await patch('a', { y: 1 });
    expect([deleted.status, deleted.data]).toMatchObject([404, { version: 1, destroyed: false }]);
    await ask(node, 'update', 'secret/destroy/a', { versions: [1] });
    expect((await patch('a', { y: 1 })).data).toMatchObject({ version: 1, destroyed: true });
    expect((await metadata('a')).data['current_version']).toBe(1);
  });

  it('follows check-and-set, and needs data', async () => {
    await write('a', { x: 1 });
    expect(outcome(await patch('a', { y: 1 }, { cas: 2 }))).toEqual([
      400,
      'check-and-set parameter did not match the current version',
    ]);
    expect(outcome(await ask(node, 'patch', 'secret/data/a', {}))).toEqual([400, 'no data provided']);
    expect((await patch('a', 'text')).status).toBe(400);
    expect((await patch('a', { y: 1 }, { cas: 1 })).data['version']).toBe(2);
  });

  it('of many at once loses none', async () => {
    await write('a', {});
    await Promise.all(Array.from({ length: 20 }, (_, n) => patch('a', { [`f${n}`]: n })));
    expect(Object.keys((await read('a')).data['data'] as JsonObject)).toHaveLength(20);
    expect((await metadata('a')).data['current_version']).toBe(21);
  });

  it('may make it large, and too large is refused', async () => {
    await write('a', { x: 1 });
    expect((await patch('a', { big: 'x'.repeat(500_000) })).status).toBe(200);
    expect((await patch('a', { small: 1 })).status).toBe(200);
    expect(Object.keys((await read('a')).data['data'] as JsonObject)).toEqual(['x', 'big', 'small']);
    expect((await patch('a', { more: 'x'.repeat(600_000) })).status).toBe(413);
    expect((await metadata('a')).data['current_version']).toBe(3);
  });
});

describe('a patch of metadata', () => {
  const patchOf = (path: string, fields: JsonObject) => ask(node, 'patch', `secret/metadata/${path}`, fields);
  const custom = async () => (await metadata('a')).data['custom_metadata'];

  it('changes what it names, and null takes back', async () => {
    await set('a', {
      max_versions: 5,
      cas_required: true,
      delete_version_after: '1h',
      custom_metadata: { a: '1', b: '2' },
    });
    expect(outcome(await patchOf('a', { custom_metadata: { b: null, c: 3 } }))).toEqual([204]);
    expect(await custom()).toEqual({ a: '1', c: '3' });
    await patchOf('a', { max_versions: 7, cas_required: false });
    expect((await metadata('a')).data).toMatchObject({
      max_versions: 7,
      cas_required: false,
      delete_version_after: '1h0m0s',
    });
    await patchOf('a', { max_versions: null, delete_version_after: null, custom_metadata: null });
    expect((await metadata('a')).data).toMatchObject({
      max_versions: 0,
      delete_version_after: '0s',
      custom_metadata: null,
    });
  });

  it('needs the secret, and keeps the limits of the whole', async () => {
    expect((await patchOf('nothing', { max_versions: 1 })).status).toBe(404);
    expect((await metadata('nothing')).status).toBe(404);
    const many = Object.fromEntries(Array.from({ length: 64 }, (_, n) => [`k${n}`, 'v']));
    await set('a', { custom_metadata: many });
    expect((await patchOf('a', { custom_metadata: { one: 'more' } })).status).toBe(400);
    expect((await patchOf('a', { custom_metadata: { k0: null, one: 'more' } })).status).toBe(204);
    for (const bad of [
      { max_versions: -1 },
      { custom_metadata: { x: { y: 1 } } },
      { custom_metadata: 'x' },
    ]) {
      expect((await patchOf('a', bad)).status).toBe(400);
    }
    expect(Object.keys((await custom()) as JsonObject)).toHaveLength(64);
  });
});

describe('custom metadata', () => {
  it.each([
    ['128 bytes of key', { ['k'.repeat(128)]: 'v' }, 204],
    ['129 bytes of key', { ['k'.repeat(129)]: 'v' }, 400],
    ['129 bytes in fewer letters', { ['ü'.repeat(65)]: 'v' }, 400],
    ['512 bytes of value', { k: 'v'.repeat(512) }, 204],
    ['513 bytes in fewer letters', { k: `${'ü'.repeat(256)}x` }, 400],
    ['an empty key', { '': 'v' }, 400],
    ['an empty value', { k: '' }, 400],
    ['a null', { k: null }, 400],
    ['a blank, an accent and a sign', { 'é +': '…' }, 204],
    ['a zero-width space', { k: 'a\u200bb' }, 400],
    ['an override of direction', { k: '\u202e' }, 400],
    ['no-break space', { k: 'a\u00a0b' }, 400],
    ['a name of every object', { constructor: 'x' }, 204],
  ] as const)('with %s', async (_what, custom, status) => {
    expect((await set('a', { custom_metadata: custom })).status).toBe(status);
    if (status === 204) expect((await metadata('a')).data['custom_metadata']).toEqual(custom);
    else expect((await metadata('a')).status).toBe(404);
  });
});

describe('the names in a secret', () => {
  const subkeys = async (fields: JsonObject = {}) => ask(node, 'read', 'secret/subkeys/a', fields);
  const data = { a: 'secret', list: [{ x: 1 }], none: null, empty: {}, deep: { b: 1, c: { d: 2 } } };

  it('are shown without values, as deep as asked', async () => {
    await write('a', { old: 1 });
    await write('a', data);
    const flat = { a: null, list: null, none: null, empty: null };
    const whole = { ...flat, deep: { b: null, c: { d: null } } };
    expect((await subkeys()).data).toMatchObject({ subkeys: whole, metadata: { version: 2 } });
    expect((await subkeys({ depth: 0 })).data['subkeys']).toEqual(whole);
    expect((await subkeys({ depth: 1 })).data['subkeys']).toEqual({ ...flat, deep: null });
    expect((await subkeys({ depth: '2' })).data['subkeys']).toEqual({ ...flat, deep: { b: null, c: null } });
    expect((await subkeys({ depth: 9 })).data['subkeys']).toEqual(whole);
    expect((await subkeys({ version: 1 })).data['subkeys']).toEqual({ old: null });
    expect((await subkeys({ depth: -1 })).status).toBe(400);
  });

  it('of a deleted version are a 404 with its metadata, of none a plain 404', async () => {
    expect(outcome(await subkeys())).toEqual([404]);
    await write('a', data);
    expect(outcome(await subkeys({ version: 2 }))).toEqual([404]);
    await ask(node, 'delete', 'secret/data/a');
    const deleted = await subkeys();
    expect([deleted.status, deleted.data]).toMatchObject([404, { subkeys: null, metadata: { version: 1 } }]);
  });
});

describe('a scan', () => {
  const scan = async (folder: string, fields: JsonObject = {}) => {
    const { status, data } = await ask(node, 'scan', `secret/metadata/${folder}`, fields);
    return status === 200 ? data['keys'] : status;
  };

  it('has all names below, in one order, in pages of any size', async () => {
    const names = ['B', 'a', 'a-', 'a/x', 'a/y/z', 'a/y/zz', 'a0', 'b/c/d/e', 'c', 'ä/ö'];
    for (const path of names.toReversed()) await write(path, {});
    expect(await scan('')).toEqual(names);
    expect(await scan('a/')).toEqual(['x', 'y/z', 'y/zz']);
    expect(await scan('nothing/')).toBe(404);
    for (let limit = 1; limit <= names.length + 1; limit++) {
      const seen: JsonValue[] = [];
      for (let after = ''; ; after = String(seen.at(-1))) {
        const page = await scan('', { after, limit });
        if (!Array.isArray(page)) break;
        expect(page.length).toBeLessThanOrEqual(limit);
        seen.push(...page);
      }
      expect(seen).toEqual(names);
    }
    for (const after of ['a/', 'a/nothing', 'a/y', 'a/y/z/below', 'zzz', 'b/c/d/', 'A']) {
      const wanted = names.filter((name) => Buffer.compare(Buffer.from(name), Buffer.from(after)) > 0);
      expect(await scan('', { after })).toEqual(wanted.length > 0 ? wanted : 404);
    }
  });
});

describe('a version that ends by itself', () => {
  const day = 86_400;
  const values = async () =>
    (await keysOf(place.storage, 'mount/')).filter((key) => /\/(version|part)\//.test(key)).length;

  it('is destroyed a week later, and none before its time', async () => {
    await set('a/b', { delete_version_after: '1h' });
    await write('a/b', { v: 1 });
    place.clock.jump(2 * day);
    await write('a/b', { v: 2, pad: 'x'.repeat(300_000) });
    await set('a/b', { delete_version_after: 0 });
    await write('a/b', { v: 3 });
    expect(await values()).toBe(4);
    place.clock.jump(5 * day);
    await finishDuties(node, place.clock);
    expect(await values()).toBe(4);
    place.clock.jump(3_600);
    await finishDuties(node, place.clock);
    expect(await values()).toBe(3);
    place.clock.jump(2 * day);
    await finishDuties(node, place.clock);
    expect(await values()).toBe(1);
    const { versions } = (await metadata('a/b')).data;
    expect(versions).toMatchObject({
      1: { destroyed: true },
      2: { destroyed: true },
      3: { destroyed: false },
    });
    expect((await read('a/b')).data['data']).toEqual({ v: 3 });
  });

  it('stays when it was restored, or deleted by hand', async () => {
    await set('a', { delete_version_after: '1h' });
    for (let v = 1; v <= 3; v++) await write('a', { v });
    await ask(node, 'update', 'secret/undelete/a', { versions: [1] });
    await ask(node, 'update', 'secret/delete/a', { versions: [2] });
    place.clock.jump(8 * day);
    await finishDuties(node, place.clock);
    expect(await values()).toBe(2);
    expect((await read('a', 1)).data['data']).toEqual({ v: 1 });
    await ask(node, 'update', 'secret/undelete/a', { versions: [1, 2, 3] });
    expect((await read('a', 2)).data['data']).toEqual({ v: 2 });
    expect((await read('a', 3)).status).toBe(404);
  });

  it('leaves a new secret of its name alone', async () => {
    await set('a', { delete_version_after: '1h' });
    await write('a', { v: 1 });
    await ask(node, 'delete', 'secret/metadata/a');
    await write('a', { v: 'new' });
    place.clock.jump(8 * day);
    await finishDuties(node, place.clock);
    expect((await read('a')).data['data']).toEqual({ v: 'new' });
  });

  it('among a hundred goes with all that are due', async () => {
    await config({ delete_version_after: '1m', max_versions: 100 });
    for (let v = 1; v <= 100; v++) await write('a', { v });
    place.clock.jump(8 * day);
    await finishDuties(node, place.clock);
    expect(await values()).toBe(0);
  });
});

it('threat 18: nothing of a secret is reachable after its versions ended, were destroyed, or it was removed', async () => {
  const nowhere = async (path: string) => {
    for (const version of [0, 1, 2]) {
      const answer = await read(path, version);
      expect([answer.status, answer.data['data'] ?? null]).toEqual([404, null]);
      const names = await ask(node, 'read', `secret/subkeys/${path}`, { version });
      expect([names.status, names.data['subkeys'] ?? null]).toEqual([404, null]);
    }
    expect((await patch(path, { x: 1 })).status).toBe(404);
  };
  await config({ delete_version_after: '1h' });
  for (const path of ['ended', 'destroyed', 'removed']) {
    await write(path, { v: 1 });
    await write(path, { v: 'x'.repeat(300_000) });
  }
  await ask(node, 'update', 'secret/destroy/destroyed', { versions: [1, 2] });
  await ask(node, 'delete', 'secret/metadata/removed');
  place.clock.jump(3_600);
  for (const path of ['ended', 'destroyed', 'removed']) await nowhere(path);
  place.clock.jump(8 * 86_400);
  await finishDuties(node, place.clock);
  for (const path of ['ended', 'destroyed', 'removed']) {
    await ask(node, 'update', `secret/undelete/${path}`, { versions: [1, 2] });
    await nowhere(path);
  }
  const left = await keysOf(place.storage, 'mount/');
  expect(left.filter((key) => /\/(version|part|upload|trash)\//.test(key))).toEqual([]);
  const second = await place.node();
  expect((await ask(second, 'read', 'secret/data/ended')).status).toBe(404);
});

it('threat 12: a name is one secret, however it is spelled in a path', async () => {
  await write('a/b', { v: 1 });
  for (const path of ['a/../a/b', 'a//b', 'a/./b', 'a\\b', '../data/a/b', 'a/b\0']) {
    await expect((async () => read(path))()).rejects.toThrow();
  }
  for (const path of ['a%2Fb', 'A/b', 'a/b ', 'a/b/']) {
    expect((await read(path)).status).not.toBe(200);
  }
});
