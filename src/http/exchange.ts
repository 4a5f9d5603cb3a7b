/** One request and its answer on the wire: decode, receive, hand to the road, encode, send. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer, AnswerStream, RateVerdict, Request } from '../core/request.ts';
import { CofferError, type ErrorCode } from '../errors.ts';
import { emptyObject, type JsonObject } from '../json.ts';
import { originOf } from '../origin.ts';
import { checkAnnouncedLength, checkEncoding, discardBody, hasBody, parseBody, receiveBody } from './body.ts';
import type { AddressShare } from './body-budget.ts';
import type { Connection } from './connection.ts';
import { judgeOrigin } from './cors.ts';
import { decodeHead, type Head, type MessageHead, namesRootNamespace, type RequestHead } from './decode.ts';
import { asking } from './dialect/asking.ts';
import type { DialectAnswer, DialectCall, Wish } from './dialect/dialect.ts';
import { bodyHeaders, encodeAnswer, encodeErrors, statusOfAnswer } from './encode.ts';
import type { ExtensionMethod } from './extension-method.ts';
import { rateHeaders, rateVerdict } from './rate-headers.ts';
import { messageProblem, type Refusal, refusalOf } from './refusal.ts';
import { closeUnsent, sendStream } from './send-stream.ts';
import { clientCertificate } from './tls.ts';
import type { Wire } from './wire.ts';

/**
 * `waiting` behind another request of the connection, receiving its `body`, on the `road`, or with its `answer` on the way to
 * the client.
 */
type Phase = 'waiting' | 'body' | 'road' | 'answer';

const redirectHeaders = ['Cache-Control', 'no-store', 'Content-Length', '0'];

export class Exchange {
  readonly #wire: Wire;
  readonly #connection: Connection;
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #extension: ExtensionMethod | undefined;
  #phase: Phase = 'waiting';
  #requestId = '';
  /** Whom it is from, as far as is known. */
  #client: string;
  /** What its body's memory counts against. */
  #share: AddressShare;
  /** The listener's second after which the phase has taken too long; 0 for none. */
  #deadline = 0;
  /** Bytes of the budget this request's body takes. */
  #room = 0;
  /** What the answer tells of rates. */
  #rate: readonly string[] = [];
  /** What the answer tells a browser of other origins. */
  #cors: readonly string[] = [];
  /** Made when a handler asks for it, which few do. */
  #abort: AbortController | undefined;
  /** A body is or may be on its way, so the next request's first byte is not known. */
  #bodyPending = false;

  constructor(
    wire: Wire,
    connection: Connection,
    message: IncomingMessage,
    response: ServerResponse,
    extension: ExtensionMethod | undefined,
  ) {
    this.#wire = wire;
    this.#connection = connection;
    this.#message = message;
    this.#response = response;
    this.#extension = extension;
    this.#client = connection.address;
    this.#share = connection.share;
  }

  /** Whether what the client sends next is still part of this request. */
  get receiving(): boolean {
    return this.#phase === 'body' && !this.#message.complete;
  }

  /**
   * A request to change protocols (RFC 9110 §7.8), which some clients send first, is answered as if it had not asked. But from then on
   * Node's parser keeps mistakes in what follows to itself, and a LIST is one: it would wait for an answer that never comes.
   */
  get #spoiled(): boolean {
    return this.#message.headers.upgrade !== undefined;
  }

  /** Begins, once the answers before it are gone. Failures become answers. */
  start(): void {
    this.#response.on('finish', () => this.#finish());
    this.#bodyPending = hasBody(this.#message.headers);
    try {
      const problem = messageProblem(this.#message, this.#wire.limits);
      if (problem !== undefined) {
        this.#refuse(problem);
        return;
      }
      const forwarded = this.#message.headers['x-forwarded-for'];
      this.#client = this.#wire.proxies.clientOf(this.#connection.address, forwarded);
      this.#read();
    } catch (thrown) {
      this.#refuse(refusalOf(thrown));
    }
  }

  #read(): void {
    const { dialect } = this.#wire;
    if (dialect === undefined) {
      if (!this.#isAnsweredByOrigin()) this.#decide(decodeHead(this.#head(), this.#wire.oauth2));
      return;
    }
    const { method, target } = this.#head();
    const read = dialect.read({ method, target, header: (name) => this.#header(name) });
    if (read.kind === 'call') this.#admit(read);
    else this.#tell(read, false);
  }

  /** Acts on a phase that took too long. Called about once a second. */
  checkTime(): void {
    if (this.#deadline === 0 || this.#wire.seconds <= this.#deadline) return;
    const fields = { requestId: this.#requestId, remoteAddress: this.#client };
    if (this.#phase === 'answer') {
      this.#deadline = 0;
      this.#wire.log('warn', 'client did not take its answer in time', fields);
      this.#connection.socket.destroy();
      return;
    }
    this.#wire.log('error', 'request took too long', fields);
    const limit = this.#wire.limits.requestMilliseconds / 1_000;
    const text = `no answer within ${limit} seconds; whether the request took effect is not known`;
    this.#refuse({ status: 503, errors: [text], code: 'unavailable' }, true);
    // Only now: what it stops would answer first.
    this.#abort ??= new AbortController();
    this.#abort.abort(new CofferError('unavailable', text));
  }

  /** Before anything else of the request is looked at: what a foreign page may not do it does not get to begin. */
  #isAnsweredByOrigin(): boolean {
    const { method = '', headers } = this.#message;
    const word = judgeOrigin(this.#wire.road.cors?.(), this.#extension ?? method, headers);
    if (word.kind === 'none') return false;
    this.#cors = word.headers;
    if (word.kind === 'preflight') this.#write(204, ['Cache-Control', 'no-store'], undefined, false);
    if (word.kind === 'refused') {
      this.#refuse(refusalOf(new CofferError('permission_denied', 'origin not allowed')));
    }
    return word.kind !== 'allowed';
  }

  #head(): MessageHead {
    const { method = '', url = '', headers, rawHeaders } = this.#message;
    return { method: this.#extension ?? method, target: url, headers, rawHeaders };
  }

  #decide(head: Head): void {
    if (head.kind === 'absent') this.#refuse({ status: 404, errors: [] });
    else if (head.kind === 'redirect') this.#redirect(head.status, head.location);
    else if (head.kind === 'answer') this.#tell(head, false);
    else this.#admit(head);
  }

  /** Rates are looked at before a body is read: a flood costs its heads and no more. */
  #admit(head: RequestHead | DialectCall): void {
    const bearer = head.kind === 'call' ? head.bearer : head.token !== undefined;
    const verdict = rateVerdict(this.#wire.road, head.path, this.#client, bearer);
    if (!(verdict instanceof Promise)) this.#enter(head, verdict);
    else {
      const refuse = (thrown: unknown) => this.#refuse(refusalOf(thrown));
      verdict.then((told) => this.#enter(head, told), refuse);
    }
  }

  #enter(head: RequestHead | DialectCall, verdict: RateVerdict | undefined): void {
    if (!this.#isAdmitted(head, verdict)) return;
    if (this.#bodyPending) void this.#receive(head);
    else if (head.kind === 'call') this.#translate(head, Buffer.alloc(0));
    else this.#travel(head, head.data ?? emptyObject());
  }

  #isAdmitted({ path }: RequestHead | DialectCall, verdict: RateVerdict | undefined): boolean {
    if (verdict === undefined) return true;
    this.#rate = rateHeaders(verdict);
    if (verdict.admitted) return true;
    const text = `request path "${path}": rate limit quota exceeded`;
    this.#show({ status: 429, errors: [text], code: 'rate_limited' }, false);
    return false;
  }

  /** Never rejects. */
  async #receive(head: RequestHead | DialectCall): Promise<void> {
    const { limits } = this.#wire;
    const { headers } = this.#message;
    this.#phase = 'body';
    try {
      const most = head.kind === 'call' ? (head.mostBytes ?? limits.bodyBytes) : limits.bodyBytes;
      checkAnnouncedLength(headers, most);
      const takesBody = head.kind === 'call' ? head.takesBody : head.data === undefined;
      if (takesBody) checkEncoding(headers);
      if (headers.expect !== undefined && this.#message.httpVersionMinor === 1)
        this.#response.writeContinue();
      if (!takesBody) await discardBody(this.#message, limits.bodyBytes);
      const bytes = takesBody
        ? await receiveBody(this.#message, most, (count) => this.#takeRoom(count))
        : Buffer.alloc(0);
      this.#bodyPending = false;
      if (head.kind === 'call') this.#translate(head, bytes);
      else this.#travel(head, head.data ?? parseBody(bytes, headers['content-type'], limits));
    } catch (thrown) {
      this.#refuse(refusalOf(thrown));
    }
  }

  #takeRoom(bytes: number): void {
    const { budget } = this.#wire;
    const forwarded = this.#client !== this.#connection.address;
    if (forwarded && this.#room === 0) this.#share = budget.shareOf(originOf(this.#client));
    budget.take(this.#share, bytes);
    this.#room += bytes;
  }

  #travel({ operation, path, token, wrapTtl, mfa }: RequestHead, data: JsonObject): void {
    this.#setOut();
    const request = this.#request({ operation, path, data, token }, wrapTtl, mfa);
    this.#wire.road.handle(request).then(
      (answer) => this.#answer(answer),
      () => this.#fail(),
    );
  }

  /** As `#travel`, with as many requests as the dialect makes of the message. */
  #translate(call: DialectCall, body: Buffer): void {
    this.#setOut();
    const ask = asking(this.#wire, (wish) => this.#request(wish, 0, undefined));
    const end = (act: () => void) => {
      if (this.#phase === 'road') act();
    };
    call.answer({ body, limits: this.#wire.limits, ask }).then(
      (answer) => end(() => this.#tell(answer, false)),
      (thrown) => end(() => this.#refuse(refusalOf(thrown))),
    );
  }

  #setOut(): void {
    this.#phase = 'road';
    this.#deadline = this.#secondsFromNow(this.#wire.limits.requestMilliseconds);
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
      remoteAddress: this.#client,
      metricsWithoutToken: this.#wire.metricsWithoutToken,
      traceparent: this.#header('traceparent'),
      header: (name: string) => this.#header(name),
      ...clientCertificate(this.#connection.socket),
      signal: () => {
        this.#abort ??= new AbortController();
        return this.#abort.signal;
      },
    };
  }

  #answer(answer: Answer): void {
    if (answer.kind === 'stream') {
      this.#stream(answer);
      return;
    }
    if (this.#phase !== 'road') return;
    let body: string | undefined;
    try {
      body = encodeAnswer(answer);
    } catch {
      this.#fail();
      return;
    }
    const code = answer.kind === 'error' ? answer.code : undefined;
    const type = answer.kind === 'verbatim' ? answer.contentType : undefined;
    this.#send(statusOfAnswer(answer), body, false, code, type);
  }

  /** Undefined where it was not sent; several are joined as Node joins them. */
  #header(name: string): string | undefined {
    const { headers } = this.#message;
    const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
    return Array.isArray(value) ? value.join(', ') : value;
  }

  #stream({ status, contentType, body }: Extract<Answer, { kind: 'stream' }>): void {
    if (this.#phase !== 'road' || !this.#connection.socket.writable) {
      void closeUnsent(body, () => this.#logCut());
      return;
    }
    const headers = ['Content-Type', contentType, 'Cache-Control', 'no-store'];
    this.#write(status, [...headers, 'X-Coffer-Request-Id', this.#requestId], body, false);
  }

  #logCut(): void {
    this.#wire.log('warn', 'a stream was cut before its end', { requestId: this.#requestId });
  }

  /** A road that rejects or answers with what is not JSON is broken; the cause could quote secrets, so it is not told. */
  #fail(): void {
    if (this.#phase !== 'road') return;
    this.#wire.log('error', 'request ended without an answer', { requestId: this.#requestId });
    this.#refuse(refusalOf(new CofferError('internal', 'internal error')));
  }

  #refuse(refusal: Refusal, close = false): void {
    if (this.#phase !== 'road') this.#wire.onRefusal(refusal.status);
    this.#show(refusal, close);
  }

  #show(refusal: Refusal, close: boolean): void {
    const { dialect } = this.#wire;
    if (dialect === undefined) {
      this.#send(refusal.status, encodeErrors(refusal.errors), close, refusal.code);
    } else this.#tell(dialect.refusal(refusal), close);
  }

  #tell({ status, headers, body }: DialectAnswer, close: boolean): void {
    const length = ['Cache-Control', 'no-store', 'Content-Length', String(Buffer.byteLength(body))];
    // By it the audit log tells of an error what its answer does not.
    if (status >= 400 && this.#requestId !== '') length.push('X-Coffer-Request-Id', this.#requestId);
    this.#write(status, [...headers, ...length], body, close);
  }

  #redirect(status: number, location: string): void {
    const headers = [...redirectHeaders, 'Location', location];
    this.#write(status, headers, undefined, false);
  }

  #send(
    status: number,
    text: string | undefined,
    close: boolean,
    code: ErrorCode | undefined,
    type = 'application/json',
  ): void {
    // Health answers any status that it is asked to, also those that have no content (RFC 9110 §15).
    const body = status === 204 || status === 205 || status === 304 ? undefined : text;
    const headers = bodyHeaders(body, type);
    // The wire's own errors are texts; a client that knows Coffer need not guess from them.
    if (code !== undefined) headers.push('X-Coffer-Error', code);
    // The body of an error has no place for it, and by it the audit log tells which rule refused.
    if (code !== undefined && this.#requestId !== '') headers.push('X-Coffer-Request-Id', this.#requestId);
    this.#write(status, headers, body, close);
  }

  /** The one place where an answer is written. After an unread body the connection can only be closed. */
  #write(status: number, headers: string[], body: string | AnswerStream | undefined, close: boolean): void {
    this.#phase = 'answer';
    this.#deadline = this.#secondsFromNow(this.#wire.limits.answerMilliseconds);
    if (this.#room > 0) this.#wire.budget.give(this.#share, this.#room);
    this.#room = 0;
    if (!this.#connection.socket.writable) return;
    const namespace = this.#message.headers['x-vault-namespace'];
    if (this.#rate.length > 0) headers.push(...this.#rate);
    else if (status === 429) headers.push('Retry-After', '1');
    if (this.#cors.length > 0) headers.push(...this.#cors);
    if (namesRootNamespace(namespace)) headers.push('X-Vault-Namespace', namespace);
    if (close || this.#bodyPending || this.#spoiled || this.#wire.draining)
      headers.push('Connection', 'close');
    this.#response.writeHead(status, headers);
    if (typeof body !== 'object') this.#response.end(body);
    else {
      void sendStream(this.#response, body, {
        onPiece: () => {
          this.#deadline = this.#secondsFromNow(this.#wire.limits.answerMilliseconds);
        },
        onCut: () => this.#logCut(),
      });
    }
  }

  /** The answer is with the kernel: the connection's next request may begin. */
  #finish(): void {
    const connection = this.#connection;
    connection.current = undefined;
    if (!connection.socket.writable) return;
    if (this.#wire.draining) {
      connection.socket.destroySoon();
      return;
    }
    const next = connection.waiting.shift();
    connection.current = next;
    if (next !== undefined) next.start();
    else if (connection.whenIdle !== undefined) connection.whenIdle();
    else connection.rest();
  }

  /** The deadline itself is still in time, because the current second has begun already. */
  #secondsFromNow(milliseconds: number): number {
    return this.#wire.seconds + Math.ceil(milliseconds / 1_000);
  }
}
