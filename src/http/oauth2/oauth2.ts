/**
 * OAuth 2.0 beside the server's own wire: `/oauth2/…` and where programs look for it, translated to endpoints of one mount. As a dialect it only
 * translates: forms to fields, answers and refusals to the words of RFC 6749. Where the mount is not there, neither is any of this.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { parseApiPath } from '../../core/path.ts';
import type { Answer, Operation } from '../../core/request.ts';
import { asCofferError, CofferError, type ErrorCode, statusOf } from '../../errors.ts';
import { emptyObject, type JsonObject } from '../../json.ts';
import type { DialectAnswer, DialectCall, Errand } from '../dialect/dialect.ts';
import { encodeAnswer, encodeErrors } from '../encode.ts';
import { clientShown } from './client-authentication.ts';
import { checkQuery, type Form, longestForm, parseForm } from './form.ts';

interface Place {
  /** Below the mount. */
  readonly path: string;
  readonly method: 'GET' | 'POST';
  /** Fields of the form that mean something; others are dropped (RFC 6749 §3.2), and never leave here. */
  readonly fields: readonly string[];
}

const hinted = ['token', 'token_type_hint'];
const metadata: Place = { path: 'oauth2/metadata', method: 'GET', fields: [] };

const places: ReadonlyMap<string, Place> = new Map([
  [
    '/oauth2/access_token',
    {
      path: 'oauth2/access_token',
      method: 'POST',
      fields: ['grant_type', 'username', 'password', 'scope', 'realm'],
    },
  ],
  ['/oauth2/introspect', { path: 'oauth2/introspect', method: 'POST', fields: hinted }],
  ['/oauth2/revoke', { path: 'oauth2/revoke', method: 'POST', fields: hinted }],
  ['/oauth2/keys', { path: 'oauth2/keys', method: 'GET', fields: [] }],
  ['/.well-known/openid-configuration', metadata],
  ['/.well-known/oauth-authorization-server', metadata],
]);

export interface OAuthHead {
  readonly method: string;
  /** As sent. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn; absent where nobody knows. */
  readonly rawHeaders?: readonly string[];
}

/**
 * What a message asks for; undefined where there is no such place.
 *
 * @param mount path with a `/` at its end; undefined where no mount answers
 */
export function oauth2At(head: OAuthHead, mount: string | undefined): DialectCall | undefined {
  if (mount === undefined) return undefined;
  const mark = head.target.indexOf('?');
  const place = places.get(mark < 0 ? head.target : head.target.slice(0, mark));
  if (place === undefined) return undefined;
  const isRight = head.method === place.method || (place.method === 'GET' && head.method === 'HEAD');
  return {
    kind: 'call',
    path: parseApiPath(mount + place.path),
    bearer: false,
    takesBody: isRight && place.method === 'POST',
    mostBytes: longestForm,
    answer: (errand) => answerTo({ head, mount, place }, errand, isRight),
  };
}

interface Visit {
  readonly head: OAuthHead;
  readonly mount: string;
  readonly place: Place;
}

async function answerTo(visit: Visit, { ask, body }: Errand, isRight: boolean): Promise<DialectAnswer> {
  const { mount, place } = visit;
  const askFor = (operation: Operation, path: string, data: JsonObject) =>
    ask({ operation, path: parseApiPath(mount + path), data, token: undefined });
  const data = isRight
    ? dataOf(visit, body)
    : new CofferError('unsupported_operation', 'unsupported operation');
  if (data instanceof CofferError) {
    // Whether there is anything to be wrong about, the mount knows; and it is counted like every request without a token.
    const there = await askFor('read', 'oauth2/keys', emptyObject());
    return there.kind === 'plain' ? refusal(data, place) : nothing;
  }
  return told(await askFor(place.method === 'POST' ? 'update' : 'read', place.path, data));
}

/** The fields for the mount's endpoint, or what is wrong with the message. */
function dataOf({ head, place }: Visit, body: Buffer): JsonObject | CofferError {
  if (place.method === 'GET') return emptyObject();
  try {
    const { headers, rawHeaders = [], target } = head;
    const mark = target.indexOf('?');
    if (mark >= 0) checkQuery(target.slice(mark + 1));
    checkOnce(rawHeaders);
    const form = parseForm(body, headers['content-type']);
    return { ...known(form, place.fields), ...clientShown(headers.authorization, form) };
  } catch (error) {
    return asCofferError(error);
  }
}

/** Whoever stands in front may have read the other one. */
function checkOnce(rawHeaders: readonly string[]): void {
  const names = rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
  for (const name of ['authorization', 'content-type']) {
    if (names.indexOf(name) !== names.lastIndexOf(name)) {
      throw new CofferError('invalid_request', `the header ${name} is sent twice: once is right`);
    }
  }
}

function known(form: Form, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = form[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

const json = ['Content-Type', 'application/json'];

/** As for a path that nobody knows. */
const nothing: DialectAnswer = { kind: 'answer', status: 404, headers: json, body: encodeErrors([]) };

/** What the mount does not answer by itself it does not have. */
function told(answer: Answer): DialectAnswer {
  if (answer.kind === 'plain') {
    // RFC 6749 §5.2 has it wherever a client was refused.
    const challenge =
      answer.status === 401 ? ['WWW-Authenticate', 'Basic realm="oauth2", charset="UTF-8"'] : [];
    const headers = [...json, 'Pragma', 'no-cache', ...challenge];
    return { kind: 'answer', status: answer.status, headers, body: encodeAnswer(answer) ?? '' };
  }
  if (answer.kind !== 'error' || answer.code === undefined || absent.has(answer.code)) return nothing;
  return refusal(new CofferError(answer.code, answer.errors.join(' ')), undefined);
}

/** Codes of a path where no such mount is. */
const absent: ReadonlySet<ErrorCode> = new Set([
  'permission_denied',
  'no_route',
  'not_found',
  'unsupported_path',
  'unsupported_operation',
]);

function refusal({ code, message }: CofferError, place: Place | undefined): DialectAnswer {
  const status = code === 'unsupported_media_type' ? 400 : statusOf(code);
  const allow = status === 405 && place !== undefined ? ['Allow', place.method] : [];
  const body = JSON.stringify({ error: errorOf(status), error_description: describable(message) });
  return { kind: 'answer', status, headers: [...json, 'Pragma', 'no-cache', ...allow], body };
}

function errorOf(status: number): string {
  if (status === 503 || status === 429) return 'temporarily_unavailable';
  return status >= 500 ? 'server_error' : 'invalid_request';
}

/** RFC 6749 §5.2: printable ASCII, without quotes and backslashes. */
function describable(message: string): string {
  return message.replace(/[’"\\]/g, "'").replace(/[^\x20-\x7e]/g, '?');
}
