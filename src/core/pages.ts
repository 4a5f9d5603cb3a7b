/** Going through all pages of a listing. What is written meanwhile may or may not be seen. */
import { type Page, type PageRequest, storageLimits } from '../storage/storage.ts';

/** Reads one page of a listing. */
export type ReadPage<T> = (page: PageRequest) => Promise<Page<T>>;

/** Every item (behind `from`), page by page: the next page is read once the items of this one are dealt with. */
export async function* everyItem<T>(
  read: ReadPage<T>,
  limit: number = storageLimits.pageItems,
  from?: string,
): AsyncGenerator<T> {
  let after = from;
  do {
    const page = await read({ limit, ...(after === undefined ? {} : { after }) });
    yield* page.items;
    after = page.next;
  } while (after !== undefined);
}

/** All items at once. */
export async function allItems<T>(read: ReadPage<T>): Promise<readonly T[]> {
  const items: T[] = [];
  for await (const item of everyItem(read)) items.push(item);
  return items;
}
