/**
 * Lists. Nothing here scans the table: a page is one request where its prefix has one root, as the lists of a server have, and its names
 * no folders. A folder is left by seeking past it, which is a request for each. What a page is, and which requests are refused,
 * is `../listing.ts`'s to say.
 */
import type { AttributeMap, DynamoClient } from '../../aws/dynamo.ts';
import { compareKeys } from '../key-order.ts';
import { pageOfChildren, pageOfRange } from '../listing.ts';
import type { KeyedRecord, Page, PageRequest } from '../storage.ts';
import { behindPrefix, keyOf, later, partitionOf, recordOf, settledRoot } from './layout.ts';
import { persist, type Surroundings } from './patience.ts';
import type { Roots } from './roots.ts';

export interface Lister {
  readonly client: DynamoClient;
  readonly table: string;
  readonly roots: Roots;
  readonly surroundings: Surroundings;
}

/** A page of records ends early once it holds this many bytes of values. */
const pageBytes = 2 * 1024 * 1024;
/** Keys that a list of names asks for at first: as many as a small folder has, and no more of a large one's folders than that. */
const firstKeys = 64;
const fewestKeys = 4;

interface Chunk {
  /** In order; all there are from the start on to the last of them. */
  readonly items: readonly AttributeMap[];
  /** Where to go on; undefined where nothing more starts with the prefix. */
  readonly next: string | undefined;
}

/** Takes at most so many items whose key starts with the walk's prefix, the first one not before `start`. */
type Walk = (start: string, most: number) => Promise<Chunk>;

export async function listChildren(lister: Lister, prefix: string, page: PageRequest): Promise<Page<string>> {
  let start: string | undefined = '';
  pageOfChildren(prefix, page, (from) => {
    start = from;
    return [];
  });
  const walk = await walkOf(lister, prefix, 'keys');
  const most = page.limit + 1;
  /** The first key of each child: a walk of them finds the children of a walk of all keys. */
  const firsts: string[] = [];
  let folder: string | undefined;
  for (let wanted = Math.min(most, firstKeys); start !== undefined && firsts.length < most; ) {
    const { items, next }: Chunk = await walk(start, wanted);
    const before = firsts.length;
    for (const item of items) {
      const key = keyOf(item);
      if (folder !== undefined && key.startsWith(folder)) continue;
      folder = folderOf(prefix, key);
      firsts.push(key);
    }
    const found = firsts.length - before;
    start = next === undefined ? undefined : startBehind(folder, next);
    // All were children: the folder is a flat one. Else most of what is read lies below folders that are only to be named.
    const growing = found === items.length ? wanted * 4 : Math.max(fewestKeys, found * 2);
    wanted = Math.min(growing, most - firsts.length);
  }
  return pageOfChildren(prefix, page, (from) => firsts.filter((key) => compareKeys(key, from) >= 0));
}

/** The folder directly below the prefix that the key is in, with the prefix. */
function folderOf(prefix: string, key: string): string | undefined {
  const slash = key.indexOf('/', prefix.length);
  return slash < 0 ? undefined : key.slice(0, slash + 1);
}

/** `/` is 0x2f and `0` is 0x30: nothing lies between the last key of a folder and the folder's name with `0` behind it. */
function startBehind(folder: string | undefined, next: string): string {
  return folder === undefined ? next : later(next, `${folder.slice(0, -1)}0`);
}

export async function listRange(
  lister: Lister,
  prefix: string,
  page: PageRequest,
): Promise<Page<KeyedRecord>> {
  let start: string | undefined = '';
  pageOfRange(prefix, page, (from) => {
    start = from;
    return [];
  });
  const walk = await walkOf(lister, prefix, 'records');
  const found: KeyedRecord[] = [];
  let bytes = 0;
  while (start !== undefined && found.length <= page.limit && bytes < pageBytes) {
    const { items, next }: Chunk = await walk(start, page.limit + 1 - found.length);
    for (const item of items) {
      const record = { key: keyOf(item), ...recordOf(item) };
      found.push(record);
      bytes += record.value.length;
    }
    start = next;
  }
  const items = found.slice(0, page.limit);
  const last = items.at(-1);
  // Cut by bytes there may be more: the next page tells.
  const more = found.length > items.length || start !== undefined;
  return last === undefined || !more ? { items } : { items, next: last.key };
}

async function walkOf(lister: Lister, prefix: string, wanted: 'keys' | 'records'): Promise<Walk> {
  const end = behindPrefix(prefix);
  const settled = settledRoot(prefix);
  const roots = settled === undefined ? await lister.roots.below(prefix) : [settled];
  return async (start, most) => {
    const chunk = await mergedChunk(
      roots,
      start,
      (root) => queryRoot(lister, { root, start, end, most, wanted }),
      most,
    );
    return { ...chunk, items: chunk.items.filter((item) => keyOf(item).startsWith(prefix)) };
  };
}

/**
 * Roots in order, each asked when the walk comes to it: the keys of one are not before its name, but those of `a/` may lie around
 * those of `a/b/`.
 */
async function mergedChunk(
  roots: readonly string[],
  start: string,
  ask: (root: string) => Promise<Chunk>,
  most: number,
): Promise<Chunk> {
  let items: AttributeMap[] = [];
  /** Nothing is known from here on; undefined where all is. */
  let limit: string | undefined;
  for (const root of roots) {
    const end = behindPrefix(root);
    // The walk is past it.
    if (end !== undefined && compareKeys(end, start) <= 0) continue;
    const low = later(root, start);
    const enough =
      items.length >= most && items.filter((item) => compareKeys(keyOf(item), low) < 0).length >= most;
    if (enough || (limit !== undefined && compareKeys(limit, low) <= 0)) {
      limit = earlier(limit, low);
      break;
    }
    const chunk = await ask(root);
    items.push(...chunk.items);
    if (chunk.next !== undefined) limit = earlier(limit, chunk.next);
  }
  if (roots.length > 1) items.sort((a, b) => compareKeys(keyOf(a), keyOf(b)));
  if (limit !== undefined) items = items.filter((item) => compareKeys(keyOf(item), limit ?? '') < 0);
  if (items.length <= most) return { items, next: limit };
  return { items: items.slice(0, most), next: keyOf(items[most] ?? {}) };
}

function earlier(left: string | undefined, right: string): string {
  return left === undefined || compareKeys(left, right) > 0 ? right : left;
}

interface RootQuery {
  readonly root: string;
  readonly start: string;
  /** As `behindPrefix` has it. */
  readonly end: string | undefined;
  readonly most: number;
  readonly wanted: 'keys' | 'records';
}

async function queryRoot({ client, table, surroundings }: Lister, query: RootQuery): Promise<Chunk> {
  const { root, start, end, most, wanted } = query;
  if (end !== undefined && compareKeys(start, end) > 0) return { items: [], next: undefined };
  const condition = conditionOf(start, end);
  const page = await persist(surroundings, () =>
    client.query({
      TableName: table,
      KeyConditionExpression: `#root = :root${condition.text}`,
      ExpressionAttributeNames: {
        '#root': 'root',
        ...(condition.text !== '' || wanted === 'keys' ? { '#key': 'key' } : {}),
      },
      ExpressionAttributeValues: { ':root': { S: partitionOf(root) }, ...condition.values },
      ConsistentRead: true,
      Limit: most,
      // Costs the same, and is not sent.
      ...(wanted === 'keys' ? { ProjectionExpression: '#key' } : {}),
    }),
  );
  return { items: page.items, next: page.next === undefined ? undefined : `${keyOf(page.next)}\0` };
}

/** DynamoDB takes one condition on the sort key, no empty text in it, and no name that is not used. */
function conditionOf(start: string, end: string | undefined) {
  if (start === '' && end === undefined) return { text: '', values: {} };
  if (end === undefined) return { text: ' AND #key >= :start', values: { ':start': { S: start } } };
  if (start === '') return { text: ' AND #key <= :end', values: { ':end': { S: end } } };
  return {
    text: ' AND #key BETWEEN :start AND :end',
    values: { ':start': { S: start }, ':end': { S: end } },
  };
}
