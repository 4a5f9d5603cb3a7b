/**
 * The public function: one event, one request, one answer. Everything that an answer stands for is in the store before it is returned,
 * since the process may be frozen right after, or never wake.
 */
import type { Clock } from '../clock.ts';
import type { Road } from '../core/request.ts';
import { asCofferError, CofferError } from '../errors.ts';
import type { Dialect } from '../http/dialect/dialect.ts';
import { encodeErrors } from '../http/encode.ts';
import type { HttpLimits } from '../http/limits.ts';
import { refusalOf } from '../http/refusal.ts';
import { exchangeWhole, type WholeAnswer, type WholeMessage } from '../http/whole-message.ts';
import type { HttpLog } from '../http/wire.ts';
import type { JsonObject } from '../json.ts';
import type { Front } from './front.ts';
import { frontOf } from './fronts.ts';
import type { Invocation } from './invocation.ts';

/** What the function serves. */
export interface ServedStore {
  /** The road, fit for a request that comes now. Rejects with why the store cannot be served; whoever asks next tries again. */
  wake(): Promise<Road>;
  /** Before the process may be frozen. Never rejects. */
  rest(): Promise<void>;
}

export interface PublicOptions {
  readonly store: ServedStore;
  readonly limits: HttpLimits;
  /** Vault's wire if absent. */
  readonly dialect?: Dialect | undefined;
  /** Path of the mount that answers `/oauth2/…`; none if absent. */
  readonly oauth2?: string | undefined;
  readonly clock: Clock;
  readonly log: HttpLog;
  /** Told why the store cannot be served: for the log, not for callers. */
  readonly onFault: (error: CofferError) => void;
  readonly requestId: () => string;
}

export type PublicHandler = (event: unknown, invocation: Invocation) => Promise<JsonObject>;

/** Milliseconds before the runtime's own end at which an answer has to be there. */
const reserve = 500;

/** The handler rejects with `invalid_request` for what is no request of HTTP: nothing else is asked of this function. */
export function publicHandler(options: PublicOptions): PublicHandler {
  return async (event, invocation) => {
    const found = frontOf(event);
    if (found === undefined) {
      throw new CofferError(
        'invalid_request',
        'this function answers HTTP requests, and the event is none: of a load balancer, a function URL, or an API Gateway',
      );
    }
    const { front, request } = found;
    const answer = await answerTo(options, front, request, invocation);
    await options.store.rest();
    return result(options, front, request, answer);
  };
}

/** A refusal that is said before there is a message on the road. */
function refused({ dialect }: Pick<PublicOptions, 'dialect'>, thrown: unknown): WholeAnswer {
  const refusal = refusalOf(thrown);
  if (dialect !== undefined) {
    const { status, headers, body } = dialect.refusal(refusal);
    return { status, headers: [...headers, 'Cache-Control', 'no-store'], body };
  }
  const { status, errors, code } = refusal;
  const headers = ['Content-Type', 'application/json', 'Cache-Control', 'no-store'];
  return {
    status,
    headers: code === undefined ? headers : [...headers, 'X-Coffer-Error', code],
    body: encodeErrors(errors),
  };
}

async function answerTo(
  options: PublicOptions,
  front: Front,
  event: JsonObject,
  invocation: Invocation,
): Promise<WholeAnswer> {
  let message: WholeMessage;
  try {
    message = front.decode(event);
  } catch (thrown) {
    return refused(options, thrown);
  }
  const { clock, dialect, limits, log, oauth2, requestId, store } = options;
  const patience = new AbortController();
  const left = Math.min(invocation.getRemainingTimeInMillis() - reserve, limits.requestMilliseconds);
  using _timer = clock.after(Math.max(1, left), () => patience.abort());
  let road: Road;
  try {
    road = await store.wake();
  } catch (thrown) {
    options.onFault(asCofferError(thrown));
    // Why is the operator's to know: it names tables and keys.
    return refused(
      options,
      new CofferError('unavailable', 'the store cannot be served now; the log of the function says why'),
    );
  }
  const wire = { road, dialect, oauth2, limits, log, requestId };
  return await exchangeWhole(wire, message, patience.signal);
}

function result(options: PublicOptions, front: Front, event: JsonObject, answer: WholeAnswer): JsonObject {
  const encoded = front.encode(answer, event);
  // Quotes take two bytes in the JSON that the answer travels in: counted where it may matter.
  if (answer.body.length * 2 <= front.mostAnswerBytes) return encoded;
  if (Buffer.byteLength(JSON.stringify(answer.body)) <= front.mostAnswerBytes) return encoded;
  const error = new CofferError(
    'payload_too_large',
    'the answer is larger than what stands before this function carries: ask for less at once, or ask a server of the store',
  );
  return front.encode(refused(options, error), event);
}
