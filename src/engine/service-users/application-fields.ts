/** What may be said of an application, read from requests. Everything throws `invalid_request` in words that say what would be right. */
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import type { Scope } from '../../service-user/provider.ts';
import type { MountSettings } from './mount-config.ts';

export const mostTargets = 16;
export const mostScopes = 100;
const mostClusters = 100;
/** Characters. */
const longestTitle = 256;
const longestWord = 128;
const longestUrl = 2_048;
/** Bytes; as names of identity groups. */
const longestTeam = 512;

/** Seconds. Rotating more often than this is no safer, and every provider would be busy with nothing else. */
const shortestPeriod = 60;

function wrong(message: string): CofferError {
  return new CofferError('invalid_request', message);
}

const control = /[\p{Cc}\u2028\u2029]/u;

/** A name or subtitle. */
export function parseTitle(text: string, what: string): string {
  if (text.length <= longestTitle && text.isWellFormed() && !control.test(text)) return text;
  throw wrong(`${what} is at most ${longestTitle} characters of text without control characters`);
}

/** Name of an identity group, or empty. */
export function parseTeam(text: string): string {
  const fits = Buffer.byteLength(text) <= longestTeam && text.trim() === text;
  if (fits && text.isWellFormed() && !control.test(text)) return text;
  throw wrong(
    `team is the name of an identity group: at most ${longestTeam} bytes, without control characters and without space at its ends`,
  );
}

/** Null for an empty text. */
export function parseRedirectUrl(text: string): string | null {
  if (text === '') return null;
  if (text.length > longestUrl || !/^https:\/\/[^\s\p{Cc}]+$/u.test(text) || !URL.canParse(text)) {
    throw wrong(`redirect_url is an https URL of at most ${longestUrl} characters`);
  }
  const url = new URL(text);
  // RFC 6749 §3.1.2.
  if (url.hash !== '' || url.username !== '' || url.password !== '') {
    throw wrong('redirect_url has no fragment, user name or password');
  }
  return text;
}

const resourceType = /^[a-z](?:[a-z0-9_-]*(?:\.[a-z0-9_-]*)?[a-z0-9])?$/;
const scopeId = /^[a-z](?:[a-z0-9_-]*[a-z0-9])?$/;

/** `resource.id`, `id`, or objects of both; several in one text with commas between. Sorted, each once. */
export function parseScopes(sent: JsonValue): readonly Scope[] {
  const items = typeof sent === 'string' ? splitCommas(sent) : sent;
  if (!Array.isArray(items)) throw badScope();
  if (items.length > mostScopes) throw wrong(`an application has at most ${mostScopes} scopes`);
  const scopes = new Map(items.map(parseScope).map((scope) => [scopeText(scope), scope]));
  return [...scopes].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, scope]) => scope);
}

function parseScope(item: JsonValue): Scope {
  const scope = isJsonObject(item) ? scopeOfObject(item) : scopeOfText(item);
  const { resourceType: type, id } = scope;
  const fits = type.length <= longestWord && id.length <= longestWord;
  if (fits && (type === '' || resourceType.test(type)) && scopeId.test(id)) return scope;
  throw badScope();
}

function scopeOfObject(item: JsonObject): Scope {
  const { resource_type_id: type, scope_id: id, ...rest } = item;
  if (typeof type !== 'string' || typeof id !== 'string' || Object.keys(rest).length > 0) throw badScope();
  return { resourceType: type, id };
}

/** A type may hold a dot, an id not: the last one parts them. */
function scopeOfText(item: JsonValue): Scope {
  if (typeof item !== 'string') throw badScope();
  const text = item.trim();
  const at = text.lastIndexOf('.');
  if (at === 0) throw badScope();
  return { resourceType: text.slice(0, Math.max(at, 0)), id: text.slice(at + 1) };
}

function badScope(): CofferError {
  return wrong(
    'scopes is a list of texts such as "customer.read_all", or of objects of resource_type_id and scope_id, in small letters, digits, - and _',
  );
}

/** As providers that know texts alone say it. */
export function scopeText({ resourceType: type, id }: Scope): string {
  return type === '' ? id : `${type}.${id}`;
}

function splitCommas(text: string): readonly string[] {
  return text
    .split(',', mostScopes + 2)
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** mint's pattern. */
const cluster = /^[a-z][a-z0-9:-]*[a-z0-9]$/;

/** Sorted, each once. */
export function parseClusters(names: readonly string[]): readonly string[] {
  if (names.length > mostClusters || !names.every((name) => name.length <= 256 && cluster.test(name))) {
    throw wrong(
      `kubernetes_clusters is a list of at most ${mostClusters} names of small letters, digits, : and -`,
    );
  }
  return [...new Set(names)].sort();
}

export interface Periods {
  /** Seconds; null is as the mount has it. */
  readonly passwordPeriod: number | null;
  readonly clientPeriod: number | null;
  readonly overlap: number | null;
}

/** Seconds of an application's own, or null where 0 was said, which is as the mount has it. */
export function ownDuration(sent: number | undefined, before: number | null): number | null {
  if (sent === undefined) return before;
  return sent === 0 ? null : sent;
}

/** Holds what an application says against what its mount says. */
export function checkPeriods(
  periods: Periods,
  mount: Pick<MountSettings, 'passwordPeriod' | 'clientPeriod' | 'overlap'>,
): void {
  const password = periods.passwordPeriod ?? mount.passwordPeriod;
  const client = periods.clientPeriod ?? mount.clientPeriod;
  for (const [name, period] of [
    ['password_period', password],
    ['client_period', client],
  ] as const) {
    if (period < shortestPeriod) throw wrong(`${name} is at least ${shortestPeriod} seconds`);
  }
  if ((periods.overlap ?? mount.overlap) > Math.min(password, client)) {
    throw wrong(
      'overlap is at most as long as the shorter period: otherwise old credentials would be kept for ever',
    );
  }
}
