/**
 * Data keys that several items share, for tables whose owner chose that: reading all of such a table takes a call to KMS for each
 * epoch in place of each item. The price: whoever may unwrap an epoch's key opens every item of the epoch, so that KMS can no
 * longer tell single names apart; and who began or used an epoch has seen its key, so that its writers can read it too.
 *
 * An epoch is an item of the table's own, `!coffer` with the version `epoch/<time>/<id>`. Its key was made under the context of whoever
 * made it, so that callers with different contexts never share one. Its id begins with the time it was made, and KMS holds the id
 * to the key: whoever may write the table can neither bring an epoch back that is over, whose key they may know, nor have one last longer.
 */
import type { Random } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { cofferFormat } from './coffer-format.ts';
import type { DataKeys } from './data-keys.ts';
import { contextKeys, type EncryptionContext } from './encryption-context.ts';
import { epochPrefix } from './epoch-ahead.ts';
import type { DataKey } from './format.ts';
import { bytesOf, type Item, keyOf, optionalSet, ownName, textOf } from './item.ts';
import type { ItemStore } from './item-store.ts';
import { encodeVersion } from './version.ts';

export interface EpochKey extends DataKey {
  readonly epoch: string;
}

/** Epochs whose context is tried: with many contexts of the same keys, one more epoch is cheaper than asking on. */
const mostTried = 4;
/** Milliseconds that another writer's clock may be ahead. */
const mostAhead = 3_600_000;

/** The key of the newest epoch that is young enough and opens under this context, or of a new one. */
export async function epochKey(
  { store, keys, random }: { readonly store: ItemStore; readonly keys: DataKeys; readonly random: Random },
  context: EncryptionContext,
  { now, days }: { readonly now: number; readonly days: number },
): Promise<EpochKey> {
  let tried = 0;
  for await (const item of store.versions(ownName, 'whole')) {
    if (!keyOf(item).version.startsWith(epochPrefix)) continue;
    const began = beginningOf(textOf(item, 'epoch'));
    if (began === undefined || began > now + mostAhead) continue;
    if (began + days * 86_400_000 <= now) break;
    if (!sameKeys(item, context)) continue;
    const found = await opened(keys, item, context);
    if (found !== undefined) return found;
    tried++;
    if (tried === mostTried) break;
  }
  return begin(store, keys, random, context, now);
}

/** Undefined where it is an epoch of another context. */
async function opened(keys: DataKeys, item: Item, context: EncryptionContext): Promise<EpochKey | undefined> {
  const epoch = textOf(item, 'epoch');
  const wrapped = bytesOf(item, 'key');
  try {
    const told = cofferFormat.contextFor({ name: ownName, epoch }, context);
    return {
      epoch,
      wrapped,
      plaintext: await keys.unwrap(wrapped, told, { shared: true, toWrite: true, what: `epoch ${epoch}` }),
    };
  } catch (error) {
    if (error instanceof CofferError && error.code === 'wrong_key') return undefined;
    throw error;
  }
}

/** Two writers may begin one at the same time: both serve. */
async function begin(
  store: ItemStore,
  keys: DataKeys,
  random: Random,
  context: EncryptionContext,
  now: number,
): Promise<EpochKey> {
  const epoch = `${now}-${random.bytes(16).toString('hex')}`;
  const key = await keys.generate(
    cofferFormat.keyLength,
    cofferFormat.contextFor({ name: ownName, epoch }, context),
  );
  const names = contextKeys(context);
  await store.create({
    name: { S: ownName },
    version: { S: `${epochPrefix}${encodeVersion(now)}/${epoch}` },
    epoch: { S: epoch },
    key: { B: key.wrapped },
    created: { N: String(now) },
    ...(names.length === 0 ? {} : { context_keys: { SS: [...names] } }),
  });
  return { ...key, epoch };
}

/** Milliseconds since 1970, as the id has it; undefined for an id that says none, under which nothing new is written. */
function beginningOf(epoch: string): number | undefined {
  const began = Number(/^(\d{1,15})-[0-9a-f]{32}$/.exec(epoch)?.[1] ?? Number.NaN);
  return Number.isSafeInteger(began) ? began : undefined;
}

function sameKeys(item: Item, context: EncryptionContext): boolean {
  return (optionalSet(item, 'context_keys') ?? []).join('\n') === contextKeys(context).join('\n');
}
