/** When an application is to be looked at again. */
import { credentialKinds } from './documents.ts';
import { isFrozen, type Scene } from './plan.ts';
import type { KindState } from './state.ts';
import { deletionAt, overdueAt, rotationAt } from './timetable.ts';

/** How often it is looked whether readers have caught up, in milliseconds. */
const readerCheck = 60_000;

/** Milliseconds; undefined where nothing will be due until somebody changes something. */
export function lookAt(scene: Scene): number | undefined {
  const { application, state, now, blocked } = scene;
  const times = application.deleted || !application.active ? endingTimes(scene) : rotationTimes(scene);
  const all = blocked.size > 0 ? [...times, Math.max(state.retryAt, now)] : times;
  return all.length === 0 ? undefined : Math.min(...all);
}

function endingTimes({ application, settings, state, now }: Scene): readonly number[] {
  const at = deletionAt(application, settings);
  const nothingLeft = (state.user === 'none' || state.user === 'deleted') && state.places.length === 0;
  // What is over already waits for what is blocked.
  return nothingLeft || application.deleted || at <= now ? [] : [at];
}

function rotationTimes(scene: Scene): readonly number[] {
  const { application, settings, now } = scene;
  return credentialKinds.flatMap((of) => {
    const kind = scene.state.kinds[of];
    if (isFrozen(scene, of)) return [];
    if (kind.step === 'overlap') return overlapTimes(scene, kind, scene.waiting.has(of));
    const at = rotationAt(of, kind, application, settings);
    const rotates = kind.ends !== null && (kind.step === 'idle' || kind.step === 'probing');
    if (!rotates || application.targets.length === 0 || at === null) return [];
    if (at > now) return [at];
    // It is due, and something holds it up: people are to be told in time.
    const overdue = overdueAt(of, kind, application, settings);
    return overdue !== null && overdue > now ? [overdue] : [];
  });
}

function overlapTimes(
  { settings, now }: Scene,
  { overlapUntil }: KindState,
  waiting: boolean,
): readonly number[] {
  if (waiting) return [Math.min(now + readerCheck, overlapUntil + settings.readerPatience * 1_000)];
  // One that is over already waits for what is blocked.
  return overlapUntil > now ? [overlapUntil] : [];
}
