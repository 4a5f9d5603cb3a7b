/**
 * The key that items of a table share, asked for while the items are still on their way: whoever waits for the first of them before
 * asking KMS waits twice. What is looked up here only saves time. An item is opened by what it says itself, so that a key that came
 * ahead serves the items that name it and no others, and what goes wrong here is told by the item that does not open.
 */
import { cofferFormat } from './coffer-format.ts';
import type { DataKeys } from './data-keys.ts';
import { contextKeys, type EncryptionContext } from './encryption-context.ts';
import type { WrittenFormat } from './format.ts';
import type { Head } from './head.ts';
import { bytesOf, keyOf, optionalNumber, optionalSet, ownName, textOf } from './item.ts';
import type { ItemStore } from './item-store.ts';
import { settingsKey } from './table-settings.ts';

export class KeyAhead {
  readonly #keys: DataKeys;
  readonly #context: EncryptionContext;
  readonly #newest: Promise<NewestEpoch | undefined>;

  /**
   * Looks it up, unless the format that alone is read is an old one: those share no keys.
   *
   * @param store asked in one query; what fails is told by nobody
   */
  constructor(
    { store, keys }: { readonly store: Pick<ItemStore, 'versions'>; readonly keys: DataKeys },
    { context, format }: { readonly context: EncryptionContext; readonly format?: WrittenFormat | undefined },
  ) {
    keys.prepare();
    this.#keys = keys;
    this.#context = context;
    const shares = format === undefined || format === 'coffer';
    this.#newest = shares ? newestEpoch(store, context) : Promise.resolve(undefined);
  }

  /**
   * Has KMS unwrap it before an item asks. Never rejects.
   *
   * @param needed the items that will be opened, where that is not all of the table: KMS is not asked for what none of them takes
   */
  async ask(needed?: readonly Pick<Head, 'epoch'>[]): Promise<void> {
    const newest = await this.#newest;
    if (newest === undefined || needed?.every(({ epoch }) => epoch !== newest.epoch)) return;
    const place = { name: ownName, epoch: newest.epoch };
    this.#keys.unwrapAhead(newest.wrapped, cofferFormat.contextFor(place, this.#context));
  }
}

/** What the versions of epochs begin with. */
export const epochPrefix = 'epoch/';

interface NewestEpoch {
  readonly epoch: string;
  /** Its key, as KMS wrapped it. */
  readonly wrapped: Buffer;
}

/** The settings come first, being the greatest version, and then the newest epoch. */
const lookedAt = 2;

/**
 * The newest epoch of a table that shares keys, in one query; undefined where the table shares none, the epoch is of another context,
 * or asking for it failed. Never rejects: not everybody who reads secrets may read this, or has to.
 */
export async function newestEpoch(
  store: Pick<ItemStore, 'versions'>,
  context: EncryptionContext,
): Promise<NewestEpoch | undefined> {
  try {
    for await (const item of store.versions(ownName, 'whole', lookedAt)) {
      const { version } = keyOf(item);
      if (version === settingsKey.version) {
        if (optionalNumber(item, 'epoch_days') === undefined) return undefined;
        continue;
      }
      const keys = optionalSet(item, 'context_keys') ?? [];
      if (!version.startsWith(epochPrefix) || keys.join('\n') !== contextKeys(context).join('\n'))
        return undefined;
      return { epoch: textOf(item, 'epoch'), wrapped: bytesOf(item, 'key') };
    }
  } catch {
    // Without it the first item asks, as it would for any other epoch.
  }
  return undefined;
}
