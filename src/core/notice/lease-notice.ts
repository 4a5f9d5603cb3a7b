/** What is told of credentials that were leased by an engine that tells nobody itself. */
import type { Caller } from '../endpoint.ts';
import type { LeaseRecord } from '../lease/record.ts';
import type { MountEntry } from '../mount/entry.ts';
import type { Notice } from '../notices.ts';

export const leaseNoticeKind = 'credentials.issued';

export interface LeaseTold {
  readonly mount: MountEntry;
  readonly record: LeaseRecord;
  /** Undefined on endpoints that need no login. */
  readonly caller: Caller | undefined;
  readonly remoteAddress: string;
  readonly requestId: string;
  /** By the engine. */
  readonly told: Readonly<Record<string, string>>;
}

export function leaseNotice({ mount, record, caller, remoteAddress, requestId, told }: LeaseTold): Notice {
  const who = caller === undefined ? 'somebody without a token' : caller.displayName;
  // As the login had it, for a second party's consent.
  const approvedBy = caller?.metadata['approved_by'];
  return {
    kind: leaseNoticeKind,
    subject: `Credentials issued: ${record.path} to ${who}`,
    fields: {
      ...told,
      path: record.path,
      engine: mount.type,
      display_name: who,
      ...(caller?.entityId ? { entity_id: caller.entityId } : {}),
      ...(caller === undefined ? {} : { token_accessor: caller.accessor }),
      ...(approvedBy ? { approved_by: approvedBy } : {}),
      remote_address: remoteAddress,
      lease_id: record.id,
      expires: new Date(record.expiresAt).toISOString(),
      request_id: requestId,
    },
  };
}
