/**
 * Long work in small steps. A job is a record with a state of its own; each step's writes, the next state and the duty's fence go
 * into one commit, so that a job killed anywhere goes on from its last step, on whichever node holds the duty, and no step
 * happens twice.
 *
 * - `step` may be called again with the same state after a crash or a conflict: until its commit nothing of it counts.
 * - A step is short: some tens of milliseconds, and at most `mostStepItems` writes and expectations.
 */
import type { BarrierStore, PlainWrite } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import type { JsonObject } from '../../json.ts';
import type { Expectation } from '../../storage/storage.ts';

/** Of a commit's 64, the rest is the duty's own. */
export const mostStepItems = 56;

export interface JobProgress {
  readonly done: number;
  /** Null while it is not known. */
  readonly total: number | null;
}

export interface JobStep {
  /** What the next step starts from. */
  readonly state: JsonObject;
  readonly writes?: readonly PlainWrite[];
  readonly expectations?: readonly Expectation[];
  readonly progress: JobProgress;
  /** Said by the last step: what came of it. */
  readonly result?: JsonObject;
}

export interface JobContext {
  readonly id: string;
  readonly store: BarrierStore;
  readonly clock: Clock;
  /** Stored id of the token that asked for the job; null where the server itself did. */
  readonly requester: string | null;
  /** For commits of the step's own: they must do no harm when done again. */
  readonly fence: Expectation;
  /** Whether the duty's lock has time left. */
  holdsLock(): boolean;
  /**
   * A call to the outside, under the lock and no longer than it lasts. Throws `conflict` when the lock was lost, `unavailable` when its
   * time ran out during the call.
   */
  outside<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

export interface JobType {
  readonly type: string;
  /**
   * Throws a coded error to end the job as failed (`permission_denied`, `invalid_request`, `not_found`, `integrity`); a conflict
   * is tried again at once, anything else later with back-off.
   */
  step(state: JsonObject, context: JobContext): Promise<JobStep>;
}

/** A job to begin: made with the commit that asks for it, so that both happen or neither. */
export interface NewJob {
  readonly type: string;
  readonly state: JsonObject;
  /** Shown to people: what it works on. */
  readonly subject: string;
}
