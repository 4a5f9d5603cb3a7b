/** What a start does about a term that may seal nothing more. */
import type { Barrier } from '../barrier/barrier.ts';
import { sealLimit } from '../barrier/seal-budget.ts';
import { ConflictError } from '../errors.ts';

/**
 * A term with nothing left would not even let the audit log begin. Older records are sealed anew after the next rotation. Answers the
 * new term, if this process added one.
 */
export async function rotateIfUsedUp(barrier: Barrier): Promise<number | undefined> {
  const { id, seals } = await barrier.newestTerm();
  if (seals < sealLimit) return undefined;
  try {
    return await barrier.rotate();
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    await barrier.reloadKeyring();
    if ((await barrier.newestTerm()).id === id) throw error;
    return undefined;
  }
}
