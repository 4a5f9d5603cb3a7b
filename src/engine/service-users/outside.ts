/** Calls to the outside: in their turn at a place, under the duty's fence, and no longer than is decent. */
import { asCofferError, CofferError, ConflictError } from '../../errors.ts';
import { RateLimited } from '../../service-user/provider.ts';
import type { OutsideTurn } from '../engine.ts';
import { type Gate, GaveWay } from './gate.ts';

/** Milliseconds that one call may take. */
export const callTime = 10_000;
/** Milliseconds of a pause whose length the other side does not say. */
const unsaidPause = 90_000;

export interface Place {
  readonly gate: Gate;
  /** Calls side by side. */
  readonly limit: number;
}

/**
 * Throws `GaveWay` where the place is left alone, also when it has just asked for that; `conflict` where the duty was lost; `unavailable` where no answer
 * came in time; and what the call throws.
 */
export async function callOutside<T>(
  { gate, limit }: Place,
  turn: OutsideTurn,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  await gate.enter(limit);
  let signal: AbortSignal | undefined;
  try {
    const answer = await turn.outside(callTime, (given) => {
      signal = given;
      return call(given);
    });
    gate.answered();
    return answer;
  } catch (error) {
    throw learned(gate, error, signal?.aborted === true);
  } finally {
    gate.leave();
  }
}

function learned(gate: Gate, error: unknown, late: boolean): unknown {
  if (isOfTheDuty(error)) return error;
  const known = asCofferError(error);
  if (known.code === 'rate_limited') {
    const asked = known instanceof RateLimited ? known.pause : undefined;
    return new GaveWay('rate_limited', known.message, gate.paused(asked ?? unsaidPause));
  }
  if (!late) {
    gate.answered();
    return error;
  }
  gate.silent();
  const text = `there was no answer within ${callTime / 1_000} seconds`;
  return new CofferError('unavailable', text, { cause: error });
}

/** What says nothing of the place: the duty has moved on, or the store is sealed. */
export function isOfTheDuty(error: unknown): boolean {
  return error instanceof ConflictError || (error instanceof CofferError && error.code === 'sealed');
}
