/** `auth/token/revoke…`: ending a token with all below it, or alone. */
import { CofferError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields } from '../endpoint.ts';
import { retryOnConflict } from '../retry.ts';
import type { CoreRooms } from '../rooms.ts';
import { callerToken, liveByAccessor, liveByText, refuseBatch } from './live.ts';
import { accessorField, tokenField } from './name-fields.ts';

export function revokeEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  const revocation = (
    pattern: string,
    help: string,
    fields: Fields,
    handle: (call: CoreCall) => Promise<unknown>,
  ) =>
    coreEndpoint({
      pattern,
      help,
      fields,
      operations: {
        update: {
          summary: 'End a token',
          spendsFirst: true,
          handle: async (call) => void (await handle(call)),
        },
      },
    });
  return [
    revocation('revoke-self', 'Ends the token that asks, and every token below it.', {}, async (call) => {
      await refuseBatch(rooms, call.tokenText ?? '', 'revoked');
      await rooms.tokens.revoke(callerToken(call).record.id);
    }),
    revocation('revoke', 'Ends a token and every token below it.', tokenField, async (call) => {
      const text = String(call.fields['token']);
      await refuseBatch(rooms, text, 'revoked');
      await rooms.tokens.revoke(rooms.tokens.idOf(text));
    }),
    revocation(
      'revoke-accessor',
      'Ends a token and every token below it, by its accessor.',
      accessorField,
      async (call) =>
        rooms.tokens.revoke((await liveByAccessor(rooms, String(call.fields['accessor']))).record.id),
    ),
    alone(rooms),
  ];
}

function alone(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'revoke-orphan',
    help: 'Ends a token alone: the tokens below it go on without a parent.',
    fields: tokenField,
    operations: {
      update: {
        summary: 'End a token and spare its children',
        sudo: true,
        spendsFirst: true,
        handle: async (call) => {
          await refuseBatch(rooms, call.fields.token, 'revoked');
          // It is read again where it or an ancestor changed: what died meanwhile stays dead, with its children.
          await retryOnConflict(async () => {
            const token = await liveByText(rooms, call.fields.token);
            if (token === undefined) {
              throw new CofferError('invalid_request', 'token to revoke not found');
            }
            await rooms.tokens.revokeOrphaning(token);
          });
          return undefined;
        },
      },
    },
  });
}
