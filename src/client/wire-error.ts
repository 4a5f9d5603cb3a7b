/** An error answer as one of the family. The wire knows statuses and a few fixed texts; codes are ours. */
import { CofferError, type ErrorCode, isErrorCode } from '../errors.ts';
import { isJsonObject, type JsonValue } from '../json.ts';

/** What the server answered. `body` may hold data besides the error: a deleted version's metadata, for example. */
export class ApiError extends CofferError {
  readonly status: number;
  readonly body: JsonValue | undefined;

  constructor(code: ErrorCode, message: string, status: number, body: JsonValue | undefined) {
    super(code, message);
    this.name = 'ApiError';
    this.status = status;
    this.body = body;
  }
}

export interface ErrorAnswer {
  readonly status: number;
  readonly body: JsonValue | undefined;
  /** The header `X-Coffer-Error`, which servers of ours send. */
  readonly code?: string | undefined;
  /** The header `X-Coffer-Request-Id`: what the audit log knows the request by. */
  readonly requestId?: string | undefined;
  /** No token went with the request. */
  readonly anonymous?: boolean;
  readonly method: string;
  readonly path: string;
  /** Texts that must not be repeated, should the answer contain them. */
  readonly secrets: readonly string[];
}

/** Texts of the wire that say more than their status does. */
const knownTexts: readonly { readonly status: number; readonly text: string; readonly code: ErrorCode }[] = [
  { status: 400, text: 'check-and-set parameter', code: 'conflict' },
  { status: 400, text: 'path is already in use', code: 'conflict' },
  { status: 400, text: 'already initialized', code: 'already_initialized' },
  { status: 404, text: 'no handler for route', code: 'no_route' },
  { status: 404, text: 'unsupported path', code: 'unsupported_path' },
  { status: 503, text: 'sealed', code: 'sealed' },
  { status: 503, text: 'not initialized', code: 'not_initialized' },
];

const statusCodes: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid_request',
  401: 'permission_denied',
  403: 'permission_denied',
  404: 'not_found',
  405: 'unsupported_operation',
  408: 'request_timeout',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  429: 'rate_limited',
  500: 'internal',
  501: 'not_initialized',
  507: 'storage_full',
};

const advice: { readonly [C in ErrorCode]?: string } = {
  sealed: 'the server is sealed; `coffer operator unseal` opens it',
  not_initialized: 'the server has no store yet; `coffer operator init` makes one',
  already_initialized: 'the server has a store already',
};

export function wireError(answer: ErrorAnswer): ApiError {
  const text = errorText(answer.body);
  const told = answer.code;
  const code = told !== undefined && isErrorCode(told) ? told : codeOf(answer.status, text);
  const said = wordsOf(answer, code, text);
  const message = advice[code] ?? `${said} (${answer.method} ${answer.path}${auditHint(answer, code)})`;
  return new ApiError(code, withoutSecrets(message, answer.secrets), answer.status, answer.body);
}

function wordsOf({ status, anonymous }: ErrorAnswer, code: ErrorCode, text: string): string {
  if (code === 'permission_denied' && anonymous === true) {
    return 'permission denied: you are not logged in; run `coffer login`';
  }
  if (code === 'no_route' && text.startsWith('no handler'))
    return 'nothing is mounted there; `coffer mount list` shows what is';
  return text === '' ? plainWords(status, code) : text;
}

/** A refusal does not say which rule it was; the audit log does. Nothing but an id is repeated. */
function auditHint({ requestId }: ErrorAnswer, code: ErrorCode): string {
  const shown = code === 'permission_denied' && requestId !== undefined && /^[\w-]{1,64}$/.test(requestId);
  return shown ? `; request ${requestId}` : '';
}

function codeOf(status: number, text: string): ErrorCode {
  const known = knownTexts.find(
    (entry) => entry.status === status && text.toLowerCase().includes(entry.text),
  );
  if (known !== undefined) return known.code;
  return statusCodes[status] ?? (status >= 500 ? 'unavailable' : 'invalid_request');
}

/** The server's own words on one line; Vault wraps some in `1 error occurred:\n\t* …`. */
function errorText(body: JsonValue | undefined): string {
  const errors = isJsonObject(body) ? body['errors'] : undefined;
  if (!Array.isArray(errors)) return '';
  return errors
    .filter((entry) => typeof entry === 'string')
    .map((entry) =>
      entry
        .replace(/^\d+ errors? occurred:\s*/, '')
        .replace(/\s*\n\s*(\* )?/g, ' ')
        .replace(/^\* /, '')
        .trim(),
    )
    .join('; ');
}

function plainWords(status: number, code: ErrorCode): string {
  if (code === 'not_found') return 'nothing found';
  return status >= 500
    ? `the server failed with status ${status}`
    : `the server answered with status ${status}`;
}

function withoutSecrets(message: string, secrets: readonly string[]): string {
  return secrets.reduce((text, secret) => text.replaceAll(secret, '[token]'), message);
}
