/**
 * What a prefix of lease ids reaches. A lease is named for the path that made it, and keeps its name when its mount moves: whoever
 * ends everything below the mount's path of now means those leases too.
 */
import type { MountEntry } from '../mount/entry.ts';

export interface LeaseReach {
  readonly prefix: string;
  /** Only leases of this mount, by uuid; undefined for whatever is there. */
  readonly mount?: string;
}

/** The prefix itself comes first. */
export function reachOf(
  prefix: string,
  mounts: readonly { readonly entry: MountEntry }[],
): readonly [LeaseReach, ...LeaseReach[]] {
  const folder = prefix.endsWith('/') ? prefix : `${prefix}/`;
  const former = mounts.flatMap(({ entry: { path, uuid, formerPaths = [] } }) => {
    if (path.startsWith(folder)) return formerPaths.map((each) => ({ prefix: each.path, mount: uuid }));
    if (!folder.startsWith(path)) return [];
    const rest = folder.slice(path.length);
    return formerPaths.map((each) => ({ prefix: each.path + rest, mount: uuid }));
  });
  return [{ prefix }, ...former];
}
