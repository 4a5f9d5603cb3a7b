/**
 * Names of issuers and accounts. Each is kept and compared as it was given, in either case and any script; two accounts whose names
 * people take for one another can't be made (`claimPath`), so that no spelling of a name is another way to somebody's account.
 */
import { foldName, parseIdentityName } from '../../core/identity/names.ts';
import { hasControls } from '../../crypto/otpauth.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';

export interface AccountName {
  readonly issuer: string;
  readonly account: string;
}

/** Bytes of UTF-8: both, a mount's path and a device's id are one path of a request. */
const longestName = 200;

/** Throws `invalid_request` for what cannot be a name. `what` is said in the message: `an issuer`. */
export function parseName(text: string, what: string): string {
  const name = parseIdentityName(text, what);
  if (Buffer.byteLength(name) > longestName) {
    throw new CofferError('invalid_request', `${what} has at most ${longestName} bytes`);
  }
  if (name.normalize('NFC') !== name || hasControls(name)) {
    throw new CofferError(
      'invalid_request',
      `${what} is in composed form (NFC), without controls of direction`,
    );
  }
  if (/[/\\]/.test(name) || name === '.' || name === '..') {
    throw new CofferError('invalid_request', `${what} has no "/" or "\\" and is not "." or ".."`);
  }
  return name;
}

/** Undefined for what no account can be called. */
export function nameOf(issuer: string, account: string): AccountName | undefined {
  try {
    return { issuer: parseName(issuer, 'an issuer'), account: parseName(account, 'an account') };
  } catch (error) {
    if (error instanceof CofferError) return undefined;
    throw error;
  }
}

/** The account that a request's path names. Throws `invalid_request`. */
export function namedIn(params: Readonly<Record<string, string>>): AccountName {
  return {
    issuer: parseName(params['issuer'] ?? '', 'an issuer'),
    account: parseName(params['account'] ?? '', 'an account'),
  };
}

/** As tokens, entities and lists of locked names have it. Neither part has a `/`. */
export function fullName({ issuer, account }: AccountName): string {
  return `${issuer}/${account}`;
}

/** Undefined for what is no name of an account. */
export function nameOfText(text: string): AccountName | undefined {
  const slash = text.indexOf('/');
  return slash < 0 ? undefined : nameOf(text.slice(0, slash), text.slice(slash + 1));
}

/** Where the one account stands that may have a name of this look. */
export function claimPath(environment: Pick<EngineEnvironment, 'digest'>, name: AccountName): string {
  const folded = JSON.stringify([foldName(name.issuer), foldName(name.account)]);
  return `name/${environment.digest(`totp-name/${folded}`)}`;
}
