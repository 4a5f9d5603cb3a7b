/**
 * What is known of the attempts at one name, and what follows from it. Two locks: one for a name at one origin, and one for a
 * name towards strangers: origins that have never logged in to it. The second stops guessing from many addresses and does not
 * touch the owner, whose addresses are known. All of this is values; time is an argument, in milliseconds.
 */

export interface LockoutSettings {
  /** Failures that lock a name at one origin. */
  readonly threshold: number;
  /** Milliseconds of the first lock. Each further one without a success between lasts twice as long, up to `longest`. */
  readonly duration: number;
  readonly longest: number;
  /** Milliseconds after which failures are forgotten. */
  readonly reset: number;
  /** Failures of strangers together, within `reset`, that lock the name to strangers for `duration`. */
  readonly strangersThreshold: number;
  /**
   * Milliseconds up to which each further lock towards strangers lasts twice as long; absent, each lasts `duration`. For proofs that are
   * short enough to be guessed in the long run.
   */
  readonly strangersLongest?: number;
  /** Nothing is counted, and what was locked before is open. */
  readonly disabled?: boolean;
}

/** What one mount was told of locking names; what is not said is as its auth method has it. */
export interface MountLockout {
  /** Failures that lock a name at one origin. */
  readonly threshold?: number | undefined;
  /** Seconds. */
  readonly duration?: number | undefined;
  readonly reset?: number | undefined;
  readonly disabled?: boolean | undefined;
}

const minute = 60_000;

/** As Vault has them: five failures within 15 minutes lock for 15 minutes. */
export const defaultLockout: LockoutSettings = {
  threshold: 5,
  duration: 15 * minute,
  longest: 240 * minute,
  reset: 15 * minute,
  strangersThreshold: 25,
};

/** Where failures of names without an account are counted: in this process, or in one that counts for several. */
export interface NobodyCounts {
  isLocked(key: string, origin: string, now: number): boolean | Promise<boolean>;
  /** Counts a failure; false where the name is locked already. */
  fail(key: string, origin: string, now: number, settings: LockoutSettings): boolean | Promise<boolean>;
  forget(key: string): void;
}

interface OriginFailures {
  readonly origin: string;
  readonly failures: number;
  /** Of the last failure. */
  readonly at: number;
  /** Locks since the last success. */
  readonly locks: number;
  /** 0 when it is not locked. */
  readonly lockedUntil: number;
}

interface KnownOrigin {
  readonly origin: string;
  /** A login from there succeeded, at most a day before the last one that did. */
  readonly at: number;
}

export interface LockState {
  /** The canonical name, for administrators. */
  readonly name: string;
  readonly origins: readonly OriginFailures[];
  readonly known: readonly KnownOrigin[];
  readonly strangers: {
    readonly failures: number;
    readonly since: number;
    readonly lockedUntil: number;
    /** Locks in a row; absent is none. */
    readonly locks?: number;
  };
}

/** Bounds of one record. While strangers are counted no more than 25 of them fit into a window; what is pushed out is old. */
const mostOrigins = 64;
const mostKnown = 64;
const day = 86_400_000;
/** An origin is forgotten when nobody logged in from there for so long. */
const knownFor = 30 * day;

export function freshState(name: string): LockState {
  return { name, origins: [], known: [], strangers: { failures: 0, since: 0, lockedUntil: 0 } };
}

export function isLocked(state: LockState, origin: string, now: number): boolean {
  const own = state.origins.find((entry) => entry.origin === origin);
  if (own !== undefined && own.lockedUntil > now) return true;
  return state.strangers.lockedUntil > now && !isKnown(state, origin, now);
}

/** Whether the name is locked to anybody. */
export function isLockedAnywhere(state: LockState, now: number): boolean {
  return state.strangers.lockedUntil > now || state.origins.some(({ lockedUntil }) => lockedUntil > now);
}

export function afterFailure(
  state: LockState,
  origin: string,
  now: number,
  settings: LockoutSettings,
): LockState {
  const own = countFailure(
    state.origins.find((entry) => entry.origin === origin),
    origin,
    now,
    settings,
  );
  const others = state.origins.filter((entry) => entry.origin !== origin && !isStale(entry, now, settings));
  const newest = others.toSorted((a, b) => b.at - a.at).slice(0, mostOrigins - 1);
  return {
    ...state,
    origins: [own, ...newest],
    strangers: isKnown(state, origin, now) ? state.strangers : countStranger(state, now, settings),
  };
}

/** The same state where a success says nothing new: then nothing needs to be written. */
export function afterSuccess(state: LockState, origin: string, now: number): LockState {
  const hasFailures = state.origins.some((entry) => entry.origin === origin);
  const known = state.known.find((entry) => entry.origin === origin);
  const isFresh = known !== undefined && now - known.at < day;
  const rest = state.known.filter((entry) => entry.origin !== origin && now - entry.at < knownFor);
  // A fleet larger than the list must not push its own members out in turn, with a write each.
  const learns = !isFresh && rest.length < mostKnown;
  if (!hasFailures && !learns) return state;
  return {
    ...state,
    origins: state.origins.filter((entry) => entry.origin !== origin),
    known: learns ? [{ origin, at: now }, ...rest] : state.known,
  };
}

/** Without locks and failures; who is known stays known. */
export function unlocked(state: LockState): LockState {
  return { ...freshState(state.name), known: state.known };
}

function isKnown(state: LockState, origin: string, now: number): boolean {
  return state.known.some((entry) => entry.origin === origin && now - entry.at < knownFor);
}

function countFailure(
  before: OriginFailures | undefined,
  origin: string,
  now: number,
  settings: LockoutSettings,
): OriginFailures {
  const remembered = before === undefined || isStale(before, now, settings) ? undefined : before;
  const recent = remembered !== undefined && now - remembered.at < settings.reset ? remembered.failures : 0;
  const failures = recent + 1;
  const locks = remembered?.locks ?? 0;
  if (failures < settings.threshold) return { origin, failures, at: now, locks, lockedUntil: 0 };
  const lasts = Math.min(settings.longest, settings.duration * 2 ** locks);
  return { origin, failures: 0, at: now, locks: locks + 1, lockedUntil: now + lasts };
}

/** Past locks make the next one longer for as long as the longest lock lasts. */
function isStale(entry: OriginFailures, now: number, settings: LockoutSettings): boolean {
  const until =
    entry.locks === 0 ? entry.at + settings.reset : Math.max(entry.at, entry.lockedUntil) + settings.longest;
  return until <= now;
}

function countStranger(state: LockState, now: number, settings: LockoutSettings): LockState['strangers'] {
  const { failures, since, lockedUntil, locks = 0 } = state.strangers;
  const inWindow = failures > 0 && now - since < settings.reset;
  const counted = inWindow ? failures + 1 : 1;
  const further = locks === 0 ? {} : { locks };
  if (counted < settings.strangersThreshold) {
    return { failures: counted, since: inWindow ? since : now, lockedUntil, ...further };
  }
  const { duration, strangersLongest: longest } = settings;
  if (longest === undefined) return { failures: 0, since: now, lockedUntil: now + duration };
  // Past locks are forgotten once it was quiet for as long as the longest one.
  const before = now - lockedUntil < longest + settings.reset ? locks : 0;
  const lasts = Math.min(longest, duration * 2 ** before);
  return { failures: 0, since: now, lockedUntil: now + lasts, locks: before + 1 };
}
