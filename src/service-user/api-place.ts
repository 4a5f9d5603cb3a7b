/**
 * An HTTP API that providers ask: JSON there and back, each request built here from what is meant, with a token of the provider's own. What the
 * other side sends is judged by status and shape, and no word of it goes further.
 */
import type { Clock } from '../clock.ts';
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { createOutgoing, type Outgoing, type OutgoingAnswer } from '../outgoing/https.ts';
import { RateLimited } from './provider.ts';

/** Milliseconds from the first byte out to the last one in: generating a credential may take a while. */
const patience = 30_000;

export interface ApiSettings {
  /** As `addressOf` answers it. */
  readonly url: string;
  /** PEM; empty for the platform's. */
  readonly ca: string;
  /** Calls side by side; some more are let through for what a call asks besides. */
  readonly concurrency: number;
}

/** Where the token comes from. */
export interface TokenSource {
  token(signal: AbortSignal): Promise<string>;
  /** The other side does not take it: whether another one can be had. */
  refused(token: string): boolean;
}

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Segments of the path, not yet encoded. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: JsonValue;
  /** Statuses that are answers, besides those of success. */
  readonly expect?: readonly number[];
  /** What is being done, for messages: `make the user`. */
  readonly what: string;
  /** Bytes of the answer. */
  readonly longest?: number;
}

export interface ApiReply {
  readonly status: number;
  /** Undefined where there was no body, and for statuses that are none of success. */
  readonly json: JsonValue | undefined;
}

/** Where requests to an API go, alike for all of them. */
export function apiOutgoing({ concurrency }: Pick<ApiSettings, 'concurrency'>): Outgoing {
  return createOutgoing({ patience, atOnce: 2 * concurrency + 2 });
}

export class ApiPlace {
  readonly #settings: ApiSettings;
  readonly #tokens: TokenSource;
  readonly #clock: Clock;
  readonly #ask: Outgoing;

  constructor(settings: ApiSettings, tokens: TokenSource, clock: Clock, ask = apiOutgoing(settings)) {
    this.#settings = settings;
    this.#tokens = tokens;
    this.#clock = clock;
    this.#ask = ask;
  }

  get host(): string {
    return new URL(this.#settings.url).host;
  }

  /** Throws as the seam of providers says. */
  async call(call: ApiCall, signal: AbortSignal): Promise<ApiReply> {
    const token = await this.#tokens.token(signal);
    const answer = await this.#send(call, token, signal);
    if (answer.status !== 401 || !this.#tokens.refused(token)) return this.#judged(call, answer);
    return this.#judged(call, await this.#send(call, await this.#tokens.token(signal), signal));
  }

  /** The same where an object is answered; `unavailable` where it is anything else. */
  async object(call: ApiCall, signal: AbortSignal): Promise<JsonObject> {
    const { json } = await this.call(call, signal);
    if (isJsonObject(json)) return json;
    throw this.strange(call.what);
  }

  /** The same for a list of objects. */
  async list(call: ApiCall, signal: AbortSignal): Promise<readonly JsonObject[]> {
    const { json } = await this.call(call, signal);
    if (Array.isArray(json) && json.every(isJsonObject)) return json;
    throw this.strange(call.what);
  }

  /** For an answer that is not what was to come. */
  strange(what: string): CofferError {
    return new CofferError('unavailable', `${this.host} answered something else than was asked for: ${what}`);
  }

  #send({ method, path, query, body, longest }: ApiCall, token: string, signal: AbortSignal) {
    const url = `${this.#settings.url}/${path.map(segment).join('/')}`;
    const search = query === undefined ? '' : `?${new URLSearchParams(query).toString()}`;
    return this.#ask({
      url: url + search,
      method,
      ca: this.#settings.ca,
      signal,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(longest === undefined ? {} : { longest }),
    });
  }

  #judged({ what, expect = [] }: ApiCall, answer: OutgoingAnswer): ApiReply {
    const { status } = answer;
    if (expect.includes(status)) return { status, json: undefined };
    if (status >= 200 && status < 300) return { status, json: this.#jsonOf(what, answer) };
    throw refusal(this.host, what, answer, this.#clock);
  }

  #jsonOf(what: string, { contentType, body }: OutgoingAnswer): JsonValue | undefined {
    if (body.length === 0) return undefined;
    // A page of a proxy that is in the way must not count as done.
    if (!/^application\/(?:[\w.-]+\+)?json$/.test(contentType)) throw this.strange(what);
    try {
      return JSON.parse(body.toString('utf8')) as JsonValue;
    } catch {
      throw this.strange(what);
    }
  }
}

/** Throws `invalid_request` for what would lead elsewhere in a path. */
function segment(text: string): string {
  if (text !== '' && text !== '.' && text !== '..' && text.isWellFormed()) return encodeURIComponent(text);
  throw new CofferError('invalid_request', 'an empty name, "." and ".." are no names of a provider’s');
}

/** What a status that is none of success means to the machine. */
export function refusal(host: string, what: string, answer: OutgoingAnswer, clock: Clock): CofferError {
  const { status, retryAfter } = answer;
  const words = `${host} answered ${status} when asked to ${what}`;
  if (status === 429 || (status === 503 && retryAfter !== undefined))
    return new RateLimited(`${words}: it wants a pause`, pauseOf(retryAfter, clock));
  if (status === 401)
    return new CofferError('permission_denied', `${words}: it does not take the provider’s secret`);
  if (status === 403)
    return new CofferError('permission_denied', `${words}: the provider’s rights do not suffice`);
  if (status === 408 || status === 425 || status >= 500) return new CofferError('unavailable', words);
  return new CofferError('invalid_request', words);
}

/** Milliseconds, by seconds or a date (RFC 9110 §10.2.3), and an hour at most: what asks for more is mistaken. */
export function pauseOf(retryAfter: string | undefined, clock: Clock): number | undefined {
  if (retryAfter === undefined) return undefined;
  const milliseconds = /^\d{1,9}$/.test(retryAfter)
    ? Number(retryAfter) * 1_000
    : Date.parse(retryAfter) - clock.now();
  return Number.isNaN(milliseconds) ? undefined : Math.min(3_600_000, Math.max(0, milliseconds));
}
