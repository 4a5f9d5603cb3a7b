import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, makeToken, type Place, rootToken, writePolicy } from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
let token: string;
let accessor: string;

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
  await writePolicy(
    node,
    'user',
    'path "secret/data/*" { capabilities = ["update", "read", "create"] }\npath "secret/data/no" { capabilities = ["deny"] }',
  );
  token = await makeToken(node, { policies: ['user'], ttl: '1h' });
  accessor = String((await ask(node, 'update', 'auth/token/lookup', { token })).data['accessor']);
});
afterEach(() => place.remove());

const asked = (how: string, fields: JsonObject, by = rootToken) =>
  ask(node, 'update', `sys/${how}`, fields, by);

describe('what a token may do', () => {
  it('is the same by token, by accessor and for itself, in the fixed order', async () => {
    const paths = ['secret/data/x', '/secret/data/x', 'secret/data/no', 'sys/mounts'];
    const expected = {
      'secret/data/x': ['read', 'update', 'create'],
      '/secret/data/x': ['read', 'update', 'create'],
      'secret/data/no': ['deny'],
      'sys/mounts': ['deny'],
    };
    expect((await asked('capabilities', { token, paths })).data).toEqual(expected);
    expect((await asked('capabilities-accessor', { accessor, paths })).data).toEqual(expected);
    expect((await asked('capabilities-self', { paths }, token)).data).toEqual(expected);
  });

  it.each(['path', 'paths'])('is told for one path once more as capabilities: %s', async (field) => {
    for (const fields of [{ [field]: 'secret/data/x' }, { [field]: ['secret/data/x'] }]) {
      expect((await asked('capabilities', { token, ...fields })).data).toEqual({
        'secret/data/x': ['read', 'update', 'create'],
        capabilities: ['read', 'update', 'create'],
      });
    }
  });

  it('of root is root, also where root asks about itself', async () => {
    for (const fields of [{ token: rootToken, paths: ['secret/data/x'] }]) {
      expect((await asked('capabilities', fields)).data['capabilities']).toEqual(['root']);
      expect((await asked('capabilities-self', fields)).data['capabilities']).toEqual(['root']);
    }
  });

  it('follows a policy that changes', async () => {
    await writePolicy(node, 'user', 'path "secret/data/*" { capabilities = ["list"] }');
    const { data } = await asked('capabilities', { token, path: 'secret/data/x' });
    expect(data['capabilities']).toEqual(['list']);
  });

  it.each([
    ['capabilities', { paths: ['a'] }],
    ['capabilities', { token: 'nobody', paths: ['a'] }],
    ['capabilities', { token: '', paths: ['a'] }],
    ['capabilities-accessor', { paths: ['a'] }],
    ['capabilities-accessor', { accessor: 'nothing', paths: ['a'] }],
    ['capabilities-accessor', { accessor: '../id/x', paths: ['a'] }],
    ['capabilities-self', {}],
    ['capabilities-self', { paths: [] }],
    ['capabilities-self', { paths: ['a/../b'] }],
    ['capabilities-self', { paths: Array.from({ length: 1_001 }, (_, at) => `a${at}`) }],
  ])('is a bad request to %s with %j', async (how, fields) => {
    expect((await asked(how, fields)).status).toBe(400);
  });

  it('is not told of a token that has ended', async () => {
    place.clock.jump(3_600);
    expect((await asked('capabilities', { token, paths: ['a'] })).errors).toEqual(['invalid token']);
    expect((await asked('capabilities-accessor', { accessor, paths: ['a'] })).errors).toEqual([
      'invalid accessor',
    ]);
  });

  it('is told about others only to those who may ask', async () => {
    for (const [how, which] of [
      ['capabilities', { token: rootToken }],
      ['capabilities-accessor', { accessor }],
    ] as const) {
      expect((await asked(how, { ...which, paths: ['a'] }, token)).status).toBe(403);
    }
    expect((await asked('capabilities-self', { paths: ['secret/data/x'] }, token)).status).toBe(200);
  });
});
