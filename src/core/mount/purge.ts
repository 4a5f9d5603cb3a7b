/**
 * The job behind disabling a mount: the tokens it issued end, its leases are ended by its engine, then its data goes, then the
 * job itself.
 */
import type { BarrierStore, PlainWrite } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import type { Expectation } from '../../storage/storage.ts';
import { type Due, dueWrite } from '../due.ts';
import type { Leases } from '../lease/leases.ts';
import type { Tokens } from '../token/tokens.ts';
import { goneKey, mountDataPrefix } from './entry.ts';
import type { Mounts } from './mounts.ts';
import { MountView } from './view.ts';

/** Records removed in one commit. */
const page = 60;
/** Pause, in milliseconds, after an engine could not end its leases. */
const pause = 60_000;

export interface PurgeContext {
  readonly store: BarrierStore;
  readonly clock: Clock;
  readonly mounts: Mounts;
  readonly leases: Leases;
  readonly tokens: Tokens;
}

/** Duty: an entry of kind `purge`. Can be stopped anywhere and begun again. */
export async function purgeMount(
  context: PurgeContext,
  due: Due,
  fence: Expectation,
  holdsLock: () => boolean,
): Promise<void> {
  const { store, clock, mounts, leases, tokens } = context;
  const mount = await mounts.find(due.id);
  if (mount?.entry.kind === 'auth') await tokens.endIssuedBy(due.id, fence);
  try {
    if (mount !== undefined) {
      await leases.revokeMount(mount, holdsLock);
      await mount.engine.settle?.(
        new MountView(store, due.id, (writes, expectations) =>
          store.commit(writes, [...expectations, fence]),
        ),
      );
    }
  } catch (error) {
    // Without the lock the entry is the successor's: it stays as it is.
    if (!holdsLock()) throw error;
    await store.commit(
      [{ key: due.key, value: null }, dueWrite(clock.now() + pause, 'purge', due.id)],
      [fence],
    );
    throw error;
  }
  for (;;) {
    const found = await store.range(mountDataPrefix(due.id), { limit: page });
    const writes: PlainWrite[] = found.items.map(({ key }) => ({ key, value: null }));
    const last = found.next === undefined;
    if (last) writes.push({ key: due.key, value: null }, { key: goneKey(due.id), value: null });
    await store.commit(writes, [fence]);
    if (last) return;
  }
}
