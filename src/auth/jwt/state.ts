/**
 * The state of a login by browser (RFC 6749 §10.12), between the request for a URL and the browser's return. It is carried by the
 * browser and vouched for by the mount's own keyed hash, so that strangers who ask for URLs fill no store and any node may take
 * the return; a login by it is recorded, so that there is one. Nonce and PKCE secret follow from it by the same hash and
 * never leave the server before they must.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { View } from '../../core/view.ts';
import type { Random } from '../../crypto/random.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { CofferError, ConflictError } from '../../errors.ts';

export interface LoginState {
  readonly role: string;
  readonly redirectUri: string;
  /** Keyed hash of the nonce that the client keeps to itself; empty where it sent none. */
  readonly clientNonce: string;
  /** Milliseconds. */
  readonly expiresAt: number;
}

/** How long somebody may take at the provider: five minutes, in milliseconds. */
export const stateLife = 5 * 60_000;
const longestState = 4_096;
const folder = 'used-state/';

type Digest = Pick<EngineEnvironment, 'digest'>;

/** The text that goes to the provider and comes back. */
export function makeState(environment: Digest, random: Random, state: LoginState): string {
  const { role, redirectUri, clientNonce, expiresAt } = state;
  const salt = random.bytes(16).toString('base64url');
  const body = Buffer.from(JSON.stringify([salt, role, redirectUri, clientNonce, expiresAt])).toString(
    'base64url',
  );
  return `${body}.${tagOf(environment, body)}`;
}

/** Throws `invalid_request` for a state that this mount did not make, or that is too old. */
export function parseState(environment: Digest, text: string, now: number): LoginState {
  const [body = '', tag = '', ...rest] = text.length > longestState ? [] : text.split('.');
  const known = Buffer.from(tagOf(environment, body));
  const given = Buffer.from(tag);
  if (rest.length > 0 || given.length !== known.length || !timingSafeEqual(given, known)) throw badState();
  const [, role, redirectUri, clientNonce, expiresAt] = JSON.parse(
    Buffer.from(body, 'base64url').toString('utf8'),
  ) as [string, string, string, string, number];
  if (expiresAt <= now) throw badState();
  return { role, redirectUri, clientNonce, expiresAt };
}

/** Throws `invalid_request` for a state that somebody logged in by already. */
export async function checkUnused(environment: Digest, view: View, text: string): Promise<void> {
  if ((await view.read(usedPath(environment, text))) !== undefined) throw badState();
}

/**
 * Records that somebody logged in by a state, so that nobody does again. Only whoever the provider has vouched for comes here:
 * strangers make no records. Throws `invalid_request` when another was first.
 */
export async function useState(
  environment: Digest,
  view: View,
  text: string,
  { expiresAt }: LoginState,
): Promise<void> {
  const path = usedPath(environment, text);
  const due = [{ at: expiresAt, name: path }];
  try {
    await view.commit([{ path, value: Buffer.alloc(0) }], [{ path, revision: null }], due);
  } catch (error) {
    if (error instanceof ConflictError) throw badState();
    throw error;
  }
}

function usedPath(environment: Digest, text: string): string {
  return folder + environment.digest(`oidc-used/${text}`);
}

/** For the mount's `onDue`: a state that cannot come back any more needs no record. */
export async function forgetState(name: string, view: View): Promise<void> {
  if (name.startsWith(folder)) await view.commit([{ path: name, value: null }]);
}

/** The `nonce` of the ID token (OpenID Connect Core 1.0 §2). */
export function nonceOf(environment: Digest, state: string): string {
  return environment.digest(`oidc-nonce/${state}`);
}

/** The PKCE secret, 43 characters (RFC 7636 §4.1). */
export function verifierOf(environment: Digest, state: string): string {
  return environment.digest(`oidc-pkce/${state}`);
}

/** What the provider is told of it beforehand (RFC 7636 §4.2, S256). */
export function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}

export function clientNonceDigest(environment: Digest, nonce: string | undefined): string {
  return nonce === undefined || nonce === '' ? '' : environment.digest(`oidc-client/${nonce}`);
}

function tagOf(environment: Digest, body: string): string {
  return environment.digest(`oidc-state/${body}`);
}

function badState(): CofferError {
  return new CofferError('invalid_request', 'the state is unknown, too old or used up');
}
