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
} from '../../../test/fakes/client.ts';
import type { CofferNode } from '../../main/node.ts';
import { parseStorageKey } from '../../storage/storage.ts';
import { encodeStored } from '../stored-json.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
});
afterEach(() => place.remove());

async function tidy(): Promise<{ readonly removed: unknown; readonly status: unknown }> {
  const begun = await ask(node, 'update', 'auth/token/tidy');
  expect(begun.status).toBe(202);
  expect(begun.warnings.join()).toContain('Tidy operation successfully started');
  await finishJobs(node);
  await finishDuties(node, place.clock);
  const { data } = await ask(node, 'read', `sys/jobs/${String(begun.data['job_id'])}`);
  return { removed: (data['result'] as { removed: number }).removed, status: data['status'] };
}

const barrier = () => {
  const { core } = node.state;
  if (core === undefined) throw new Error('the node is sealed');
  return core.barrier;
};

describe('tidying tokens', () => {
  it('finds nothing where nothing is left over, and ends no token', async () => {
    const parent = await makeToken(node, { policies: ['root'], ttl: '9h' });
    const tokens = await Promise.all(
      Array.from({ length: 30 }, () => makeToken(node, { ttl: '1h' }, parent)),
    );
    const before = await keysOf(place.storage, 'core/token/');
    expect(await tidy()).toEqual({ removed: 0, status: 'done' });
    expect(await keysOf(place.storage, 'core/token/')).toEqual(before);
    for (const token of [parent, ...tokens]) {
      expect((await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status).toBe(200);
    }
  });

  it('removes accessors and index entries of tokens that are gone, and sends their children to the duty', async () => {
    const before = await keysOf(place.storage, 'core/token/');
    const parent = await makeToken(node, { policies: ['root'], ttl: '9h' });
    for (let child = 0; child < 15; child++) await makeToken(node, { ttl: '8h' }, parent);
    const id = node.state.core?.tokens.idOf(parent) ?? '';
    // As if the commit of its end had been torn: the record is gone, and nobody knows.
    await barrier().commit([
      { key: parseStorageKey(`core/token/id/${id}`), value: null },
      { key: parseStorageKey(`core/token/of/nobody/${id}`), value: encodeStored({}) },
    ]);
    expect(await tidy()).toMatchObject({ status: 'done' });
    expect(await keysOf(place.storage, 'core/token/')).toEqual(before);
  });

  it('puts tokens before the duty whose entry was lost', async () => {
    const before = await keysOf(place.storage, 'core/token/');
    await makeToken(node, { policies: ['a'], ttl: 60 });
    await place.storage.commit(
      (await keysOf(place.storage, 'due/')).map((key) => ({ key: parseStorageKey(key), value: null })),
    );
    place.clock.jump(60);
    await finishDuties(node, place.clock);
    expect(await keysOf(place.storage, 'core/token/id/')).toHaveLength(2);
    await tidy();
    expect(await keysOf(place.storage, 'core/token/')).toEqual(before);
  });

  it('goes on in the middle of tokens that come and go', async () => {
    const tokens = await Promise.all(Array.from({ length: 40 }, () => makeToken(node, { policies: ['a'] })));
    const begun = ask(node, 'update', 'auth/token/tidy');
    const ended = tokens.slice(0, 20).map((token) => ask(node, 'update', 'auth/token/revoke', { token }));
    await Promise.all([begun, ...ended]);
    await finishJobs(node);
    for (const token of tokens.slice(20)) {
      expect((await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status).toBe(200);
    }
    await finishDuties(node, place.clock);
    expect(await keysOf(place.storage, 'core/token/id/')).toHaveLength(21);
  });

  it('needs the right to ask for it', async () => {
    const token = await makeToken(node, { policies: ['default'] }, rootToken);
    expect((await ask(node, 'update', 'auth/token/tidy', {}, token)).status).toBe(403);
  });
});
