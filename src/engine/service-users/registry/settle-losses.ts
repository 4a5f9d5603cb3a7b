/** What becomes of applications that a registry does not list as active any more. */
import type { View } from '../../../core/view.ts';
import type { MountSettings } from '../mount-config.ts';
import type { ServiceUsersParts } from '../parts.ts';
import { digestOf, readHeldIds, removeHeldIds, writeHeldIds } from './held.ts';
import type { RegistryList } from './kio.ts';
import { type Known, sideBySide } from './known.ts';
import { forgetLosses, lossesSince } from './losses.ts';
import type { Held, RegistryState } from './registry-state.ts';
import { isOrdinary } from './shrink.ts';
import { retire } from './take-over.ts';

export interface LossCase {
  readonly view: View;
  readonly list: RegistryList;
  /** Those that go are taken out of it. */
  readonly known: Known;
  readonly settings: MountSettings;
  readonly state: RegistryState;
  readonly parts: ServiceUsersParts;
}

/** Retires those that may go, and answers those that wait for a person. */
export async function settleLosses(loss: LossCase): Promise<Held | null> {
  const { view, list, known, state } = loss;
  const { held: before } = state;
  const lost = [...known.keys()].filter((id) => !list.active.has(id) && !list.unclear.has(id)).sort();
  const heldIds = new Set(before === null ? [] : await readHeldIds(view, before));
  const confirmed = before !== null && before.confirmed !== null;
  const agreed = confirmed ? lost.filter((id) => heldIds.has(id)) : [];
  if (confirmed) {
    await retireAll(loss, agreed, false);
    await forgetLosses(view);
  }
  const rest = confirmed ? lost.filter((id) => !heldIds.has(id)) : lost;
  // Once a loss waits it waits for a person, or for the registry to take it back: never for time to pass.
  const waits = !confirmed && rest.some((id) => heldIds.has(id));
  if (!waits && (await mayGo(loss, rest.length))) {
    await retireAll(loss, rest, true);
    if (before !== null) await removeHeldIds(view, before);
    return null;
  }
  return hold(loss, rest, confirmed ? null : before);
}

async function retireAll({ view, known, parts }: LossCase, ids: readonly string[], counts: boolean) {
  await sideBySide(ids, async (id) => {
    await retire(parts, view, id, counts);
    known.delete(id);
  });
}

/** Counted over the time in which a disabled user can still be had back. */
async function mayGo({ view, list, known, settings, parts }: LossCase, lost: number): Promise<boolean> {
  if (lost === 0) return true;
  const since = parts.clock.now() - settings.deletionGrace * 1_000;
  const { count, older: olderLost } = await lossesSince(view, since);
  const olderActive = [...known.values()].filter(({ createdAt }) => createdAt < since).length;
  return isOrdinary({
    lost,
    active: known.size,
    older: olderActive + olderLost,
    before: count,
    limit: settings.shrinkLimit,
    isEmpty: list.isEmpty,
  });
}

/** @param before what is held already, unless it was confirmed */
async function hold(
  { view, known, state, parts }: LossCase,
  ids: readonly string[],
  before: Held | null,
): Promise<Held> {
  const digest = digestOf(ids);
  const isSame = before?.digest === digest;
  const generation = isSame ? before.generation : (state.held?.generation ?? 0) + 1;
  const held: Held = {
    count: ids.length,
    digest,
    since: before?.since ?? parts.clock.now(),
    generation,
    pieces: isSame ? before.pieces : await writeHeldIds(view, generation, ids),
    active: known.size,
    told: isSame && before.told,
    confirmed: null,
  };
  if (!isSame && state.held !== null) await removeHeldIds(view, state.held);
  return held.told ? held : { ...held, told: await tell(parts, held) };
}

/** Whether it got through: where it did not, it is tried again at the next look. */
async function tell({ environment }: ServiceUsersParts, { count, active }: Held): Promise<boolean> {
  const { notices, mountPath } = environment;
  if (notices === undefined) return true;
  try {
    await notices.post({
      kind: 'registry.shrunk',
      subject: `The registry of ${mountPath} lost ${count} of ${active} active applications: nothing was disabled, and somebody has to confirm`,
      fields: { mount: mountPath, lost: String(count), active: String(active) },
    });
    return true;
  } catch {
    return false;
  }
}
