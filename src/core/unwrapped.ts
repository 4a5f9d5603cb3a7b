/**
 * From a token that is unwrapped to the request that it keeps. What comes out of here is the only thing that lets the road go by
 * somebody else's token: it is made of the store, by this file alone, and is no part of what a request can say.
 */
import { randomUuid } from '../crypto/random.ts';
import { endedAs } from './approval/approvals.ts';
import { decodeHeld } from './approval/held-request.ts';
import type { ApprovalRecord } from './approval/record.ts';
import { notYet } from './consent.ts';
import type { Core } from './core.ts';
import type { CoreCall } from './core-call.ts';
import type { Call } from './endpoint.ts';
import type { Request } from './request.ts';
import type { Snapshot } from './token/reader.ts';
import type { TokenId } from './token/record.ts';
import { named, type TokenCall } from './wrapping/endpoints.ts';
import { notValid } from './wrapping/wrappings.ts';

const made = new WeakSet<Unwrapped>();

/** A request that was kept, and on whose behalf it is carried out. */
export interface Unwrapped {
  /** Of the approval. */
  readonly accessor: string;
  /** The token that sent it, and what must still be its accessor. */
  readonly token: TokenId;
  readonly tokenAccessor: string;
  readonly request: Request;
}

/**
 * The token of a request; of one that is unwrapped the token that sent it, if that is still the same: whatever else
 * has the shape of such a request opens nothing.
 */
export function present(core: Core, request: Request, unwrapped: Unwrapped | undefined): Promise<Snapshot> {
  // Every request comes by here: no promise of ours around the reader's own.
  return unwrapped === undefined ? core.tokenReader.present(request.token) : senderOf(core, unwrapped);
}

async function senderOf(core: Core, unwrapped: Unwrapped): Promise<Snapshot> {
  const snapshot = await core.tokenReader.read(unwrapped.token);
  const isSame = made.has(unwrapped) && snapshot.token?.record.accessor === unwrapped.tokenAccessor;
  return isSame ? snapshot : { epoch: snapshot.epoch, token: undefined };
}

/**
 * Undefined where what is unwrapped is an answer. Throws `invalid_request` for a request that is not the caller's, and
 * `needs_approval` for one that is not approved yet, or was refused.
 *
 * @param asking the request that unwraps
 */
export async function unwrappedBy(core: Core, call: Call, asking: Request): Promise<Unwrapped | undefined> {
  const own = call as TokenCall;
  const wrapped = await named(core, own);
  if (wrapped?.record.approval !== true) return undefined;
  const { accessor } = wrapped.token.record;
  const stored = await core.approvals.read(accessor);
  if (stored === undefined || !(await isAskers(core, own, accessor, stored.record))) throw notValid();
  const { record } = stored;
  if (record.status !== 'waiting') throw endedAs(record);
  const standing = await core.approvals.standing(record);
  if (!standing.approved) throw notYet(standing);
  const { operation, path, data, wrapTtl } = decodeHeld(await core.wrappings.text(wrapped));
  const { remoteAddress, signal, traceparent } = asking;
  const unwrapped: Unwrapped = {
    accessor,
    token: record.requester.token,
    tokenAccessor: record.requester.tokenAccessor,
    request: {
      id: randomUuid(core.random),
      operation,
      path,
      data,
      token: undefined,
      wrapTtl,
      remoteAddress,
      traceparent,
      ...(signal === undefined ? {} : { signal }),
    },
  };
  made.add(unwrapped);
  return unwrapped;
}

/** Whoever holds the token itself, or is the entity that asked: what others were approved to get is not handed to a third. */
async function isAskers(
  core: Core,
  { token }: Pick<CoreCall, 'token'>,
  accessor: string,
  { requester }: ApprovalRecord,
): Promise<boolean> {
  if (token === undefined) return false;
  if (token.record.accessor === accessor || token.record.accessor === requester.tokenAccessor) return true;
  const asker = await core.identities.reader.read(requester.entityId);
  return asker !== undefined && token.identity?.entity.id === asker.entity.id;
}
