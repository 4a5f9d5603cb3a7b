/**
 * Answers as Vault's wire has them. Envelopes are put together by hand and only leaves go through JSON.stringify: the shape is
 * fixed, and this is on every request's way.
 */
import type { Answer, AnswerData, AuthAnswer, MfaRequirement, WrapInfo } from '../core/request.ts';
import { RawJson } from '../core/request.ts';

type EnvelopeAnswer = Extract<Answer, { kind: 'envelope' }>;

/** The JSON text of an answer's body; undefined for one without, and for a stream, which is not sent as a text. Throws when data cannot be JSON (a cycle, a bigint). */
export function encodeAnswer(answer: Answer): string | undefined {
  switch (answer.kind) {
    case 'envelope':
      return encodeEnvelope(answer);
    case 'plain':
      return encodeObject(answer.body, levels);
    case 'empty':
    case 'stream':
      return undefined;
    case 'verbatim':
      return answer.text;
    case 'error':
      return encodeErrors(answer.errors, answer.data);
  }
}

/** Status of an answer. */
export function statusOfAnswer(answer: Answer): number {
  return answer.kind === 'empty' ? 204 : answer.status;
}

/** What is said of an answer's body, in names and values in turn; `body` is undefined for none. */
export function bodyHeaders(body: string | undefined, contentType: string): string[] {
  const unkept = ['Cache-Control', 'no-store'];
  if (body === undefined) return unkept;
  return ['Content-Type', contentType, ...unkept, 'Content-Length', String(Buffer.byteLength(body))];
}

/** The one form of an error body: `{"errors":[…]}`, with `data` where the contract has it. */
export function encodeErrors(errors: readonly string[], data?: AnswerData): string {
  const list = errors.length === 0 ? '[]' : JSON.stringify(errors);
  return data === undefined
    ? `{"errors":${list}}`
    : `{"errors":${list},"data":${encodeObject(data, levels)}}`;
}

/** Levels of answer data in which `RawJson` may stand. */
const levels = 2;

const envelopeNames: ReadonlySet<string> = new Set([
  'request_id',
  'lease_id',
  'renewable',
  'lease_duration',
  'data',
  'wrap_info',
  'warnings',
  'auth',
  'mount_type',
]);

function encodeEnvelope(answer: EnvelopeAnswer): string {
  const { lease, warnings, auth } = answer;
  const leasePart =
    lease === null
      ? ',"lease_id":"","renewable":false,"lease_duration":0,"data":'
      : `,"lease_id":${JSON.stringify(lease.id)},"renewable":${lease.renewable},"lease_duration":${lease.duration},"data":`;
  const data = answer.data === null ? 'null' : encodeObject(answer.data, levels);
  // Absent warnings are null and never an empty list: clients test for null.
  const warningsText = warnings === null || warnings.length === 0 ? 'null' : JSON.stringify(warnings);
  const authText = auth === null ? 'null' : encodeAuth(auth);
  const repeated = answer.repeatData && answer.data !== null ? repeatedMembers(answer.data) : '';
  return (
    `{"request_id":${JSON.stringify(answer.requestId)}${leasePart}${data}` +
    `,"wrap_info":${answer.wrap === null ? 'null' : encodeWrap(answer.wrap)},"warnings":${warningsText},"auth":${authText}` +
    `,"mount_type":${JSON.stringify(answer.mountType)}${repeated}}`
  );
}

function encodeWrap(wrap: WrapInfo): string {
  return JSON.stringify({
    token: wrap.token,
    accessor: wrap.accessor,
    ttl: wrap.ttl,
    creation_time: wrap.creationTime,
    creation_path: wrap.creationPath,
    ...(wrap.wrappedAccessor === undefined ? {} : { wrapped_accessor: wrap.wrappedAccessor }),
  });
}

function wireRequirement({ requestId, constraints }: MfaRequirement) {
  const entries = constraints.map(({ enforcement, methods }) => [
    enforcement,
    { any: methods.map((method) => ({ ...method, uses_passcode: true })) },
  ]);
  return { mfa_request_id: requestId, mfa_constraints: Object.fromEntries(entries) as object };
}

function encodeAuth(auth: AuthAnswer): string {
  const waits = auth.mfaRequirement !== undefined;
  return JSON.stringify({
    client_token: auth.clientToken,
    accessor: auth.accessor,
    // Vault's clients tell by null that there is no token yet.
    policies: waits ? null : auth.policies,
    token_policies: waits ? null : auth.tokenPolicies,
    ...(auth.identityPolicies === undefined ? {} : { identity_policies: auth.identityPolicies }),
    metadata: auth.metadata,
    lease_duration: auth.leaseDuration,
    renewable: auth.renewable,
    entity_id: auth.entityId,
    token_type: auth.tokenType,
    orphan: auth.orphan,
    mfa_requirement: auth.mfaRequirement === undefined ? null : wireRequirement(auth.mfaRequirement),
    num_uses: auth.numUses,
  });
}

/** The members of data as further members of the envelope, whose own names win. */
function repeatedMembers(data: AnswerData): string {
  let text = '';
  for (const [name, value] of Object.entries(data)) {
    if (value === undefined || envelopeNames.has(name)) continue;
    text += `,${JSON.stringify(name)}:${encodeValue(value, levels - 1)}`;
  }
  return text;
}

function encodeObject(data: AnswerData, depth: number): string {
  let text = '{';
  let separator = '';
  for (const name of Object.keys(data)) {
    const value = data[name];
    if (value === undefined) continue;
    text += `${separator}${JSON.stringify(name)}:${encodeValue(value, depth - 1)}`;
    separator = ',';
  }
  return `${text}}`;
}

function encodeValue(value: AnswerData[string], depth: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (value instanceof RawJson) return value.text;
  if (depth === 0 || Array.isArray(value) || !holdsRawJson(value)) return JSON.stringify(value);
  return encodeObject(value as AnswerData, depth);
}

function holdsRawJson(value: object): boolean {
  for (const member of Object.values(value)) if (member instanceof RawJson) return true;
  return false;
}
