/** `service-user-api`: an identity service that speaks the Service User API which mint's worker calls. */
import { CofferError } from '../../errors.ts';
import { ApiPlace, apiOutgoing, type TokenSource } from '../api-place.ts';
import type { ProviderSettings, ProviderSurroundings, ProviderType } from '../provider.ts';
import {
  addressOf,
  certificatesOf,
  choice,
  concurrencyOf,
  refuseUnknown,
  requiredText,
  seconds,
} from '../provider-options.ts';
import { fixedToken, GrantedToken } from '../token-grant.ts';
import { ServiceUserApi } from './service-user-api.ts';

const type = 'service-user-api';
const known = [
  'url',
  'ca',
  'token_url',
  'client_id',
  'token_scope',
  'verify_url',
  'client_commit',
  'password_grace',
  'concurrency',
] as const;

export const serviceUserApi: ProviderType = {
  type,
  summary: 'an identity service with the Service User API that mint calls',
  secret: 'the bearer token, or with token_url the secret of the client that asks for tokens',
  open(settings, surroundings) {
    const { options } = settings;
    refuseUnknown(type, options, known);
    const { clock } = surroundings;
    const place = {
      url: addressOf(options, 'url'),
      ca: certificatesOf(options, 'ca'),
      concurrency: concurrencyOf(options),
    };
    const ask = apiOutgoing(place);
    const api = new ApiPlace(place, tokensOf(settings, surroundings, ask, place.ca), clock, ask);
    return new ServiceUserApi(api, {
      clock,
      ask,
      ca: place.ca,
      concurrency: place.concurrency,
      clientCommit: choice(options, 'client_commit', ['txid', 'id', 'either'], 'either'),
      keepsOldPasswords: seconds(options, 'password_grace', 0) > 0,
      verifyUrl: (options['verify_url'] ?? '') === '' ? undefined : addressOf(options, 'verify_url'),
      own: {
        id: options['client_id'] ?? '',
        secret: (options['token_url'] ?? '') === '' ? null : settings.secret,
      },
    });
  },
};

function tokensOf(
  { options, secret }: ProviderSettings,
  { clock }: ProviderSurroundings,
  ask: ReturnType<typeof apiOutgoing>,
  ca: string,
): TokenSource {
  // It goes into a header.
  if (!/^[\x21-\x7e]{1,16384}$/.test(secret)) {
    throw new CofferError(
      'invalid_request',
      'secret is needed: the bearer token, or the secret of the client, of ASCII letters and signs',
    );
  }
  const { token_url: url = '', client_id: id = '', token_scope: scope = '' } = options;
  if (url === '') {
    if (id === '' && scope === '') return fixedToken(secret);
    throw new CofferError('invalid_request', 'client_id and token_scope go with token_url');
  }
  const form = { grant_type: 'client_credentials', ...(scope === '' ? {} : { scope }) };
  const login = { id: requiredText(options, 'client_id'), secret };
  return new GrantedToken({ url: addressOf(options, 'token_url'), ca }, login, form, { clock, ask });
}
