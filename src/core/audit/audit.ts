/** What the road needs of the audit log. */
import type { JsonObject, JsonValue } from '../../json.ts';
import type { Fields, ResponseSchema } from '../endpoint.ts';
import type { AnswerData, RawJson } from '../request.ts';

/**
 * One line's content besides what the log adds (`seq`, `time`, `chain`, which an entry may not hold). Secrets have been replaced
 * by digests already. Lines of a request name it in `request_id`, or in `request` as `id`; `findRequest` looks there.
 */
export type AuditEntry = { readonly type: 'request' | 'response' | 'event' } & {
  readonly [name: string]: JsonValue | RawJson;
};

/**
 * How far a line must have come before the caller goes on: `kernel` survives the death of the process, `disk` survives
 * power loss.
 */
export type Durability = 'kernel' | 'disk';

/** How a log is doing. */
export interface AuditHealth {
  /** `full`: the disk is, and only urgent lines are taken. `failed`: none are. */
  readonly state: 'open' | 'full' | 'failed' | 'closed';
  /** Lines so far. */
  readonly lines: number;
  /** Lines that power loss would take. */
  readonly linesBehind: number;
  /** Milliseconds since the oldest of them was written, or longer by one flush; 0 where there is none. */
  readonly behind: number;
}

export interface AuditLog {
  /**
   * Appends a line. Resolves when it is as durable as asked; lines appended in the same turn share a write, and lines that
   * wait for the disk share an `fdatasync`. Rejects with `unavailable` when the line could not be kept, with `payload_too_large`
   * when it is over 1 MiB: the request must not happen.
   */
  append(entry: AuditEntry, durability: Durability): Promise<void>;
  /** Keyed digest of a secret text: `hmac-sha256:` and 64 hex digits. */
  digest(text: string): string;
  /**
   * Replaces sensitive request fields by digests. Names not declared count as sensitive, and so does a value that is not of its
   * field's type. Long texts are cut. `clear` names what a mount's owner wants shown: what is declared as sensitive is not.
   */
  redactRequest(data: JsonObject, fields: Fields, clear?: readonly string[]): RawJson;
  /** Replaces sensitive answer data by digests; names not in the schema count as sensitive. `clear` as with requests. */
  redactAnswer(data: AnswerData, schema: ResponseSchema | undefined, clear?: readonly string[]): RawJson;
  /**
   * Writes what is pending, closes and signs the segment, anchors the head. Rejects if one of these failed, having done the
   * others; the next start then closes the chain.
   */
  close(): Promise<void>;
  /** Undefined for one that keeps nothing. */
  health(): AuditHealth | undefined;
}

export type { JsonValue };
