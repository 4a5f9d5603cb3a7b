/**
 * The instances that have logged in. An identity document is the same at every login and good for whoever has seen it, so the first
 * login of an instance leaves a nonce that the later ones have to bring: whoever copies the document afterwards has none.
 */
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View, ViewExpectation, ViewWrite } from '../../core/view.ts';
import { equalBytes } from '../../crypto/digest.ts';
import { CofferError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import type { IdentityDocument } from './identity-document.ts';

export interface AccessEntry {
  readonly account: string;
  readonly role: string;
  /** Keyed hash of the nonce; empty where no login is to follow. */
  readonly nonce: string;
  /** Milliseconds. */
  readonly createdAt: number;
  readonly lastUpdatedAt: number;
  readonly expiresAt: number;
  /** Of the document that logged in last. */
  readonly pendingTime: number;
  readonly disallowReauthentication: boolean;
}

export interface AccessRules {
  readonly role: string;
  /** The same document is taken again without a nonce; what other roles were told stays as it is. */
  readonly ignoreNonce: boolean;
  /** Milliseconds after the start of an instance for its first login; 0 for any time. */
  readonly firstWithin: number;
  readonly allowMigration: boolean;
  readonly disallowReauthentication: boolean;
}

/** What a login leaves behind, and the nonce it is told of, if one was made for it. */
export interface Admission {
  readonly writes: readonly ViewWrite[];
  readonly expectations: readonly ViewExpectation[];
}

export const accessFolder = 'access/';
export const longestNonce = 128;

export interface ReadEntry {
  readonly entry: AccessEntry;
  readonly revision: Revision;
}

export async function readEntry(view: View, instance: string): Promise<ReadEntry | undefined> {
  const sealed = await view.read(accessFolder + instance);
  return sealed === undefined
    ? undefined
    : { entry: decodeStored<AccessEntry>(sealed.open()), revision: sealed.revision };
}

/** Stands for the nonce of instances that logged in by roles without nonces alone: the first that brings one keeps it. */
const unused = 'none';

/**
 * @param nonce keyed hash of what was sent or made; empty for the wish that no login follows, and where nonces are ignored
 * @param lasts milliseconds that the entry is kept at least
 * @throws `permission_denied` with the reason, which stays inside
 */
export function admitInstance(
  { instanceId, accountId, pendingTime }: IdentityDocument,
  before: ReadEntry | undefined,
  nonce: string,
  rules: AccessRules,
  now: number,
  lasts: number,
): Admission {
  if (before !== undefined) checkEntry(before.entry, accountId, pendingTime, nonce, rules);
  else if (rules.firstWithin > 0 && now - pendingTime > rules.firstWithin)
    throw refused('the instance was started too long ago for a first login');
  if (before !== undefined && saysAsMuch(before.entry, pendingTime, rules, now + lasts / 2))
    return { writes: [], expectations: [] };
  const entry: AccessEntry = {
    account: accountId,
    role: rules.role,
    nonce: rules.ignoreNonce ? (before?.entry.nonce ?? unused) : nonce,
    createdAt: before?.entry.createdAt ?? now,
    lastUpdatedAt: now,
    expiresAt: Math.max(now + lasts, before?.entry.expiresAt ?? 0),
    pendingTime,
    disallowReauthentication: rules.disallowReauthentication || (nonce === '' && !rules.ignoreNonce),
  };
  const path = accessFolder + instanceId;
  return {
    writes: [{ path, value: encodeStored(entry) }],
    // Of two first logins at the same time one is the first.
    expectations: [{ path, revision: before?.revision ?? null }],
  };
}

/**
 * Whether what was written before does for this login too. Only of roles without nonces, whose instances may log in with every request
 * and several at once: writing the same again would cost each of them a commit, and all but one of them the login.
 */
function saysAsMuch(
  { nonce, role, pendingTime: known, expiresAt }: AccessEntry,
  pendingTime: number,
  rules: AccessRules,
  until: number,
): boolean {
  return (
    rules.ignoreNonce && nonce !== '' && role === rules.role && known === pendingTime && expiresAt >= until
  );
}

function checkEntry(
  entry: AccessEntry,
  account: string,
  pendingTime: number,
  nonce: string,
  rules: AccessRules,
): void {
  if (entry.account !== account) throw refused('the instance logged in from another account before');
  if (entry.disallowReauthentication || rules.disallowReauthentication)
    throw refused('the instance has logged in, and may not again');
  // An older document was made before the instance was stopped or moved: somebody kept it.
  if (pendingTime < entry.pendingTime) throw refused('the document is older than one that came before');
  if (rules.ignoreNonce || entry.nonce === unused || equalBytes(Buffer.from(nonce), Buffer.from(entry.nonce)))
    return;
  if (rules.allowMigration && pendingTime > entry.pendingTime) return;
  throw refused('the nonce is not the one of the first login');
}

function refused(reason: string): CofferError {
  return new CofferError('permission_denied', reason);
}
