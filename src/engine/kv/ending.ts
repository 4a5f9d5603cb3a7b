/**
 * Versions that delete themselves. From its time on a version is deleted, which reads decide by the clock alone. Its value stays for
 * a while, so that the deletion can be taken back; then the duty destroys it.
 */
import type { DueEntry } from '../../core/view.ts';
import type { SecretRecord } from './metadata.ts';

/** Milliseconds between a version's own end and the removal of its value: a week. */
export const graceTime = 7 * 86_400_000;

/** Names of due entries that `onEndingDue` is for begin with it; the secret's path follows. */
export const endingFolder = 'ending/';

/** Asks for the removal of what ends by itself at this time (ms). Whoever moves a secret asks anew: see `nextEnding`. */
export function endingEntry(path: string, at: number): DueEntry {
  return { at: at + graceTime, name: endingFolder + path };
}

/** When the next version of a secret ends by itself, in milliseconds; undefined when none does. */
export function nextEnding(secret: SecretRecord): number | undefined {
  let next: number | undefined;
  for (const [, { endsByItself, deletedAt }] of secret.versions.entries()) {
    if (endsByItself && deletedAt !== null && (next === undefined || deletedAt < next)) next = deletedAt;
  }
  return next;
}
