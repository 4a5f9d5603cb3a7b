import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, type Place } from '../../../test/fakes/client.ts';
import type { CofferNode } from '../../main/node.ts';
import type { Core } from '../core.ts';
import { epochKey } from '../epoch.ts';
import { mountPrefix } from './entry.ts';
import { type Read, readMounts } from './read-mounts.ts';

let place: Place;
let node: CofferNode;
let core: Core;
beforeEach(async () => {
  place = await makePlace({ silent: true });
  node = await place.node();
  if (node.state.core === undefined) throw new Error('sealed');
  core = node.state.core;
});
afterEach(() => place.remove());

const nothing: ReadonlyMap<string, Read> = new Map();
const uuids = () => core.mounts.table.mounts.map(({ entry }) => entry.uuid).toSorted();

describe('the mounts of a store', () => {
  it('are those of the epoch that was read, and of a later one where they changed since', async () => {
    const epoch = await core.store.read(epochKey);
    const before = uuids();
    expect([...(await readMounts(core.store, nothing, epoch)).keys()].toSorted()).toEqual(before);
    await ask(node, 'update', 'sys/mounts/one', { type: 'kv' });
    await ask(node, 'delete', 'sys/mounts/secret');
    const after = uuids();
    expect(after).not.toEqual(before);
    expect([...(await readMounts(core.store, nothing, epoch)).keys()].toSorted()).toEqual(after);
  });

  it('are opened where they changed, and else are what they were', async () => {
    const first = await readMounts(core.store, nothing, undefined);
    const known = new Map([...first].map(([uuid, { revision, digest }]) => [uuid, { revision, digest }]));
    await ask(node, 'update', 'sys/mounts/secret/tune', { description: 'another' });
    const again = await readMounts(core.store, known, undefined);
    const opened = [...again.values()].filter((each) => 'plaintext' in each);
    expect([again.size, opened.length]).toEqual([first.size, 1]);
  });

  it('threat 25: are none at all where one was put back or taken away behind the epoch', async () => {
    const { items } = await place.storage.range(mountPrefix, { limit: 10 });
    const [one] = items;
    if (one === undefined) throw new Error('no mount');
    const epoch = await core.store.read(epochKey);
    await place.storage.commit([{ key: one.key, value: null }]);
    await expect(readMounts(core.store, nothing, epoch)).rejects.toMatchObject({ code: 'integrity' });
    await expect(readMounts(core.store, nothing, undefined)).rejects.toMatchObject({ code: 'integrity' });
  });
});
