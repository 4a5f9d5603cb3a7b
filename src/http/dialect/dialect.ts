/**
 * The seam of dialects: older HTTP APIs, translated to requests on the road. A listener speaks one. A dialect only translates: it
 * turns a message into requests and their answers into statuses, headers and bodies, decides nothing, keeps nothing between two
 * messages, and reaches the road by `Ask` alone. Limits, rates, time and the socket stay the listener's.
 */
import type { ApiPath } from '../../core/path.ts';
import type { Answer, Operation } from '../../core/request.ts';
import type { JsonObject } from '../../json.ts';
import type { JsonLimits } from '../bounded-json.ts';
import type { Refusal } from '../refusal.ts';

/** The head of a message. Nothing of it is trusted. */
export interface DialectHead {
  /** In upper case as sent, LIST, SCAN and HELP among them. */
  readonly method: string;
  /** As sent: neither decoded nor taken apart. */
  readonly target: string;
  /** By its name in lower case; undefined where it was not sent. Several of one name come joined by `, `. */
  readonly header: (name: string) => string | undefined;
}

/** What goes to the client, besides what every answer has (length, date, that nobody may store it). */
export interface DialectAnswer {
  readonly kind: 'answer';
  readonly status: number;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** Empty for none. */
  readonly body: string;
}

/** A message that the road has to be asked about. */
export interface DialectCall {
  readonly kind: 'call';
  /** Of the first request that will be asked: rates are looked at by it before a body is read. */
  readonly path: ApiPath;
  /** Whether that request will bring a token. */
  readonly bearer: boolean;
  /** Whether the body means something; if not, it passes unread. */
  readonly takesBody: boolean;
  /** Bytes of a body at most, where that is less than the listener's limit. */
  readonly mostBytes?: number;
  /**
   * Called once, when the body is there. What it rejects with becomes the dialect's `refusal`, so it need not catch what it has no
   * words of its own for.
   */
  answer(errand: Errand): Promise<DialectAnswer>;
}

export interface Errand {
  /** At most the listener's limit of bytes; empty where none was sent or taken. */
  readonly body: Buffer;
  /** For `parseBoundedJson`. */
  readonly limits: JsonLimits;
  readonly ask: Ask;
}

/** What a dialect wants of the road; the rest of a request is the listener's to say. */
export interface Wish {
  readonly operation: Operation;
  readonly path: ApiPath;
  readonly data: JsonObject;
  readonly token: string | undefined;
}

/**
 * One request on the road, audited and decided like any other. Resolves with every answer, refusals too; rejects with `rate_limited`
 * where a rate says no, and with `internal` for an answer that is a stream.
 */
export type Ask = (wish: Wish) => Promise<Answer>;

export interface Dialect {
  /** What a message asks for, or what is answered to it at once. What it throws becomes its `refusal`. */
  read(head: DialectHead): DialectCall | DialectAnswer;
  /** How a refusal looks that is not the dialect's own: of the limits, of time, of bytes that are no message. */
  refusal(refusal: Refusal): DialectAnswer;
}

/** A kind of dialect, as a row of the catalog. */
export interface DialectType {
  /** As the setting `dialect` names it. */
  readonly name: string;
  /** @param options as the setting says them behind `?`. Throws `usage` for one that it does not know or cannot use. */
  open(options: Readonly<Record<string, string>>): Dialect;
}
