/** What happened to an application, newest first when it is listed. Bounded: the oldest go. */
import { decodeStored, encodeStored } from '../../core/stored-json.ts';

export interface HistoryEntry {
  /** Milliseconds. */
  readonly at: number;
  /**
   * In words that stay: `registered`, `changed`, `rotated`, `failed`, `withdrawn`, `retired`,
   * `target.filled`, `target.emptied`, `user.disabled`, `user.deleted`, `paused`, `resumed`.
   */
  readonly event: string;
  /** `password` or `client` where it is about one. */
  readonly kind?: string;
  readonly generation?: number;
  /** Milliseconds that it took, from the first step to the last. */
  readonly duration?: number;
  /** For people: who, which target, why; never a secret. */
  readonly detail?: string;
}

/** Entries of one application that are kept. */
export const mostEntries = 200;

export function historyFolder(id: string): string {
  return `history/${id}/`;
}

/** Newer ones sort first. @param salt tells entries of one millisecond apart: a few letters or digits */
export function historyPath(id: string, at: number, salt: string): string {
  return `${historyFolder(id)}${String(Number.MAX_SAFE_INTEGER - at).padStart(16, '0')}-${salt}`;
}

export function encodeHistory(entry: HistoryEntry): Buffer {
  return encodeStored(entry);
}

export function decodeHistory(value: Buffer): HistoryEntry {
  return decodeStored<HistoryEntry>(value);
}
