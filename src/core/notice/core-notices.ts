/** What the core itself tells of: the store opened and shut, and tokens that may do anything. */
import type { Caller } from '../endpoint.ts';
import type { Notice } from '../notices.ts';

export const rootTokenKind = 'token.root_created';

/** Who asked for something, as far as a notice says so. */
export interface Asker {
  readonly caller: Caller | undefined;
  readonly remoteAddress: string;
  readonly requestId: string;
}

/** @param path of the request that made it */
export function rootTokenNotice(path: string, asker: Asker, accessor?: string): Notice {
  return {
    kind: rootTokenKind,
    subject: `A root token was made by ${nameOf(asker)}`,
    fields: { path, ...(accessor === undefined ? {} : { token_accessor: accessor }), ...askerFields(asker) },
  };
}

export function sealedNotice(asker: Asker): Notice {
  return {
    kind: 'store.sealed',
    subject: `The store was sealed by ${nameOf(asker)}`,
    fields: askerFields(asker),
  };
}

/** @param slot what opened it: `by hand`, or the kind of the slot that did by itself */
export function unsealedNotice(slot: string, remoteAddress: string | undefined): Notice {
  return {
    kind: 'store.unsealed',
    subject: 'The store was unsealed on a node',
    fields: { opened: slot, ...(remoteAddress === undefined ? {} : { remote_address: remoteAddress }) },
  };
}

function nameOf({ caller }: Asker): string {
  return caller?.displayName || 'somebody without a token';
}

function askerFields(asker: Asker): Notice['fields'] {
  const { caller, remoteAddress, requestId } = asker;
  return {
    by: nameOf(asker),
    ...(caller?.entityId ? { by_entity_id: caller.entityId } : {}),
    ...(caller === undefined ? {} : { by_token_accessor: caller.accessor }),
    remote_address: remoteAddress,
    request_id: requestId,
  };
}
