/** Names in all folders below one, as SCAN answers them: in the order of whole paths, a page at a time. */
import type { Reply } from './endpoint.ts';
import { gather, itemsAfter, type ListWish } from './list-page.ts';
import type { View } from './view.ts';

/** A scan goes through folders one by one. */
const mostScanned = 100_000;

/** All names below a folder of the view, however deep, relative to it. */
export async function scanNames(view: View, folder: string, wish: ListWish): Promise<Reply> {
  const names = pathsBelow(view, folder, wish.after ?? '', wish.limit);
  const { items, ...rest } = await gather(names, wish, mostScanned);
  return { data: { keys: items }, ...rest };
}

function namesBelow(
  view: View,
  folder: string,
  after: string,
  limit: number | undefined,
): AsyncGenerator<string> {
  return itemsAfter((page) => view.children(folder, page), { after, limit });
}

/** Goes into each folder where it stands among the names, so that the order is that of whole paths. */
async function* pathsBelow(
  view: View,
  folder: string,
  after: string,
  limit: number | undefined,
): AsyncGenerator<string> {
  const slash = after.indexOf('/');
  const inside = slash < 0 ? undefined : after.slice(0, slash + 1);
  if (inside !== undefined) {
    for await (const path of pathsBelow(view, folder + inside, after.slice(slash + 1), limit)) {
      yield inside + path;
    }
  }
  for await (const name of namesBelow(view, folder, inside ?? after, limit)) {
    if (!name.endsWith('/')) yield name;
    else for await (const path of pathsBelow(view, folder + name, '', limit)) yield name + path;
  }
}
