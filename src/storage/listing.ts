/**
 * Paging for stores that can seek: what `children` and `range` of the seam mean, written once. A store brings a function
 * that walks keys (or records) in order from a starting text on.
 */
import { CofferError } from '../errors.ts';
import { type KeyedRecord, type Page, type PageRequest, storageLimits } from './storage.ts';

/** A page of records ends early once it holds this many bytes of values. */
const rangePageBytes = 4 * 1024 * 1024;

/** `/` is 0x2f and `0` is 0x30: nothing sorts between the last key of a folder and the folder's name with `0` behind it. */
const afterSlash = '0';

/** Names directly below `prefix`; a folder is left by seeking past it, never by walking it. */
export function pageOfChildren(
  prefix: string,
  page: PageRequest,
  keysFrom: (start: string) => Iterable<string>,
): Page<string> {
  checkLimit(page.limit);
  checkText(prefix + (page.after ?? ''));
  if (prefix !== '' && !prefix.endsWith('/')) {
    throw new CofferError('invalid_request', 'a prefix to list is empty or ends in /');
  }
  const items: string[] = [];
  let start: string | undefined = page.after === undefined ? prefix : behindChild(prefix, page.after);
  while (start !== undefined) {
    let folder: string | undefined;
    for (const key of keysFrom(start)) {
      if (!key.startsWith(prefix)) break;
      const slash = key.indexOf('/', prefix.length);
      const name = slash < 0 ? key.slice(prefix.length) : key.slice(prefix.length, slash + 1);
      if (items.length === page.limit) return nextPage(items, items[items.length - 1]);
      items.push(name);
      if (slash < 0) continue;
      folder = name;
      break;
    }
    start = folder === undefined ? undefined : behindChild(prefix, folder);
  }
  return { items };
}

/** Records whose key starts with `prefix`. */
export function pageOfRange(
  prefix: string,
  page: PageRequest,
  recordsFrom: (start: string) => Iterable<KeyedRecord>,
): Page<KeyedRecord> {
  checkLimit(page.limit);
  checkText(prefix);
  checkText(page.after ?? '');
  const items: KeyedRecord[] = [];
  let bytes = 0;
  for (const record of recordsFrom(rangeStart(prefix, page.after))) {
    if (!record.key.startsWith(prefix)) break;
    if (items.length === page.limit || bytes >= rangePageBytes) {
      return nextPage(items, items[items.length - 1]?.key);
    }
    items.push(record);
    bytes += record.value.length;
  }
  return { items };
}

/** The first text a walk of `prefix` may begin at; a key and NUL is the smallest text behind the key. */
function rangeStart(prefix: string, after: string | undefined): string {
  if (after === undefined) return prefix;
  if (!after.startsWith(prefix)) {
    throw new CofferError('invalid_request', 'the item to go on after does not lie below the prefix');
  }
  return `${after}\0`;
}

function behindChild(prefix: string, name: string): string {
  const slash = name.indexOf('/');
  if (slash < 0) return `${prefix}${name}\0`;
  if (slash !== name.length - 1) {
    throw new CofferError('invalid_request', 'the item to go on after is a name with at most a trailing /');
  }
  return `${prefix}${name.slice(0, -1)}${afterSlash}`;
}

function nextPage<T>(items: readonly T[], next: string | undefined): Page<T> {
  return next === undefined ? { items } : { items, next };
}

function checkLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > storageLimits.pageItems) {
    throw new CofferError('invalid_request', `a page holds 1 to ${storageLimits.pageItems} items`);
  }
}

function checkText(text: string): void {
  if (Buffer.byteLength(text) > storageLimits.keyBytes || text.includes('\0') || !text.isWellFormed()) {
    throw new CofferError(
      'invalid_request',
      `what is listed is well-formed text without NUL of at most ${storageLimits.keyBytes} bytes`,
    );
  }
}

/** Throws `invalid_request` for more keys than one multi-get takes. */
export function checkReadMany(keys: readonly string[]): void {
  if (keys.length > storageLimits.readKeys) {
    throw new CofferError('invalid_request', `a multi-get names at most ${storageLimits.readKeys} keys`);
  }
}
