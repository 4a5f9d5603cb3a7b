import { CofferError, ConflictError } from '../errors.ts';

/** Tries before giving up on a record that somebody else keeps changing. */
const mostTries = 200;

/**
 * Repeats an attempt that reads, decides and commits, for as long as its commit meets a conflict. The attempt must read
 * afresh each time. Throws what the attempt throws otherwise, and `unavailable` when it never gets through.
 */
export async function retryOnConflict<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; tries < mostTries; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }
  throw new CofferError('unavailable', 'too many concurrent changes to one record; try again');
}
