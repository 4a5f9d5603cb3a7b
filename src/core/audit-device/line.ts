/**
 * A device's line: an entry of the built-in log in the shape of Vault's audit entries, which tools that read such files know. It is
 * made from what the built-in log shows and from nothing else, so a device cannot show more. Digests are keyed once more, by the
 * device's own key.
 */
import { timestamp } from '../../clock.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import type { AuditEntry } from '../audit/audit.ts';
import { RawJson } from '../request.ts';
import type { LineStyle } from './record.ts';

/** What a device is offered. */
export interface Shipped {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly entry: AuditEntry;
  /** Of a response: the request that it answers, where it is still known. */
  readonly request: AuditEntry | undefined;
}

export type Digest = (text: string) => string;

export interface LineDigests {
  /** The built-in log's. */
  readonly chain: Digest;
  /** The device's own, taken of the built-in log's digest. */
  readonly device: Digest;
}

/** What the device writes for a secret text: what `sys/audit-hash` answers. */
export function deviceDigest({ chain, device }: LineDigests, text: string): string {
  return device(chain(text));
}

const anyDigest = /hmac-sha256:[0-9a-f]{64}/g;

/** The line, without a line break. */
export function deviceLine(shipped: Shipped, style: LineStyle, digests: LineDigests): string {
  const { entry } = shipped;
  const body = entry.type === 'event' ? eventOf(entry) : entryOf(shipped);
  const shown = style.hmacAccessor ? withoutAccessors(body, digests.chain) : body;
  const text = JSON.stringify({ time: timestamp(shipped.at), type: entry.type, ...(shown as JsonObject) });
  return style.prefix + text.replace(anyDigest, digests.device);
}

function entryOf({ entry, request }: Shipped): JsonObject {
  if (entry.type === 'request') return requestPart(entry);
  const { auth = {}, request: asked } = request === undefined ? minimalPart(entry) : requestPart(request);
  const errors = plain(entry['errors']);
  const error = Array.isArray(errors) ? errors.join('; ') : undefined;
  return {
    auth,
    request: asked ?? {},
    response: responsePart(entry, request),
    ...(error === undefined || error === '' ? {} : { error }),
  };
}

function minimalPart(entry: AuditEntry): JsonObject {
  return {
    request: {
      id: text(entry['request_id']),
      operation: text(entry['operation']),
      path: text(entry['path']),
    },
  };
}

function requestPart(entry: AuditEntry): JsonObject {
  const caller = objectOf(entry['auth']);
  const decision = objectOf(entry['decision']);
  const allowed = decision['kind'] === 'allow';
  const { accessor = '', display_name = '', policies = [] } = caller;
  const results = { allowed, granting_policies: granting(decision) };
  const headers = plain(entry['headers']);
  return {
    auth:
      Object.keys(caller).length === 0
        ? { policy_results: { allowed } }
        : { accessor, display_name, policies, token_policies: policies, policy_results: results },
    request: {
      id: text(entry['request_id']),
      operation: text(entry['operation']),
      mount_type: text(entry['mount_type']),
      namespace: { id: 'root' },
      path: text(entry['path']),
      ...(isJsonObject(headers) ? { headers } : {}),
      data: objectOf(entry['data']),
      remote_address: text(entry['remote_address']),
      ...(accessor === '' ? {} : { client_token_accessor: accessor }),
    },
    ...(allowed ? {} : { error: 'permission denied' }),
  };
}

/** The policies that hold the rule which allowed. */
function granting(decision: JsonObject): JsonValue {
  const { rule } = decision;
  if (decision['kind'] !== 'allow' || !isJsonObject(rule)) return [];
  const policies = rule['policies'];
  if (!Array.isArray(policies)) return [];
  return policies.map((name: JsonValue) => ({ name, namespace_id: 'root', type: 'acl' }));
}

function responsePart(entry: AuditEntry, request: AuditEntry | undefined): JsonObject {
  const data = plain(entry['data']);
  const auth = plain(entry['auth']);
  const lease = entry['lease_id'];
  const wrap = plain(entry['wrap_info']);
  return {
    mount_type: text(request?.['mount_type']),
    status: plain(entry['status']) ?? null,
    ...(data === null || data === undefined ? {} : { data }),
    ...(isJsonObject(auth) ? { auth } : {}),
    ...(typeof lease === 'string' && lease !== '' ? { secret: { lease_id: lease } } : {}),
    ...(isJsonObject(wrap) ? { wrap_info: wrap } : {}),
  };
}

function eventOf(entry: AuditEntry): JsonObject {
  const members = Object.entries(entry).filter(([name]) => name !== 'type');
  return Object.fromEntries(members.map(([name, value]) => [name, plain(value) ?? null]));
}

/** An accessor is a handle and no secret, but it can be used to revoke: Vault's devices hide it unless told not to. */
function withoutAccessors(value: JsonValue, digest: Digest): JsonValue {
  if (Array.isArray(value)) return value.map((item: JsonValue) => withoutAccessors(item, digest));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const hides = typeof member === 'string' && member !== '' && /(?:^|_)accessor$/.test(name);
      return [name, hides ? hidden(member, digest) : withoutAccessors(member ?? null, digest)];
    }),
  );
}

function hidden(text: string, digest: Digest): string {
  return text.startsWith('hmac-sha256:') ? text : digest(text);
}

function plain(value: JsonValue | RawJson | undefined): JsonValue | undefined {
  return value instanceof RawJson ? (JSON.parse(value.text) as JsonValue) : value;
}

function objectOf(value: JsonValue | RawJson | undefined): JsonObject {
  const found = plain(value);
  return isJsonObject(found) ? found : {};
}

function text(value: JsonValue | RawJson | undefined): string {
  return typeof value === 'string' ? value : '';
}
