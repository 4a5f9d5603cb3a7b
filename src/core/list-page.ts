/**
 * Lists that are asked for in pieces: `after` and `limit`, as kv's metadata takes them. A piece costs what it shows and not what
 * there is. Without them a list is whole, up to a bound that its answer tells of.
 */
import { CofferError } from '../errors.ts';
import { storageLimits } from '../storage/storage.ts';
import type { Fields, Reply } from './endpoint.ts';
import { everyItem, type ReadPage } from './pages.ts';

/** For an endpoint's `fields`. */
export const pageFields = {
  after: { type: 'string', help: 'List names after this one.', query: true },
  limit: { type: 'int', help: 'Most names to list.', query: true },
} as const satisfies Fields;

export interface ListWish {
  /** Empty counts as absent. */
  readonly after?: string | undefined;
  /** 0 and less set no limit. */
  readonly limit?: number | undefined;
}

export interface Listed<T> {
  readonly items: readonly T[];
  /** Told to whoever set no limit and yet did not get all. */
  readonly warnings?: readonly string[];
}

/** Most names in one answer, also where the caller sets no limit. */
const mostListed = 1_000_000;

/** The names that a caller wishes for, as a reply. Throws `invalid_request` for an `after` that is no name. */
export async function listPage(read: ReadPage<string>, wish: ListWish): Promise<Reply> {
  const { items, ...rest } = await gather(itemsAfter(read, wish), wish, mostListed);
  return { data: { keys: items }, ...rest };
}

/** Every item behind `after`, read in pages no longer than what is wished for. */
export function itemsAfter<T>(read: ReadPage<T>, { after, limit }: ListWish): AsyncGenerator<T> {
  checkAfter(after);
  const most = storageLimits.pageItems;
  // One more than asked for would tell that there is more, which nobody is told.
  const size = limit !== undefined && limit > 0 ? Math.min(most, limit) : most;
  return everyItem(read, size, after === '' ? undefined : after);
}

/** As many of `all` as are wished for, and `most` at most. */
export async function gather<T>(
  all: AsyncIterable<T>,
  { limit }: ListWish,
  most: number,
): Promise<Listed<T>> {
  const wanted = limit !== undefined && limit > 0 ? Math.min(limit, most) : most;
  const items: T[] = [];
  for await (const item of all) {
    // Whoever set none must not take a part for the whole.
    if (items.length === wanted) return { items, warnings: [more(most)] };
    items.push(item);
    if (items.length === limit) break;
  }
  return { items };
}

function more(most: number): string {
  return `only the first ${most} names are shown: ask again with "after" set to the last of them`;
}

/** Throws `invalid_request` for what no name can be: the place behind it could not be looked for. */
export function checkAfter(after: string | undefined): void {
  if (after === undefined) return;
  const isName =
    Buffer.byteLength(after) <= storageLimits.keyBytes && !after.includes('\0') && after.isWellFormed();
  if (!isName) throw new CofferError('invalid_request', 'after is a name that was listed, or could be');
}
