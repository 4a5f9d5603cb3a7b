/**
 * How an application is: what the machine has done for it, and what is under way. Stored before and after every step, so that whoever comes upon it
 * after a crash knows what may have happened outside. Secrets in it rest sealed like every record, and are on no answer.
 */
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { Credential, CredentialKind, KindTraits } from '../../service-user/provider.ts';

/**
 * The steps of a rotation, in their order. Each names what may be under way outside: a state that says `staging` may have left a
 * credential at the provider that nobody knows.
 */
export type RotationStep =
  | 'idle'
  | 'probing'
  | 'staging'
  | 'delivering'
  | 'verifying'
  | 'committing'
  | 'overlap'
  | 'retiring';

export interface Problem {
  /** Of `errors.ts`. */
  readonly code: string;
  /** For people; never a secret. */
  readonly message: string;
  /** Address of the target that it is about; absent where it is about the provider or the registry. */
  readonly target?: string;
  /** Milliseconds when it was first seen. */
  readonly since: number;
  /** Whether it was met and told of; false for what gave way to trouble that others met. */
  readonly told: boolean;
}

export interface KindState {
  /** As the provider has it (`KindTraits.oldEndsAt`); null where it has none of the kind, or nobody has asked it yet. */
  readonly ends: KindTraits['oldEndsAt'] | null;
  readonly step: RotationStep;
  /** Milliseconds when the step began. */
  readonly stepSince: number;
  /** Generation staged last; 0 before the first. */
  readonly generation: number;
  /** The secret proposed for the generation that is being staged. */
  readonly proposed: string | null;
  /** What was staged and is not committed yet. */
  readonly staged: Credential | null;
  /** How often in a row the provider refused what was staged before it went anywhere. */
  readonly refusals: number;
  /** How many credentials may be at the provider that nobody knows: what was staged, and no answer came. */
  readonly stray: number;
  /** What was committed last: readers are meant to hold this one. */
  readonly current: Credential | null;
  /** Good for now, and to be retired. */
  readonly old: readonly Credential[];
  /** By address, the version of the document there, as far as is known. */
  readonly delivered: Readonly<Record<string, string>>;
  /** Milliseconds before which nothing is retired (or committed, where that ends old ones). */
  readonly overlapUntil: number;
  /** Whether the rotation under way waits for nobody. */
  readonly emergency: boolean;
  readonly beganAt: number | null;
  /** Milliseconds when new ones were last everywhere. */
  readonly rotatedAt: number | null;
  /** Milliseconds when the next rotation is due, jitter and all; null where none is. */
  readonly nextAt: number | null;
  /** To be rotated as soon as may be, whenever it was rotated last. */
  readonly due: boolean;
  /** `RotationRequest.count` that the rotation begun last was for, or covers. */
  readonly request: number;
  /** Whether people were told that the credential is overdue. */
  readonly overdueTold: boolean;
}

export interface ApplicationState {
  /** `changing` is stored before it becomes another: it may be either then. */
  readonly user: 'none' | 'changing' | 'present' | 'disabled' | 'deleted';
  /** `modifiedAt` of the application that the provider was told of last. */
  readonly syncedFor: number;
  readonly syncedAt: number | null;
  readonly kinds: { readonly [K in CredentialKind]: KindState };
  /** Addresses that may hold documents: those of targets, and of former ones until they are emptied. */
  readonly places: readonly { readonly address: string; readonly entityId: string }[];
  /** `RotationRequest.count` that was served last. */
  readonly served: number;
  /** Looks in a row that something failed in. */
  readonly failures: number;
  /** Milliseconds before which nothing that has a problem is tried again; 0 for at once. */
  readonly retryAt: number;
  /** Revision of the application's record as of then: a change of it is tried at once. */
  readonly triedFor: number;
  readonly problems: readonly Problem[];
  /** History entries written since it was last cut. */
  readonly entries: number;
  /** Milliseconds where the application's entry in the index of due work stands. */
  readonly queuedAt: number;
}

/** Beside the application's record and not in it: the machine and people write side by side. */
export function statePath(id: string): string {
  return `state/${id}`;
}

export function encodeState(state: ApplicationState): Buffer {
  return encodeStored(state);
}

export function decodeState(value: Buffer): ApplicationState {
  return decodeStored<ApplicationState>(value);
}

export const noRotation: KindState = {
  ends: null,
  step: 'idle',
  stepSince: 0,
  generation: 0,
  proposed: null,
  staged: null,
  refusals: 0,
  stray: 0,
  current: null,
  old: [],
  delivered: {},
  overlapUntil: 0,
  emergency: false,
  beganAt: null,
  rotatedAt: null,
  nextAt: null,
  due: false,
  request: 0,
  overdueTold: false,
};

/** Of an application that nothing was done for yet. */
export const noState: ApplicationState = {
  user: 'none',
  syncedFor: 0,
  syncedAt: null,
  kinds: { password: noRotation, client: noRotation },
  places: [],
  served: 0,
  failures: 0,
  retryAt: 0,
  triedFor: 0,
  problems: [],
  entries: 0,
  queuedAt: 0,
};
