/** `oauth2/revoke`: ends one access token before its time (RFC 7009), as far as introspection tells. */
import { type Call, type Endpoint, endpoint, type Fields, type Reply } from '../../core/endpoint.ts';
import { encodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import { isOurs, readAccessToken, revokedPath } from './access-token.ts';
import { judge, remember } from './judge.ts';
import { answering, OAuthRefusal, refusalSchema } from './oauth-refusal.ts';
import { clientFields, clientOf, type OAuthRooms } from './oauth-rooms.ts';
import { keysPath } from './signing-keys.ts';

const fields = {
  token: { type: 'string', help: 'The access token.', sensitive: true },
  token_type_hint: { type: 'string', help: 'Taken, and means nothing: there is one kind of tokens.' },
  ...clientFields,
} as const satisfies Fields;

/** In the index of due work: the marker of a token goes once the token has ended. */
export const revokedDue = 'oauth2/revoked/';

export function revocationEndpoint(rooms: OAuthRooms): Endpoint {
  return endpoint({
    pattern: 'oauth2/revoke',
    help: 'Ends an access token of the client’s own application. One that has ended, or that nobody knows, is no error.',
    fields,
    operations: {
      update: {
        summary: 'End an access token',
        login: true,
        plain: true,
        response: refusalSchema,
        handle: answering((call) => revoke(rooms, call)),
      },
    },
  });
}

async function revoke(rooms: OAuthRooms, call: Call<typeof fields>): Promise<Reply> {
  const { fields: sent, view, clock } = call;
  if (!sent.token) throw new OAuthRefusal('invalid_request', 'token is missing');
  const token = readAccessToken(sent.token);
  const client = clientOf(rooms, call);
  const marker = token === undefined ? [] : [revokedPath(token.id)];
  const judged = await judge(rooms, call, [client], [keysPath, ...marker]);
  await remember(view, judged);
  const done = { data: {}, proven: true, durable: true };
  if (token === undefined || !isOurs(token, rooms.keys.opened(judged.record(keysPath)), clock.now()))
    return done;
  if (token.username !== client.username) {
    throw new OAuthRefusal('unauthorized_client', 'the token is of another application');
  }
  const path = revokedPath(token.id);
  if (judged.record(path) !== undefined) return done;
  const due = { at: token.endsAt, name: revokedDue + token.id };
  await view.commit([{ path, value: encodeStored({ endsAt: token.endsAt }) }], [], [due]);
  return done;
}

/** Duty: forgets a revocation whose token has ended by itself. */
export async function onRevokedDue(name: string, view: View): Promise<void> {
  await view.commit([{ path: revokedPath(name.slice(revokedDue.length)), value: null }]);
}
