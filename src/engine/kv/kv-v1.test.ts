import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Asked,
  ask,
  auditText,
  finishDuties,
  keysOf,
  makePlace,
  makeToken,
  type Place,
  storedText,
  writePolicy,
} from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/plain', { type: 'kv' });
});
afterEach(() => place.remove());

const write = (path: string, data: JsonObject) => ask(node, 'update', `plain/${path}`, data);
const read = (path: string) => ask(node, 'read', `plain/${path}`);
const remove = (path: string) => ask(node, 'delete', `plain/${path}`);
const outcome = ({ status, errors }: Asked) => [status, ...errors];
const records = () => keysOf(place.storage, 'mount/');

describe('a mount without versions', () => {
  it.each([
    ['kv', {}, 'kv', null],
    ['kv', { version: 1 }, 'kv', { version: '1' }],
    ['kv-v1', {}, 'kv', { version: '1' }],
    ['generic', {}, 'generic', null],
  ] as const)('is enabled as %s with %j', async (type, options, shown, stored) => {
    expect((await ask(node, 'update', 'sys/mounts/m', { type, options })).status).toBe(204);
    const { data } = await ask(node, 'read', 'sys/mounts/m');
    expect([data['type'], data['options']]).toEqual([shown, stored]);
    expect((await ask(node, 'update', 'm/a', { x: 1 })).status).toBe(204);
    expect((await ask(node, 'read', 'm/a')).data).toEqual({ x: 1 });
    expect((await ask(await place.node(), 'read', 'm/a')).data).toEqual({ x: 1 });
  });
});

describe('a secret', () => {
  it('comes back as it was written, and is replaced as a whole', async () => {
    const data = { name: 'ü', list: [1, null, { deep: true }], empty: {}, n: 1.5, b: false };
    expect(outcome(await write('a/b', data))).toEqual([204]);
    expect((await read('a/b')).data).toEqual(data);
    await write('a/b', { other: 1 });
    expect((await read('a/b')).data).toEqual({ other: 1 });
    expect(await records()).toHaveLength(1);
  });

  it('that is not there is a plain 404, and deleting it is done already', async () => {
    for (const answer of [await read('nothing'), await read('data/nothing')]) {
      expect(outcome(answer)).toEqual([404]);
      expect([answer.hasData, answer.warnings]).toEqual([false, []]);
    }
    expect(outcome(await remove('nothing'))).toEqual([204]);
    await write('a', { x: 1 });
    expect(outcome(await remove('a'))).toEqual([204]);
    expect(outcome(await read('a'))).toEqual([404]);
    expect(await records()).toEqual([]);
  });

  it('without fields is refused in the words that clients know', async () => {
    expect(outcome(await write('a', {}))).toEqual([400, 'missing data fields']);
    for (const path of ['plain', 'plain/', 'plain/x/']) {
      expect((await ask(node, 'update', path, { a: 1 })).status).toBe(400);
      expect((await ask(node, 'read', path)).status).toBe(400);
      expect((await ask(node, 'delete', path)).status).toBe(400);
    }
    expect(await records()).toEqual([]);
  });

  it.each(['__proto__', 'constructor', 'after', 'limit', 'path', 'version', 'ttl'])(
    'may have a field and a name %s',
    async (name) => {
      const data = JSON.parse(`{"${name}": {"any": ["shape"]}}`) as JsonObject;
      expect((await write(name, data)).status).toBe(204);
      expect(JSON.stringify((await read(name)).data)).toBe(JSON.stringify(data));
    },
  );

  it('of up to a mebibyte comes back whole, and its parts go with it', async () => {
    for (const bytes of [240 * 1024, 240 * 1024 + 1, 1024 * 1024]) {
      const data = { v: 'x'.repeat(bytes - '{"v":""}'.length) };
      expect((await write('big', data)).status).toBe(204);
      expect((await read('big')).data).toEqual(data);
    }
    expect((await records()).filter((key) => key.includes('/part/'))).toHaveLength(5);
    expect((await write('big', { v: 'x'.repeat(1024 * 1024) })).status).toBe(413);
    await write('big', { small: true });
    expect(await records()).toHaveLength(1);
    await write('big', { v: 'x'.repeat(500_000) });
    await remove('big');
    await finishDuties(node, place.clock);
    expect(await records()).toEqual([]);
  });

  it('written by many at once is one of theirs, and no part is left of the others', async () => {
    const values = Array.from({ length: 12 }, (_, writer) => ({
      writer,
      pad: 'x'.repeat(writer % 2 ? 300_000 : 3),
    }));
    const answers = await Promise.all(values.map((data) => write('a', data)));
    expect(answers.map(({ status }) => status)).toEqual(values.map(() => 204));
    const { writer } = (await read('a')).data;
    expect((await read('a')).data).toEqual(values[Number(writer)]);
    const parts = (await records()).filter((key) => key.includes('/part/'));
    expect(parts).toHaveLength(Number(writer) % 2 === 0 ? 0 : 2);
  });
});

describe('the time an answer names', () => {
  const seconds = async (data: JsonObject) => {
    await write('t', data);
    const { lease } = await read('t');
    expect([lease?.id, lease?.renewable]).toEqual(['', false]);
    return lease?.duration;
  };

  it.each([
    [{ x: 1 }, 2_764_800],
    [{ ttl: '1h' }, 3_600],
    [{ ttl: 90 }, 90],
    [{ ttl: '90' }, 90],
    [{ lease: '2m' }, 120],
    [{ ttl: '10s', lease: '2m' }, 10],
    [{ ttl: 'soon' }, 2_764_800],
    [{ ttl: -5 }, 2_764_800],
    [{ ttl: { a: 1 } }, 2_764_800],
    [{ ttl: null }, 2_764_800],
    [{ ttl: 0 }, 0],
  ] as const)('of %j is %i', async (data, wanted) => {
    expect(await seconds(data)).toBe(wanted);
    expect((await read('t')).data).toEqual(data);
  });

  it('is the mount’s default', async () => {
    await ask(node, 'update', 'sys/mounts/plain/tune', { default_lease_ttl: '20m' });
    expect(await seconds({ x: 1 })).toBe(1_200);
  });
});

describe('names', () => {
  const names = async (operation: 'list' | 'scan', folder: string, fields: JsonObject = {}) => {
    const { status, data } = await ask(node, operation, `plain/${folder}`, fields);
    return status === 200 ? data['keys'] : status;
  };

  it('are listed one level, or all below', async () => {
    for (const path of ['b', 'a/x', 'a', 'a/y/z', 'a-', 'ä']) await write(path, { path });
    expect(await names('list', '')).toEqual(['a', 'a-', 'a/', 'b', 'ä']);
    expect(await names('list', 'a/')).toEqual(['x', 'y/']);
    expect(await names('scan', '')).toEqual(['a', 'a-', 'a/x', 'a/y/z', 'b', 'ä']);
    expect(await names('scan', 'a/')).toEqual(['x', 'y/z']);
    expect(await names('list', '', { limit: '2', after: 'a' })).toEqual(['a-', 'a/']);
    expect(await names('scan', '', { limit: 2, after: 'a/x' })).toEqual(['a/y/z', 'b']);
    for (const operation of ['list', 'scan'] as const) {
      expect(await names(operation, 'nothing/')).toBe(404);
      expect(await names(operation, '', { limit: 'x' })).toBe(400);
      expect(await names(operation, '', { after: { a: 1 } })).toBe(400);
    }
  });
});

it('creating and updating are told apart for policies', async () => {
  await writePolicy(node, 'maker', 'path "plain/*" { capabilities = ["create"] }');
  const token = await makeToken(node, { policies: ['maker'] });
  expect((await ask(node, 'update', 'plain/a', { x: 1 }, token)).status).toBe(204);
  expect((await ask(node, 'update', 'plain/a', { x: 2 }, token)).status).toBe(403);
  expect((await ask(node, 'scan', 'plain/', {}, token)).status).toBe(403);
  expect((await read('a')).data).toEqual({ x: 1 });
});

it('threat 13: a path of one mount reaches nothing of another', async () => {
  await ask(node, 'update', 'sys/mounts/other', { type: 'kv' });
  await write('a', { x: 1 });
  expect((await ask(node, 'read', 'other/a')).status).toBe(404);
  expect((await ask(node, 'scan', 'other/')).status).toBe(404);
  await ask(node, 'delete', 'other/a');
  expect((await read('a')).status).toBe(200);
});

it('threat 16: a value is nowhere in the store, the audit log or the program’s log in the clear', async () => {
  const canary = 'canary-0b83e1f7d2';
  await write('a', { value: canary, deep: [canary], [canary.slice(0, 0) || 'ttl']: canary });
  await write('big', { value: `${canary}${'x'.repeat(400_000)}` });
  await read('a');
  await ask(node, 'update', 'plain/', { value: canary });
  await ask(node, 'update', 'plain/a', { value: canary }, 'unknown-token');
  const texts = [await storedText(place.storage), auditText(place.auditDirectory), JSON.stringify(place.log)];
  for (const text of texts) expect(text).not.toContain(canary);
  expect(texts[1]).toContain('plain/a');
});
