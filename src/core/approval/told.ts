/** What the audit log and people are told of a request that waits: who, what and where, and nothing that is a secret. */
import type { AuditEntry, AuditLog } from '../audit/audit.ts';
import { withoutTokens } from '../audit-lines.ts';
import type { Notice } from '../notices.ts';
import type { ApprovalRecord, Verdict } from './record.ts';

/** What becomes of a request. */
export type Word = 'requested' | 'approved' | 'denied' | 'withdrawn' | 'used';

export interface About {
  /** The request that does it. */
  readonly requestId: string;
  /** Whose word it is. */
  readonly verdict?: Verdict | undefined;
  /** Those whose consent counted. */
  readonly by?: readonly Verdict[] | undefined;
}

/** The line of an event of its own; appended before what it tells of is done. */
export function approvalLine(audit: AuditLog, word: Word, record: ApprovalRecord, about: About): AuditEntry {
  const { requester, approval } = record;
  const { verdict, by } = about;
  return {
    type: 'event',
    event: `approval-${word}`,
    request_id: about.requestId,
    accessor: record.accessor,
    operation: record.operation,
    path: withoutTokens(audit, record.path),
    requester: {
      entity_id: requester.entityId,
      entity_name: requester.entityName,
      accessor: requester.tokenAccessor,
    },
    factors: approval.factors.length,
    ...(verdict === undefined ? {} : { by: personOf(verdict) }),
    ...(by === undefined ? {} : { approved_by: by.map(personOf) }),
  };
}

function personOf({ entityId, entityName, displayName, secondFactor, remoteAddress }: Verdict) {
  return {
    entity_id: entityId,
    entity_name: entityName,
    display_name: displayName,
    second_factor: secondFactor,
    remote_address: remoteAddress,
  };
}

const subjects = {
  requested: 'asks for approval',
  granted: 'has the approval that was asked for',
  denied: 'was refused an approval',
  used: 'used an approval',
} as const;

/** @param by whose word it is, where it is somebody's */
export function noticeOf(
  word: keyof typeof subjects,
  record: ApprovalRecord,
  by?: Verdict | undefined,
): Notice {
  const { requester, operation, path, reason, remoteAddress, accessor, authorizations } = record;
  return {
    kind: `approval.${word}`,
    subject: `${requester.entityName} ${subjects[word]}: ${operation} ${path}`,
    fields: {
      requester: requester.entityName,
      requester_id: requester.entityId,
      login: requester.displayName,
      operation,
      path,
      reason,
      remote_address: remoteAddress,
      accessor,
      expires: new Date(record.expiresAt).toISOString(),
      approved_by: authorizations.map(({ entityName }) => entityName).join(', '),
      ...(by === undefined ? {} : { by: by.entityName, by_reason: by.reason }),
    },
  };
}
