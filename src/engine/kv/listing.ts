/** Names of secrets, as LIST and SCAN answer them: in the order of their UTF-8 bytes, a page at a time. */
import type { Reply, ResponseSchema } from '../../core/endpoint.ts';
import type { View } from '../../core/view.ts';

export const listFields = {
  after: { type: 'string', help: 'List names after this one.', query: true },
  limit: { type: 'int', help: 'Most names to list.', query: true },
} as const;

export const listSchema = { keys: { type: 'list' } } as const satisfies ResponseSchema;

export interface ListWish {
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

/** Most names in one answer, also where the caller sets no limit. */
const mostListed = 1_000_000;
/** A scan goes through folders one by one. */
const mostScanned = 100_000;
const page = 1_000;

/** Names directly below a folder of the view; folders end in `/`. */
export function listNames(view: View, folder: string, wish: ListWish): Promise<Reply> {
  return gather(namesBelow(view, folder, wish.after ?? '', wish.limit), wish, mostListed);
}

/** All names below a folder of the view, however deep, relative to it. */
export function scanNames(view: View, folder: string, wish: ListWish): Promise<Reply> {
  return gather(pathsBelow(view, folder, wish.after ?? '', wish.limit), wish, mostScanned);
}

async function gather(names: AsyncIterable<string>, { limit }: ListWish, most: number): Promise<Reply> {
  const wanted = limit !== undefined && limit > 0 ? Math.min(limit, most) : most;
  const keys: string[] = [];
  for await (const name of names) {
    if (keys.length === wanted) {
      // Whoever set a limit expects it to cut; whoever set none must not take a part for the whole.
      return limit === wanted ? { data: { keys } } : { data: { keys }, warnings: [more(most)] };
    }
    keys.push(name);
  }
  return { data: { keys } };
}

function more(most: number): string {
  return `only the first ${most} names are shown: ask again with "after" set to the last of them`;
}

async function* namesBelow(
  view: View,
  folder: string,
  from: string,
  limit: number | undefined,
): AsyncGenerator<string> {
  let after = from === '' ? undefined : from;
  do {
    const found = await view.children(folder, {
      limit: limit !== undefined && limit > 0 ? Math.min(page, limit + 1) : page,
      ...(after === undefined ? {} : { after }),
    });
    yield* found.items;
    after = found.next;
  } while (after !== undefined);
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
