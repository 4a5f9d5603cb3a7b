import { expect, it } from 'vitest';
import { ask, makePlace } from '../../../test/fakes/client.ts';
import { faultyStorage } from '../../../test/fault/storage-fault.ts';

it('setting the role id of a role that is deleted meanwhile does not bring a role back', async () => {
  const place = await makePlace();
  const node = await place.node();
  await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
  const role = 'auth/approle/role/app';
  for (let held = 1; held <= 4; held++) {
    await ask(node, 'update', role, { role_id: 'first' });
    let reads = 0;
    let starting = false;
    const storage = faultyStorage(place.storage, (_count, operation) => {
      if (!starting || operation !== 'read' || ++reads !== held) return undefined;
      return { kind: 'delay', until: ask(node, 'delete', role) };
    });
    const slow = await place.node(storage);
    starting = true;
    const { status } = await ask(slow, 'update', `${role}/role-id`, { role_id: 'second' });
    const there = (await ask(node, 'read', role)).status;
    // Too late, or deleted right after: never made anew.
    expect([reads < held, there, status]).toEqual(
      reads < held ? [true, 200, 204] : [false, 404, expect.toBeOneOf([204, 400])],
    );
    await ask(node, 'delete', role);
  }
  await place.remove();
});
