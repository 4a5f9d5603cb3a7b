/** The two audit lines of a request: what was asked and decided, and what was answered. */
import type { JsonObject } from '../json.ts';
import type { AuditEntry, AuditLog } from './audit/audit.ts';
import type { Fields, ResponseSchema } from './endpoint.ts';
import type { Identity } from './identity/identity.ts';
import type { Decision, RuleReference } from './policy/acl.ts';
import { type Answer, type AuthAnswer, RawJson, type Request, type WrapInfo } from './request.ts';
import type { TokenRecord } from './token/record.ts';

/** What the road decided, as the audit log tells it: enough to find the rule. */
export type AuditedDecision =
  | Decision
  | { readonly kind: 'deny'; readonly reason: string }
  | { readonly kind: 'allow'; readonly reason: string };

/** Whose request it is. */
export interface AuditedToken {
  readonly record: TokenRecord;
  readonly identity: Identity | undefined;
}

export interface RequestLine {
  readonly request: Request;
  readonly operation: string;
  readonly mountType: string;
  readonly fields: Fields;
  readonly token: AuditedToken | undefined;
  readonly decision: AuditedDecision;
  /** See `MountConfig`. */
  readonly clear?: readonly string[] | undefined;
  /** Of the request, as far as they are to be shown. */
  readonly headers?: JsonObject | undefined;
}

export function requestLine(audit: AuditLog, line: RequestLine): AuditEntry {
  const { request, token } = line;
  const shown = {
    type: 'request',
    request_id: request.id,
    operation: line.operation,
    path: withoutTokens(audit, request.path),
    mount_type: line.mountType,
    remote_address: request.remoteAddress,
    auth: token === undefined ? null : callerText(token, () => audit.digest(request.token ?? '')),
    decision: decisionText(line.decision),
    data: audit.redactRequest(request.data, line.fields, line.clear),
  } as const;
  return line.headers === undefined ? shown : { ...shown, headers: line.headers };
}

/** Old clients put tokens into paths, where no endpoint of ours takes them: the log shows a digest in their place. */
export function withoutTokens(audit: AuditLog, text: string): string {
  if (!text.includes('hv')) return text;
  return text.replace(/\bhv[sbr]\.[A-Za-z0-9_-]+/g, (token) => audit.digest(token));
}

/** What stays the same from request to request is turned into text once: tokens and rules are kept while nothing changes. */
const callerTexts = new WeakMap<
  TokenRecord,
  { readonly identity: Identity | undefined; readonly text: RawJson }
>();
const ruleTexts = new WeakMap<RuleReference, RawJson>();

/** `digest` is asked for the digest of a batch token's text, which has no accessor to be known by: the one that its issue shows. */
export function callerText({ record, identity }: AuditedToken, digest?: () => string): RawJson {
  const known = callerTexts.get(record);
  if (known !== undefined && known.identity === identity) return known.text;
  const { accessor, displayName, policies, type } = record;
  const entityId = identity?.entity.id ?? record.entityId;
  const text = new RawJson(
    JSON.stringify({
      accessor,
      ...(type === 'batch' ? { type, client_token: digest?.() ?? '' } : {}),
      display_name: displayName,
      policies,
      ...(entityId === undefined ? {} : { entity_id: entityId }),
      ...(identity === undefined || identity.policies.length === 0
        ? {}
        : { identity_policies: identity.policies }),
    }),
  );
  callerTexts.set(record, { identity, text });
  return text;
}

export function decisionText(decision: AuditedDecision): RawJson {
  if (decision.kind === 'needs-approval') {
    // Who may approve is said by the rule that it names.
    const { kind, rule } = decision;
    return new RawJson(JSON.stringify({ kind, rule }));
  }
  if (decision.kind !== 'allow' || !('rule' in decision)) return new RawJson(JSON.stringify(decision));
  const known = ruleTexts.get(decision.rule);
  if (known !== undefined) return known;
  const text = new RawJson(JSON.stringify(decision));
  ruleTexts.set(decision.rule, text);
  return text;
}

export function responseLine(
  audit: AuditLog,
  request: Request,
  operation: string,
  answer: Answer,
  schema: ResponseSchema | undefined,
  clear?: readonly string[],
): AuditEntry {
  const path = withoutTokens(audit, request.path);
  if (answer.kind === 'envelope') {
    return envelopeLine(audit, request.id, operation, path, answer, schema, clear);
  }
  const line = { type: 'response', request_id: request.id, operation, path } as const;
  switch (answer.kind) {
    case 'empty':
      return { ...line, status: 204 };
    case 'error':
      return {
        ...line,
        status: answer.status,
        errors: answer.errors.map((text) => withoutTokens(audit, text)),
        ...(answer.auditReason === undefined ? {} : { reason: answer.auditReason }),
      };
    case 'stream':
      return { ...line, status: answer.status, content_type: answer.contentType };
    case 'verbatim':
      return { ...line, status: answer.status, data: audit.digest(answer.text) };
    case 'plain':
      return { ...line, status: answer.status, data: audit.redactAnswer(answer.body, schema) };
  }
}

/** Most answers are these. Their line is one literal: copying a part of it costs as much as the digest in it. */
function envelopeLine(
  audit: AuditLog,
  requestId: string,
  operation: string,
  path: string,
  answer: Extract<Answer, { kind: 'envelope' }>,
  schema: ResponseSchema | undefined,
  clear: readonly string[] | undefined,
): AuditEntry {
  const line = {
    type: 'response',
    request_id: requestId,
    operation,
    path,
    status: answer.status,
    data: answer.data === null ? null : audit.redactAnswer(answer.data, schema, clear),
    auth: answer.auth === null ? null : auditedAuth(audit, answer.auth),
    lease_id: answer.lease?.id ?? null,
  } as const;
  return answer.wrap === null ? line : { ...line, wrap_info: auditedWrap(audit, answer.wrap) };
}

function auditedWrap(audit: AuditLog, wrap: WrapInfo): JsonObject {
  return {
    token: audit.digest(wrap.token),
    accessor: wrap.accessor,
    ttl: wrap.ttl,
    creation_path: withoutTokens(audit, wrap.creationPath),
    wrapped_accessor: wrap.wrappedAccessor ?? null,
  };
}

function auditedAuth(audit: AuditLog, auth: AuthAnswer): JsonObject {
  return {
    client_token: auth.clientToken === '' ? '' : audit.digest(auth.clientToken),
    accessor: auth.accessor,
    policies: auth.policies,
    ...(auth.entityId === '' ? {} : { entity_id: auth.entityId }),
    ...(auth.mfaRequirement === undefined ? {} : { mfa_required: true }),
    metadata: auditedMetadata(audit, auth),
    lease_duration: auth.leaseDuration,
  };
}

function auditedMetadata(audit: AuditLog, { metadata, secretMetadata }: AuthAnswer): AuthAnswer['metadata'] {
  if (secretMetadata === undefined || metadata === null) return metadata;
  const shown = Object.entries(metadata).map(([name, value]) => [
    name,
    secretMetadata.includes(name) ? audit.digest(value) : value,
  ]);
  return Object.fromEntries(shown) as Readonly<Record<string, string>>;
}
