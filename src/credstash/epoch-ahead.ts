/**
 * The key that items of a table share, asked for while the items are still on their way: whoever waits for the first of them before
 * asking KMS waits twice. What is looked up here only saves time. An item is opened by what it says itself, so that a key that came
 * ahead serves the items that name it and no others, and what goes wrong here is told by the item that does not open.
 */
import { contextKeys, type EncryptionContext } from './encryption-context.ts';
import { bytesOf, keyOf, optionalNumber, optionalSet, ownName, textOf } from './item.ts';
import type { ItemStore } from './item-store.ts';
import { settingsKey } from './table-settings.ts';

/** What the versions of epochs begin with. */
export const epochPrefix = 'epoch/';

export interface NewestEpoch {
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
