/** How an application stands, made from what is wanted, what is so, and who reads: for answers, without any secret. */
import { clientDocument, userDocument } from '../../delivery/document.ts';
import type { DocumentName } from '../../delivery/target.ts';
import type { Credential, CredentialKind } from '../../service-user/provider.ts';
import type { Application } from './application.ts';
import type { MountSettings } from './mount-config.ts';
import type { Reader } from './reader.ts';
import type { ApplicationState, KindState } from './state.ts';

export const documentOfKind = { password: 'user', client: 'client' } as const satisfies Record<
  CredentialKind,
  DocumentName
>;

/** Undefined where there is no such document yet. */
export type Versions = { readonly [N in DocumentName]: string | undefined };

/** Of the documents that readers are meant to hold. */
export function currentVersions({ kinds: states }: ApplicationState): Versions {
  return { user: versionOf(states.password.current), client: versionOf(states.client.current) };
}

/** Of those that are at targets once what is under way is done. */
function goalVersions({ kinds: states }: ApplicationState): Versions {
  return { user: versionOf(goalOf(states.password)), client: versionOf(goalOf(states.client)) };
}

function goalOf({ staged, current }: KindState): Credential | null {
  return staged ?? current;
}

function versionOf(credential: Credential | null): string | undefined {
  if (credential === null) return undefined;
  const { kind, id, secret } = credential;
  const document = kind === 'password' ? userDocument(id, secret ?? '') : clientDocument(id, secret);
  return document.version;
}

export interface StandingTarget {
  readonly address: string;
  readonly versions: Versions;
  /** Whether it has what is current, or already what is to be. */
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
  const now = currentVersions(state);
  const goal = goalVersions(state);
  return [...wanted, ...former].map((address) => {
    const versions = {
      user: deliveredTo(state.kinds.password, address),
      client: deliveredTo(state.kinds.client, address),
    };
    const has = (name: DocumentName) => versions[name] === now[name] || versions[name] === goal[name];
    return { address, versions, current: has('user') && has('client'), wanted: wanted.includes(address) };
  });
}

function deliveredTo({ delivered }: KindState, address: string): string | undefined {
  return Object.hasOwn(delivered, address) ? delivered[address] : undefined;
}

/** Names of the documents of which a reader holds another version than the current one. A document that it never told of is none. */
export function behindOn({ holds }: Reader, current: Versions): readonly DocumentName[] {
  return Object.values(documentOfKind).filter((name) => {
    const held = holds[name];
    return held !== undefined && current[name] !== undefined && held !== current[name];
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
