/**
 * What is to be done next for an application, decided by what is wanted of it and how it is, and by nothing else. Whoever carries it out stores
 * what came of it and asks again.
 */
import type { CredentialKind } from '../../service-user/provider.ts';
import type { Application } from './application.ts';
import { credentialKinds, staleKinds } from './documents.ts';
import type { MountSettings } from './mount-config.ts';
import type { ApplicationState, KindState } from './state.ts';
import { deletionAt, emergencyPatience, rotationAt } from './timetable.ts';

/** The subject of what fails at the provider; that of a target is its address. */
export const providerSubject = '';

export interface Scene {
  readonly application: Application;
  readonly settings: MountSettings;
  readonly state: ApplicationState;
  /** Milliseconds. */
  readonly now: number;
  /** What failed or gave way in this look, or is not to be tried yet: nothing is asked of it. */
  readonly blocked: ReadonlySet<string>;
  /** Kinds whose staging this look has begun itself: nothing of it can be outside yet. */
  readonly fresh: ReadonlySet<CredentialKind>;
  /** Kinds whose readers are behind. */
  readonly waiting: ReadonlySet<CredentialKind>;
}

export type Action =
  /** Stores that the user may be different from now on. */
  | { readonly do: 'unsettle'; readonly before: 'ensure' | 'disable' | 'delete' }
  | { readonly do: 'ensure' }
  | { readonly do: 'disable' }
  | { readonly do: 'delete' }
  /** Stores that addresses may hold documents from now on. */
  | { readonly do: 'admit' }
  | { readonly do: 'empty'; readonly addresses: readonly string[] }
  | { readonly do: 'deliver'; readonly addresses: readonly string[] }
  /** Tries whether targets would take new ones, and begins. */
  | { readonly do: 'begin'; readonly kinds: readonly CredentialKind[] }
  /** Goes on with a staging that somebody else began. */
  | { readonly do: 'resume'; readonly of: CredentialKind }
  | { readonly do: 'stage'; readonly of: CredentialKind }
  /** Tries what was staged before it goes anywhere. */
  | { readonly do: 'try'; readonly of: CredentialKind }
  | { readonly do: 'verify'; readonly of: CredentialKind }
  | { readonly do: 'commit'; readonly of: CredentialKind }
  /** The overlap is over: looks for readers that are behind, and tries the new one once more. */
  | { readonly do: 'release'; readonly of: CredentialKind }
  | { readonly do: 'retire'; readonly of: CredentialKind }
  /** Ends what may be at the provider and nobody knows. */
  | { readonly do: 'sweep'; readonly of: CredentialKind }
  | { readonly do: 'forget' }
  | { readonly do: 'wait' };

const wait: Action = { do: 'wait' };

export function nextAction(scene: Scene): Action {
  const { deleted, active } = scene.application;
  return deleted || !active ? endingAction(scene) : activeAction(scene);
}

function endingAction(scene: Scene): Action {
  const { application, settings, state, now, blocked } = scene;
  const over = application.deleted || now >= deletionAt(application, settings);
  if (!blocked.has(providerSubject)) {
    const action = userEnding(state, over);
    if (action !== undefined) return action;
  }
  if (!over) return wait;
  const addresses = unblocked(
    state.places.map(({ address }) => address),
    blocked,
  );
  if (addresses.length > 0) return { do: 'empty', addresses };
  const gone = state.user === 'none' || state.user === 'deleted';
  return application.deleted && gone && state.places.length === 0 ? { do: 'forget' } : wait;
}

function userEnding({ user, kinds }: ApplicationState, over: boolean): Action | undefined {
  if (user === 'none' || user === 'deleted') return undefined;
  if (!over) {
    if (user === 'present') return { do: 'unsettle', before: 'disable' };
    return user === 'changing' ? { do: 'disable' } : undefined;
  }
  const settled = credentialKinds.every((kind) => !holdsAny(kinds[kind]));
  return user === 'changing' && settled ? { do: 'delete' } : { do: 'unsettle', before: 'delete' };
}

function holdsAny({ current, staged, old, stray }: KindState): boolean {
  return current !== null || staged !== null || old.length > 0 || stray > 0;
}

function activeAction(scene: Scene): Action {
  const { application, state, blocked } = scene;
  const reachable = !blocked.has(providerSubject);
  if (reachable && (state.user !== 'present' || state.syncedFor !== application.modifiedAt)) {
    const settled = state.user === 'present' || state.user === 'changing';
    return settled ? { do: 'ensure' } : { do: 'unsettle', before: 'ensure' };
  }
  const staging = reachable ? firstOf(scene, stagingAction) : undefined;
  return (
    staging ??
    targetAction(scene) ??
    (reachable ? (firstOf(scene, stepAction) ?? beginAction(scene)) : undefined) ??
    wait
  );
}

function firstOf(
  scene: Scene,
  actionOf: (scene: Scene, of: CredentialKind) => Action | undefined,
): Action | undefined {
  for (const of of credentialKinds) {
    if (isFrozen(scene, of)) continue;
    const action = actionOf(scene, of);
    if (action !== undefined) return action;
  }
  return undefined;
}

/** Before anything is delivered, so that both documents go together. */
function stagingAction({ state, fresh }: Scene, of: CredentialKind): Action | undefined {
  const { step, staged } = state.kinds[of];
  if (step !== 'staging') return undefined;
  if (staged !== null) return { do: 'try', of };
  return fresh.has(of) ? { do: 'stage', of } : { do: 'resume', of };
}

function targetAction({ application, state, blocked }: Scene): Action | undefined {
  const wanted = new Map(application.targets.map((target) => [target.address, target.entityId]));
  const former = state.places.map(({ address }) => address).filter((address) => !wanted.has(address));
  const addresses = unblocked(former, blocked);
  if (addresses.length > 0) return { do: 'empty', addresses };
  if (state.user !== 'present') return undefined;
  const stale = unblocked([...wanted.keys()], blocked).filter((at) => staleKinds(state, at).length > 0);
  if (stale.length === 0) return undefined;
  const known = new Map(state.places.map((place) => [place.address, place.entityId]));
  const admitted = stale.every((address) => known.get(address) === wanted.get(address));
  return admitted ? { do: 'deliver', addresses: stale } : { do: 'admit' };
}

function stepAction(scene: Scene, of: CredentialKind): Action | undefined {
  const kind = scene.state.kinds[of];
  switch (kind.step) {
    case 'delivering':
    case 'verifying':
      return isEverywhere(scene, of) ? { do: 'verify', of } : undefined;
    case 'committing':
      return { do: 'commit', of };
    case 'overlap': {
      const over = scene.now >= kind.overlapUntil || wantsHurry(scene, of);
      return over && !scene.waiting.has(of) && !isBehind(scene, of) ? { do: 'release', of } : undefined;
    }
    case 'retiring':
      return { do: 'retire', of };
    case 'idle':
    case 'probing':
      // Not while a target may hold what would be ended.
      return kind.stray > 0 && kind.current !== null && isEverywhere(scene, of)
        ? { do: 'sweep', of }
        : undefined;
    case 'staging':
      return undefined;
  }
}

function beginAction(scene: Scene): Action | undefined {
  const { application, blocked } = scene;
  const held = application.targets.filter(({ address }) => blocked.has(address));
  const mayBegin = (of: CredentialKind) =>
    held.length === 0 || (wantsHurry(scene, of) && held.every(({ address }) => isGivenUp(scene, address)));
  const kinds = credentialKinds.filter((kind) => mayBegin(kind) && isDue(scene, kind));
  return kinds.length > 0 ? { do: 'begin', kinds } : undefined;
}

/** Whether a rotation is to begin now, as far as time and wishes go. */
export function isDue(scene: Scene, of: CredentialKind): boolean {
  const { application, settings, state, now } = scene;
  const kind = state.kinds[of];
  if (kind.ends === null || (kind.step !== 'idle' && kind.step !== 'probing')) return false;
  const asked = isAsked(scene, of);
  if (asked && application.request.emergency) return true;
  // Without a target nobody would ever learn of it.
  if (isFrozen(scene, of) || application.targets.length === 0) return false;
  if (asked || kind.due || kind.current === null) return true;
  if (of === 'client' && (kind.current.secret === null) === application.confidential) return true;
  const at = rotationAt(of, kind, application, settings);
  return at !== null && now >= at;
}

/** Whether somebody asked for a rotation that has not begun. */
export function isAsked({ application, state }: Scene, of: CredentialKind): boolean {
  const { count, kinds } = application.request;
  return count > state.served && kinds.includes(of) && state.kinds[of].request < count;
}

/** Whether a rotation is asked for that leaves no time for an overlap. */
export function wantsHurry(scene: Scene, of: CredentialKind): boolean {
  return scene.application.request.emergency && isAsked(scene, of);
}

/** While rotation is paused nothing is staged, committed or retired: everything that is good stays good. An emergency is not held up. */
export function isFrozen(scene: Scene, of: CredentialKind): boolean {
  const paused = scene.settings.paused || scene.application.paused;
  return paused && !isHurried(scene, of);
}

/** Whether an emergency is under way, or asked for. */
export function isHurried(scene: Scene, of: CredentialKind): boolean {
  return scene.state.kinds[of].emergency || wantsHurry(scene, of);
}

/**
 * Whether an emergency goes on without a target: it has failed for so long that a credential that somebody else may have is not kept good for its
 * sake. It gets the new one when it is back.
 */
export function isGivenUp({ state, now, blocked }: Scene, address: string): boolean {
  const problem = state.problems.find(({ target }) => target === address);
  // Of a clock that was set back nobody knows how long that is: an emergency does not wait to find out.
  return blocked.has(address) && problem !== undefined && Math.abs(now - problem.since) >= emergencyPatience;
}

/** The targets that a rotation waits for. */
function awaited(scene: Scene, of: CredentialKind): readonly string[] {
  const addresses = scene.application.targets.map(({ address }) => address);
  return isHurried(scene, of) ? addresses.filter((address) => !isGivenUp(scene, address)) : addresses;
}

function isEverywhere(scene: Scene, of: CredentialKind): boolean {
  return awaited(scene, of).every((address) => !staleKinds(scene.state, address).includes(of));
}

/** Whether a target may hold something else than is wanted there; one that nothing ever came to does not. */
function isBehind(scene: Scene, of: CredentialKind): boolean {
  const { state } = scene;
  return awaited(scene, of).some(
    (address) => state.kinds[of].delivered[address] !== undefined && staleKinds(state, address).includes(of),
  );
}

function unblocked(addresses: readonly string[], blocked: ReadonlySet<string>): readonly string[] {
  return addresses.filter((address) => !blocked.has(address));
}
