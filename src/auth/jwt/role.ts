/** A role of `jwt` and `oidc`: whose tokens log in by it, and what their claims become. */
import type { Fields, FieldValues } from '../../core/endpoint.ts';
import { parseDuration } from '../../core/ttl.ts';
import { defaultLeeways, type Leeways } from '../../crypto/jwt/lifetime.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject, JsonValue } from '../../json.ts';
import { oldTokenFields, type RoleRecord } from '../role-records.ts';
import {
  noTokenSettings,
  readTokenSettings,
  shownTokenSettings,
  usedOldNames,
  withOldNames,
} from '../token-fields.ts';

export interface JwtRole extends RoleRecord {
  readonly type: 'jwt' | 'oidc';
  readonly userClaim: string;
  readonly userClaimIsPointer: boolean;
  readonly boundAudiences: readonly string[];
  /** Empty where any will do. */
  readonly boundSubject: string;
  /** Claim to value, or list of values of which one is enough. */
  readonly boundClaims: JsonObject;
  readonly boundClaimsType: 'string' | 'glob';
  readonly groupsClaim: string;
  /** Claim to name in the token's metadata. */
  readonly claimMappings: Readonly<Record<string, string>>;
  readonly redirectUris: readonly string[];
  readonly scopes: readonly string[];
  /** Seconds, as sent: 0 is the default, less is none. */
  readonly clockSkewLeeway: number;
  readonly expirationLeeway: number;
  readonly notBeforeLeeway: number;
  /** Seconds since the person proved who they are; 0 is any number. */
  readonly maxAge: number;
}

export const roleFields = {
  role_type: { type: 'string', help: 'oidc (the default), for logins by browser; or jwt.' },
  user_claim: { type: 'string', help: 'Claim that says who it is.' },
  user_claim_json_pointer: { type: 'bool', help: 'Whether user_claim is a JSON pointer.' },
  bound_audiences: { type: 'list', help: 'Of these aud must name one.' },
  bound_subject: { type: 'string', help: 'What sub must be.' },
  bound_claims: { type: 'object', help: 'Claims and the value, or one of the values, that each must have.' },
  bound_claims_type: { type: 'string', help: 'string, or glob: * in values stands for any text.' },
  groups_claim: { type: 'string', help: 'Claim that lists groups.' },
  claim_mappings: { type: 'pairs', help: 'Claims, and the metadata that each becomes.' },
  allowed_redirect_uris: { type: 'list', help: 'Where a browser may be sent to; compared exactly.' },
  oidc_scopes: { type: 'list', help: 'Scopes asked for besides openid.' },
  clock_skew_leeway: { type: 'string', help: 'How far clocks may differ: 60 s if 0, none if -1.' },
  expiration_leeway: { type: 'string', help: 'Life of a token without exp: 150 s if 0, none if -1.' },
  not_before_leeway: {
    type: 'string',
    help: 'Beginning of a token without nbf and iat, before exp: likewise.',
  },
  max_age: { type: 'duration', help: 'How long ago the person may have logged in at the provider.' },
  verbose_oidc_logging: { type: 'bool', help: 'Not offered; must be false.' },
  ...oldTokenFields,
} as const satisfies Fields;

type Sent = FieldValues<typeof roleFields>;

export function newRole(name: string, id: string): JwtRole {
  return {
    name,
    id,
    type: 'oidc',
    userClaim: '',
    userClaimIsPointer: false,
    boundAudiences: [],
    boundSubject: '',
    boundClaims: {},
    boundClaimsType: 'string',
    groupsClaim: '',
    claimMappings: {},
    redirectUris: [],
    scopes: [],
    clockSkewLeeway: 0,
    expirationLeeway: 0,
    notBeforeLeeway: 0,
    maxAge: 0,
    token: noTokenSettings,
    oldNames: [],
  };
}

/** The role with what was sent put over it; `data` is the same as it was sent. Throws `invalid_request`. */
export function withFields(role: JwtRole, sent: Sent, data: JsonObject): JwtRole {
  if (sent.verbose_oidc_logging === true) {
    throw refused('verbose_oidc_logging would put claims into the log: it is not offered');
  }
  const changed: JwtRole = {
    ...role,
    type: oneOf('role_type', sent.role_type, ['oidc', 'jwt'], role.type),
    userClaim: sent.user_claim ?? role.userClaim,
    userClaimIsPointer: sent.user_claim_json_pointer ?? role.userClaimIsPointer,
    boundAudiences: sent.bound_audiences ?? role.boundAudiences,
    boundSubject: sent.bound_subject ?? role.boundSubject,
    boundClaims: sent.bound_claims ?? role.boundClaims,
    boundClaimsType: oneOf(
      'bound_claims_type',
      sent.bound_claims_type,
      ['string', 'glob'],
      role.boundClaimsType,
    ),
    groupsClaim: sent.groups_claim ?? role.groupsClaim,
    claimMappings: sent.claim_mappings ?? role.claimMappings,
    redirectUris: sent.allowed_redirect_uris ?? role.redirectUris,
    scopes: sent.oidc_scopes ?? role.scopes,
    clockSkewLeeway: leeway('clock_skew_leeway', sent.clock_skew_leeway) ?? role.clockSkewLeeway,
    expirationLeeway: leeway('expiration_leeway', sent.expiration_leeway) ?? role.expirationLeeway,
    notBeforeLeeway: leeway('not_before_leeway', sent.not_before_leeway) ?? role.notBeforeLeeway,
    maxAge: sent.max_age ?? role.maxAge,
    token: readTokenSettings(sent, role.token),
    oldNames: usedOldNames(roleFields, data, role.oldNames),
  };
  checkRole(changed);
  return changed;
}

function checkRole(role: JwtRole): void {
  if (role.userClaim === '') throw refused('a user claim must be defined on the role');
  if (role.userClaimIsPointer && !role.userClaim.startsWith('/')) {
    throw refused('user_claim begins with "/" when it is a JSON pointer');
  }
  const values = Object.values(role.boundClaims).flatMap((value) => (Array.isArray(value) ? value : [value]));
  if (!values.every(isScalar))
    throw refused('a bound claim has a text, number or boolean, or a list of them');
  if (role.boundClaimsType === 'glob' && !values.every((value) => typeof value === 'string')) {
    throw refused('bound claims of type glob have texts');
  }
  checkMappings(Object.values(role.claimMappings));
  if (role.type === 'oidc') checkRedirects(role.redirectUris);
  else if (!hasBound(role)) {
    throw refused('must have at least one bound constraint when creating/updating a role');
  }
}

/** An empty list of values would match nothing, and counts as a bound nonetheless. */
function hasBound({ boundAudiences, boundSubject, boundClaims, token }: JwtRole): boolean {
  return (
    boundAudiences.length > 0 ||
    boundSubject !== '' ||
    Object.keys(boundClaims).length > 0 ||
    token.boundCidrs.length > 0
  );
}

function isScalar(value: JsonValue): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function checkMappings(names: readonly string[]): void {
  if (names.includes('role')) {
    throw refused('metadata key "role" is reserved and may not be a mapping destination');
  }
  if (names.includes('') || new Set(names).size < names.length) {
    throw refused('each claim is mapped to a metadata key of its own');
  }
}

function checkRedirects(uris: readonly string[]): void {
  if (uris.length === 0) {
    throw refused("'allowed_redirect_uris' must be set if 'role_type' is 'oidc' or unspecified.");
  }
  for (const uri of uris) {
    const url = URL.canParse(uri) ? new URL(uri) : undefined;
    if (url === undefined || uri.length > 1_000 || uri.includes('*') || url.hash !== '') {
      throw refused('a redirect URI is a whole URL of at most 1,000 characters, without "*" and fragment');
    }
  }
}

function oneOf<T extends string>(name: string, sent: string | undefined, known: readonly T[], before: T): T {
  if (sent === undefined || sent === '') return before;
  const found = known.find((one) => one === sent);
  if (found === undefined) throw refused(`${name} is one of ${known.join(', ')}`);
  return found;
}

/** Seconds; -1 for any negative duration. */
function leeway(name: string, sent: string | undefined): number | undefined {
  if (sent === undefined) return undefined;
  const seconds = sent === '' ? 0 : parseDuration(sent);
  if (seconds === undefined || seconds > 86_400) {
    throw refused(`${name} is a duration of at most a day, such as 60 or "2m"; -1 is none`);
  }
  return Math.max(-1, seconds);
}

/** What a role's leeways come to: 0 is the default, less than that none. */
export function leewaysOf(role: JwtRole): Leeways {
  const meant = (sent: number, usual: number) => (sent === 0 ? usual : Math.max(0, sent));
  return {
    clockSkew: meant(role.clockSkewLeeway, defaultLeeways.clockSkew),
    expiration: meant(role.expirationLeeway, defaultLeeways.expiration),
    notBefore: meant(role.notBeforeLeeway, defaultLeeways.notBefore),
  };
}

export function shownRole(role: JwtRole): JsonObject {
  const shown = {
    role_type: role.type,
    user_claim: role.userClaim,
    user_claim_json_pointer: role.userClaimIsPointer,
    bound_audiences: role.boundAudiences,
    bound_subject: role.boundSubject,
    bound_claims: role.boundClaims,
    bound_claims_type: role.boundClaimsType,
    groups_claim: role.groupsClaim,
    claim_mappings: role.claimMappings,
    allowed_redirect_uris: role.redirectUris,
    oidc_scopes: role.scopes,
    clock_skew_leeway: role.clockSkewLeeway,
    expiration_leeway: role.expirationLeeway,
    not_before_leeway: role.notBeforeLeeway,
    max_age: role.maxAge,
    verbose_oidc_logging: false,
    ...shownTokenSettings(role.token),
  };
  return withOldNames(roleFields, shown, role.oldNames);
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', reason);
}
