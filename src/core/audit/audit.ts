/** What the road needs of the audit log. */
import type { JsonObject, JsonValue } from '../../json.ts';
import type { Fields, ResponseSchema } from '../endpoint.ts';
import type { AnswerData } from '../request.ts';

/** One line's content besides what the log adds (sequence, time, chain). Secrets have been replaced by digests already. */
export type AuditEntry = { readonly type: 'request' | 'response' | 'event' } & JsonObject;

/**
 * How far a line must have come before the caller goes on: `kernel` survives the death of the process, `disk` survives
 * power loss.
 */
export type Durability = 'kernel' | 'disk';

export interface AuditLog {
  /**
   * Appends a line. Resolves when it is as durable as asked; lines appended in the same turn share a write, and lines that
   * wait for the disk share an `fdatasync`. Rejects with `unavailable` when the line could not be kept: the request must not happen.
   */
  append(entry: AuditEntry, durability: Durability): Promise<void>;
  /** Keyed digest of a secret text: `hmac-sha256:` and 64 hex digits. */
  digest(text: string): string;
  /** Replaces sensitive request fields by digests. Names not declared count as sensitive unless `openFields`. */
  redactRequest(data: JsonObject, fields: Fields): JsonObject;
  /** Replaces sensitive answer data by digests; names not in the schema count as sensitive. */
  redactAnswer(data: AnswerData, schema: ResponseSchema | undefined): JsonObject;
  /** Writes what is pending, closes and signs the segment, anchors the head. */
  close(): Promise<void>;
}

export type { JsonValue };
