/** `oauth2/access_token`: trades what an application was given for an access token (RFC 6749 §4.3 and §4.4). */
import { type Call, type Endpoint, endpoint, type Fields, type Reply } from '../../core/endpoint.ts';
import { makeAccessToken } from './access-token.ts';
import { judge, remember, shownUser } from './judge.ts';
import { answering, OAuthRefusal, refusalSchema } from './oauth-refusal.ts';
import { clientFields, clientOf, issuerOf, type OAuthRooms } from './oauth-rooms.ts';
import { grantedScopes } from './scope.ts';
import { keysPath, tokenLife } from './signing-keys.ts';

const fields = {
  grant_type: { type: 'string', help: '`password` or `client_credentials`.' },
  username: { type: 'string', help: 'The user’s name, as `user.json` has it; for the grant `password`.' },
  password: { type: 'string', help: 'The user’s password; for the grant `password`.', sensitive: true },
  ...clientFields,
  scope: { type: 'string', help: 'What the token is for, with blanks between; `uid` when absent.' },
  realm: { type: 'string', help: 'Taken, and means nothing: there is one realm.' },
} as const satisfies Fields;

export function tokenEndpoint(rooms: OAuthRooms): Endpoint {
  return endpoint({
    pattern: 'oauth2/access_token',
    help: 'Makes an access token for an application that shows its client’s secret and, for the grant `password`, its user’s password (RFC 6749).',
    fields,
    operations: {
      update: {
        summary: 'Make an access token',
        login: true,
        plain: true,
        response: {
          access_token: { type: 'string', sensitive: true, optional: true },
          token_type: { type: 'string', optional: true, help: '`Bearer`.' },
          expires_in: { type: 'duration', optional: true },
          scope: { type: 'string', optional: true, help: 'With blanks between.' },
          ...refusalSchema,
        },
        handle: answering((call) => grant(rooms, call)),
      },
    },
  });
}

async function grant(rooms: OAuthRooms, call: Call<typeof fields>): Promise<Reply> {
  const { fields: sent, view, clock } = call;
  checkGrant(sent);
  const client = clientOf(rooms, call);
  const byPassword = sent.grant_type === 'password';
  const person = shownUser(sent.username ?? '', sent.password ?? '', rooms.digest, client.username);
  const shown = byPassword ? ([client, person] as const) : ([client] as const);
  const judged = await judge(rooms, call, shown, [keysPath, rooms.settings.path]);
  const { user } = judged;
  const scopes = grantedScopes(sent.scope ?? '', user.scopes);
  if (scopes === undefined) {
    throw new OAuthRefusal('invalid_scope', 'a scope was asked for that the application does not have');
  }
  const issuer = issuerOf(rooms, judged.record(rooms.settings.path));
  const keys = rooms.keys.opened(judged.record(keysPath)) ?? (await rooms.keys.make(view));
  await remember(view, judged);
  const wish = { user, clientId: sent.client_id ?? '', scopes, issuer, now: clock.now() };
  return {
    data: {
      access_token: makeAccessToken(wish, keys, rooms.environment.random),
      token_type: 'Bearer',
      expires_in: tokenLife,
      scope: scopes.join(' '),
    },
    proven: true,
    durable: true,
  };
}

/** Throws for a request that is wrong in itself, before anything is looked up. */
function checkGrant({ grant_type: type, username, password }: Call<typeof fields>['fields']): void {
  if (type === undefined || type === '')
    throw new OAuthRefusal('invalid_request', 'grant_type is missing: it is password or client_credentials');
  if (type !== 'password' && type !== 'client_credentials') {
    throw new OAuthRefusal('unsupported_grant_type', 'grant_type is password or client_credentials');
  }
  if (type === 'password' && (!username || !password))
    throw new OAuthRefusal('invalid_request', 'the grant password needs a username and a password');
}
