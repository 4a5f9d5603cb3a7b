/**
 * Who may do what with a name. To all who may not, a name that is there and one that is not look alike; only who administers
 * is told that there is none.
 */
import type { Call, Caller } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';
import { isListed } from './principals.ts';
import { mayAdminister, mayCreate } from './rules.ts';
import { isGone, type Secret } from './secret-record.ts';
import type { Found } from './secrets.ts';

/** The name of the secret that a call names. Throws `invalid_request` where it names none, or a folder. */
export function secretName(call: Pick<Call, 'params'>): string {
  const name = call.params['path'] ?? '';
  if (name === '' || name.endsWith('/')) throw new CofferError('invalid_request', 'a secret needs a name');
  return name;
}

/** A secret, not one that was removed. */
export function present({ secret }: Found): Secret | undefined {
  return secret === undefined || isGone(secret) ? undefined : secret;
}

/** The secret, for who is on its list; nobody else reads a value. Throws `permission_denied`, `not_found`. */
export function readable(found: Found, caller: Caller | undefined): Secret {
  return allowed(found, caller, false);
}

/** The secret, for who is on its list or administers. Throws as `readable` does. */
export function visible(found: Found, caller: Caller | undefined): Secret {
  return allowed(found, caller, true);
}

/** The secret, for who administers. Throws as `readable` does. */
export function administered(found: Found, caller: Caller | undefined): Secret {
  if (!mayAdminister(found.rules, caller)) throw refused();
  const secret = present(found);
  if (secret === undefined) throw missing();
  return secret;
}

/** A new version, or a name that never was. Throws `permission_denied`. */
export function checkWrite(found: Found, caller: Caller | undefined): void {
  const administers = mayAdminister(found.rules, caller);
  const creates = mayCreate(found.rules, caller);
  if (!administers && !(creates && found.secret === undefined)) throw refused();
}

/** In the very words of a policy's refusal. */
export function refused(): CofferError {
  return new CofferError('permission_denied', '1 error occurred:\n\t* permission denied\n\n');
}

function allowed(found: Found, caller: Caller | undefined, administratorsToo: boolean): Secret {
  const secret = present(found);
  const administers = mayAdminister(found.rules, caller);
  const listed = isListed(caller, secret?.roles ?? []);
  if (secret === undefined) throw administers ? missing() : refused();
  if (listed || (administers && administratorsToo)) return secret;
  throw refused();
}

function missing(): CofferError {
  return new CofferError('not_found', 'there is no such secret');
}
