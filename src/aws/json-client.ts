/**
 * AWS's JSON protocols 1.0 and 1.1 (https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html): a POST that names its operation
 * in a header, signed with Signature Version 4. Signature and the judgement of what may be asked again are the SDK's own libraries; what of
 * the SDK is not here is what finds out where to ask and as whom. Loaded with `import()` by the first call.
 */
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { isThrottlingError, isTransientError } from '@smithy/core/retry';
import { SignatureV4 } from '@smithy/signature-v4';
import { version } from '../version.ts';
import type { Credentials } from './client-config.ts';
import { JsonWire, type WireAnswer, type WireBounds } from './json-wire.ts';
import type { PlainPlace } from './plain-place.ts';

/** What is said of a service once. */
export interface JsonWords {
  /** As signatures name it: `kms`. */
  readonly signingName: string;
  /** What stands before the operation's name in `X-Amz-Target`. */
  readonly target: string;
  readonly protocol: '1.0' | '1.1';
  readonly bounds: WireBounds;
  /** Requests at most for one call. */
  readonly attempts: number;
}

/** Where a service is, and who asks: keys, or whatever finds them for each request. */
export interface JsonPlace extends Omit<PlainPlace, 'credentials'> {
  readonly credentials: Credentials | (() => Promise<Credentials>);
}

export interface JsonSurroundings {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** 0 to 1: spreads what is asked again. */
  readonly jitter: () => number;
}

/** An answer's members, of whatever kinds they came. */
export type Answer = Record<string, unknown>;

/** As the SDK reckons with `retryMode: 'standard'`: a budget of all calls together, which runs dry where everything fails. */
const budget = 500;
const cost = { throttled: 5, transient: 14 } as const;
const firstPause = { throttled: 1_000, transient: 50 } as const;
const longestPause = 20_000;
/** Milliseconds beyond which a clock is wrong: AWS allows five minutes. */
const skew = 240_000;

export class JsonClient {
  readonly #words: JsonWords;
  readonly #place: JsonPlace;
  readonly #surroundings: JsonSurroundings;
  readonly #signer: SignatureV4;
  #wire: Promise<JsonWire> | undefined;
  #left: number = budget;
  /** Milliseconds that AWS's clock is ahead of ours, where that is too much to be signed. */
  #ahead = 0;

  constructor(place: JsonPlace, words: JsonWords, surroundings: JsonSurroundings) {
    this.#place = place;
    this.#words = words;
    this.#surroundings = surroundings;
    const { region, credentials } = place;
    const service = words.signingName;
    this.#signer = new SignatureV4({ service, region, credentials, sha256: Sha256, applyChecksum: false });
  }

  /**
   * One call, with all its attempts. Rejects with an error that `awsError` understands, as the SDK's are; it may carry words of the
   * answer, and is not for showing.
   *
   * @param input what JSON can say; bytes have become base64
   */
  async call(operation: string, input: object, signal: AbortSignal): Promise<Answer> {
    const body = JSON.stringify(input);
    let repaid = 1;
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await this.#attempt(operation, body, signal);
        this.#left = Math.min(budget, this.#left + repaid);
        return answer;
      } catch (error) {
        const why = retriable(error);
        if (signal.aborted || why === undefined || attempt >= this.#words.attempts || this.#left < cost[why])
          throw error;
        this.#left -= cost[why];
        repaid = cost[why];
        const longest = Math.min(firstPause[why] * 2 ** (attempt - 1), longestPause);
        await pause(this.#surroundings.jitter() * longest, undefined, { signal });
      }
    }
  }

  /** Connects, while its caller waits for something else. What goes wrong here the first call tells. */
  prepare(): void {
    this.#opened().then(
      (wire) => wire.prepare(),
      () => undefined,
    );
  }

  /** Ends its connections. It may be used again. */
  close(): void {
    const wire = this.#wire;
    this.#wire = undefined;
    wire?.then((opened) => opened.close()).catch(() => undefined);
  }

  async #attempt(operation: string, body: string, signal: AbortSignal): Promise<Answer> {
    const headers = await this.#signed(operation, body);
    const wire = await this.#opened();
    const answer = await wire.send({ headers, body }, this.#words.bounds, signal);
    const corrected = this.#minded(answer.headers.date);
    if (answer.status >= 200 && answer.status < 300)
      return parsed(answer.text) ?? refuse(answer, 'Unreadable');
    return refuse(answer, 'UnknownError', corrected);
  }

  #opened(): Promise<JsonWire> {
    this.#wire ??= JsonWire.open(this.#place.endpoint);
    return this.#wire;
  }

  async #signed(operation: string, body: string): Promise<Readonly<Record<string, string>>> {
    const { protocol, hostname, host } = this.#place.endpoint;
    const headers = {
      host,
      'content-type': `application/x-amz-json-${this.#words.protocol}`,
      'content-length': String(Buffer.byteLength(body)),
      'user-agent': `coffer/${version}`,
      'x-amz-target': `${this.#words.target}.${operation}`,
    };
    const signingDate = new Date(this.#surroundings.now() + this.#ahead);
    const request = { method: 'POST', protocol, hostname, path: '/', query: {}, headers, body };
    return (await this.#signer.sign(request, { signingDate })).headers;
  }

  /** Whether AWS's clock turned out to be another than was thought. */
  #minded(date: string | undefined): boolean {
    const theirs = Date.parse(date ?? '');
    const ours = this.#surroundings.now();
    if (Number.isNaN(theirs) || Math.abs(theirs - ours - this.#ahead) < skew) return false;
    this.#ahead = theirs - ours;
    return true;
  }
}

function retriable(error: unknown): keyof typeof cost | undefined {
  if (!(error instanceof Error)) return undefined;
  const thrown = error as Parameters<typeof isTransientError>[0];
  if (isThrottlingError(thrown)) return 'throttled';
  return isTransientError(thrown) ? 'transient' : undefined;
}

/** In the SDK's own shape, so that one table says what each means. */
function refuse({ status, headers, text }: WireAnswer, otherwise: string, clockSkewCorrected = false): never {
  const body = status >= 300 ? (parsed(text) ?? {}) : {};
  const type = headers['x-amzn-errortype'] ?? body['__type'] ?? body['code'];
  const message = body['message'] ?? body['Message'];
  throw Object.assign(new Error(typeof message === 'string' ? message : ''), {
    // `com.amazonaws.dynamodb.v20120810#NAME`, or `NAME:http://…`.
    name: /^(?:[^#]*#)?([^:,]+)/.exec(typeof type === 'string' ? type : '')?.[1] ?? otherwise,
    $metadata: { httpStatusCode: status, requestId: headers['x-amzn-requestid'], clockSkewCorrected },
    CancellationReasons: body['CancellationReasons'],
  });
}

function parsed(text: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isAnswer(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a value is an object of JSON. */
function isAnswer(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** SHA-256 and its HMAC as the signer asks for them. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new Error('a hash is made anew for each use');
  }
}

function bytesOf(value: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  return ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
}
