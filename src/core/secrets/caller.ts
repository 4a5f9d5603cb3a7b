/** Who asks, as of now: for a request the road has found out, for a job's step it is found out again. */
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Expectation } from '../../storage/storage.ts';
import type { CoreCall } from '../core-call.ts';
import { epochKey } from '../epoch.ts';
import { parseApiPath } from '../path.ts';
import type { Acl } from '../policy/acl.ts';
import type { CoreRooms } from '../rooms.ts';
import { authenticate } from '../token/authenticate.ts';
import type { ReadToken } from '../token/reader.ts';
import { type TokenId, tokenKey } from '../token/record.ts';
import { denied } from './address.ts';

/** The entity and as many of its groups as a commit has room for besides the largest change of a secret. */
const mostIdentityGuards = 8;

export interface Caller {
  readonly token: Pick<ReadToken, 'record' | 'identity'>;
  readonly acl: Acl;
  /** The request that the work comes from. */
  readonly requestId: string;
  /** For commits: that token, policies, mounts and identity are still those that were decided by. */
  readonly guards: readonly Expectation[];
}

/** What a job keeps of the request that asked for it. */
export interface Asked {
  readonly requestId: string;
  readonly path: string;
  readonly data: JsonObject;
  readonly remoteAddress: string;
  /** A token's text can be given to another token later: the accessor can not. */
  readonly accessor: string;
  /** Others consented to the request: its job goes on by that, for whatever the job may do by itself. */
  readonly approved?: true;
}

export function callerOf({ token, acl, requestId }: CoreCall): Caller {
  if (token === undefined || acl === undefined) throw denied();
  return { token, acl, requestId, guards: [] };
}

/** Throws `invalid_request` for a batch token: a job asks again whether its caller may, when nobody shows the token any more. */
export function askedBy(call: CoreCall): Asked {
  if (call.token?.record.type === 'batch') {
    throw new CofferError('invalid_request', 'a batch token cannot begin a job: use a service token');
  }
  return {
    requestId: call.requestId,
    // The one form that the endpoint has: a rule for it must end the job too, however it was asked for.
    path: call.path.replace(/\/$/, ''),
    data: declaredData(call),
    remoteAddress: call.remoteAddress,
    accessor: callerOf(call).token.record.accessor,
    ...(call.approved === true ? { approved: true as const } : {}),
  };
}

/** What else was sent was decided on and is of no use: it must not be kept. */
function declaredData({ data, fields }: CoreCall): JsonObject {
  return Object.fromEntries(Object.entries(data).filter(([name]) => Object.hasOwn(fields, name)));
}

/** Throws `permission_denied` when the token is gone, or would not be let through with its request any more. */
export async function callerNow(rooms: CoreRooms, requester: string | null, asked: Asked): Promise<Caller> {
  const id = requester as TokenId | null;
  const snapshot = await rooms.tokenReader.read(id ?? undefined);
  const epoch = await rooms.at(snapshot.epoch);
  const { table } = rooms.mounts;
  const who = authenticate(id !== null, snapshot.token, table, asked.remoteAddress, rooms.clock.now());
  if (who.kind !== 'token' || who.token.record.accessor !== asked.accessor) {
    throw new CofferError('permission_denied', 'the token that asked for this cannot be used any more');
  }
  const { record, revision, identity } = who.token;
  const acl = await rooms.policies.aclOf(who.token, epoch.policies);
  const again = {
    path: parseApiPath(asked.path),
    operation: 'update',
    data: asked.data,
    sudo: false,
  } as const;
  const { kind } = acl.decide(again);
  if (kind === 'deny' || (kind === 'needs-approval' && asked.approved !== true)) {
    throw new CofferError('permission_denied', 'the token that asked for this may not ask for it any more');
  }
  return {
    token: who.token,
    acl,
    requestId: asked.requestId,
    guards: [
      { key: tokenKey(record.id), revision },
      { key: epochKey, revision: snapshot.epoch?.revision ?? null },
      ...(identity?.guards.slice(0, mostIdentityGuards) ?? []),
    ],
  };
}
