/**
 * A subtree as a job: first what there is to do is counted, then it is done, a batch of secrets a commit. The commit holds the
 * changes, how far the walk has come and what the batch was decided by, so that a job cut off anywhere goes on behind its last
 * commit, and a token or a right that is gone ends or bounds it from then on.
 */

import type { JsonObject } from '../../json.ts';
import { type JobContext, type JobStep, type JobType, mostStepItems } from '../job/job.ts';
import type { CoreRooms } from '../rooms.ts';
import { type Address, fullName } from './address.ts';
import { type Batch, emptyBatch, withChange } from './batch.ts';
import { type Asked, type Caller, callerNow } from './caller.ts';
import { type Outcome, prepareChange, type Turn } from './change.ts';
import type { Verb } from './rights.ts';
import {
  addressOf,
  nothingYet,
  reasonText,
  resultOf,
  type Tally,
  type Task,
  unfitText,
  withSkipped,
} from './task.ts';
import { walk } from './walk.ts';

/** Positions of a walk that one step of counting passes. */
const countedAStep = 1_000;
/** The same for a step of work, where most of them have nothing to do. */
const passedAStep = 200;
/** Milliseconds after which a step begins no other secret: copying large ones takes its time. */
const longestStep = 1_000;

interface State {
  readonly task: Task;
  readonly asked: Asked;
  readonly phase: 'count' | 'work';
  /** Where the walk is; null at its beginning. */
  readonly position: string | null;
  /** Secrets counted: all there are once the phase is `work`. */
  readonly counted: number;
  /** Secrets that had their turn. */
  readonly done: number;
  readonly tally: Tally;
}

export function jobType(verb: Verb): string {
  return `secrets-${verb}`;
}

export function firstState(task: Task, asked: Asked): JsonObject {
  const state: State = {
    task,
    asked,
    phase: 'count',
    position: null,
    counted: 0,
    done: 0,
    tally: nothingYet,
  };
  return state as unknown as JsonObject;
}

export function secretJobs(rooms: CoreRooms): readonly JobType[] {
  return (['move', 'copy', 'delete', 'remove', 'restore'] as const).map((verb) => ({
    type: jobType(verb),
    async step(json, context) {
      const state = json as unknown as State;
      const caller = await callerNow(rooms, context.requester, state.asked);
      const from = addressOf(state.task.from, rooms.mounts);
      return state.phase === 'count'
        ? countStep(rooms, state, from, caller)
        : workStep(rooms, state, from, caller, context);
    },
  }));
}

function walkOf(rooms: CoreRooms, state: State, at: Address, { acl }: Caller) {
  const where = { at, view: rooms.view(at.mount.entry.uuid), acl, folder: at.name };
  return walk(where, state.position ?? undefined);
}

async function countStep(rooms: CoreRooms, state: State, from: Address, caller: Caller): Promise<JobStep> {
  let { position, counted } = state;
  let passed = 0;
  let phase: State['phase'] = 'work';
  for await (const step of walkOf(rooms, state, from, caller)) {
    position = step.position;
    if (step.name !== undefined) counted += 1;
    if (++passed < countedAStep) continue;
    phase = 'count';
    break;
  }
  const next: State = { ...state, phase, position: phase === 'work' ? null : position, counted };
  return {
    state: next as unknown as JsonObject,
    progress: { done: 0, total: phase === 'work' ? counted : null },
  };
}

async function workStep(
  rooms: CoreRooms,
  state: State,
  from: Address,
  caller: Caller,
  context: JobContext,
): Promise<JobStep> {
  let { position, done, tally } = state;
  let batch: Batch = emptyBatch;
  let passed = 0;
  let ended = true;
  const began = context.clock.now();
  for await (const step of walkOf(rooms, state, from, caller)) {
    if (step.name !== undefined) {
      const turn = turnOf(rooms, state, { ...from, name: step.name }, caller, context);
      const outcome = await prepareOrSkip(turn);
      if (outcome.kind === 'change') {
        const larger = withChange(batch, outcome.prepared, mostStepItems);
        // It has its turn again in the next step, as nobody has seen anything of it yet.
        ended = larger !== undefined;
        if (larger === undefined) break;
        batch = larger;
      }
      ({ done, tally } = counted({ done, tally }, fullName(from, step.name), outcome));
    }
    position = step.position;
    if (++passed < passedAStep && context.clock.now() - began < longestStep) continue;
    ended = false;
    break;
  }
  const next: State = { ...state, position, done, tally };
  return {
    state: next as unknown as JsonObject,
    writes: batch.writes,
    expectations: batch.expectations.length > 0 ? batch.expectations : caller.guards,
    progress: { done, total: Math.max(state.counted, done) },
    ...(ended ? { result: resultOf(state.task, tally) } : {}),
  };
}

function turnOf(rooms: CoreRooms, { task }: State, from: Address, caller: Caller, context: JobContext): Turn {
  const target = task.to === null ? undefined : addressOf(task.to, rooms.mounts);
  const to =
    target === undefined
      ? undefined
      : { ...target, name: target.name + from.name.slice(task.from.name.length) };
  return { rooms, task, caller, from, to, job: context.id, fence: [context.fence] };
}

type SubtreeOutcome = Outcome | { readonly kind: 'unfit'; readonly text: string };

/** One secret that is damaged, or that the target cannot take, does not keep the others from their turn. */
async function prepareOrSkip(turn: Turn): Promise<SubtreeOutcome> {
  try {
    return await prepareChange(turn);
  } catch (error) {
    const text = unfitText(error);
    if (text === undefined) throw error;
    return { kind: 'unfit', text };
  }
}

function counted(
  { done, tally }: Pick<State, 'done' | 'tally'>,
  path: string,
  outcome: SubtreeOutcome,
): Pick<State, 'done' | 'tally'> {
  switch (outcome.kind) {
    case 'change':
      return { done: done + 1, tally: { ...tally, changed: tally.changed + 1 } };
    case 'unchanged':
      return { done: done + 1, tally: { ...tally, unchanged: tally.unchanged + 1 } };
    case 'unfit':
      return { done: done + 1, tally: withSkipped(tally, { path, reason: outcome.text }) };
    case 'skip':
      // Somebody else took it away before its turn.
      if (outcome.reason === 'absent') return { done: done + 1, tally };
      return { done: done + 1, tally: withSkipped(tally, { path, reason: reasonText(outcome.reason) }) };
  }
}
