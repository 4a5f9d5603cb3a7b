/** Tokens as anybody may use them: present, in time, with all their ancestors and the mount that issued them. */
import { CofferError } from '../../errors.ts';
import type { CoreCall } from '../core-call.ts';
import type { Mount } from '../mount/table.ts';
import type { CoreRooms } from '../rooms.ts';
import { isBatchText } from './batch.ts';
import { type ReadToken, tokenProblem } from './reader.ts';
import type { TokenId } from './record.ts';

/** Undefined for what no request could be made with. */
export async function liveByText(rooms: CoreRooms, text: string): Promise<ReadToken | undefined> {
  return ifLive(rooms, (await rooms.tokenReader.present(text)).token);
}

export async function liveById(rooms: CoreRooms, id: TokenId): Promise<ReadToken | undefined> {
  return ifLive(rooms, (await rooms.tokenReader.read(id)).token);
}

/** Throws `invalid_request` where there is none. */
export async function liveByAccessor(rooms: CoreRooms, accessor: string): Promise<ReadToken> {
  const pointer = await rooms.tokens.readByAccessor(accessor);
  const found = pointer === undefined ? undefined : await liveById(rooms, pointer.record.id);
  if (found === undefined) throw new CofferError('invalid_request', 'invalid accessor');
  return found;
}

/** Throws `invalid_request` for a batch token: `what` cannot be done to it. Anything else passes, also what is no token. */
export async function refuseBatch(rooms: CoreRooms, text: string, what: string): Promise<void> {
  if (!isBatchText(text) || (await liveByText(rooms, text)) === undefined) return;
  throw new CofferError('invalid_request', `batch tokens cannot be ${what}`);
}

export function callerToken(call: CoreCall): ReadToken {
  if (call.token === undefined) throw new CofferError('permission_denied', 'permission denied');
  return call.token;
}

/** The mount of tokens itself, which every store has. */
export function ownMount(rooms: CoreRooms): Mount {
  const mount = rooms.mounts.table.at('auth/token/');
  if (mount === undefined) throw new CofferError('integrity', 'the token mount is missing');
  return mount;
}

function ifLive(rooms: CoreRooms, token: ReadToken | undefined): ReadToken | undefined {
  const isMounted = (uuid: string) => rooms.mounts.table.byUuid(uuid) !== undefined;
  return token === undefined || tokenProblem(token, rooms.clock.now(), isMounted) !== undefined
    ? undefined
    : token;
}
