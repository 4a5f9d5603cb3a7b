/** Has the machine look at every application, a piece at a time: for settings of the mount that make something due earlier than it was. */
import type { DueEntry, View } from '../../core/view.ts';
import { applicationFolder, lookEntry } from './application.ts';

const name = 'sweep/';

/** Entries in one commit. */
const pieceSize = 40;

/** Begins from the first application; another one that is under way goes on beside it and does no harm. */
export function sweepEntry(at: number): DueEntry {
  return { at, name, outside: true };
}

/** The application behind which an entry goes on, empty for the first; undefined for an entry of something else. */
export function sweptUntil(entry: string): string | undefined {
  return entry.startsWith(name) ? entry.slice(name.length) : undefined;
}

/** One piece; the rest is due at once, in an entry of its own, so that a crash loses nothing. */
export async function sweep(view: View, after: string, now: number): Promise<void> {
  const page = await view.children(applicationFolder, {
    limit: pieceSize,
    ...(after === '' ? {} : { after }),
  });
  const due = page.items.map((id) => lookEntry(id, now));
  const rest =
    page.next === undefined ? [] : [{ at: now, name: name + page.next, outside: true } satisfies DueEntry];
  if (due.length + rest.length > 0) await view.commit([], [], [...due, ...rest]);
}
