/**
 * The job behind disabling a mount: the tokens it issued end, its leases are ended by its engine, then its data goes, then the
 * job itself.
 */
import type { BarrierStore, PlainWrite } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import type { Expectation } from '../../storage/storage.ts';
import { type Due, dueWrite } from '../due.ts';
import type { HeldLock } from '../duty/lock.ts';
import type { Leases } from '../lease/leases.ts';
import type { Tokens } from '../token/tokens.ts';
import { goneKey, mountDataPrefix, mountKey } from './entry.ts';
import type { Mounts } from './mounts.ts';
import { MountView } from './view.ts';

/** Records removed in one commit. */
const page = 60;
/** Milliseconds until it is looked again whether leases that are tried again have ended. */
const pause = 60_000;
/** The same where all that is left was given up: a person must look, and what they do has the purge go on at once. */
const longPause = 3_600_000;
/**
 * Milliseconds after which it is looked again for records. A request may have been under way when its mount was disabled, and may
 * write once the rest is gone: after ten minutes none is, unless its process stood still.
 */
const sweeps = [600_000, 86_400_000];

export interface PurgeContext {
  readonly store: BarrierStore;
  readonly clock: Clock;
  readonly mounts: Mounts;
  readonly leases: Leases;
  readonly tokens: Tokens;
}

/** Duty: an entry of kind `purge`, `<uuid>` or `<uuid>/<sweep>`. Can be stopped anywhere and begun again. */
export async function purgeMount(
  context: PurgeContext,
  due: Due,
  fence: Expectation,
  holdsLock: () => boolean,
  outside: HeldLock['outside'],
): Promise<void> {
  const { store, clock, mounts, leases, tokens } = context;
  const [uuid = '', sweep = '0'] = due.id.split('/');
  const done: PlainWrite = { key: due.key, value: null };
  // Whatever asked for it: a mount that is there keeps what it has.
  if ((await store.read(mountKey(uuid))) !== undefined) return void (await store.commit([done], [fence]));
  const mount = await mounts.find(uuid);
  if (mount?.entry.kind === 'auth') await tokens.endIssuedBy(uuid, fence);
  if (mount !== undefined) {
    const { waiting, givenUp } = await leases.revokeMount(mount, outside);
    if (waiting + givenUp > 0) {
      const again = clock.now() + (waiting > 0 ? pause : longPause);
      // Its engine needs its records to end them.
      return void (await store.commit([done, dueWrite(again, 'purge', uuid)], [fence]));
    }
    try {
      const view = new MountView(store, uuid, (writes, expectations) =>
        store.commit(writes, [...expectations, fence]),
      );
      await outside(async () => mount.engine.settle?.(view));
    } catch (error) {
      // Without the lock the entry is the successor's: it stays as it is.
      if (!holdsLock()) throw error;
      await store.commit([done, dueWrite(clock.now() + pause, 'purge', uuid)], [fence]);
      throw error;
    }
  }
  for (;;) {
    const found = await store.range(mountDataPrefix(uuid), { limit: page });
    const writes: PlainWrite[] = found.items.map(({ key }) => ({ key, value: null }));
    const last = found.next === undefined;
    if (last)
      writes.push(done, { key: goneKey(uuid), value: null }, ...nextSweep(uuid, Number(sweep), clock));
    await store.commit(writes, [fence]);
    if (last) return;
  }
}

function nextSweep(uuid: string, sweep: number, clock: Clock): readonly PlainWrite[] {
  const after = sweeps[sweep];
  return after === undefined ? [] : [dueWrite(clock.now() + after, 'purge', `${uuid}/${sweep + 1}`)];
}
