/** What a registry took away lately: one record each, so that many small losses count together. */
import { everyItem } from '../../../core/pages.ts';
import { decodeStored, encodeStored } from '../../../core/stored-json.ts';
import type { View, ViewWrite } from '../../../core/view.ts';

interface StoredLoss {
  /** Milliseconds. */
  readonly at: number;
  /** Of the application. */
  readonly createdAt: number;
}

const folder = 'registry/lost/';

export function lossWrite(id: string, loss: StoredLoss | null): ViewWrite {
  return { path: folder + id, value: loss === null ? null : encodeStored(loss) };
}

export interface Losses {
  readonly count: number;
  /** Of these, applications that were there before the window began. */
  readonly older: number;
}

/** Those since a time, in milliseconds; earlier ones are forgotten. */
export async function lossesSince(view: View, since: number): Promise<Losses> {
  const over: string[] = [];
  let count = 0;
  let older = 0;
  for await (const record of everyItem((page) => view.range(folder, page))) {
    const { at, createdAt } = decodeStored<StoredLoss>(record.open());
    if (at < since) over.push(record.path);
    else {
      count += 1;
      if (createdAt < since) older += 1;
    }
  }
  await removeAll(view, over);
  return { count, older };
}

/** Once a person has looked at what a registry lost, counting begins anew. */
export async function forgetLosses(view: View): Promise<void> {
  const paths: string[] = [];
  for await (const record of everyItem((page) => view.range(folder, page))) paths.push(record.path);
  await removeAll(view, paths);
}

async function removeAll(view: View, paths: readonly string[]): Promise<void> {
  for (let from = 0; from < paths.length; from += 40) {
    await view.commit(paths.slice(from, from + 40).map((path) => ({ path, value: null })));
  }
}
