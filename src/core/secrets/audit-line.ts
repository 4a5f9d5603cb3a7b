/** The audit line of one secret: with the request's id, as who asked, before anything is done with it. */
import type { AuditEntry, AuditLog } from '../audit/audit.ts';
import { callerText, decisionText, withoutTokens } from '../audit-lines.ts';
import type { Decision } from '../policy/acl.ts';
import type { Caller } from './caller.ts';
import type { Verb } from './rights.ts';

export interface SecretLine {
  readonly verb: Verb;
  readonly path: string;
  /** Where a move or a copy goes. */
  readonly to: string | undefined;
  readonly caller: Caller;
  /** The job; undefined for a request that does it at once. */
  readonly job: string | undefined;
  readonly decision: Decision;
  /** What is about to be done, or why nothing is. */
  readonly outcome: string;
}

export function secretLine(audit: AuditLog, line: SecretLine): AuditEntry {
  return {
    type: 'event',
    event: 'secret',
    request_id: line.caller.requestId,
    ...(line.job === undefined ? {} : { job_id: line.job }),
    operation: line.verb,
    path: withoutTokens(audit, line.path),
    ...(line.to === undefined ? {} : { to: withoutTokens(audit, line.to) }),
    auth: callerText(line.caller.token),
    decision: decisionText(line.decision),
    outcome: line.outcome,
  };
}
