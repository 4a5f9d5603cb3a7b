import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  finishDuties,
  finishJobs,
  keysOf,
  makePlace,
  makeToken,
  type Place,
  rootToken,
  writePolicy,
} from '../../../test/fakes/client.ts';
import { leasedType, Outside } from '../../../test/fakes/leased-engine.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
let outside: Outside;

beforeEach(async () => {
  outside = new Outside();
  place = await makePlace({ engines: [leasedType(outside)] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
});
afterEach(() => place.remove());

const look = (token: string, at = node) => ask(at, 'read', 'auth/token/lookup-self', {}, token);
const status = async (token: string, at = node) => (await look(token, at)).status;
const statuses = (...tokens: string[]) => Promise.all(tokens.map((token) => status(token)));
const alone = (token: string, by = rootToken) =>
  ask(node, 'update', 'auth/token/revoke-orphan', { token }, by);
const revoke = (token: string) => ask(node, 'update', 'auth/token/revoke', { token });
const idOf = (token: string) => node.state.core?.tokens.idOf(token) ?? '';
/** Grandparent, parent, child, grandchild; root all of them. */
async function line(): Promise<[string, string, string, string]> {
  const top = await makeToken(node, { policies: ['root'], ttl: '800h' });
  const parent = await makeToken(node, { ttl: '700h' }, top);
  const child = await makeToken(node, { ttl: '600h' }, parent);
  return [top, parent, child, await makeToken(node, { ttl: '500h' }, child)];
}

describe('revoking a token without its children', () => {
  it('ends the token, its leases and its cubbyhole, and makes its children orphans', async () => {
    const second = await place.node();
    const [top, parent, child, grandchild] = await line();
    await ask(node, 'update', 'cubbyhole/x', { a: 1 }, parent);
    await ask(node, 'read', 'leased/creds/app', {}, parent);
    await ask(node, 'read', 'leased/creds/app', {}, child);
    expect((await look(child)).data['orphan']).toBe(false);
    expect((await alone(parent)).status).toBe(204);
    expect(await statuses(top, parent, child, grandchild)).toEqual([200, 403, 200, 200]);
    expect(await status(parent, second)).toBe(403);
    expect(await status(grandchild, second)).toBe(200);
    expect((await look(child)).data['orphan']).toBe(true);
    expect((await look(grandchild)).data['orphan']).toBe(false);
    await finishDuties(node, place.clock);
    expect(await statuses(top, parent, child, grandchild)).toEqual([200, 403, 200, 200]);
    expect(outside.working).toHaveLength(1);
    const left = (await keysOf(place.storage)).filter((key) => key.includes(idOf(parent)));
    // The mark, when it is looked at again, and what belongs to its child.
    expect(
      left.map((key) =>
        key.replace(/\/[0-9a-z]+\.(?=[^/]+$)/, '/<time>.').replace(/due\/.*\/token\//, 'due//token/'),
      ),
    ).toEqual(
      [
        `core/token/child/${idOf(parent)}/<time>.${idOf(child)}`,
        `core/token/id/${idOf(parent)}`,
        `due//token/${idOf(parent)}`,
      ].toSorted(),
    );
  });

  it('frees the children from what is above too', async () => {
    const [top, parent, child, grandchild] = await line();
    await alone(parent);
    await revoke(top);
    await finishDuties(node, place.clock);
    expect(await statuses(top, parent, child, grandchild)).toEqual([403, 403, 200, 200]);
    await revoke(child);
    expect(await statuses(child, grandchild)).toEqual([403, 403]);
    await finishDuties(node, place.clock);
    expect(await keysOf(place.storage, `core/token/child/${idOf(parent)}`)).toEqual([]);
  });

  it('works one below the other', async () => {
    const [top, parent, child, grandchild] = await line();
    await alone(parent);
    await alone(child);
    await finishDuties(node, place.clock);
    place.clock.jump(86_401);
    await finishDuties(node, place.clock);
    // Nobody has the parent as its parent any more: its mark is gone, and the child's is needed yet.
    expect(await keysOf(place.storage, `core/token/id/${idOf(parent)}`)).toEqual([]);
    expect(await keysOf(place.storage, `core/token/id/${idOf(child)}`)).toHaveLength(1);
    expect(await statuses(top, parent, child, grandchild)).toEqual([200, 403, 403, 200]);
  });

  it('leaves nothing once the last child has gone', async () => {
    const before = await keysOf(place.storage, 'core/token/');
    const [top, parent, child] = await line();
    await alone(parent);
    await revoke(child);
    await revoke(top);
    await finishDuties(node, place.clock);
    place.clock.jump(86_401);
    await finishDuties(node, place.clock);
    expect(await keysOf(place.storage, 'core/token/')).toEqual(before);
    expect(await keysOf(place.storage, 'due/')).toEqual([]);
  });

  it('lets tidying take the mark at once', async () => {
    const before = await keysOf(place.storage, 'core/token/');
    const [top, parent, child] = await line();
    await alone(parent);
    for (const token of [child, top]) await revoke(token);
    await finishDuties(node, place.clock);
    const tidied = await ask(node, 'update', 'auth/token/tidy');
    expect(tidied.status).toBe(202);
    await finishJobs(node);
    await finishDuties(node, place.clock);
    expect(await keysOf(place.storage, 'core/token/')).toEqual(before);
  });

  it('gives new tokens of a child no part of the old line', async () => {
    const [top, parent, child] = await line();
    await alone(parent);
    const late = await makeToken(node, { ttl: '1h' }, child);
    await finishDuties(node, place.clock);
    await revoke(top);
    expect(await status(late)).toBe(200);
    await revoke(child);
    expect(await status(late)).toBe(403);
  });

  it('needs sudo', async () => {
    const [, parent, child] = await line();
    await writePolicy(node, 'ender', 'path "auth/token/revoke-orphan" { capabilities = ["update"] }');
    const ender = await makeToken(node, { policies: ['ender'] });
    expect((await alone(parent, ender)).status).toBe(403);
    expect(await statuses(parent, child)).toEqual([200, 200]);
    await writePolicy(node, 'ender', 'path "auth/token/revoke-orphan" { capabilities = ["update", "sudo"] }');
    expect((await alone(parent, ender)).status).toBe(204);
  });

  it('refuses what is not there, or not any more', async () => {
    const [, parent] = await line();
    expect((await alone('nobody')).status).toBe(400);
    expect((await ask(node, 'update', 'auth/token/revoke-orphan', {})).status).toBe(400);
    await alone(parent);
    expect((await alone(parent)).status).toBe(400);
    expect((await revoke(parent)).status).toBe(204);
    for (const path of ['renew', 'lookup']) {
      expect((await ask(node, 'update', `auth/token/${path}`, { token: parent })).status).toBe(403);
    }
  });

  it('shows the accessor of the token to nobody any more', async () => {
    const [, parent] = await line();
    const accessor = (await look(parent)).data['accessor'] ?? '';
    await alone(parent);
    expect((await ask(node, 'update', 'auth/token/lookup-accessor', { accessor })).status).toBe(400);
    expect((await ask(node, 'list', 'auth/token/accessors/')).data['keys']).not.toContain(accessor);
  });
});

describe('threat 18: revoking a token without its children', () => {
  it('brings nobody back whose ancestor was revoked before', async () => {
    const [top, parent, child] = await line();
    await revoke(top);
    expect((await alone(parent)).status).toBe(400);
    expect(await statuses(parent, child)).toEqual([403, 403]);
    await finishDuties(node, place.clock);
    expect(await statuses(parent, child)).toEqual([403, 403]);
  });

  it('at the same moment as its parent’s end leaves the children either dead or orphans', async () => {
    for (let round = 0; round < 10; round++) {
      const [top, parent, child] = await line();
      const [ended, left] = await Promise.all([revoke(top), alone(parent)]);
      expect(ended.status).toBe(204);
      const wanted = left.status === 204 ? 200 : 403;
      expect(await statuses(top, parent, child)).toEqual([403, 403, wanted]);
      await finishDuties(node, place.clock);
      expect(await statuses(top, parent, child)).toEqual([403, 403, wanted]);
    }
  });

  it('makes no child after its end', async () => {
    const [, parent] = await line();
    const made = await Promise.all([
      ...Array.from({ length: 10 }, () => ask(node, 'update', 'auth/token/create', { ttl: 60 }, parent)),
      alone(parent),
    ]);
    expect(made.at(-1)?.status).toBe(204);
    expect((await ask(node, 'update', 'auth/token/create', { ttl: 60 }, parent)).status).toBe(403);
    await finishDuties(node, place.clock);
    for (const { auth } of made) if (auth !== null) expect(await status(auth.clientToken)).toBe(200);
  });

  it('keeps a given text taken while the mark is there', async () => {
    const id = 'text-of-a-token-with-children';
    const token = await makeToken(node, { id, policies: ['root'], ttl: '1h' });
    const child = await makeToken(node, { ttl: '1h' }, token);
    await alone(token);
    await finishDuties(node, place.clock);
    const again = await ask(node, 'update', 'auth/token/create', { id, policies: ['default'] });
    expect(again.errors).toEqual(['cannot create a token with a duplicate ID']);
    await revoke(child);
    await finishDuties(node, place.clock);
    place.clock.jump(86_401);
    await finishDuties(node, place.clock);
    expect((await ask(node, 'update', 'auth/token/create', { id, policies: ['default'] })).status).toBe(200);
    expect(await status(child)).toBe(403);
  });
});
