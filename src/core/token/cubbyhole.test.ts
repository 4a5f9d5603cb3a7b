import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  finishDuties,
  keysOf,
  makePlace,
  makeToken,
  type Place,
  rootToken,
} from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
});
afterEach(() => place.remove());

const write = (path: string, data: JsonObject, token: string) =>
  ask(node, 'update', `cubbyhole/${path}`, data, token);
const read = (path: string, token: string) => ask(node, 'read', `cubbyhole/${path}`, {}, token);
const list = async (token: string, folder = '') => {
  const { status, data } = await ask(node, 'list', `cubbyhole/${folder}`, {}, token);
  return status === 200 ? data['keys'] : status;
};
const records = () => keysOf(place.storage, 'mount/');

describe('a token’s cubbyhole', () => {
  it('keeps what its token wrote, with the default policy alone', async () => {
    const token = await makeToken(node, { policies: ['default'] });
    const data = { text: 'ü', number: 1.5, nothing: null, deep: { list: [1] } };
    expect((await write('a/b', data, token)).status).toBe(204);
    expect((await read('a/b', token)).data).toEqual(data);
    await write('a', { only: 'this' }, token);
    expect((await read('a', token)).data).toEqual({ only: 'this' });
    expect(await list(token)).toEqual(['a', 'a/']);
    expect(await list(token, 'a/')).toEqual(['b']);
    expect((await ask(node, 'delete', 'cubbyhole/a/b', {}, token)).status).toBe(204);
    expect((await read('a/b', token)).status).toBe(404);
  });

  it('is nobody else’s: not its parent’s, not its child’s, not root’s', async () => {
    const parent = await makeToken(node, { policies: ['root'] });
    const token = await makeToken(node, {}, parent);
    const child = await makeToken(node, {}, token);
    await write('mine', { secret: 1 }, token);
    for (const other of [parent, child, rootToken]) {
      expect((await read('mine', other)).status).toBe(404);
      expect(await list(other)).toBe(404);
      await ask(node, 'delete', 'cubbyhole/mine', {}, other);
      await write('mine', { other: 2 }, other);
    }
    expect((await read('mine', token)).data).toEqual({ secret: 1 });
  });

  it('dies with its token: revoked, expired or used up, however much it holds', async () => {
    const revoked = await makeToken(node, { policies: ['default'] });
    const expired = await makeToken(node, { policies: ['default'], ttl: 60 });
    const used = await makeToken(node, { policies: ['default'], num_uses: 2 });
    for (let n = 0; n < 40; n++) await write(`n${n}`, { n }, revoked);
    await write('x', { n: 1 }, expired);
    await write('x', { n: 1 }, used);
    await read('x', used);
    await ask(node, 'update', 'auth/token/revoke', { token: revoked });
    place.clock.jump(60);
    await finishDuties(node, place.clock);
    expect(await records()).toEqual([]);
  });

  it('does not come back with a token of the same id', async () => {
    const id = 'the-same-id-again';
    await makeToken(node, { id, policies: ['default'] });
    await write('x', { old: 1 }, id);
    await ask(node, 'update', 'auth/token/revoke', { token: id });
    await finishDuties(node, place.clock);
    await makeToken(node, { id, policies: ['default'] });
    expect((await read('x', id)).status).toBe(404);
  });

  it('refuses nothing, too much, and a name that is none', async () => {
    expect((await write('x', {}, rootToken)).status).toBe(400);
    expect((await write('x', { big: 'x'.repeat(300_000) }, rootToken)).status).toBe(413);
    expect((await write('', { a: 1 }, rootToken)).status).toBe(400);
    expect((await write('x/', { a: 1 }, rootToken)).status).toBe(400);
    expect(await records()).toEqual([]);
  });

  it('cannot be disabled, mounted elsewhere or mounted over', async () => {
    expect((await ask(node, 'delete', 'sys/mounts/cubbyhole')).status).toBe(400);
    expect((await ask(node, 'update', 'sys/mounts/mine', { type: 'cubbyhole' })).status).toBe(400);
    expect((await ask(node, 'update', 'sys/mounts/cubbyhole/x', { type: 'kv-v2' })).status).toBe(400);
  });
});
