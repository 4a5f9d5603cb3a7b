/**
 * Ends of versions: trimmed ones, and all of a key that is gone. A key's record says first what may not be used any more; the
 * versions follow in steps, and an entry that falls due at once does again what a crash cut off.
 */
import type { DueEntry, View } from '../../core/view.ts';
import { decodeKey, keyPath, versionAt, versionsOf } from './key-record.ts';

const goneFolder = 'gone/';
const trimFolder = 'trim/';
/** Deletions in one commit. */
const step = 40;

/** Versions below `id` go unless the key `name` names that id. */
export function goneEntry(name: string, id: string, at: number): DueEntry {
  return { at, name: `${goneFolder}${id}/${name}` };
}

/** Versions of a key below its least available one go. */
export function trimEntry(name: string, at: number): DueEntry {
  return { at, name: trimFolder + name };
}

/** Whether an entry was one of these; then it is done. */
export async function onRemovalDue(view: View, name: string): Promise<boolean> {
  if (name.startsWith(goneFolder)) {
    const [, id = '', key = ''] = name.split('/');
    await removeGone(view, key, id);
    return true;
  }
  if (!name.startsWith(trimFolder)) return false;
  await removeTrimmed(view, name.slice(trimFolder.length));
  return true;
}

export async function removeGone(view: View, name: string, id: string): Promise<void> {
  const stored = await view.read(keyPath(name));
  if (stored !== undefined && decodeKey(stored.open()).id === id) return;
  await removeBelow(view, id, Number.POSITIVE_INFINITY);
}

export async function removeTrimmed(view: View, name: string): Promise<void> {
  const stored = await view.read(keyPath(name));
  if (stored === undefined) return;
  const { id, minAvailableVersion } = decodeKey(stored.open());
  await removeBelow(view, id, minAvailableVersion);
}

async function removeBelow(view: View, id: string, below: number): Promise<void> {
  for (;;) {
    const page = await view.range(versionsOf(id), { limit: step });
    const paths = page.items.map(({ path }) => path).filter((path) => versionAt(path) < below);
    if (paths.length === 0) return;
    await view.commit(paths.map((path) => ({ path, value: null })));
    if (paths.length < page.items.length || page.next === undefined) return;
  }
}
