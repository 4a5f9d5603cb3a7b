/**
 * What became of an item of Coffer's own format: deleted, so that it can come back until a time; or destroyed, its value gone and only
 * the number left, so that no later version ever has it again. Nothing authenticates these marks: whoever may write the table
 * could as well delete the item.
 */

import { type Item, optionalNumber } from './item.ts';
import type { Change } from './item-store.ts';

export type ItemState =
  | { readonly kind: 'live' }
  /** Times in milliseconds since 1970. */
  | { readonly kind: 'deleted'; readonly at: number; readonly until: number }
  | { readonly kind: 'destroyed'; readonly at: number };

/** A deletion whose time to come back is over counts as destroyed, whether or not somebody has cleaned up. */
export function stateOf(item: Item, now: number): ItemState {
  const destroyed = optionalNumber(item, 'destroyed');
  if (destroyed !== undefined) return { kind: 'destroyed', at: destroyed };
  const at = optionalNumber(item, 'deleted');
  if (at === undefined) return { kind: 'live' };
  const until = optionalNumber(item, 'restore_until') ?? at;
  return until > now ? { kind: 'deleted', at, until } : { kind: 'destroyed', at: until };
}

/** Whether a value is still there although nobody can have it back. */
export function isOverdue(item: Item, now: number): boolean {
  return optionalNumber(item, 'destroyed') === undefined && stateOf(item, now).kind === 'destroyed';
}

export function deletion(now: number, days: number): Change {
  return { set: { deleted: number(now), restore_until: number(now + days * 86_400_000) } };
}

export const restoring: Change = { remove: ['deleted', 'restore_until'] };

export function destruction(now: number): Change {
  return {
    set: { destroyed: number(now) },
    remove: ['key', 'contents', 'deleted', 'restore_until', 'comment'],
  };
}

function number(value: number): Item[string] {
  return { N: String(value) };
}
