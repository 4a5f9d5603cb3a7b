/**
 * The seam of fronts: what stands before the function, and hands it one HTTP request as an event. A front only translates; what the
 * message asks for is read by the same code as on a listener.
 */
import type { WholeAnswer, WholeMessage } from '../http/whole-message.ts';
import type { JsonObject } from '../json.ts';

export interface Front {
  /** For messages and the log. */
  readonly name: string;
  /** Bytes of an answer's body that it carries at most. */
  readonly mostAnswerBytes: number;
  /** Whether an event is one of this front's. */
  takes(event: JsonObject): boolean;
  /** Throws `invalid_request` for an event that is not as this front makes them. */
  decode(event: JsonObject): WholeMessage;
  /** The function's result. */
  encode(answer: WholeAnswer, event: JsonObject): JsonObject;
}
