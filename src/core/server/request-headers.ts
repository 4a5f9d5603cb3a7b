/** Headers of requests that the audit log shows besides (`sys/config/auditing/request-headers`). */
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { AuditLog } from '../audit/audit.ts';
import type { Request } from '../request.ts';

/** By name in lower case: whether the value is shown as a digest. */
export type AuditedHeaders = ReadonlyMap<string, boolean>;

const mostHeaders = 50;
/** UTF-16 units of a value that are shown. */
const longestValue = 1_024;
/** These carry what opens doors: only ever as digests. */
const secret: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'x-vault-mfa',
  'x-vault-token',
]);

/** In lower case. Throws `invalid_request`. */
export function parseHeaderName(text: string): string {
  // RFC 9110 §5.6.2, token.
  if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/.test(text)) return text.toLowerCase();
  throw new CofferError('invalid_request', 'this is no name of a header');
}

/** With one more. Throws `invalid_request`. */
export function withHeader(headers: AuditedHeaders, name: string, hmac: boolean): AuditedHeaders {
  if (!hmac && secret.has(name)) {
    throw new CofferError('invalid_request', `${name} holds credentials: it is audited with hmac only`);
  }
  const changed = new Map(headers).set(name, hmac);
  if (changed.size > mostHeaders) {
    throw new CofferError('invalid_request', `at most ${mostHeaders} headers can be audited`);
  }
  return changed;
}

/** What of them came with a request; undefined where nothing did, which is usual. */
export function auditedHeaders(
  headers: AuditedHeaders,
  request: Request,
  audit: Pick<AuditLog, 'digest'>,
): JsonObject | undefined {
  if (headers.size === 0 || request.header === undefined) return undefined;
  const shown: Record<string, readonly string[]> = Object.create(null);
  for (const [name, hmac] of headers) {
    const value = request.header(name);
    // A value that a caller repeats on purpose is one text here: what it may hold is bounded by the listener.
    if (value !== undefined) shown[name] = [hmac ? audit.digest(value) : cut(value)];
  }
  return Object.keys(shown).length === 0 ? undefined : (shown as JsonObject);
}

function cut(value: string): string {
  return value.length <= longestValue ? value : `${value.slice(0, longestValue).toWellFormed()}…`;
}
