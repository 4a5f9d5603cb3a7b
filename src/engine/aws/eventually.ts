/** IAM answers from many places, and one of them may not know yet what another has just made. */
import type { Clock } from '../../clock.ts';
import { isUnknownToAws } from './refusal.ts';

/** Milliseconds before each further try. */
const pauses = [250, 500, 1_000, 2_000, 4_000];

/** So many of them where IAM has the user: then something else is missing, most likely for good. */
const pausesOfKnown = 1;

/**
 * Does something about a new user again for as long as IAM does not know what it is about. Rejects with what the last try rejected with.
 *
 * @param isKnown resolves where IAM has the user
 */
export async function onceKnown<T>(
  clock: Clock,
  action: () => Promise<T>,
  isKnown: () => Promise<unknown>,
): Promise<T> {
  for (const [tries, pause] of pauses.entries()) {
    try {
      return await action();
    } catch (error) {
      if (!isUnknownToAws(error)) throw error;
      const known = await isKnown().then(
        () => true,
        () => false,
      );
      if (known && tries >= pausesOfKnown) throw error;
      await waited(clock, pause);
    }
  }
  return action();
}

export function waited(clock: Clock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(milliseconds, resolve);
  });
}
