import { afterEach, beforeEach, expect, it } from 'vitest';
import { ask, finishDuties, keysOf, makePlace, type Place } from '../../../test/fakes/client.ts';
import { mountDataPrefix } from '../../core/mount/entry.ts';
import type { CofferNode } from '../../main/node.ts';
import { encodeRecord, type SecretIdRecord } from './role.ts';
import { isTidyStep, tidyStep } from './tidy.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace({ silent: true });
  node = await place.node();
  await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
  await ask(node, 'update', 'auth/approle/role/app', {});
});
afterEach(() => place.remove());

function own() {
  const mount = node.state.core?.mounts.table.at('auth/approle/');
  if (mount === undefined || node.state.core === undefined) throw new Error('not mounted');
  return { view: node.state.core.view(mount.entry.uuid), prefix: mountDataPrefix(mount.entry.uuid) };
}

/** What should not be there: secret ids whose time came without their due entry, accessors that lead nowhere. */
async function litter(count: number): Promise<void> {
  const { view } = own();
  const expired: SecretIdRecord = {
    accessor: '',
    createdAt: 0,
    updatedAt: 0,
    expiresAt: 1,
    ttl: 1,
    usesLeft: null,
    metadata: {},
    cidrs: [],
    tokenCidrs: [],
  };
  for (let i = 0; i < count; i++) {
    const accessor = `expired-${i}`;
    await view.commit([
      { path: `secret-id/role-${i % 3}/${i}`, value: encodeRecord({ ...expired, accessor }) },
      { path: `accessor/role-${i % 3}/${accessor}`, value: encodeRecord({ digest: String(i) }) },
      { path: `accessor/role-${i % 3}/nowhere-${i}`, value: encodeRecord({ digest: `gone-${i}` }) },
    ]);
  }
}

it('removes what has ended, over many steps, and nothing that lives', async () => {
  for (let i = 0; i < 5; i++)
    await ask(node, 'update', 'auth/approle/role/app/secret-id', { ttl: i * 3_600 });
  const { prefix } = own();
  const alive = await keysOf(place.storage, prefix);
  await litter(600);
  const answer = await ask(node, 'update', 'auth/approle/tidy/secret-id');
  expect([answer.status, answer.warnings.length]).toEqual([202, 1]);
  await ask(node, 'update', 'auth/approle/tidy/secret-id');
  await finishDuties(node, place.clock);
  expect(await keysOf(place.storage, prefix)).toEqual(alive);
  expect((await keysOf(place.storage, 'due/')).filter((key) => key.includes('tidy'))).toEqual([]);
});

it('can be stopped anywhere and done again', async () => {
  await litter(20);
  const { view, prefix } = own();
  const before = await keysOf(place.storage, prefix);
  expect(isTidyStep('tidy/secret-id/')).toBe(true);
  await tidyStep('tidy/secret-id/role-1/7', view, 2);
  expect((await keysOf(place.storage, prefix)).length).toBeLessThan(before.length);
  for (let i = 0; i < 2; i++) {
    await tidyStep('tidy/secret-id/', view, 2);
    await tidyStep('tidy/accessor/', view, 2);
  }
  await tidyStep('tidy/nothing', view, 2);
  const left = (await keysOf(place.storage, prefix)).filter((key) => /secret-id|accessor/.test(key));
  expect(left).toEqual([]);
});
