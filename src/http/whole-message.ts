/**
 * One request and its answer where there is no socket: somebody in front received the message whole, and takes the answer whole. What
 * it means is read and said by the same code as on a listener, and the same limits hold before anything is parsed.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { ApiPath } from '../core/path.ts';
import type { Answer, RateVerdict, Request, Road } from '../core/request.ts';
import { CofferError, type ErrorCode } from '../errors.ts';
import { emptyObject, type JsonObject } from '../json.ts';
import { checkEncoding, parseBody } from './body.ts';
import { judgeOrigin } from './cors.ts';
import { decodeHead, namesRootNamespace, type RequestHead } from './decode.ts';
import { asking } from './dialect/asking.ts';
import type { Dialect, DialectAnswer, DialectCall, Wish } from './dialect/dialect.ts';
import { encodeAnswer, encodeErrors, statusOfAnswer } from './encode.ts';
import type { HttpLimits } from './limits.ts';
import { rateHeaders, rateVerdict } from './rate-headers.ts';
import { headersTooLarge, type Refusal, refusalOf } from './refusal.ts';
import { closeUnsent } from './send-stream.ts';
import type { HttpLog } from './wire.ts';

export interface WholeMessage {
  /** In upper case. */
  readonly method: string;
  /** Path and query as the client sent them: not decoded. */
  readonly target: string;
  /** Names in lower case; several of one name as Node joins them. */
  readonly headers: IncomingHttpHeaders;
  /** Header lines and their bytes, as far as can be told. */
  readonly headerCount: number;
  readonly headerBytes: number;
  /** Bytes of the body; of one that is too large nothing is decoded. */
  readonly bodyLength: number;
  readonly body: () => Buffer;
  readonly remoteAddress: string;
}

export interface WholeAnswer {
  readonly status: number;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** Text, always; empty for none. */
  readonly body: string;
}

export interface WholeWire {
  readonly road: Road;
  /** Undefined for the server's own wire, which is Vault's. */
  readonly dialect: Dialect | undefined;
  /** See `Wire`; none if absent. */
  readonly oauth2?: string | undefined;
  readonly limits: HttpLimits;
  readonly log: HttpLog;
  readonly requestId: () => string;
}

/**
 * Never rejects: every failure is an answer.
 *
 * @param patience aborts when there is no more time to answer; whether the request takes effect is not known then
 */
export function exchangeWhole(
  wire: WholeWire,
  message: WholeMessage,
  patience: AbortSignal,
): Promise<WholeAnswer> {
  return new WholeExchange(wire, message, patience).answer();
}

class WholeExchange {
  readonly #wire: WholeWire;
  readonly #message: WholeMessage;
  readonly #patience: AbortSignal;
  readonly #abort = new AbortController();
  #requestId = '';
  #rate: readonly string[] = [];
  #cors: readonly string[] = [];

  constructor(wire: WholeWire, message: WholeMessage, patience: AbortSignal) {
    this.#wire = wire;
    this.#message = message;
    this.#patience = patience;
  }

  async answer(): Promise<WholeAnswer> {
    try {
      return await this.#exchange();
    } catch (thrown) {
      return this.#refuse(refusalOf(thrown));
    }
  }

  async #exchange(): Promise<WholeAnswer> {
    const { limits, dialect, oauth2, road } = this.#wire;
    const { headers, headerBytes, headerCount, method, target } = this.#message;
    if (headerBytes > limits.headerBytes || headerCount > limits.headerCount)
      return this.#refuse(headersTooLarge);
    if (dialect !== undefined) return this.#translate(dialect);
    const word = judgeOrigin(road.cors?.(), method, headers);
    if (word.kind !== 'none') this.#cors = word.headers;
    if (word.kind === 'preflight') return this.#told(204, '', undefined);
    if (word.kind === 'refused') throw new CofferError('permission_denied', 'origin not allowed');
    const head = decodeHead({ method, target, headers }, oauth2);
    if (head.kind === 'absent') return this.#refuse({ status: 404, errors: [] });
    if (head.kind === 'redirect') return this.#redirect(head.status, head.location);
    if (head.kind === 'answer') return this.#said(head);
    if (head.kind === 'call') return this.#call(head);
    this.#requireBounded();
    const refused = await this.#rated(head.path, head.token !== undefined);
    return refused ?? this.#travel(head, head.data ?? this.#fields());
  }

  /** As on a listener: what a dialect makes of the message, and its words for what it did not refuse itself. */
  async #translate(dialect: Dialect): Promise<WholeAnswer> {
    const { method, target } = this.#message;
    const read = dialect.read({ method, target, header: (name) => this.#header(name) });
    return read.kind === 'answer' ? this.#said(read) : this.#call(read);
  }

  async #call(read: DialectCall): Promise<WholeAnswer> {
    const { limits } = this.#wire;
    const { headers, body } = this.#message;
    this.#requireBounded(read.mostBytes);
    const refused = await this.#rated(read.path, read.bearer);
    if (refused !== undefined) return refused;
    if (read.takesBody) checkEncoding(headers);
    const bytes = read.takesBody ? body() : Buffer.alloc(0);
    const ask = asking(this.#wire, (wish) => this.#request(wish, 0, undefined));
    const answer = await this.#inTime(read.answer({ body: bytes, limits, ask }));
    return answer === undefined ? this.#late() : this.#said(answer);
  }

  /** Throws `payload_too_large`, before anything of a body is decoded. */
  #requireBounded(bodyBytes = this.#wire.limits.bodyBytes): void {
    if (this.#message.bodyLength <= bodyBytes) return;
    throw new CofferError('payload_too_large', `request body is larger than ${bodyBytes} bytes`);
  }

  #fields(): JsonObject {
    const { headers, bodyLength, body } = this.#message;
    if (bodyLength === 0) return emptyObject();
    checkEncoding(headers);
    return parseBody(body(), headers['content-type'], this.#wire.limits);
  }

  async #rated(path: ApiPath, bearer: boolean): Promise<WholeAnswer | undefined> {
    const { remoteAddress } = this.#message;
    const verdict: RateVerdict | undefined = await rateVerdict(this.#wire.road, path, remoteAddress, bearer);
    if (verdict === undefined) return undefined;
    this.#rate = rateHeaders(verdict);
    if (verdict.admitted) return undefined;
    const errors = [`request path "${path}": rate limit quota exceeded`];
    return this.#refuse({ status: 429, errors, code: 'rate_limited' });
  }

  async #travel(head: RequestHead, data: JsonObject): Promise<WholeAnswer> {
    const { operation, path, token, wrapTtl, mfa } = head;
    const work = this.#wire.road.handle(this.#request({ operation, path, data, token }, wrapTtl, mfa));
    const answer = await this.#inTime(work);
    if (answer !== undefined) return this.#encode(answer);
    work.then(
      (late) => (late.kind === 'stream' ? closeUnsent(late.body, () => undefined) : undefined),
      () => undefined,
    );
    return this.#late();
  }

  #request({ operation, path, data, token }: Wish, wrapTtl: number, mfa: Request['mfa']): Request {
    this.#requestId = this.#wire.requestId();
    return {
      id: this.#requestId,
      operation,
      path,
      data,
      token,
      wrapTtl,
      mfa,
      remoteAddress: this.#message.remoteAddress,
      traceparent: this.#header('traceparent'),
      header: (name) => this.#header(name),
      signal: () => this.#abort.signal,
    };
  }

  /** What is still to come is nobody's any more. */
  #late(): WholeAnswer {
    this.#wire.log('error', 'request took too long', { requestId: this.#requestId });
    const text = 'no answer in the time that there was; whether the request took effect is not known';
    this.#abort.abort(new CofferError('unavailable', text));
    return this.#refuse({ status: 503, errors: [text], code: 'unavailable' });
  }

  /** Undefined where there was no more time. */
  async #inTime<T>(work: Promise<T>): Promise<T | undefined> {
    const patience = this.#patience;
    // Also where nobody waits for it any more.
    work.catch(() => undefined);
    if (patience.aborted) return undefined;
    let late = (): void => {};
    const end = new Promise<undefined>((resolve) => {
      late = () => resolve(undefined);
    });
    patience.addEventListener('abort', late);
    try {
      return await Promise.race([work, end]);
    } finally {
      patience.removeEventListener('abort', late);
    }
  }

  async #encode(answer: Answer): Promise<WholeAnswer> {
    if (answer.kind === 'stream') {
      await closeUnsent(answer.body, () => undefined);
      throw new CofferError(
        'unsupported_operation',
        'this answer is sent piece by piece, which there is no way for here: ask a server of the store',
      );
    }
    const code = answer.kind === 'error' ? answer.code : undefined;
    const type = answer.kind === 'verbatim' ? answer.contentType : undefined;
    return this.#told(statusOfAnswer(answer), encodeAnswer(answer) ?? '', code, type);
  }

  #header(name: string): string | undefined {
    const { headers } = this.#message;
    const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
    return Array.isArray(value) ? value.join(', ') : value;
  }

  #refuse(refusal: Refusal): WholeAnswer {
    const { dialect } = this.#wire;
    if (dialect !== undefined) return this.#said(dialect.refusal(refusal));
    const { status, errors, code } = refusal;
    return this.#told(status, encodeErrors(errors), code);
  }

  /** In a dialect's words. */
  #said({ status, headers, body }: DialectAnswer): WholeAnswer {
    // By it the audit log tells of an error what its answer does not.
    const own =
      status >= 400 && this.#requestId !== ''
        ? [...headers, 'X-Coffer-Request-Id', this.#requestId]
        : headers;
    return {
      status,
      headers: this.#framed(status, own),
      body: this.#message.method === 'HEAD' ? '' : body,
    };
  }

  #redirect(status: number, location: string): WholeAnswer {
    return { status, headers: this.#framed(status, ['Location', location]), body: '' };
  }

  #told(status: number, text: string, code: ErrorCode | undefined, type = 'application/json'): WholeAnswer {
    // RFC 9110 §9.3.2 and §15: what has no content there has none here.
    const bodiless = this.#message.method === 'HEAD' || status === 204 || status === 205 || status === 304;
    const headers = text === '' || status === 204 ? [] : ['Content-Type', type];
    if (code !== undefined) headers.push('X-Coffer-Error', code);
    if (code !== undefined && this.#requestId !== '') headers.push('X-Coffer-Request-Id', this.#requestId);
    return { status, headers: this.#framed(status, headers), body: bodiless ? '' : text };
  }

  #framed(status: number, own: readonly string[]): readonly string[] {
    const namespace = this.#message.headers['x-vault-namespace'];
    return [
      ...own,
      ...['Cache-Control', 'no-store'],
      ...(this.#rate.length === 0 && status === 429 ? ['Retry-After', '1'] : this.#rate),
      ...this.#cors,
      ...(namesRootNamespace(namespace) ? ['X-Vault-Namespace', namespace] : []),
    ];
  }
}
