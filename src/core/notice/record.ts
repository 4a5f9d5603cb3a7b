/** Notifiers and what waits for them, at rest. */
import type { Letter } from '../../notifier/notifier.ts';
import { parseStorageKey, type StorageKey } from '../../storage/storage.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';

export interface NotifierRecord {
  /** Random, so that a later notifier of the same name is not sent what waited for this one. */
  readonly id: string;
  readonly name: string;
  readonly type: string;
  /** Which kinds of notices it wants: see `parseKinds`. */
  readonly kinds: readonly string[];
  readonly description: string;
  readonly options: Readonly<Record<string, string>>;
  /** Sealed like the record; never shown. */
  readonly secret: string;
}

/** A letter that one notifier has not accepted yet. */
export interface WaitingLetter {
  readonly letter: Letter;
  /** Deliveries that failed so far. */
  readonly failures: number;
  /** Why the last of them did; empty before the first. */
  readonly problem: string;
}

export const notifierPrefix = 'core/notice/notifier/';
/** Notifiers that were removed, and whose letters may not be gone yet. */
export const gonePrefix = 'core/notice/gone/';

export function notifierKey(name: string): StorageKey {
  return parseStorageKey(notifierPrefix + name);
}

export function goneKey(notifier: string): StorageKey {
  return parseStorageKey(gonePrefix + notifier);
}

/** Letters that wait, in the order in which they are to be tried. */
export function waitingPrefix(notifier: string): string {
  return `core/notice/waiting/${notifier}/`;
}

/** @param due in milliseconds: not tried before */
export function waitingKey(notifier: string, due: number, letter: string): StorageKey {
  const second = String(Math.max(0, Math.ceil(due / 1_000))).padStart(12, '0');
  return parseStorageKey(`${waitingPrefix(notifier)}${second}.${letter}`);
}

/** Milliseconds, whole seconds. */
export function dueOf(key: string): number {
  return Number(key.slice(key.lastIndexOf('/') + 1).split('.', 1)[0]) * 1_000;
}

/** Letters that are not tried any more, the oldest first. */
export function deadPrefix(notifier: string): string {
  return `core/notice/dead/${notifier}/`;
}

export function deadKey(notifier: string, letter: string): StorageKey {
  return parseStorageKey(deadPrefix(notifier) + letter);
}

/** @param at when it was removed, in milliseconds */
export function encodeGone(at: number): Buffer {
  return encodeStored({ at });
}

export function decodeGone(bytes: Buffer): { readonly at: number } {
  return decodeStored<{ readonly at: number }>(bytes);
}

export function encodeNotifier(record: NotifierRecord): Buffer {
  return encodeStored(record);
}

/** Throws as `decodeStored` does. */
export function decodeNotifier(bytes: Buffer): NotifierRecord {
  return decodeStored<NotifierRecord>(bytes);
}

export function encodeWaiting(waiting: WaitingLetter): Buffer {
  return encodeStored(waiting);
}

/** Throws as `decodeStored` does. */
export function decodeWaiting(bytes: Buffer): WaitingLetter {
  return decodeStored<WaitingLetter>(bytes);
}
