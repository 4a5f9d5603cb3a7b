import { afterEach, beforeEach, expect, it } from 'vitest';
import { ask, expiryOf, keysOf, makePlace, makeToken, type Place } from '../../../test/fakes/client.ts';
import type { CofferNode } from '../../main/node.ts';
import { parseStorageKey } from '../../storage/storage.ts';
import { shardPrefix } from '../due.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
});
afterEach(() => place.remove());

it('an entry of a kind that only a newer program knows is left alone, and holds up nobody', async () => {
  const newer = [...'0123456789abcdef'].map((shard) =>
    parseStorageKey(`${shardPrefix(Number.parseInt(shard, 16))}0000000001/00/from-the-future/x`),
  );
  await place.storage.commit(newer.map((key) => ({ key, value: Buffer.from('sealed by a newer program') })));
  const token = await makeToken(node, { policies: ['default'], ttl: '10s' });
  place.clock.jump(11);
  await expiryOf(node).run();
  expect((await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status).toBe(403);
  expect(await keysOf(place.storage, 'core/token/id/')).toHaveLength(1);
  expect((await keysOf(place.storage, 'due/')).filter((key) => key.includes('from-the-future'))).toHaveLength(
    16,
  );
});
