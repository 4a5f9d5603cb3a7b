/**
 * The job after a rotation: seals every record anew under the newest term, in passes over the whole store, until a pass finds
 * nothing left to do. Then no record is sealed under the older terms any more, and they retire.
 */
import type { Terms } from '../../barrier/store.ts';
import type { JsonObject } from '../../json.ts';
import { bumpEpoch } from '../epoch.ts';
import type { JobContext, JobStep, JobType, NewJob } from '../job/job.ts';

export const resealJobType = 'reseal';

/**
 * How long a retired term's key is kept, in milliseconds. A process that learned of no rotation may have sealed a record
 * under it and be paused before its commit: what comes so late still opens.
 */
const keptFor = 30 * 86_400_000;

interface ResealState {
  readonly term: number;
  /** Where in the store the pass is. */
  readonly after: string | null;
  readonly passes: number;
  /** Records looked at in this pass. */
  readonly seen: number;
  /** Records of this pass that the next one must look at again. */
  readonly unsettled: number;
  /** Records of this pass that do not open. */
  readonly damaged: number;
  /** Records sealed anew in all passes. */
  readonly resealed: number;
}

/** The job that follows the rotation to `term`. */
export function resealJob(term: number): NewJob {
  const state: ResealState = {
    term,
    after: null,
    passes: 0,
    seen: 0,
    unsettled: 0,
    damaged: 0,
    resealed: 0,
  };
  return { type: resealJobType, state: { ...state }, subject: `records sealed under terms before ${term}` };
}

/** What a job did with older terms: it has no line of a request. */
export type AnnounceTerms = (did: {
  readonly term: number;
  readonly retired: readonly number[];
  readonly dropped: readonly number[];
}) => Promise<void>;

export function resealJobWorker(terms: Terms, announce?: AnnounceTerms): JobType {
  return {
    type: resealJobType,
    async step(stored: JsonObject, context: JobContext): Promise<JobStep> {
      const state = stored as unknown as ResealState;
      const newest = await terms.newestTerm();
      if (newest.id > state.term) return ended(state, { superseded_by: newest.id });
      const page = await terms.resealPage(state.after ?? undefined, [context.fence]);
      const next: ResealState = {
        ...state,
        after: page.next ?? null,
        seen: state.seen + page.seen,
        unsettled: state.unsettled + page.resealed + page.missed,
        damaged: state.damaged + page.damaged.length,
        resealed: state.resealed + page.resealed,
      };
      if (next.after !== null) return going(next);
      if (next.unsettled > 0) {
        return going({ ...next, passes: next.passes + 1, seen: 0, unsettled: 0, damaged: 0 });
      }
      // What does not open may need an old key yet: somebody may put the record right.
      if (next.damaged > 0) return ended(next, { damaged: next.damaged, retired: [], dropped: [] });
      const last = await retire(terms, newest.older, next, context);
      await announce?.({ term: next.term, ...last.did });
      return last.step;
    },
  };
}

async function retire(
  terms: Terms,
  retired: readonly number[],
  state: ResealState,
  { store, clock, fence }: JobContext,
): Promise<{
  readonly step: JobStep;
  readonly did: { readonly retired: readonly number[]; readonly dropped: readonly number[] };
}> {
  const bump = await bumpEpoch(store, 'keyring');
  const dropped = await terms.retireTerms(
    { firstInUse: state.term, droppedBefore: clock.now() - keptFor },
    [bump.write],
    [bump.expectation, fence],
  );
  return {
    step: ended(state, { damaged: 0, retired: [...retired], dropped: [...dropped] }),
    did: { retired, dropped },
  };
}

function going(state: ResealState): JobStep {
  return { state: { ...state }, progress: { done: state.seen, total: null } };
}

function ended(state: ResealState, result: JsonObject): JobStep {
  return {
    state: { ...state },
    progress: { done: state.seen, total: state.seen },
    result: { term: state.term, resealed: state.resealed, ...result },
  };
}
