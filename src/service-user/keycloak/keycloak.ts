/** `keycloak`: users and clients of a realm of Keycloak, two of each that take turns for each application. */
import { CofferError } from '../../errors.ts';
import { ApiPlace, apiOutgoing } from '../api-place.ts';
import type { ProviderSettings, ProviderType } from '../provider.ts';
import {
  addressOf,
  certificatesOf,
  concurrencyOf,
  type ProviderOptions,
  refuseUnknown,
  requiredText,
} from '../provider-options.ts';
import { GrantedToken } from '../token-grant.ts';
import { KeycloakUsers } from './keycloak-users.ts';
import { RealmClients } from './realm-clients.ts';
import { RealmUsers } from './realm-users.ts';

const type = 'keycloak';
const known = [
  'url',
  'ca',
  'realm',
  'admin_realm',
  'client_id',
  'username',
  'group',
  'scope_prefix',
  'verify_client',
  'concurrency',
] as const;

export const keycloak: ProviderType = {
  type,
  summary: 'users and clients of a realm of Keycloak, two of each that take turns for each application',
  secret: 'the secret of the client that administers the realm, or with username that user’s password',
  open(settings, { clock }) {
    const { options } = settings;
    refuseUnknown(type, options, known);
    const place = {
      url: addressOf(options, 'url'),
      ca: certificatesOf(options, 'ca'),
      concurrency: concurrencyOf(options),
    };
    const realm = nameOf(options, 'realm');
    const ask = apiOutgoing(place);
    const tokenServer = (of: string) => ({
      url: `${place.url}/realms/${encodeURIComponent(of)}/protocol/openid-connect/token`,
      ca: place.ca,
    });
    const { login, form } = ownLogin(settings);
    const own = new GrantedToken(tokenServer(nameOf(options, 'admin_realm', realm)), login, form, {
      clock,
      ask,
    });
    const api = new ApiPlace(place, own, clock, ask);
    const scopePrefix = options['scope_prefix'] ?? '';
    return new KeycloakUsers(
      new RealmUsers(api, realm, nameOf(options, 'group', 'coffer')),
      new RealmClients(api, realm, scopePrefix === '' ? undefined : scopePrefix),
      {
        concurrency: place.concurrency,
        ask,
        clock,
        tokens: tokenServer(realm),
        verifyClient: nameOf(options, 'verify_client', 'admin-cli'),
      },
    );
  },
};

function ownLogin({ options, secret }: ProviderSettings) {
  const { username = '' } = options;
  if (secret === '' || secret.length > 4_096 || !secret.isWellFormed())
    throw new CofferError(
      'invalid_request',
      'secret is needed: that of the client, or with username its password',
    );
  return username === ''
    ? {
        login: { id: requiredText(options, 'client_id'), secret },
        form: { grant_type: 'client_credentials' },
      }
    : {
        login: { id: requiredText(options, 'client_id', 'admin-cli'), secret: null },
        form: { grant_type: 'password', username, password: secret },
      };
}

/** Names that become parts of paths. */
function nameOf(options: ProviderOptions, name: string, usual = ''): string {
  const text = requiredText(options, name, usual);
  if (text.length <= 200 && /^[^\p{Cc}/]+$/u.test(text) && text !== '.' && text !== '..') return text;
  throw new CofferError(
    'invalid_request',
    `the option ${name} is a name of at most 200 characters without "/"`,
  );
}
