/**
 * Going through the secrets below a folder in order, a bounded piece at a time. Folders that the caller may not list are not
 * entered, and secrets that a rule denies are passed over: what the walk shows is what the caller may see.
 */

import type { Acl } from '../policy/acl.ts';
import type { View } from '../view.ts';
import type { TreeMount } from './address.ts';
import { isHidden, mayList } from './rights.ts';

export interface Walk {
  readonly at: TreeMount;
  readonly view: View;
  readonly acl: Acl;
  /** Empty or with a trailing `/`. */
  readonly folder: string;
}

export interface Step {
  /** Below the folder: where to go on. With a trailing `/` it is a folder that was passed over. */
  readonly position: string;
  /** The secret's name below the mount; undefined for what is not shown. */
  readonly name: string | undefined;
}

const pageItems = 200;

/** What lies behind `after` (a position, or undefined for all). What is written meanwhile may or may not be seen. */
export async function* walk(walk: Walk, after: string | undefined): AsyncGenerator<Step> {
  yield* below(walk, '', after);
}

async function* below(walk: Walk, folder: string, after: string | undefined): AsyncGenerator<Step> {
  let from = after;
  const slash = after?.indexOf('/') ?? -1;
  if (after !== undefined && slash >= 0) {
    from = after.slice(0, slash + 1);
    const rest = after.slice(slash + 1);
    // Without a rest it is a folder that is done with.
    if (rest !== '' && mayEnter(walk, folder + from)) yield* below(walk, folder + from, rest);
  }
  for (;;) {
    const page = await walk.at.tree.children(walk.view, walk.folder + folder, {
      limit: pageItems,
      ...(from === undefined ? {} : { after: from }),
    });
    for (const item of page.items) yield* visit(walk, folder + item);
    if (page.next === undefined) return;
    from = page.next;
  }
}

async function* visit(walk: Walk, position: string): AsyncGenerator<Step> {
  if (!position.endsWith('/')) {
    const name = walk.folder + position;
    yield { position, name: isHidden(walk.acl, walk.at, name) ? undefined : name };
  } else if (mayEnter(walk, position)) yield* below(walk, position, undefined);
  else yield { position, name: undefined };
}

function mayEnter(walk: Walk, position: string): boolean {
  return mayList(walk.acl, walk.at, walk.folder + position);
}
