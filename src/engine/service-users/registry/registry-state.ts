/** What is known of a registry elsewhere: when it is asked next, what was wrong, and what it lost and waits for a person's word. */
import type { ResponseSchema } from '../../../core/endpoint.ts';
import { retryOnConflict } from '../../../core/retry.ts';
import { decodeStored, encodeStored } from '../../../core/stored-json.ts';
import type { DueEntry, View, ViewExpectation, ViewWrite } from '../../../core/view.ts';
import type { JsonObject } from '../../../json.ts';
import type { Revision } from '../../../storage/storage.ts';
import type { MountSettings } from '../mount-config.ts';
import { timeOrNull } from '../shown.ts';

/** Applications that a registry lost, and that nobody has said may go. Their ids are in records of their own (`held.ts`). */
export interface Held {
  readonly count: number;
  /** Of its ids; tells one set from another. */
  readonly digest: string;
  /** Milliseconds. */
  readonly since: number;
  /** Where its ids rest: `registry/held/<generation>/<0…pieces>`. */
  readonly generation: number;
  readonly pieces: number;
  /** Of how many active ones, as it was decided. */
  readonly active: number;
  /** Whether people were told. */
  readonly told: boolean;
  readonly confirmed: { readonly at: number; readonly by: string } | null;
}

export interface Skipped {
  /** As far as it can be shown. */
  readonly id: string;
  readonly reason: string;
}

export interface RegistryState {
  /** Milliseconds, a whole second: where its one entry in the index of due work stands. */
  readonly nextAt: number;
  /** Counts how often somebody wished to have everything compared anew. */
  readonly wishes: number;
  readonly askedAt: number | null;
  /** In a row. */
  readonly failures: number;
  readonly problem: { readonly code: string; readonly message: string; readonly since: number } | null;
  /** Entries that were left as they are; the first of them, and how many. */
  readonly skipped: readonly Skipped[];
  readonly skippedCount: number;
  /** Of the answer that was taken over last, as far as it may be; empty for none. */
  readonly applied: string;
  readonly held: Held | null;
}

export const noRegistryState: RegistryState = {
  nextAt: 0,
  wishes: 0,
  askedAt: null,
  failures: 0,
  problem: null,
  skipped: [],
  skippedCount: 0,
  applied: '',
  held: null,
};

export const registryPath = 'registry/state';

export interface FoundRegistryState {
  readonly state: RegistryState;
  readonly revision: Revision | null;
}

export async function findRegistryState(view: View): Promise<FoundRegistryState> {
  const record = await view.read(registryPath);
  return record === undefined
    ? { state: noRegistryState, revision: null }
    : { state: decodeStored<RegistryState>(record.open()), revision: record.revision };
}

export async function readRegistryState(view: View): Promise<RegistryState> {
  return (await findRegistryState(view)).state;
}

export function encodeRegistryState(state: RegistryState): Buffer {
  return encodeStored(state);
}

/** Changes it as it is at that moment; `decide` may be asked several times. */
export async function changeRegistryState(
  view: View,
  decide: (state: RegistryState) => RegistryState,
  due: readonly DueEntry[] = [],
): Promise<RegistryState> {
  return retryOnConflict(async () => {
    const { state, revision } = await findRegistryState(view);
    const after = decide(state);
    await view.commit(
      [{ path: registryPath, value: encodeRegistryState(after) }],
      [{ path: registryPath, revision }],
      due,
    );
    return after;
  });
}

export const registryDueName = 'registry';

/** @param at milliseconds, a whole second */
export function registryEntry(at: number): DueEntry {
  return { at, name: registryDueName, outside: true };
}

/** Entries stand at whole seconds. */
export function wholeSecond(at: number): number {
  return Math.ceil(at / 1_000) * 1_000;
}

/** What a commit holds that has the registry asked at once, and everything that it says compared anew. */
export async function askRegistryNow(
  view: View,
  now: number,
): Promise<{
  readonly writes: readonly ViewWrite[];
  readonly expectations: readonly ViewExpectation[];
  readonly due: readonly DueEntry[];
}> {
  const { state, revision } = await findRegistryState(view);
  const nextAt = wholeSecond(now);
  const after = { ...state, nextAt, wishes: state.wishes + 1, failures: 0, applied: '' };
  return {
    writes: [{ path: registryPath, value: encodeRegistryState(after) }],
    expectations: [{ path: registryPath, revision }],
    due: [registryEntry(nextAt)],
  };
}

export const registrySchema = {
  kind: { type: 'string', help: 'own or kio.' },
  asked_time: { type: 'string', nullable: true },
  next_time: { type: 'string', nullable: true },
  problem: {
    type: 'object',
    nullable: true,
    members: { code: { type: 'string' }, message: { type: 'string' }, since: { type: 'string' } },
  },
  held: { type: 'int', help: 'Applications that it lost, and that wait for a person’s word: see shrink.' },
  skipped: {
    type: 'list',
    help: 'Of what it lists, the first that can’t be taken and were left as they are.',
    items: { id: { type: 'string' }, reason: { type: 'string' } },
  },
  skipped_count: { type: 'int' },
} as const satisfies ResponseSchema;

export function shownRegistry({ registry }: MountSettings, state: RegistryState): JsonObject {
  if (registry === 'own') {
    const none = { asked_time: null, next_time: null, problem: null, held: 0, skipped: [], skipped_count: 0 };
    return { kind: registry, ...none };
  }
  const { held } = state;
  const waiting = held === null || held.confirmed !== null ? null : heldProblem(held);
  const problem = state.problem ?? waiting;
  return {
    kind: registry,
    asked_time: timeOrNull(state.askedAt),
    next_time: timeOrNull(state.nextAt),
    problem: problem === null ? null : { ...problem, since: new Date(problem.since).toISOString() },
    held: held?.count ?? 0,
    skipped: state.skipped.map(({ id, reason }) => ({ id, reason })),
    skipped_count: state.skippedCount,
  };
}

function heldProblem({ count, active, since }: Held) {
  return {
    code: 'needs_approval',
    message: `the registry lost ${count} of ${active} active applications: they stay until somebody confirms that many at shrink`,
    since,
  };
}
