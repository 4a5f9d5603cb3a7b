/** A mount's view with nothing in it, on a barrier of its own in memory. */
import { randomUUID } from 'node:crypto';
import { createStore } from '../../src/barrier/barrier.fixture.ts';
import { MountView } from '../../src/core/mount/view.ts';
import type { View } from '../../src/core/view.ts';

export async function mountView(): Promise<View> {
  const { barrier } = await createStore();
  return new MountView(barrier, randomUUID(), (writes, expectations) => barrier.commit(writes, expectations));
}
