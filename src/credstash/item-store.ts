/**
 * The seam between the table's rules and where its items are: DynamoDB (`dynamo-store.ts`), or memory in tests.
 *
 * Reads see every write that was acknowledged before they began. A read that is throttled, or that could be answered only in part,
 * rejects (`rate_limited`, `unavailable`); it never gives less than there is. Nothing here knows a format or a key.
 */
import type { Item, ItemKey } from './item.ts';

/** Whole items, or all that is known of them but the ciphertext and its key. */
export type Extent = 'whole' | 'head';

export interface ItemStore {
  /** What messages call the table. */
  readonly title: string;
  /** Items of one name by their version's bytes, the greatest first; read as they are taken. */
  versions(name: string, extent: Extent, limit?: number): AsyncIterable<Item>;
  read(key: ItemKey): Promise<Item | undefined>;
  /** In no order, and without those that are not there. */
  readMany(keys: readonly ItemKey[]): Promise<readonly Item[]>;
  /** All items of the table, in no order. */
  scan(extent: Extent): AsyncIterable<Item>;
  /**
   * Writes an item where there is none of its key; `exists` where there is one and nothing was written. An answer that was lost
   * on the way and asked for again may be told `exists` of its own write.
   */
  create(item: Item): Promise<'created' | 'exists'>;
  /**
   * Sets and removes attributes of an item, if those in `expected` still are as given (undefined: not there). `false` where they
   * are not, or the item is gone; nothing was written then.
   */
  change(key: ItemKey, change: Change, expected: Expected): Promise<boolean>;
  /** What is not there is no error. */
  remove(key: ItemKey): Promise<void>;
  close(): void;
}

export interface Change {
  readonly set?: Item;
  readonly remove?: readonly string[];
}

export type Expected = Readonly<Record<string, Item[string] | undefined>>;

/** Attributes of a head, besides the key. */
export const headAttributes = [
  'algorithm',
  'comment',
  'context_keys',
  'created',
  'deleted',
  'destroyed',
  'digest',
  'digest_method',
  'epoch',
  'restore_until',
  'shape',
] as const;
