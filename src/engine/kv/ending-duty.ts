/** The duty that destroys the values of versions that deleted themselves. */
import { retryOnConflict } from '../../core/retry.ts';
import type { View } from '../../core/view.ts';
import { endingEntry, endingFolder, graceTime, nextEnding } from './ending.ts';
import type { Secrets } from './secrets.ts';
import { destroyStep } from './versions.ts';

/** Destroys versions that ended long enough ago. What was restored meanwhile, or belongs to another secret now, stays. */
export async function onEndingDue(secrets: Secrets, view: View, name: string, now: number): Promise<void> {
  const path = name.slice(endingFolder.length);
  for (let more = true; more; ) {
    more = await retryOnConflict(async () => {
      const before = await secrets.read(view, path);
      if (before === undefined) return false;
      const ended = [...before.secret.versions.entries()].flatMap(([number, { endsByItself, deletedAt }]) =>
        endsByItself && deletedAt !== null && deletedAt + graceTime <= now ? [number] : [],
      );
      if (ended.length === 0) return false;
      const step = destroyStep(before.secret, ended, now);
      const next = nextEnding(step.secret);
      const due = step.rest.length > 0 || next === undefined ? [] : [endingEntry(path, next)];
      await secrets.commit(view, path, before, { ...step, due });
      return step.rest.length > 0;
    });
  }
}
