/** When something is due: rotations with their jitter, ends of overlaps, tries after a failure. All times are milliseconds. */
import { createHash } from 'node:crypto';
import type { CredentialKind } from '../../service-user/provider.ts';
import type { Application } from './application.ts';
import type { MountSettings } from './mount-config.ts';
import type { ApplicationState, KindState } from './state.ts';

/** Of a period, at most so much is cut off, so that what was rotated together does not stay together. */
const mostJitter = 0.1;
/** In periods. */
const mostAge = 1.5;
const firstPause = 10_000;
/** How long an emergency waits for a target that fails. */
export const emergencyPatience = 60_000;
/** After a failure in an emergency, however many there were before. */
const emergencyPause = 20_000;
export const longestPause = 3_600_000;
/** Times of the future beyond this are of a clock that was set back. */
const slack = 60_000;

/** From 0 to 1, the same again for the same text. */
export function fractionOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32;
}

/** Milliseconds from one rotation of the kind to the next; null where it is rotated on request alone. */
export function periodOf(
  kind: CredentialKind,
  application: Application,
  settings: MountSettings,
): number | null {
  if (kind === 'password') return (application.passwordPeriod ?? settings.passwordPeriod) * 1_000;
  // Without a secret there is nothing in it that could leak.
  return application.confidential ? (application.clientPeriod ?? settings.clientPeriod) * 1_000 : null;
}

export function overlapOf(application: Application, settings: MountSettings): number {
  return (application.overlap ?? settings.overlap) * 1_000;
}

/** When a credential is due to be rotated; null where it never is by itself, or there is none yet. */
export function rotationAt(
  kind: CredentialKind,
  { rotatedAt, generation }: KindState,
  application: Application,
  settings: MountSettings,
): number | null {
  const period = periodOf(kind, application, settings);
  if (period === null || rotatedAt === null) return null;
  const jitter = mostJitter * fractionOf(`${application.id}/${kind}/${generation}`);
  return Math.ceil(rotatedAt + period * (1 - jitter));
}

/** When a credential is older than it should ever be; null where it never is, or people were told. */
export function overdueAt(
  kind: CredentialKind,
  { rotatedAt, overdueTold }: KindState,
  application: Application,
  settings: MountSettings,
): number | null {
  const period = periodOf(kind, application, settings);
  return period === null || rotatedAt === null || overdueTold ? null : rotatedAt + period * mostAge;
}

/**
 * The pause after so many failures in a row.
 *
 * @param salt spreads what failed together
 * @param hurries an emergency waits for it: it is tried again soon, however often it has failed
 */
export function pauseAfter(failures: number, salt: string, hurries = false): number {
  const longest = hurries ? emergencyPause : longestPause;
  const pause = Math.min(firstPause * 2 ** Math.min(failures - 1, 20), longest);
  return Math.ceil(pause * (1 - 0.2 * fractionOf(`${salt}/${failures}`)));
}

/** When an inactive application's user goes. */
export function deletionAt(application: Application, settings: MountSettings): number {
  return (application.inactiveSince ?? application.modifiedAt) + settings.deletionGrace * 1_000;
}

/**
 * A state with no time in it that has not come yet and cannot be meant: where the clock was set back, what had begun begins now, and lasts as
 * long as it would have.
 */
export function mended(state: ApplicationState, now: number): ApplicationState {
  const { password, client } = state.kinds;
  const kinds = { password: mendedKind(password, now), client: mendedKind(client, now) };
  const retryAt = Math.min(state.retryAt, now + longestPause);
  const same = kinds.password === password && kinds.client === client && retryAt === state.retryAt;
  return same ? state : { ...state, kinds, retryAt };
}

function mendedKind(kind: KindState, now: number): KindState {
  const ahead = Math.max(kind.stepSince, kind.rotatedAt ?? 0, kind.beganAt ?? 0) - now;
  if (ahead <= slack) return kind;
  return {
    ...kind,
    stepSince: Math.min(kind.stepSince, now),
    rotatedAt: kind.rotatedAt === null ? null : Math.min(kind.rotatedAt, now),
    beganAt: kind.beganAt === null ? null : Math.min(kind.beganAt, now),
    overlapUntil: kind.overlapUntil - Math.max(0, kind.stepSince - now),
  };
}
