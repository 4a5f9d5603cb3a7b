/** How an application stands, made from what is wanted, what is so, and who reads: for answers, without any secret. */
import type { DocumentName } from '../../delivery/target.ts';
import type { Application } from './application.ts';
import { credentialKinds, documentFor, documentName, wantedCredential } from './documents.ts';
import type { MountSettings } from './mount-config.ts';
import type { Reader } from './reader.ts';
import type { ApplicationState, KindState } from './state.ts';

/** Undefined where there is no such document yet. */
export type Versions = { readonly [N in DocumentName]: string | undefined };

/** Of the documents that targets are meant to hold, and readers with them. */
export function wantedVersions({ kinds }: ApplicationState): Versions {
  return { user: wantedVersion(kinds.password), client: wantedVersion(kinds.client) };
}

function wantedVersion(kind: KindState): string | undefined {
  const credential = wantedCredential(kind);
  return credential === null ? undefined : documentFor(credential).version;
}

export interface StandingTarget {
  readonly address: string;
  readonly versions: Versions;
  /** Whether it has what it is meant to hold. */
  readonly current: boolean;
  /** Still wanted; otherwise it waits to be emptied. */
  readonly wanted: boolean;
}

/** Of each target that is wanted, and of former ones that may still hold documents. */
export function standingTargets(
  application: Application,
  state: ApplicationState,
): readonly StandingTarget[] {
  const wanted = application.targets.map(({ address }) => address);
  const former = state.places.map(({ address }) => address).filter((address) => !wanted.includes(address));
  const goal = wantedVersions(state);
  return [...wanted, ...former].map((address) => {
    const versions = {
      user: deliveredTo(state.kinds.password, address),
      client: deliveredTo(state.kinds.client, address),
    };
    const isLevel = versions.user === goal.user && versions.client === goal.client;
    const current = isLevel && (goal.user ?? goal.client) !== undefined;
    return { address, versions, current, wanted: wanted.includes(address) };
  });
}

function deliveredTo({ delivered }: KindState, address: string): string | undefined {
  return Object.hasOwn(delivered, address) ? delivered[address] : undefined;
}

/** Names of the documents of which a reader holds another version than the wanted one. A document that it never told of is none. */
export function behindOn({ holds }: Reader, wanted: Versions): readonly DocumentName[] {
  return credentialKinds.map(documentName).filter((name) => {
    const held = holds[name];
    return held !== undefined && wanted[name] !== undefined && held !== wanted[name];
  });
}

/** Whether a reader counts: it was seen lately. @param now milliseconds */
export function isSeen({ seenAt }: Reader, { readerWindow }: MountSettings, now: number): boolean {
  return now - seenAt <= readerWindow * 1_000;
}

/** Milliseconds when its disabled user will be deleted; null where that is not ahead. */
export function deletionAt(
  { active, deleted, inactiveSince }: Application,
  { user }: ApplicationState,
  { deletionGrace }: MountSettings,
): number | null {
  if (active || deleted || inactiveSince === null || user === 'deleted' || user === 'none') return null;
  return inactiveSince + deletionGrace * 1_000;
}
