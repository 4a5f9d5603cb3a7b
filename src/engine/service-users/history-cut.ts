/** Keeps an application's history bounded: the oldest entries go, now and then. */
import type { View } from '../../core/view.ts';
import { historyFolder, mostEntries } from './history.ts';

/** Entries of the machine's own after which it is looked how many there are. */
export const cutEvery = 24;
/** Entries removed in one commit. */
const atOnce = 40;

/** Reads names alone, and no more of them than are kept. */
export async function cutHistory(view: View, id: string): Promise<void> {
  const folder = historyFolder(id);
  // Newer ones sort first.
  const kept = await view.children(folder, { limit: mostEntries });
  let after = kept.next;
  while (after !== undefined) {
    const { items, next } = await view.children(folder, { limit: atOnce, after });
    if (items.length > 0) await view.commit(items.map((name) => ({ path: folder + name, value: null })));
    after = next;
  }
}
