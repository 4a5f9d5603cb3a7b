/**
 * The seam of notifiers: ways to tell people of what happened. The outbox of the core calls them; nothing here knows of it.
 *
 * - A letter holds no secret. Its id is the same whenever it is delivered again, which may happen at any time and also after it was
 *   accepted: whoever counts letters counts ids.
 * - `deliver` resolves once the other side has accepted the letter, and not before. It may be called many times side by side.
 * - `deliver` goes to the outside where its settings lead and nowhere else, and takes nothing along of any request that came in.
 * - What a notifier holds open ends with `close`; calls under way may fail then.
 */
import type { Clock } from '../clock.ts';
import { CofferError } from '../errors.ts';

export interface Letter {
  readonly id: string;
  /** When it happened, in milliseconds. */
  readonly at: number;
  /** In words that stay for good: `credentials.issued`. */
  readonly kind: string;
  /** One line without control characters, of at most 200 characters. */
  readonly subject: string;
  /** Lines without control characters. */
  readonly fields: Readonly<Record<string, string>>;
}

/** What an administrator said of one notifier. */
export interface NotifierSettings {
  readonly options: Readonly<Record<string, string>>;
  /** A key or a password, where the type takes one; empty where none was given. */
  readonly secret: string;
}

export interface OpenNotifier {
  /**
   * Rejects with `unavailable` or `invalid_request`, saying what is in the way in words for an administrator: never with the secret,
   * and with nothing that the other side sent. Gives up when the signal says so.
   */
  deliver(letter: Letter, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** One row of the catalog. */
export interface NotifierType {
  readonly type: string;
  readonly summary: string;
  /** What the secret is, for people; absent where the type takes none. */
  readonly secret?: string;
  /**
   * Reads the settings. Connects to nothing. Throws `invalid_request` for an option that it does not know or honour, and for a place
   * that the server's configuration does not allow.
   */
  open(settings: NotifierSettings, clock: Clock): OpenNotifier;
}

/** A notifier of the server's own configuration: it is not in the store, and only this server has it. */
export interface ConfiguredNotifier {
  readonly name: string;
  readonly type: string;
  /** Which kinds of notices it wants, as globs. */
  readonly kinds: readonly string[];
  open(clock: Clock): OpenNotifier;
}

/** Throws `invalid_request` naming the first option that is not among `known`. */
export function refuseOthers(options: NotifierSettings['options'], known: readonly string[]): void {
  const other = Object.keys(options).find((name) => !known.includes(name));
  if (other === undefined) return;
  throw new CofferError(
    'invalid_request',
    `this kind of notifier has no option ${JSON.stringify(other.slice(0, 60))}; known are ${known.join(', ')}`,
  );
}

/** A letter as JSON: what webhooks and commands are handed. */
export function letterJson({ id, at, kind, subject, fields }: Letter): string {
  return JSON.stringify({ id, time: new Date(at).toISOString(), kind, subject, fields });
}
