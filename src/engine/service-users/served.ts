/** How many of the rotations that were asked for are done. */
import type { Application } from './application.ts';
import type { ApplicationState, KindState } from './state.ts';

/** `RotationRequest.count` up to which every kind that was asked for has been rotated; of an emergency, with all that was old ended. */
export function servedNow({ request }: Application, { served, kinds, user }: ApplicationState): number {
  if (request.count <= served || user !== 'present') return served;
  const done = request.kinds.every((of) => isServed(kinds[of], request.count, request.emergency));
  return done ? request.count : served;
}

function isServed(kind: KindState, count: number, emergency: boolean): boolean {
  // The provider has none of the kind.
  if (kind.ends === null) return true;
  if (kind.request < count) return false;
  const { step } = kind;
  if (step === 'idle') return true;
  return !emergency && (step === 'overlap' || step === 'retiring');
}
