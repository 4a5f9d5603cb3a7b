/** Pages of names and records. Each page is a list of Consul's of its own, read until the page is full; values are read for what is on it. */
import { compareKeys } from '../key-order.ts';
import { pageOfChildren, pageOfRange } from '../listing.ts';
import {
  type KeyedRecord,
  type Page,
  type PageRequest,
  type Revision,
  type StorageKey,
  storageLimits,
} from '../storage.ts';
import { folderNameOf, keyOfName, nameOf } from './key-name.ts';
import type { Ways } from './layout.ts';
import { namesFrom } from './names.ts';
import { type KvEntry, readKeys } from './txn.ts';

/** A page of records ends early once it holds this many bytes of values. */
const rangePageBytes = 4 * 1024 * 1024;

/** Rejects with `invalid_request` for what can't be listed, `Refusal` and `AgentLost`. */
export async function listChildren(
  { agent, layout }: Ways,
  prefix: string,
  page: PageRequest,
): Promise<Page<string>> {
  let start = '';
  // What may be asked, and where a page begins, is the same for every store.
  pageOfChildren(prefix, page, (from) => {
    start = from;
    return [];
  });
  const folder = layout.records + folderNameOf(prefix);
  const items: string[] = [];
  for await (const name of namesFrom(agent, folder, true)) {
    const child = keyOfName(name.slice(folder.length));
    if (compareKeys(prefix + child, start) < 0) continue;
    if (items.length === page.limit) return { items, next: items[items.length - 1] ?? '' };
    items.push(child);
  }
  return { items };
}

/** Rejects as `listChildren`. */
export async function listRange(ways: Ways, prefix: string, page: PageRequest): Promise<Page<KeyedRecord>> {
  pageOfRange(prefix, page, () => []);
  const names = await namesOfPage(ways, prefix, page);
  const items: KeyedRecord[] = [];
  let bytes = 0;
  let last: string | undefined;
  for (let start = 0; start < names.length; start += storageLimits.readKeys) {
    const batch = names.slice(start, start + storageLimits.readKeys);
    const entries = await readKeys(ways.agent, batch);
    for (const entry of entries) {
      if (items.length === page.limit || bytes >= rangePageBytes) return { items, next: last ?? '' };
      const record = recordOf(ways, entry);
      last = keyOfName(entry.key.slice(ways.layout.records.length));
      // Deleted since it was listed.
      if (record === undefined) continue;
      items.push(record);
      bytes += record.value.length;
    }
  }
  // The last name is there to show that there is more.
  return names.length > page.limit && last !== undefined ? { items, next: last } : { items };
}

/** One more than the page holds. */
async function namesOfPage(
  { agent, layout }: Ways,
  prefix: string,
  { after, limit }: PageRequest,
): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const name of namesFrom(agent, layout.records + nameOf(prefix), false)) {
    if (after !== undefined && compareKeys(keyOfName(name.slice(layout.records.length)), after) <= 0)
      continue;
    names.push(name);
    if (names.length > limit) break;
  }
  return names;
}

export function recordOf(
  { layout }: Pick<Ways, 'layout'>,
  { key, value, index }: KvEntry,
): KeyedRecord | undefined {
  if (index === 0) return undefined;
  return {
    key: keyOfName(key.slice(layout.records.length)) as StorageKey,
    value,
    revision: index as Revision,
  };
}
