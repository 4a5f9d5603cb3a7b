/** The endpoints of `auth/token/`. */
import type { Engine } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Reply } from '../endpoint.ts';
import { listPage, pageFields } from '../list-page.ts';
import type { CoreRooms } from '../rooms.ts';
import { createEndpoints } from './create-endpoints.ts';
import { tokenFacts, tokenFactsSchema } from './facts.ts';
import { callerToken, liveByAccessor, liveByText } from './live.ts';
import { accessorField, tokenField } from './name-fields.ts';
import { isOrphan, type ReadToken } from './reader.ts';
import { renewEndpoints } from './renew-endpoints.ts';
import { revokeEndpoints } from './revoke-endpoints.ts';
import { tokenRoleEndpoints } from './role-endpoints.ts';
import { tidyEndpoint } from './tidy.ts';

export function tokenEngine(rooms: CoreRooms): Engine {
  return {
    endpoints: [
      ...createEndpoints(rooms),
      ...lookups(rooms),
      ...renewEndpoints(rooms),
      ...revokeEndpoints(rooms),
      ...tokenRoleEndpoints(),
      list(rooms),
      tidyEndpoint(),
    ],
  };
}

function lookups(rooms: CoreRooms): readonly Endpoint[] {
  const answer = (token: ReadToken, text: string): Reply => ({
    data: tokenFacts({ ...token.record, orphan: isOrphan(token) }, text, rooms.clock.now(), token.identity),
  });
  const lookup = async (call: CoreCall<typeof tokenField>) => {
    const found = await liveByText(rooms, call.fields.token);
    if (found === undefined) throw new CofferError('permission_denied', 'bad token');
    return answer(found, call.fields.token);
  };
  const lookupSelf = async (call: CoreCall) => {
    const token = callerToken(call);
    const { usesLeft: left } = token.record;
    const record = { ...token.record, usesLeft: left === null ? null : left - 1 };
    return answer({ ...token, record }, call.tokenText ?? '');
  };
  return [
    coreEndpoint({
      pattern: 'lookup',
      help: 'Shows what is known of a token.',
      fields: tokenField,
      operations: { update: { summary: 'Look a token up', response: tokenFactsSchema, handle: lookup } },
    }),
    coreEndpoint({
      pattern: 'lookup-self',
      help: 'Shows what is known of the token that asks.',
      fields: {},
      operations: {
        read: { summary: 'Look this token up', response: tokenFactsSchema, handle: lookupSelf },
        update: { summary: 'Look this token up', response: tokenFactsSchema, handle: lookupSelf },
      },
    }),
    coreEndpoint({
      pattern: 'lookup-accessor',
      help: 'Shows what is known of a token, by its accessor.',
      fields: accessorField,
      operations: {
        update: {
          summary: 'Look a token up by accessor',
          response: tokenFactsSchema,
          handle: async (call) => answer(await liveByAccessor(rooms, call.fields.accessor), ''),
        },
      },
    }),
  ];
}

function list(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'accessors',
    help: 'Lists the accessors of all tokens.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List accessors',
        sudo: true,
        response: { keys: { type: 'list' } },
        handle: (call) => listPage((page) => rooms.tokens.accessors(page), call.fields),
      },
    },
  });
}
