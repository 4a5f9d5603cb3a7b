/**
 * The server's way out by HTTP: to identity providers and API servers that an administrator named. One request at a time and no
 * connection kept: https with the certificate checked, or plain http on this machine; no redirect is followed, nothing is
 * decompressed, and size, time and number are bounded. Headers are built here and from what the caller gives, never from a
 * request that came in.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import * as http from 'node:http';
import type { RequestOptions } from 'node:https';
import { isIP } from 'node:net';
import { CofferError } from '../errors.ts';
import { guardedLookup, isForbiddenAddress, isLoopbackName } from './guarded-lookup.ts';

export interface OutgoingRequest {
  /** As `parseOutgoingUrl` takes it. */
  readonly url: string;
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** PEM certificates to trust in place of the platform's; empty counts as absent. */
  readonly ca?: string;
  /** Bytes of the answer's body that are taken; 256 KiB unless told. */
  readonly longest?: number;
  readonly signal?: AbortSignal;
}

export interface OutgoingAnswer {
  readonly status: number;
  /** Without parameters, in lower case; empty where there was none. */
  readonly contentType: string;
  readonly body: Buffer;
  /** The header as it came: seconds or a date (RFC 9110 §10.2.3). Absent where there was none. */
  readonly retryAfter?: string;
}

/**
 * Any status but a redirect is an answer. Throws `invalid_request` for a URL that is not asked, and `unavailable` when there was
 * no answer in time, or one that is not taken. No message repeats more of a URL than its host.
 */
export type Outgoing = (request: OutgoingRequest) => Promise<OutgoingAnswer>;

export interface OutgoingLimits {
  /** Milliseconds from the first byte out to the last one in. */
  readonly patience: number;
  /** Under way at the same time, in all of the process. */
  readonly atOnce: number;
}

const processLimits: OutgoingLimits = { patience: 10_000, atOnce: 64 };
const longestAnswer = 256 * 1024;
const longestUrl = 2_048;

/** An https URL, or an http one that stays on this machine; without user name and fragment. Throws `invalid_request`. */
export function parseOutgoingUrl(text: string, what: string): URL {
  const problem = (reason: string) => new CofferError('invalid_request', `${what} ${reason}`);
  if (text.length > longestUrl) throw problem(`has at most ${longestUrl} characters`);
  if (!URL.canParse(text)) throw problem('is not a URL such as https://idp.example.com');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw problem('must begin with https://');
  if (url.username !== '' || url.password !== '') throw problem('must not hold a user name or password');
  if (url.hash !== '') throw problem('must not have a fragment');
  if (url.protocol === 'http:' && !isLoopbackName(hostOf(url))) {
    throw problem('must begin with https://: plain http is for this machine only');
  }
  return url;
}

/** Host name or address; IPv6 without brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

export function createOutgoing(limits: OutgoingLimits = processLimits): Outgoing {
  let underWay = 0;
  return async (request) => {
    if (underWay >= limits.atOnce) {
      throw new CofferError('unavailable', 'too many requests to other systems are under way; try again');
    }
    underWay += 1;
    try {
      return await ask(request, limits.patience);
    } finally {
      underWay -= 1;
    }
  };
}

/** The process's own. */
export const outgoing: Outgoing = createOutgoing();

async function ask(order: OutgoingRequest, patience: number): Promise<OutgoingAnswer> {
  const url = parseOutgoingUrl(order.url, 'the address');
  const host = hostOf(url);
  if (isIP(host) !== 0 && isForbiddenAddress(host, isLoopbackName(host))) throw forbidden(url);
  const transport = url.protocol === 'https:' ? await import('node:https') : http;
  const deadline = AbortSignal.timeout(patience);
  const signal = order.signal === undefined ? deadline : AbortSignal.any([deadline, order.signal]);
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(asUnavailable(error, url));
    const request: ClientRequest = transport.request(
      requestOptions(url, order, signal),
      (response: IncomingMessage) => {
        readAnswer(response, order.longest ?? longestAnswer).then(resolve, (error: unknown) => {
          request.destroy();
          fail(error);
        });
      },
    );
    request.on('error', fail);
    request.end(order.body);
  });
}

function requestOptions(url: URL, order: OutgoingRequest, signal: AbortSignal): RequestOptions {
  const { method = 'GET', headers = {}, body, ca = '' } = order;
  const host = hostOf(url);
  return {
    protocol: url.protocol,
    hostname: host,
    port: url.port === '' ? undefined : Number(url.port),
    path: url.pathname + url.search,
    method,
    headers: {
      Accept: 'application/json',
      'Accept-Encoding': 'identity',
      ...headers,
      ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }),
    },
    agent: false,
    signal,
    lookup: guardedLookup(isLoopbackName(host)),
    // Node goes by the header Host otherwise, and would believe the certificate of whatever host that names.
    ...(url.protocol === 'https:'
      ? { minVersion: 'TLSv1.2', rejectUnauthorized: true, servername: isIP(host) === 0 ? host : '' }
      : {}),
    ...(url.protocol === 'https:' && ca !== '' ? { ca } : {}),
  };
}

async function readAnswer(response: IncomingMessage, longest: number): Promise<OutgoingAnswer> {
  const { statusCode: status = 0, headers } = response;
  if (status >= 300 && status < 400) throw refused('redirects elsewhere, which is not followed');
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw refused('sent a compressed answer that nobody asked for');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > longest) throw refused(`sent more than ${longest} bytes`);
    chunks.push(chunk);
  }
  const contentType = (headers['content-type'] ?? '').split(';', 1)[0] ?? '';
  const retryAfter = headers['retry-after'];
  return {
    status,
    contentType: contentType.trim().toLowerCase(),
    body: Buffer.concat(chunks),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
}

/** What was wrong with an answer; the host is put before it. */
class Refused extends Error {}

function refused(reason: string): Refused {
  return new Refused(reason);
}

function forbidden(url: URL): CofferError {
  return new CofferError('unavailable', `${url.host} is an address that is never asked`);
}

/** Certificate errors name what is wrong in their code, which is for an administrator to read; other texts stay in the cause. */
function asUnavailable(error: unknown, url: URL): CofferError {
  if (error instanceof CofferError) return error;
  if (error instanceof Refused)
    return new CofferError('unavailable', `${url.host} ${error.message}`, { cause: error });
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const late = error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError');
  const reason = late ? 'it took too long' : /^[A-Z][A-Z0-9_]{2,60}$/.test(code) ? code : 'no connection';
  return new CofferError('unavailable', `${url.host} could not be asked: ${reason}`, { cause: error });
}
