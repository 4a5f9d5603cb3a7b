/** From what a handler replied to what the wire answers: the table of statuses of Vault's API, §2.4. */
import { asCofferError, statusOf } from '../errors.ts';
import type { EndpointOperation, OperationSpec, Reply } from './endpoint.ts';
import type { Answer, AuthAnswer, LeaseAnswer, Request } from './request.ts';

export interface AnswerParts {
  readonly request: Request;
  readonly operation: EndpointOperation;
  readonly spec: OperationSpec;
  readonly mountType: string;
  readonly reply: Reply | undefined;
  readonly auth: AuthAnswer | null;
  readonly lease: LeaseAnswer | null;
  readonly warnings: readonly string[];
}

export function buildAnswer(parts: AnswerParts): Answer {
  const { request, operation, spec, reply } = parts;
  if (reply?.stream !== undefined)
    return { kind: 'stream', status: 200, requestId: request.id, ...reply.stream };
  const data = reply?.data ?? null;
  if (reply?.text !== undefined) {
    return { kind: 'verbatim', status: 200, text: reply.text, contentType: reply.contentType };
  }
  if (spec.plain === true && data !== null)
    return { kind: 'plain', status: reply?.status ?? 200, body: data };
  const lists = operation === 'list' || operation === 'scan';
  const asks = operation === 'read' || lists;
  const nothing = reply === undefined || isBare(reply, parts);
  if (nothing && !asks) return { kind: 'empty' };
  if (nothing || (lists && reply.status === undefined && isEmptyList(reply))) {
    return { kind: 'error', status: 404, requestId: request.id, errors: [] };
  }
  return {
    kind: 'envelope',
    status: reply?.status ?? 200,
    requestId: request.id,
    data,
    auth: parts.auth,
    lease: parts.lease ?? hint(reply),
    warnings: parts.warnings.length > 0 ? parts.warnings : null,
    mountType: parts.mountType,
    wrap: reply?.wrapped ?? null,
    repeatData: spec.repeatData === true && data !== null,
  };
}

/** What a client may take for a lease's time where there is none. */
function hint(reply: Reply | undefined): LeaseAnswer | null {
  const duration = reply?.leaseDuration;
  return duration === undefined ? null : { id: '', renewable: false, duration };
}

/** A reply that says nothing: only unknown fields were warned of, which never turns a 204 into a 200. */
function isBare(reply: Reply, parts: AnswerParts): boolean {
  return (
    reply.data === undefined &&
    reply.wrapped === undefined &&
    parts.auth === null &&
    parts.lease === null &&
    reply.status === undefined &&
    (reply.warnings ?? []).length === 0
  );
}

/** A list without names is nothing, unless all it says is a warning. */
function isEmptyList({ data, warnings = [] }: Reply): boolean {
  if (data === undefined && warnings.length > 0) return false;
  const keys = data?.['keys'];
  return keys === undefined || (Array.isArray(keys) && keys.length === 0);
}

/** What the caller is told of an error: its message, unless it is our own fault. */
export function errorAnswer(request: Request, thrown: unknown): Extract<Answer, { kind: 'error' }> {
  const error = asCofferError(thrown);
  const message = error.code === 'internal' ? `internal error; request ${request.id}` : error.message;
  return {
    kind: 'error',
    status: statusOf(error.code),
    code: error.code,
    requestId: request.id,
    errors: [message],
    ...(error.auditReason === undefined ? {} : { auditReason: error.auditReason }),
  };
}
