/** Writing an item where there is none yet, and knowing whose it is that is there. */
import { CofferError } from '../errors.ts';
import { type Item, keyOf, mostItemBytes, sizeOf } from './item.ts';
import type { ItemStore } from './item-store.ts';

/**
 * False where somebody else has this version.
 *
 * @param plain bytes of the value, for the message
 * @throws `payload_too_large`
 */
export async function createOnce(store: ItemStore, item: Item, plain: number): Promise<boolean> {
  const size = sizeOf(item);
  if (size > mostItemBytes) {
    throw new CofferError(
      'payload_too_large',
      `${keyOf(item).name} has ${plain} bytes and would be an item of ${size}; DynamoDB takes ${mostItemBytes}`,
    );
  }
  return (await store.create(item)) === 'created' || isOurs(store, item);
}

/** Whether the version that is there is the very one we wrote, and only the answer to it was lost. */
async function isOurs(store: ItemStore, item: Item): Promise<boolean> {
  const stored = await store.read(keyOf(item));
  const { contents, key } = item;
  return stored !== undefined && sameBytes(stored['contents'], contents) && sameBytes(stored['key'], key);
}

function sameBytes(left: Item[string] | undefined, right: Item[string] | undefined): boolean {
  const bytes = (value: Item[string] | undefined) =>
    value?.B ?? (value?.S === undefined ? undefined : Buffer.from(value.S));
  const [a, b] = [bytes(left), bytes(right)];
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}
