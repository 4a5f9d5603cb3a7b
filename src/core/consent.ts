/**
 * What the road asks once a rule wants an approval: whether the request may go on now, because others consented to just this one,
 * or is kept until they do. Nothing else lets it pass.
 */
import { CofferError } from '../errors.ts';
import { endedAs, type StoredApproval } from './approval/approvals.ts';
import { digestOf, encodeHeld } from './approval/held-request.ts';
import { parseReason, shownOf } from './approval/shown.ts';
import { missingText, type Standing, standingOf } from './approval/standing.ts';
import { approvalLine, noticeOf } from './approval/told.ts';
import type { Toll } from './approval/toll.ts';
import type { Outcome } from './carry-out.ts';
import type { Core } from './core.ts';
import type { Call, Endpoint, OperationSpec } from './endpoint.ts';
import type { Decision } from './policy/acl.ts';
import type { ApprovalRule } from './policy/approval-rule.ts';
import type { Request } from './request.ts';
import type { ReadToken } from './token/reader.ts';
import type { Unwrapped } from './unwrapped.ts';

/** The header by which a caller repeats a request that was approved. */
export const approvalHeader = 'x-coffer-approval';
/** The header that says why somebody asks. */
export const reasonHeader = 'x-coffer-reason';

/** A request whose rule wants an approval, or that is carried out by one. */
export interface Asking {
  readonly core: Core;
  readonly request: Request;
  readonly endpoint: Endpoint;
  readonly spec: OperationSpec;
  readonly mountType: string;
  readonly call: Call;
  readonly token: ReadToken | undefined;
  /** What the policies say now. */
  readonly decision: Extract<Decision, { kind: 'needs-approval' }> | { readonly kind: 'allow' };
  /** Where the request is one that was kept. */
  readonly unwrapped: Unwrapped | undefined;
}

export interface Granted {
  readonly kind: 'granted';
  /** What the request's first commit must do. */
  readonly toll: Toll;
  /** To be done once the answer is audited. */
  readonly afterwards: () => Promise<void>;
}

export type Consent = { readonly kind: 'held'; readonly outcome: Outcome } | Granted;

/** Throws `needs_approval` where the request can neither go on nor wait, saying why. */
export async function consentTo(asking: Asking): Promise<Consent> {
  const { core, request, unwrapped } = asking;
  if (unwrapped !== undefined) return granted(asking, await core.approvals.read(unwrapped.accessor));
  const named = request.header?.(approvalHeader);
  if (named === undefined || named === '') return hold(asking);
  return granted(asking, await core.approvals.read(named));
}

async function granted(asking: Asking, stored: StoredApproval | undefined): Promise<Consent> {
  const { core, request, call, token, decision } = asking;
  const record = stored?.record;
  // What is not the caller's own is as good as none.
  if (
    record === undefined ||
    stored === undefined ||
    token?.record.accessor !== record.requester.tokenAccessor
  ) {
    throw new CofferError('needs_approval', 'there is no such approval, or it is over: ask for another one');
  }
  if (record.status !== 'waiting') throw endedAs(record);
  if (record.digest !== digestOf(request, record.requester) || record.operation !== call.operation) {
    throw new CofferError(
      'needs_approval',
      'this is not the request that approval was asked for: a changed one needs an approval of its own',
    );
  }
  // Where the policy wants none any more, nothing is left to be counted.
  const standing =
    decision.kind === 'allow'
      ? undefined
      : await standingOf(core.identities.reader, record, decision.approval);
  if (standing?.approved === false) throw notYet(standing);
  const line = approvalLine(core.audit, 'used', record, { requestId: request.id, by: standing?.counted });
  await core.audit.append(line, 'kernel');
  return {
    kind: 'granted',
    toll: core.approvals.toll(stored),
    afterwards: async () => {
      await core.approvals.settle(record);
      await core.approvals.tell(noticeOf('used', record));
    },
  };
}

/** What a caller is told who comes too early. */
export function notYet(standing: Standing): CofferError {
  return new CofferError('needs_approval', `request needs further approval: ${missingText(standing)}`);
}

async function hold(asking: Asking): Promise<Consent> {
  const { core, request, endpoint, call, token, decision, mountType } = asking;
  const { record, identity } = waiting(asking);
  if (token === undefined || decision.kind === 'allow')
    throw new CofferError('internal', 'nothing to wait for');
  const reason = parseReason(request.header?.(reasonHeader), 'header');
  const shown = shownOf(endpoint, call);
  const text = encodeHeld(request);
  const requester = {
    entityId: identity.entity.id,
    entityName: identity.entity.name,
    displayName: record.displayName,
    token: record.id,
    tokenAccessor: record.accessor,
  };
  if (record.identity !== undefined) await core.ceilings.admitToken(record.identity);
  const { wrap, drop } = await core.approvals.hold(
    {
      requester,
      operation: call.operation,
      path: request.path,
      shown,
      wrapTtl: request.wrapTtl,
      remoteAddress: request.remoteAddress,
      reason,
      digest: digestOf(request, requester),
      approval: decision.approval,
      pattern: decision.rule.pattern,
      policies: decision.rule.policies,
    },
    text,
    record.identity,
    request.id,
  );
  const answer: Outcome['answer'] = {
    kind: 'envelope',
    status: 200,
    requestId: request.id,
    data: null,
    auth: null,
    lease: null,
    warnings: [waitingText(wrap.accessor, decision.approval)],
    mountType,
    wrap,
    repeatData: false,
  };
  return { kind: 'held', outcome: { answer, durable: true, undo: drop } };
}

/** Whose request it would be. Throws `needs_approval` where waiting would lead to nothing. */
function waiting({ token, spec }: Asking): {
  readonly record: ReadToken['record'];
  readonly identity: NonNullable<ReadToken['identity']>;
} {
  const refuse = (why: string) =>
    new CofferError('needs_approval', `this request needs an approval, and cannot wait for one: ${why}`);
  if (spec.unwraps === true) throw refuse('what unwraps is never kept; let its rule be one without approval');
  if (token?.record.type === 'batch') throw refuse('a batch token is not stored; use a service token');
  if (token?.identity === undefined) {
    throw refuse('its token has no entity; log in by an auth method, so that approvers know who asks');
  }
  if (token.record.usesLeft === 1) throw refuse('this was the last use of its token');
  return { record: token.record, identity: token.identity };
}

function waitingText(accessor: string, { factors }: ApprovalRule): string {
  const count = factors.reduce((sum, factor) => sum + factor.count, 0);
  const wanted = count === 1 ? 'one approval' : `${count} approvals`;
  return `this request waits for ${wanted}: unwrap its token once "sys/control-group/request" says of ${accessor} that it is approved`;
}

/** An answer that came of a consent ends it once it is audited. */
export function withConsent(outcome: Outcome, consent: Granted | undefined): Outcome {
  if (consent === undefined) return outcome;
  const afterwards = async () => {
    await outcome.afterwards?.();
    await consent.afterwards();
  };
  return { ...outcome, durable: true, afterwards };
}
