import { expect, it } from 'vitest';
import { ask, makePlace } from '../../../test/fakes/client.ts';
import { bumpWitnessed } from '../epoch.ts';
import { mountKey } from './entry.ts';

it('a mount that an earlier program did not know is added once, by whichever nodes open the store', async () => {
  const place = await makePlace();
  const node = await place.node();
  const { core } = node.state;
  const uuid = core?.mounts.table.at('identity/')?.entry.uuid ?? '';
  const bump = core === undefined ? undefined : await bumpWitnessed(core.store, 'mounts', uuid, null);
  await core?.store.commit([{ key: mountKey(uuid), value: null }, ...(bump?.writes ?? [])]);
  expect(Object.keys((await ask(node, 'read', 'sys/mounts')).data)).not.toContain('identity/');
  const nodes = await Promise.all([place.node(), place.node(), place.node()]);
  for (const one of [node, ...nodes]) {
    const mounts = (await ask(one, 'read', 'sys/mounts')).data;
    expect(Object.keys(mounts).filter((path) => path === 'identity/')).toHaveLength(1);
    expect(one.state.core?.mounts.table.at('identity/')?.entry.uuid).not.toBe(uuid);
  }
  expect(new Set(nodes.map((one) => one.state.core?.mounts.table.at('identity/')?.entry.uuid)).size).toBe(1);
  await place.remove();
});
