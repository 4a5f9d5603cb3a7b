/** The guard between a registry that lost applications and their users. Pure: what follows from numbers. */

export interface Loss {
  /** Applications that would go now. */
  readonly lost: number;
  /** Active ones now, those that would go among them. */
  readonly active: number;
  /** Of the active ones and those that went within the window, how many were there before it began. */
  readonly older: number;
  /** That went within the window because of the registry, and are gone yet. */
  readonly before: number;
  /** From 0 to 1. */
  readonly limit: number;
  /** The registry lists nothing at all. */
  readonly isEmpty: boolean;
}

/**
 * How many may go within one window: as large a part of those that were active as `limit` says, and one in any case, so that a small fleet can retire its
 * applications one by one. None where the limit is 0. Applications that came within the window count for no more than those that were there before it: a
 * registry must not make room for a loss by inventing applications.
 */
export function allowance({ active, before, older, limit }: Omit<Loss, 'lost' | 'isEmpty'>): number {
  if (limit <= 0) return 0;
  const all = active + before;
  const fleet = older === 0 ? all : Math.min(all, 2 * older);
  // What is a whole number on paper may be a little less in floating point.
  return Math.max(1, Math.floor(fleet * limit + 1e-9));
}

/** Whether a loss is ordinary. An empty list never is: it is what a registry answers that has lost its table. */
export function isOrdinary(loss: Loss): boolean {
  if (loss.lost === 0) return true;
  return !loss.isEmpty && loss.before + loss.lost <= allowance(loss);
}
