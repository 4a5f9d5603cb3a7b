/** Scopes as texts (RFC 6749 §3.3): what a user may ask for, and what it gets. */
import { CofferError } from '../../errors.ts';
import type { Scope } from '../provider.ts';

/** Who the user is: every user may say so. */
const own = ['uid', 'cn'] as const;
/** What a token has for which nothing was asked: as little as there is. */
const standard: readonly string[] = ['uid'];

const mostScopes = 500;
const token = /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/;

/** Throws `invalid_request` for what could not be asked for. */
export function scopeTexts(scopes: readonly Scope[]): readonly string[] {
  const texts = scopes.map(({ resourceType, id }) => (resourceType === '' ? id : `${resourceType}.${id}`));
  if (texts.length > mostScopes) {
    throw new CofferError('invalid_request', `a user has at most ${mostScopes} scopes`);
  }
  const wrong = texts.findIndex((text) => !token.test(text));
  if (wrong >= 0) {
    throw new CofferError(
      'invalid_request',
      `scope ${wrong + 1} is none: a scope has 1 to 200 printable characters, without blanks, quotes and backslashes`,
    );
  }
  return [...new Set(texts)];
}

/** @returns undefined where something is asked for that the user does not have */
export function grantedScopes(asked: string, registered: readonly string[]): readonly string[] | undefined {
  const wanted = [...new Set(asked.split(' ').filter((text) => text !== ''))];
  if (wanted.length === 0) return standard;
  const allowed = new Set<string>([...own, ...registered]);
  return wanted.length <= mostScopes + own.length && wanted.every((text) => allowed.has(text))
    ? wanted
    : undefined;
}
