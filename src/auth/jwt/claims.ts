/**
 * What a role makes of a verified token's claims: whether it is one of those that may log in, and who it is then. Values are
 * compared as they are: a text is no number, a list is no text, and nothing is folded.
 */
import { audiencesOf } from '../../crypto/jwt/audience.ts';
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { matchesGlob } from '../glob.ts';
import type { JwtRole } from './role.ts';

export interface Identity {
  readonly user: string;
  readonly groups: readonly string[];
  /** What the role's mappings make of claims. */
  readonly mapped: Readonly<Record<string, string>>;
}

const longestUser = 512;
const longestValue = 1_024;
const mostGroups = 1_000;

/** Throws `invalid_request`. */
export function checkBounds(role: JwtRole, claims: JsonObject): void {
  const audiences = audiencesOf(claims);
  const { boundAudiences, boundSubject } = role;
  if (boundAudiences.length > 0 && !audiences.some((one) => boundAudiences.includes(one))) {
    throw refused('the token is for another audience');
  }
  // At the OIDC provider the audience is this client, which is checked with the token itself.
  if (boundAudiences.length === 0 && audiences.length > 0 && role.type === 'jwt') {
    throw refused('the token is for an audience, and the role names none');
  }
  if (boundSubject !== '' && claimAt(claims, 'sub') !== boundSubject) {
    throw refused('the token is of another subject');
  }
  for (const [name, wanted] of Object.entries(role.boundClaims)) {
    const found = claimAt(claims, name);
    if (found === undefined) throw refused('a bound claim is missing');
    if (!meets(found, wanted, role.boundClaimsType)) throw refused('a bound claim has another value');
  }
}

function meets(found: JsonValue, wanted: JsonValue, type: JwtRole['boundClaimsType']): boolean {
  const all = (value: JsonValue): readonly JsonValue[] => (Array.isArray(value) ? value : [value]);
  return all(found).some((value) =>
    all(wanted).some((want) =>
      type === 'glob' && typeof want === 'string' && typeof value === 'string'
        ? value.length <= longestValue && matchesGlob(want, value)
        : value === want && value !== null && typeof value !== 'object',
    ),
  );
}

/** Who the token says it is of. Throws `invalid_request` where a claim that the role needs is not there or not what it must be. */
export function identityOf(role: JwtRole, claims: JsonObject): Identity {
  const user = role.userClaimIsPointer
    ? claimAt(claims, role.userClaim)
    : Object.hasOwn(claims, role.userClaim)
      ? claims[role.userClaim]
      : undefined;
  if (!isName(user)) throw refused('the user claim is missing, or is no name');
  return { user, groups: groupsOf(role, claims), mapped: mappedOf(role, claims) };
}

/** A text that can be an identity's name: nothing invisible, nothing that would be stored as something else. */
function isName(value: JsonValue | undefined): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= longestUser &&
    value.isWellFormed() &&
    value.trim() === value &&
    !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(value)
  );
}

function groupsOf({ groupsClaim }: JwtRole, claims: JsonObject): readonly string[] {
  if (groupsClaim === '') return [];
  const value = claimAt(claims, groupsClaim);
  const groups: readonly (JsonValue | undefined)[] = Array.isArray(value) ? value : [value];
  if (groups.length > mostGroups || !groups.every(isName)) {
    throw refused('the groups claim is missing, or is no list of names');
  }
  return [...new Set(groups)].toSorted();
}

/** Mapped claims that the token does not have are left out. */
function mappedOf(role: JwtRole, claims: JsonObject): Readonly<Record<string, string>> {
  const metadata: Record<string, string> = Object.create(null);
  for (const [claim, name] of Object.entries(role.claimMappings)) {
    const value = claimAt(claims, claim);
    if (value === undefined) continue;
    if (value === null || typeof value === 'object') throw refused('a mapped claim is no text');
    const text = String(value);
    if (text.length > longestValue || !text.isWellFormed()) throw refused('a mapped claim is no text');
    metadata[name] = text;
  }
  return { ...metadata };
}

/** Names of claims that the role reads and these claims lack. */
export function missingClaims(role: JwtRole, claims: JsonObject): readonly string[] {
  const names = [
    role.userClaim,
    ...(role.groupsClaim === '' ? [] : [role.groupsClaim]),
    ...Object.keys(role.boundClaims),
    ...Object.keys(role.claimMappings),
  ];
  return names.filter((name) => claimAt(claims, name) === undefined);
}

/** A claim by its name, or by a JSON pointer (RFC 6901) where that begins with `/`. Undefined where there is none. */
export function claimAt(claims: JsonObject, name: string): JsonValue | undefined {
  if (!name.startsWith('/')) return Object.hasOwn(claims, name) ? claims[name] : undefined;
  let value: JsonValue | undefined = claims;
  for (const escaped of name.slice(1).split('/')) {
    const key = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(value)) value = /^(0|[1-9]\d{0,5})$/.test(key) ? value[Number(key)] : undefined;
    else value = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return value;
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', reason);
}
