/** What a `jwt` or `oidc` mount is configured with, at rest; and what such a configuration may be. */
import type { Fields, FieldValues } from '../../core/endpoint.ts';
import { decodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import { type JwtAlgorithm, parseJwtAlgorithm } from '../../crypto/jwt/algorithms.ts';
import { isCertificateList, parsePemKey } from '../../crypto/jwt/keys.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { parseOutgoingUrl } from '../../outgoing/https.ts';
import type { Revision } from '../../storage/storage.ts';
import { canonicalRoleName, parseRoleName } from '../role-records.ts';

/** Texts are empty and lists without members where nothing is set. */
export interface JwtConfig {
  readonly discoveryUrl: string;
  readonly discoveryCa: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly responseMode: string;
  readonly responseTypes: readonly string[];
  readonly jwksUrl: string;
  readonly jwksCa: string;
  readonly publicKeys: readonly string[];
  readonly boundIssuer: string;
  readonly algorithms: readonly JwtAlgorithm[];
  readonly defaultRole: string;
  readonly namespaceInState: boolean;
}

export interface ReadConfig {
  readonly config: JwtConfig;
  readonly revision: Revision;
}

export const configPath = 'config';

export const configFields = {
  oidc_discovery_url: {
    type: 'string',
    help: 'Issuer whose keys and endpoints are found by OpenID Connect Discovery.',
  },
  // A key may come in one text with certificates.
  oidc_discovery_ca_pem: { type: 'string', help: 'Certificates to trust there, in PEM.', sensitive: true },
  oidc_client_id: { type: 'string', help: 'Client id, for logins by browser.' },
  oidc_client_secret: { type: 'string', help: 'Its secret; never shown.', sensitive: true },
  oidc_response_mode: { type: 'string', help: 'query or form_post.' },
  oidc_response_types: { type: 'list', help: 'code, which is the only one.' },
  jwks_url: { type: 'string', help: 'Where a JWK set is.' },
  jwks_ca_pem: { type: 'string', help: 'Certificates to trust there, in PEM.', sensitive: true },
  jwt_validation_pubkeys: { type: 'list', help: 'Public keys or certificates in PEM.' },
  bound_issuer: { type: 'string', help: 'What iss must be.' },
  jwt_supported_algs: { type: 'list', help: 'Algorithms that the issuer may use.' },
  default_role: { type: 'string', help: 'Role of a login that names none.' },
  provider_config: { type: 'object', help: 'Not offered; must be empty.' },
  namespace_in_state: { type: 'bool', help: 'Kept and shown; there are no namespaces.' },
} as const satisfies Fields;

export async function readConfig(view: View): Promise<ReadConfig | undefined> {
  const sealed = await view.read(configPath);
  return sealed === undefined
    ? undefined
    : { config: decodeStored<JwtConfig>(sealed.open()), revision: sealed.revision };
}

/** Throws `invalid_request` where nobody has configured the mount. */
export async function needConfig(view: View): Promise<ReadConfig> {
  const read = await readConfig(view);
  if (read === undefined) throw new CofferError('invalid_request', 'the method is not configured yet');
  return read;
}

/** A whole configuration: what is not sent is not set, as in Vault. Throws `invalid_request`. */
export function parseConfig(sent: FieldValues<typeof configFields>): JwtConfig {
  const config: JwtConfig = {
    discoveryUrl: sent.oidc_discovery_url ?? '',
    discoveryCa: sent.oidc_discovery_ca_pem ?? '',
    clientId: sent.oidc_client_id ?? '',
    // Files and pipes end with a line end, and no secret does (RFC 6749 appendix A.2).
    clientSecret: (sent.oidc_client_secret ?? '').replace(/\r?\n$/, ''),
    responseMode: sent.oidc_response_mode ?? '',
    responseTypes: sent.oidc_response_types ?? [],
    jwksUrl: sent.jwks_url ?? '',
    jwksCa: sent.jwks_ca_pem ?? '',
    publicKeys: sent.jwt_validation_pubkeys ?? [],
    boundIssuer: sent.bound_issuer ?? '',
    algorithms: (sent.jwt_supported_algs ?? []).map(parseJwtAlgorithm),
    defaultRole:
      sent.default_role === undefined || sent.default_role === '' ? '' : parseRoleName(sent.default_role),
    namespaceInState: sent.namespace_in_state ?? false,
  };
  checkSource(config);
  checkClient(config);
  if (Object.keys(sent.provider_config ?? {}).length > 0) {
    throw refused(
      'provider_config is not offered: groups and claims come from the token alone; leave it out',
    );
  }
  return config;
}

const mostPublicKeys = 50;

function checkSource(config: JwtConfig): void {
  const sources = [config.discoveryUrl !== '', config.jwksUrl !== '', config.publicKeys.length > 0];
  if (sources.filter(Boolean).length !== 1) {
    throw refused("exactly one of 'jwt_validation_pubkeys', 'jwks_url' or 'oidc_discovery_url' must be set");
  }
  if (config.discoveryUrl !== '') {
    const url = parseOutgoingUrl(config.discoveryUrl, 'oidc_discovery_url');
    // OpenID Connect Discovery 1.0 §2: an issuer has neither.
    if (url.search !== '') throw refused('oidc_discovery_url must not have a query');
  }
  if (config.jwksUrl !== '') parseOutgoingUrl(config.jwksUrl, 'jwks_url');
  checkAuthorities('oidc_discovery_ca_pem', config.discoveryCa, config.discoveryUrl, 'oidc_discovery_url');
  checkAuthorities('jwks_ca_pem', config.jwksCa, config.jwksUrl, 'jwks_url');
  if (config.publicKeys.length > mostPublicKeys) {
    throw refused(`jwt_validation_pubkeys has at most ${mostPublicKeys} keys`);
  }
  config.publicKeys.forEach(parsePemKey);
}

function checkAuthorities(name: string, pem: string, url: string, urlName: string): void {
  if (pem === '') return;
  if (url === '') throw refused(`${name} goes with ${urlName}`);
  if (!isCertificateList(pem)) throw refused(`${name} is not a list of certificates in PEM`);
}

function checkClient(config: JwtConfig): void {
  const { clientId, clientSecret, discoveryUrl, responseMode, responseTypes } = config;
  if ((clientId === '') !== (clientSecret === '')) {
    throw refused("both 'oidc_client_id' and 'oidc_client_secret' must be set for OIDC");
  }
  if (clientId !== '' && discoveryUrl === '')
    throw refused("'oidc_client_id' goes with 'oidc_discovery_url'");
  if (!['', 'query', 'form_post'].includes(responseMode)) {
    throw refused('oidc_response_mode is "query" or "form_post"');
  }
  // The implicit flow puts tokens into the browser; the authorisation code with PKCE does not (RFC 9700 §2.1.2).
  if (responseTypes.some((type) => type !== 'code')) {
    throw refused('oidc_response_types is "code": tokens are not taken from the browser');
  }
}

/** In the wire's names, without the secret. */
export function shownConfig(config: JwtConfig): JsonObject {
  return {
    oidc_discovery_url: config.discoveryUrl,
    oidc_discovery_ca_pem: config.discoveryCa,
    oidc_client_id: config.clientId,
    oidc_response_mode: config.responseMode,
    oidc_response_types: config.responseTypes,
    jwks_url: config.jwksUrl,
    jwks_ca_pem: config.jwksCa,
    jwt_validation_pubkeys: config.publicKeys,
    bound_issuer: config.boundIssuer,
    jwt_supported_algs: config.algorithms,
    default_role: config.defaultRole,
    provider_config: {},
    namespace_in_state: config.namespaceInState,
  };
}

/** The role that a login is for, by its canonical name. Throws `invalid_request` where none is named anywhere. */
export function roleNameOf(asked: string | undefined, config: JwtConfig): string | undefined {
  const name = asked === undefined || asked === '' ? config.defaultRole : asked;
  if (name === '') throw refused('missing role');
  return canonicalRoleName(name);
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', reason);
}
