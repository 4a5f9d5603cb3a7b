/** The head of a request: method, target and headers, as the operation they ask for. Vault's wire, §"Method to operation". */
import type { IncomingHttpHeaders } from 'node:http';
import { type ApiPath, asFolder } from '../core/path.ts';
import type { Operation } from '../core/request.ts';
import { parseDuration } from '../core/ttl.ts';
import { CofferError } from '../errors.ts';
import { emptyObject, type JsonObject, type JsonValue } from '../json.ts';
import type { DialectAnswer, DialectCall } from './dialect/dialect.ts';
import type { ExtensionMethod } from './extension-method.ts';
import { mediaTypeOf } from './media-type.ts';
import { oauth2At } from './oauth2/oauth2.ts';
import { pageAt } from './page/pages.ts';
import { parseQuery, parseTarget } from './target.ts';

export interface MessageHead {
  /** Upper case as sent; for an extension method that was let in as GET, still the original. */
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they were sent; absent where nobody knows. */
  readonly rawHeaders?: readonly string[];
}

export interface RequestHead {
  readonly kind: 'request';
  readonly operation: Operation;
  readonly path: ApiPath;
  /** The query's fields where they are the request's data; undefined where the body is. */
  readonly data: JsonObject | undefined;
  readonly token: string | undefined;
  /** Seconds; 0 when not asked. */
  readonly wrapTtl: number;
  /** Codes of a second factor as sent; undefined without their header. */
  readonly mfa: readonly string[] | undefined;
}

export type Head =
  | RequestHead
  | { readonly kind: 'redirect'; readonly status: 301 | 308; readonly location: string }
  /** A page beside the wire. */
  | DialectAnswer
  /** A request of OAuth 2.0 beside the wire. */
  | DialectCall
  /** Nothing is there, and there is nothing to say about it: 404 without a text. */
  | { readonly kind: 'absent' };

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | ExtensionMethod;

const operations = {
  GET: 'read',
  HEAD: 'header',
  POST: 'update',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
  LIST: 'list',
  SCAN: 'scan',
  HELP: 'help',
} as const satisfies Record<Method, Operation>;

/**
 * Throws the refusal as one of the error family. Nothing it throws repeats what was sent.
 *
 * @param oauth2 path of the mount whose OAuth 2.0 endpoints are beside the wire; none if absent
 */
export function decodeHead(message: MessageHead, oauth2?: string): Head {
  const { method, headers } = message;
  if (!isMethod(method)) throw new CofferError('unsupported_operation', 'unsupported operation');
  const target = parseTarget(message.target);
  if (target.kind === 'outside') {
    return pageAt(method, message.target) ?? oauth2At(message, oauth2) ?? { kind: 'absent' };
  }
  if (target.kind === 'redirect') {
    // Only 308 keeps the method and body of a write (RFC 9110 §15.4.9); 301 is what Go's router gives a read.
    const status = isWrite(method) || method === 'DELETE' ? 308 : 301;
    return { kind: 'redirect', status, location: target.location };
  }
  checkNamespace(headers['x-vault-namespace']);
  const token = readToken(headers);
  const mfa = readMfa(headers['x-vault-mfa']);
  const wrapTtl = readWrapTtl(headers['x-vault-wrap-ttl']);
  if (isWrite(method)) {
    checkWrite(method, target.path, headers);
    return {
      kind: 'request',
      operation: operations[method],
      path: target.path,
      data: undefined,
      token,
      wrapTtl,
      mfa,
    };
  }
  const data = target.query === '' ? emptyObject() : parseQuery(target.query);
  const operation = method === 'DELETE' || method === 'HEAD' ? operations[method] : readWay(method, data);
  const path = operation === 'list' || operation === 'scan' ? asFolder(target.path) : target.path;
  return { kind: 'request', operation, path, data, token, wrapTtl, mfa };
}

function isMethod(text: string): text is Method {
  return Object.hasOwn(operations, text);
}

function isWrite(method: Method): method is 'POST' | 'PUT' | 'PATCH' {
  return method === 'POST' || method === 'PUT' || method === 'PATCH';
}

/** The operation of a GET or an extension method. Takes the query's reserved fields out of `data`. */
function readWay(method: 'GET' | ExtensionMethod, data: Record<string, JsonValue>): Operation {
  const help = takeSwitch(data, 'help') || method === 'HELP';
  const list = takeSwitch(data, 'list') || method === 'LIST';
  const scan = takeSwitch(data, 'scan') || method === 'SCAN';
  if (help) return 'help';
  if (list && scan) throw new CofferError('invalid_request', 'list and scan cannot be asked for together');
  if (list) return 'list';
  return scan ? 'scan' : 'read';
}

/** A reserved query field as Go's strconv.ParseBool reads it; empty counts as not sent. Removes it from `data`. */
function takeSwitch(data: Record<string, JsonValue>, name: string): boolean {
  const value = data[name];
  if (value === undefined) return false;
  delete data[name];
  if (value === '') return false;
  if (typeof value === 'string') {
    if (/^(1|t|T|TRUE|true|True)$/.test(value)) return true;
    if (/^(0|f|F|FALSE|false|False)$/.test(value)) return false;
  }
  throw new CofferError('invalid_request', `query field ${name} is true or false, sent once`);
}

function checkWrite(method: 'POST' | 'PUT' | 'PATCH', path: ApiPath, headers: IncomingHttpHeaders): void {
  if (path.endsWith('/')) {
    throw new CofferError('invalid_request', "cannot write to a path ending in '/'");
  }
  if (method === 'PATCH') checkPatchType(headers['content-type']);
}

const mergePatch = 'application/merge-patch+json';

function checkPatchType(contentType: string | undefined): void {
  const type = mediaTypeOf(contentType);
  if (type === undefined) {
    throw new CofferError('invalid_request', `PATCH needs the header Content-Type: ${mergePatch}`);
  }
  if (type !== mergePatch) {
    throw new CofferError('unsupported_media_type', `PATCH takes Content-Type ${mergePatch} only`);
  }
}

/** There are no namespaces yet; these are the ways clients name the root one. No other spelling is an alias of it. */
export function namesRootNamespace(header: string | readonly string[] | undefined): header is '/' | 'root' {
  return header === '/' || header === 'root';
}

function checkNamespace(header: string | readonly string[] | undefined): void {
  if (header === undefined || header === '' || namesRootNamespace(header)) return;
  throw new CofferError('not_found', 'namespace not found');
}

function readToken(headers: IncomingHttpHeaders): string | undefined {
  const own = headers['x-vault-token'];
  if (own !== undefined && own !== '') return checkToken(own);
  const { authorization } = headers;
  if (authorization === undefined || !authorization.startsWith('Bearer ')) return undefined;
  const bearer = authorization.slice('Bearer '.length).trim();
  return bearer === '' ? undefined : checkToken(bearer);
}

/** Nothing is trimmed or repaired: what is not exactly a token is none. Two headers arrive joined by a comma and a blank. */
function checkToken(token: string | readonly string[]): string {
  if (typeof token === 'string' && isVisible(token)) return token;
  throw new CofferError('invalid_request', 'the token header holds something other than one token');
}

function isVisible(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code <= 0x20 || code >= 0x7f) return false;
  }
  return true;
}

/** Several headers arrive joined by a comma. What they say is for a login to read. */
function readMfa(header: string | readonly string[] | undefined): readonly string[] | undefined {
  if (header === undefined || header === '') return undefined;
  return String(header)
    .split(',')
    .map((value) => value.trim());
}

function readWrapTtl(header: string | readonly string[] | undefined): number {
  if (header === undefined || header === '') return 0;
  const seconds = typeof header === 'string' ? parseDuration(header) : undefined;
  if (seconds !== undefined && seconds >= 0) return seconds;
  throw new CofferError(
    'invalid_request',
    'X-Vault-Wrap-TTL is a number of seconds or a duration like 5m, and not negative',
  );
}
