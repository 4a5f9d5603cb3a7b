/**
 * Every secret of a table, or those that are asked for: one pass over names and versions, then the latest ones in batches, each opened
 * with a bounded number of calls to KMS at once. What is held is the names and a few batches, never the table's values.
 */
import { asCofferError, type CofferError } from '../errors.ts';
import type { Head } from './head.ts';
import { type Item, keyOf } from './item.ts';
import type { Found, SecretTable } from './secret-table.ts';
import { compareText, compareVersions } from './version.ts';

export type Outcome =
  | { readonly kind: 'found'; readonly name: string; readonly found: Found }
  /** It is there and could not be opened; the others could be. */
  | { readonly kind: 'failed'; readonly name: string; readonly error: CofferError };

/** DynamoDB's most for one batch of reads. */
const batchSize = 100;
/** Batches asked for ahead: they come one after another otherwise, each a whole way to DynamoDB and back. */
const ahead = 2;

/** The latest version of each name, in order of names, whatever state it is in. */
export async function latestHeads(
  table: SecretTable,
  wanted: (name: string) => boolean,
): Promise<readonly Head[]> {
  const latest = new Map<string, Head>();
  for await (const head of table.heads()) {
    if (!wanted(head.name)) continue;
    const best = latest.get(head.name);
    if (best === undefined || compareVersions(head.versionText, best.versionText) > 0)
      latest.set(head.name, head);
  }
  return [...latest.values()].toSorted((left, right) => compareText(left.name, right.name));
}

/**
 * In order of names; deleted and destroyed ones are left out. An item that does not open is told and does not end the rest; a
 * read that is throttled or cut short rejects, for then nobody knows what is missing.
 */
export async function* readAll(
  table: SecretTable,
  wanted: (name: string) => boolean,
): AsyncGenerator<Outcome> {
  const looking = latestHeads(table, wanted);
  const ahead = table.keyAhead();
  const live = (await looking).filter(({ state }) => state.kind === 'live');
  void ahead.ask(live);
  for await (const { batch, items } of batchesOf(table, live)) {
    const opening = batch.map(({ name }) => openOne(table, name, items.get(name)));
    for (const outcome of await Promise.all(opening)) if (outcome !== undefined) yield outcome;
  }
}

interface Batch {
  readonly batch: readonly Head[];
  readonly items: ReadonlyMap<string, Item>;
}

async function* batchesOf(table: SecretTable, live: readonly Head[]): AsyncGenerator<Batch> {
  const coming: Promise<Batch>[] = [];
  for (let start = 0; start < live.length || coming.length > 0; ) {
    for (; start < live.length && coming.length <= ahead; start += batchSize) {
      const batch = readBatch(table, live.slice(start, start + batchSize));
      // What fails is told when it is its turn, and by nobody where an earlier one failed.
      batch.catch(() => undefined);
      coming.push(batch);
    }
    const next = await coming.shift();
    if (next !== undefined) yield next;
  }
}

async function readBatch(table: SecretTable, batch: readonly Head[]): Promise<Batch> {
  const items = await table.readMany(batch);
  return { batch, items: new Map(items.map((item) => [keyOf(item).name, item])) };
}

/** An item that went between the two looks is looked for once more: it may have been replaced by a newer one. */
async function openOne(
  table: SecretTable,
  name: string,
  item: Item | undefined,
): Promise<Outcome | undefined> {
  try {
    return {
      kind: 'found',
      name,
      found: item === undefined ? await table.read(name) : await table.open(item),
    };
  } catch (thrown) {
    const error = asCofferError(thrown);
    if (item === undefined && error.code === 'not_found') return undefined;
    if (!ofOneItem(error)) throw thrown;
    return { kind: 'failed', name, error };
  }
}

/** Whether an error says something of one item, and nothing of the others. */
function ofOneItem({ code }: CofferError): boolean {
  return code === 'permission_denied' || code === 'wrong_key' || code === 'integrity';
}
