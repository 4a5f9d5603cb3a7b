/** `oauth2/introspect`: whether an access token is good now, and what it says (RFC 7662). */
import { type Call, type Endpoint, endpoint, type Fields, type Reply } from '../../core/endpoint.ts';
import { isOfLivingSession, isOurs, readAccessToken, revokedPath } from './access-token.ts';
import { judge, remember } from './judge.ts';
import { answering, OAuthRefusal, refusalSchema } from './oauth-refusal.ts';
import { clientFields, clientOf, type OAuthRooms } from './oauth-rooms.ts';
import { keysPath } from './signing-keys.ts';
import { decodeUser, userPath } from './user.ts';

const fields = {
  token: { type: 'string', help: 'The access token.', sensitive: true },
  token_type_hint: { type: 'string', help: 'Taken, and means nothing: there is one kind of tokens.' },
  ...clientFields,
} as const satisfies Fields;

const said = { type: 'string', optional: true } as const;

export function introspectionEndpoint(rooms: OAuthRooms): Endpoint {
  return endpoint({
    pattern: 'oauth2/introspect',
    help: 'Says whether an access token of this mount is good now. Every confidential client of the mount may ask of every token: whoever takes tokens is one.',
    fields,
    operations: {
      update: {
        summary: 'Check an access token',
        login: true,
        plain: true,
        response: {
          active: { type: 'bool', optional: true },
          scope: said,
          client_id: said,
          username: said,
          token_type: said,
          exp: { type: 'int', optional: true, help: 'Seconds since 1970.' },
          iat: { type: 'int', optional: true },
          sub: said,
          aud: said,
          iss: said,
          jti: said,
          uid: said,
          cn: said,
          ...refusalSchema,
        },
        handle: answering((call) => introspect(rooms, call)),
      },
    },
  });
}

async function introspect(rooms: OAuthRooms, call: Call<typeof fields>): Promise<Reply> {
  const { fields: sent, view, clock } = call;
  if (!sent.token) throw new OAuthRefusal('invalid_request', 'token is missing');
  const token = readAccessToken(sent.token);
  const about = token === undefined ? [] : [userPath(token.username), revokedPath(token.id)];
  const judged = await judge(rooms, call, [clientOf(rooms, call)], [keysPath, ...about]);
  await remember(view, judged);
  const proven = true;
  if (token === undefined || !isOurs(token, rooms.keys.opened(judged.record(keysPath)), clock.now())) {
    return { data: { active: false }, proven };
  }
  const user = decodeUser(judged.record(userPath(token.username)))?.user;
  const revoked = judged.record(revokedPath(token.id)) !== undefined;
  if (revoked || !isOfLivingSession(token, user)) return { data: { active: false }, proven };
  const { sid: _session, ...shown } = token.claims;
  return { data: { active: true, token_type: 'Bearer', username: token.username, ...shown }, proven };
}
