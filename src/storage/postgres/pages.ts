/** Lists, a page a statement. What a page is, and which requests are refused, is `../listing.ts`'s to say. */

import { compareKeys } from '../key-order.ts';
import { pageOfChildren, pageOfRange } from '../listing.ts';
import type { KeyedRecord, Page, PageRequest, Revision, StorageKey } from '../storage.ts';
import { numberOf, ownBytes, type RawRow, type Statement, type Value } from './messages.ts';
import type { Statements } from './statements.ts';

type Ask = (statement: Statement, values: readonly Value[]) => Promise<readonly RawRow[]>;

/** A page of records ends early once it holds this many bytes of values. */
const pageBytes = 2 * 1024 * 1024;
/** No byte of UTF-8 is this large: nothing that begins with a prefix sorts behind the prefix and it. */
const behindAll = Buffer.from([0xff]);

export async function askChildren(
  { children }: Statements,
  prefix: string,
  page: PageRequest,
  ask: Ask,
): Promise<Page<string>> {
  let start = '';
  pageOfChildren(prefix, page, (from) => {
    start = from;
    return [];
  });
  const length = Buffer.byteLength(prefix);
  const rows = await ask(children, [Buffer.from(start), endOf(prefix), length, page.limit + 1]);
  const keys = rows.map(([key]) => key?.toString() ?? '');
  // The rows are the first keys of each child: a walk of them finds the children of a walk of all keys.
  return pageOfChildren(prefix, page, (from) => keys.filter((key) => compareKeys(key, from) >= 0));
}

export async function askRange(
  { range }: Statements,
  prefix: string,
  page: PageRequest,
  ask: Ask,
): Promise<Page<KeyedRecord>> {
  let start = '';
  pageOfRange(prefix, page, (from) => {
    start = from;
    return [];
  });
  const rows = await ask(range, [Buffer.from(start), endOf(prefix), page.limit + 1, pageBytes]);
  const found = rows.map(recordOf);
  const items = found.slice(0, page.limit);
  const bytes = items.reduce((sum, { value }) => sum + value.length, 0);
  const last = items.at(-1);
  // Cut by bytes there may be more: the next page tells.
  const more = found.length > items.length || bytes >= pageBytes;
  return last === undefined || !more ? { items } : { items, next: last.key };
}

function endOf(prefix: string): Buffer {
  return Buffer.concat([Buffer.from(prefix), behindAll]);
}

function recordOf([key, revision, value]: RawRow): KeyedRecord {
  return {
    key: (key?.toString() ?? '') as StorageKey,
    value: ownBytes(value),
    revision: numberOf(revision) as Revision,
  };
}
