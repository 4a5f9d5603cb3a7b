/**
 * The steps of a rotation, as changes of what is stored of one kind of credential. None of them asks anybody anything: a step says what is
 * known now, and is stored before the next thing is done outside.
 */
import type { Credential, CredentialKind } from '../../service-user/provider.ts';
import { credentialKinds } from './documents.ts';
import { type ApplicationState, type KindState, noRotation } from './state.ts';

export interface Beginning {
  readonly now: number;
  readonly proposed: string;
  readonly emergency: boolean;
  /** The request that it covers. */
  readonly request: number;
}

export function withKind(
  state: ApplicationState,
  of: CredentialKind,
  change: (kind: KindState) => Partial<KindState>,
): ApplicationState {
  const kind = state.kinds[of];
  return { ...state, kinds: { ...state.kinds, [of]: { ...kind, ...change(kind) } } };
}

function at(step: KindState['step'], now: number): Pick<KindState, 'step' | 'stepSince'> {
  return { step, stepSince: now };
}

/** From here on there may be a credential at the provider that is not in the state. */
export function begun(kind: KindState, { now, proposed, emergency, request }: Beginning): Partial<KindState> {
  return {
    ...at('staging', now),
    generation: kind.generation + 1,
    proposed,
    staged: null,
    refusals: 0,
    stray: kind.stray + 1,
    emergency,
    request,
    due: false,
    beganAt: now,
  };
}

/** The provider answered with it. */
export function staged(kind: KindState, credential: Credential): Partial<KindState> {
  return { staged: credential, stray: Math.max(0, kind.stray - 1) };
}

/**
 * The provider has made none, and has said so. Some say so of the second of two requests that a network made of one: where it can be done without
 * harm, what may be there is ended all the same.
 */
export function notStaged(kind: KindState, now: number): Partial<KindState> {
  return {
    ...at('idle', now),
    proposed: null,
    stray: kind.current === null ? Math.max(0, kind.stray - 1) : kind.stray,
    due: true,
    request: 0,
    emergency: false,
    beganAt: null,
  };
}

/** The provider accepts it: from here on targets may hold it. */
export function goingOut(now: number): Partial<KindState> {
  return { ...at('delivering', now), refusals: 0 };
}

/** It is everywhere, and is accepted. @param overlap milliseconds */
export function verified(kind: KindState, now: number, overlap: number): Partial<KindState> {
  return {
    ...at(kind.ends === 'commit' ? 'overlap' : 'committing', now),
    rotatedAt: now,
    overlapUntil: now + (kind.emergency ? 0 : overlap),
    overdueTold: false,
  };
}

/** Nobody needs the old ones any more. */
export function released(kind: KindState, now: number): Partial<KindState> {
  return at(kind.ends === 'commit' && kind.staged !== null ? 'committing' : 'retiring', now);
}

export function committed(kind: KindState, now: number): Partial<KindState> {
  const { current, staged: good, old, ends } = kind;
  const change = { current: good, staged: null, proposed: null };
  if (ends !== 'commit') {
    return { ...change, ...at('overlap', now), old: current === null ? old : [...old, current] };
  }
  // Committing ended whatever there was besides: only what may have come later, and sessions, are left.
  const left = kind.stray > 0 || kind.emergency;
  return { ...change, ...(left ? at('retiring', now) : ended(now)), old: [] };
}

export function retired(now: number): Partial<KindState> {
  return { ...ended(now), old: [], stray: 0 };
}

function ended(now: number): Partial<KindState> {
  return { ...at('idle', now), emergency: false, beganAt: null };
}

/**
 * The provider refuses what was staged, or what was committed: the one before it is good again, as far as anybody knows, and is delivered wherever the
 * refused one may be. That one is kept for an overlap like every old one: a provider that refuses once may have been mistaken.
 *
 * @param overlap milliseconds
 */
export function withdrawn(kind: KindState, now: number, overlap: number): Partial<KindState> {
  const { staged: bad, current, old, step } = kind;
  const fallBack = bad === null ? { current: old.at(-1) ?? null, old: old.slice(0, -1) } : { current, old };
  const again = {
    staged: null,
    proposed: null,
    refusals: 0,
    due: true,
    request: 0,
    emergency: false,
    beganAt: null,
  };
  // Nothing of it left the server while it was being staged.
  if (step === 'staging') return { ...again, ...at('idle', now), stray: kind.stray + 1 };
  const refused = bad ?? current;
  if (refused === null || fallBack.current === null || kind.emergency) {
    return { ...again, ...at('idle', now), ...fallBack, stray: kind.stray + 1 };
  }
  return {
    ...again,
    ...at('overlap', now),
    current: fallBack.current,
    old: [...fallBack.old, refused],
    overlapUntil: now + overlap,
  };
}

/** The user's credentials are gone, or as good as gone. */
export function lost(kind: KindState, now: number): KindState {
  const { ends, generation, rotatedAt } = kind;
  return { ...noRotation, ...at('idle', now), ends, generation, rotatedAt, due: true };
}

export function allLost(state: ApplicationState, now: number): ApplicationState['kinds'] {
  return { password: lost(state.kinds.password, now), client: lost(state.kinds.client, now) };
}

/** Nothing is known of what is at an address any more. */
export function forgotten(state: ApplicationState, address: string): ApplicationState {
  let next: ApplicationState = {
    ...state,
    places: state.places.filter((place) => place.address !== address),
  };
  for (const of of credentialKinds) {
    next = withKind(next, of, ({ delivered: { [address]: _gone, ...delivered } }) => ({ delivered }));
  }
  return next;
}
