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

const write = (path: string, data: JsonValue, options?: JsonValue) =>
  ask(node, 'update', `secret/data/${path}`, { data, ...(options === undefined ? {} : { options }) });
const read = (path: string, version?: number | string) =>
  ask(node, 'read', `secret/data/${path}`, version === undefined ? {} : { version });
const metadata = (path: string) => ask(node, 'read', `secret/metadata/${path}`);
const tune = (path: string, fields: JsonObject) => ask(node, 'update', `secret/metadata/${path}`, fields);
const verb = (name: string, path: string, versions: JsonValue) =>
  ask(node, 'update', `secret/${name}/${path}`, { versions });
const outcome = ({ status, errors }: Asked) => [status, ...errors];

describe('a secret', () => {
  it('comes back as it was written, version by version', async () => {
    const first = await write('a/b', { name: 'ü', list: [1, null, { deep: true }], empty: {} });
    expect(first.data).toEqual({
      version: 1,
      created_time: '2026-11-22T01:36:00.000000000Z',
      deletion_time: '',
      destroyed: false,
      custom_metadata: null,
    });
    place.clock.jump(1);
    expect((await write('a/b', { two: 2 })).data['version']).toBe(2);
    expect((await read('a/b')).data).toEqual({
      data: { two: 2 },
      metadata: {
        version: 2,
        created_time: '2026-11-22T01:36:01.000000000Z',
        deletion_time: '',
        destroyed: false,
        custom_metadata: null,
      },
    });
    const data = { name: 'ü', list: [1, null, { deep: true }], empty: {} };
    for (const version of [1, '1']) expect((await read('a/b', version)).data).toMatchObject({ data });
    for (const version of [0, -1, '0']) {
      expect((await read('a/b', version)).data).toMatchObject({ data: { two: 2 } });
    }
  });

  it('that never was is a plain 404, and so is a version that never was', async () => {
    await write('a', { x: 1 });
    for (const answer of [await read('nothing'), await read('a', 2), await metadata('nothing')]) {
      expect(outcome(answer)).toEqual([404]);
      expect(answer.hasData).toBe(false);
    }
  });

  it.each([[undefined], [null], ['text'], [[1]], [7]])('is not made of %j', async (data) => {
    expect((await ask(node, 'update', 'secret/data/a', data === undefined ? {} : { data })).status).toBe(400);
    expect((await read('a')).status).toBe(404);
    expect(await keysOf(place.storage, 'mount/')).toEqual([]);
  });

  it('is told that data is missing in the words that clients know', async () => {
    expect(outcome(await ask(node, 'update', 'secret/data/a', {}))).toEqual([400, 'no data provided']);
  });

  it.each(['ünï/çødé', 'with space', 'a%2Fb', '…', '-', '.hidden', 'a/b/c/d/e/f/g', 'CASE', 'x'.repeat(600)])(
    'may be called %j',
    async (path) => {
      expect((await write(path, { path })).status).toBe(200);
      expect((await read(path)).data['data']).toEqual({ path });
    },
  );

  it('is told apart by case and by every character', async () => {
    for (const path of ['a', 'A', 'a ', 'á', 'a\u0301']) await write(path, { path });
    for (const path of ['a', 'A', 'a ', 'á', 'a\u0301'])
      expect((await read(path)).data['data']).toEqual({ path });
  });

  it.each(['__proto__', 'constructor', 'toString'])('may have a field and a name %s', async (name) => {
    const data = JSON.parse(`{"${name}": "value"}`) as JsonObject;
    await write(name, data);
    expect(JSON.stringify((await read(name)).data['data'])).toBe(JSON.stringify(data));
  });

  it('needs a name', async () => {
    for (const path of ['secret/data', 'secret/data/', 'secret/data/x/']) {
      expect((await ask(node, 'update', path, { data: {} })).status).toBe(400);
      expect((await ask(node, 'read', path)).status).toBe(400);
    }
  });

  it('asked for as in kv v1 is a 404 that says what to say instead', async () => {
    const answer = await ask(node, 'read', 'secret/a');
    expect(answer.status).toBe(404);
    expect(answer.warnings.join()).toContain('Invalid path for a versioned K/V secrets engine');
  });
});

describe('check-and-set', () => {
  const mismatch = [400, 'check-and-set parameter did not match the current version'];

  it('0 means that there must be none yet', async () => {
    expect((await write('a', {}, { cas: 0 })).status).toBe(200);
    expect(outcome(await write('a', {}, { cas: 0 }))).toEqual(mismatch);
    expect((await write('a', {}, { cas: '1' })).data['version']).toBe(2);
    expect(outcome(await write('a', {}, { cas: 1 }))).toEqual(mismatch);
    expect(outcome(await write('a', {}, { cas: 3 }))).toEqual(mismatch);
    expect((await metadata('a')).data['current_version']).toBe(2);
  });

  it('goes on counting over deleted versions', async () => {
    await write('a', {});
    await ask(node, 'delete', 'secret/data/a');
    expect(outcome(await write('a', {}, { cas: 0 }))).toEqual(mismatch);
    expect((await write('a', {}, { cas: 1 })).data['version']).toBe(2);
  });

  it('can be required', async () => {
    await tune('a', { cas_required: true });
    expect(outcome(await write('a', {}))).toEqual([400, 'check-and-set parameter required for this call']);
    expect((await write('a', {}, { cas: 0 })).status).toBe(200);
    await tune('a', { cas_required: 'false' });
    expect((await write('a', {})).status).toBe(200);
  });

  it.each([[{ cas: -1 }], [{ cas: 1.5 }], [{ cas: 'one' }], [{ cas: {} }], [{ cas: true }]])(
    'refuses %j',
    async (options) => {
      await write('a', {});
      expect((await write('a', {}, options)).status).toBe(400);
      expect((await metadata('a')).data['current_version']).toBe(1);
    },
  );
});

describe('deleting', () => {
  it('keeps the value until it is restored', async () => {
    await write('a', { v: 1 });
    await write('a', { v: 2 });
    expect(outcome(await ask(node, 'delete', 'secret/data/a'))).toEqual([204]);
    const deleted = await read('a');
    expect([deleted.status, deleted.data['data']]).toEqual([404, null]);
    expect(deleted.data['metadata']).toMatchObject({
      version: 2,
      deletion_time: '2026-11-22T01:36:00.000000000Z',
      destroyed: false,
    });
    expect((await read('a', 1)).data['data']).toEqual({ v: 1 });
    expect(outcome(await verb('undelete', 'a', [2]))).toEqual([204]);
    expect((await read('a')).data['data']).toEqual({ v: 2 });
  });

  it('of some versions leaves the others', async () => {
    for (const v of [1, 2, 3]) await write('a', { v });
    expect(outcome(await verb('delete', 'a', '1,3,77'))).toEqual([204]);
    expect([(await read('a', 1)).status, (await read('a', 2)).status, (await read('a', 3)).status]).toEqual([
      404, 200, 404,
    ]);
    await verb('undelete', 'a', ['3', 1]);
    expect((await read('a', 1)).status).toBe(200);
  });

  it('for good takes the value out of the store, and its number stays', async () => {
    for (const v of [1, 2, 3]) await write('a', { v });
    const before = await keysOf(place.storage, 'mount/');
    expect(outcome(await verb('destroy', 'a', [1, 2]))).toEqual([204]);
    const destroyed = await read('a', 1);
    expect([destroyed.status, destroyed.data]).toMatchObject([
      404,
      { data: null, metadata: { destroyed: true } },
    ]);
    expect(await keysOf(place.storage, 'mount/')).toHaveLength(before.length - 2);
    await verb('undelete', 'a', [1, 2]);
    expect((await read('a', 1)).status).toBe(404);
    expect((await write('a', {})).data['version']).toBe(4);
  });

  it('of what is not there is done already', async () => {
    for (const name of ['delete', 'undelete', 'destroy']) {
      expect(outcome(await verb(name, 'nothing', [1]))).toEqual([204]);
    }
    expect(outcome(await ask(node, 'delete', 'secret/data/nothing'))).toEqual([204]);
    expect(outcome(await ask(node, 'delete', 'secret/metadata/nothing'))).toEqual([204]);
  });

  it.each([[[]], [undefined], ['x'], [{}], [[1.5]]])('of the versions %j is refused', async (versions) => {
    for (const name of ['delete', 'undelete', 'destroy']) {
      const fields = versions === undefined ? {} : { versions: versions as JsonValue };
      expect((await ask(node, 'update', `secret/${name}/a`, fields)).status).toBe(400);
    }
  });

  it('by metadata removes everything, and a new secret begins at 1', async () => {
    for (let v = 0; v < 10; v++) await write('a', { v });
    await write('other', {});
    expect(outcome(await ask(node, 'delete', 'secret/metadata/a'))).toEqual([204]);
    expect(outcome(await read('a'))).toEqual([404]);
    expect(await keysOf(place.storage, 'mount/')).toHaveLength(2);
    expect((await write('a', {})).data['version']).toBe(1);
  });

  it('by metadata removes more versions than fit one commit', async () => {
    await tune('a', { max_versions: 100 });
    for (let v = 0; v < 95; v++) await write('a', { v });
    await ask(node, 'delete', 'secret/metadata/a');
    expect(outcome(await read('a', 3))).toEqual([404]);
    await finishDuties(node, place.clock);
    expect(await keysOf(place.storage, 'mount/')).toEqual([]);
  });

  it('happens by itself after the time that was set', async () => {
    await tune('a', { delete_version_after: '1h' });
    expect((await write('a', { v: 1 })).data['deletion_time']).toBe('2026-11-22T02:36:00.000000000Z');
    place.clock.jump(3_599);
    expect((await read('a')).status).toBe(200);
    place.clock.jump(1);
    expect((await read('a')).status).toBe(404);
    await verb('undelete', 'a', [1]);
    expect((await read('a')).data['data']).toEqual({ v: 1 });
  });
});

describe('the number of versions kept', () => {
  it('is ten; older ones go with their values', async () => {
    for (let v = 1; v <= 13; v++) await write('a', { v });
    const { data } = await metadata('a');
    expect(Object.keys(data['versions'] as JsonObject)).toHaveLength(10);
    expect(data).toMatchObject({ current_version: 13, oldest_version: 4, max_versions: 0 });
    expect(outcome(await read('a', 3))).toEqual([404]);
    expect((await read('a', 4)).data['data']).toEqual({ v: 4 });
    expect(await keysOf(place.storage, 'mount/')).toHaveLength(11);
  });

  it('says 0 for the oldest while none was dropped', async () => {
    await write('a', {});
    await write('a', {});
    expect((await metadata('a')).data['oldest_version']).toBe(0);
  });

  it('may be set, and a lower one holds from the next write on', async () => {
    await tune('a', { max_versions: 70 });
    for (let v = 1; v <= 60; v++) await write('a', { v });
    expect((await read('a', 1)).data['data']).toEqual({ v: 1 });
    await tune('a', { max_versions: 2 });
    await write('a', { v: 61 });
    const { data } = await metadata('a');
    expect(Object.keys(data['versions'] as JsonObject)).toEqual(['60', '61']);
    expect(data['oldest_version']).toBe(60);
    expect(outcome(await read('a', 59))).toEqual([404]);
    await finishDuties(node, place.clock);
    expect(await keysOf(place.storage, 'mount/')).toHaveLength(3);
  });
});

describe('metadata', () => {
  it('may come before the first version', async () => {
    expect(outcome(await tune('a', { max_versions: 5, custom_metadata: { owner: 'me', n: 1 } }))).toEqual([
      204,
    ]);
    expect((await metadata('a')).data).toEqual({
      cas_required: false,
      created_time: '2026-11-22T01:36:00.000000000Z',
      current_version: 0,
      custom_metadata: { owner: 'me', n: '1' },
      delete_version_after: '0s',
      max_versions: 5,
      oldest_version: 0,
      updated_time: '2026-11-22T01:36:00.000000000Z',
      versions: {},
    });
    expect(outcome(await read('a'))).toEqual([404]);
    expect((await write('a', {})).data).toMatchObject({
      version: 1,
      custom_metadata: { owner: 'me', n: '1' },
    });
  });

  it('is replaced field by field, and shows times as Go does', async () => {
    await tune('a', { delete_version_after: '3h25m19s', custom_metadata: { a: '1', b: '2' } });
    await tune('a', { custom_metadata: { c: '3' } });
    expect((await metadata('a')).data).toMatchObject({
      delete_version_after: '3h25m19s',
      custom_metadata: { c: '3' },
    });
  });

  it.each([
    [{ max_versions: -1 }],
    [{ max_versions: 100_000 }],
    [{ delete_version_after: 'soon' }],
    [{ custom_metadata: { a: { b: 1 } } }],
    [{ custom_metadata: { ['k'.repeat(129)]: 'v' } }],
    [{ custom_metadata: { k: 'v'.repeat(513) } }],
    [{ custom_metadata: { k: 'line\nbreak' } }],
    [{ custom_metadata: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 'v'])) }],
  ])('is refused as %j', async (fields) => {
    expect((await tune('a', fields)).status).toBe(400);
    expect((await metadata('a')).status).toBe(404);
  });
});

describe('listing', () => {
  const list = async (folder: string, fields: JsonObject = {}) => {
    const { status, data } = await ask(node, 'list', `secret/metadata/${folder}`, fields);
    return status === 200 ? data['keys'] : status;
  };

  it('shows one level, sorted, a name and a folder of that name both', async () => {
    for (const path of ['b', 'a/x', 'a', 'a/y/z', 'c', 'B', 'ä', 'a-']) await write(path, {});
    expect(await list('')).toEqual(['B', 'a', 'a-', 'a/', 'b', 'c', 'ä']);
    expect(await list('a/')).toEqual(['x', 'y/']);
    expect(await list('nothing/')).toBe(404);
    await ask(node, 'delete', 'secret/data/c');
    expect(await list('')).toContain('c');
    await ask(node, 'delete', 'secret/metadata/c');
    expect(await list('')).not.toContain('c');
  });

  it('goes over more than a page, and in pages of the caller’s choosing', async () => {
    const names = Array.from({ length: 1_203 }, (_, i) => `n${String(i).padStart(5, '0')}`);
    await Promise.all(names.map((name) => write(`many/${name}`, {})));
    expect(await list('many/')).toEqual(names);
    const seen: JsonValue[] = [];
    for (let after = ''; ; ) {
      const page = await list('many/', { after, limit: 500 });
      if (!Array.isArray(page)) break;
      expect(page.length).toBeLessThanOrEqual(500);
      seen.push(...page);
      after = String(page.at(-1));
    }
    expect(seen).toEqual(names);
  });
});
