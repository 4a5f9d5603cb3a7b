import { afterEach, beforeEach, expect, it } from 'vitest';
import { ask, makePlace, type Place } from '../../../test/fakes/client.ts';

let place: Place;
beforeEach(async () => {
  place = await makePlace();
});
afterEach(() => place.remove());

/** A store whose next walk of mounts answers what it saw at once, but only when it is let go. */
function withHeldWalk(): { readonly storage: Place['storage']; hold(): () => void } {
  let held: Promise<void> | undefined;
  const { storage } = place;
  const slow: Place['storage'] = {
    kind: storage.kind,
    read: (key) => storage.read(key),
    readMany: (keys) => storage.readMany(keys),
    children: (prefix, page) => storage.children(prefix, page),
    commit: (writes, expectations) => storage.commit(writes, expectations),
    close: () => storage.close(),
    async range(prefix, page) {
      const found = await storage.range(prefix, page);
      const wait = prefix === 'core/mount/' ? held : undefined;
      if (wait !== undefined) held = undefined;
      await wait;
      return found;
    },
  };
  return {
    storage: slow,
    hold() {
      let letGo = () => {};
      held = new Promise((resolve) => {
        letGo = resolve;
      });
      return letGo;
    },
  };
}

it('a look at the mounts that ends late does not bring a disabled one back', async () => {
  const slow = withHeldWalk();
  const node = await place.node(slow.storage);
  const other = await place.node();
  await ask(node, 'update', 'sys/mounts/old', { type: 'kv-v2' });
  await ask(node, 'read', 'sys/mounts');
  const letGo = slow.hold();
  // Reads the mounts, then finds that its path is in use: it changes nothing.
  const refused = ask(node, 'update', 'sys/mounts/secret/below', { type: 'kv-v2' });
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  await ask(other, 'delete', 'sys/mounts/old');
  const seen = ask(node, 'read', 'old/data/x');
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  letGo();
  await Promise.all([refused, seen]);
  expect((await ask(node, 'read', 'old/data/x')).errors).toEqual([
    'no handler for route "old/data/x". route entry not found.',
  ]);
});
