/**
 * Two storages side by side, in the order of their keys: what the one would have to change to hold what the other holds. Both are
 * read page by page, so memory is bounded by two pages however large they are.
 */
import { createHash } from 'node:crypto';
import { bootKeys } from '../../seal/boot.ts';
import { migratingKey } from '../../seal/migration-mark.ts';
import { compareKeys } from '../../storage/key-order.ts';
import { type KeyedRecord, type Storage, type StorageKey, storageLimits } from '../../storage/storage.ts';

/** What a migration has to write at its target. */
export interface Change {
  readonly key: StorageKey;
  /** Null for a record that the source does not have. */
  readonly value: Buffer | null;
}

/** What was found at a place: how many records, their bytes, and SHA-256 over them. */
export interface Tally {
  readonly records: number;
  /** Of keys and values. */
  readonly bytes: number;
  /** In hex, over each record in the order of the keys: length of key (u16) and value (u32), big-endian, key, value. */
  readonly digest: string;
}

/** Counts records and digests them. */
export class RunningTally {
  readonly #hash = createHash('sha256');
  #records = 0;
  #bytes = 0;

  add({ key, value }: Pick<KeyedRecord, 'key' | 'value'>): void {
    const name = Buffer.from(key);
    const lengths = Buffer.alloc(6);
    lengths.writeUInt16BE(name.length);
    lengths.writeUInt32BE(value.length, 2);
    this.#hash.update(lengths).update(name).update(value);
    this.#records += 1;
    this.#bytes += name.length + value.length;
  }

  get records(): number {
    return this.#records;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Call it once, at the end. */
  finish(): Tally {
    return { records: this.#records, bytes: this.#bytes, digest: this.#hash.digest('hex') };
  }
}

/** Told every record of one side as it is read. */
export type Seen = (record: KeyedRecord) => void;

/**
 * The changes that make `target` hold what `source` holds, in the order of the keys. The mark of the migration belongs to neither,
 * and the header is left to the migration's last step: both are passed over.
 */
export async function* changesBetween(
  source: Storage,
  target: Storage,
  seen: { readonly source?: Seen; readonly target?: Seen } = {},
): AsyncGenerator<Change, void, undefined> {
  const theirs = new Walk(source, seen.source);
  const ours = new Walk(target, seen.target);
  await Promise.all([theirs.advance(), ours.advance()]);
  for (;;) {
    const [wanted, found] = [theirs.current, ours.current];
    if (wanted === undefined && found === undefined) return;
    const order = orderOf(wanted, found);
    if (order > 0 && found !== undefined) yield { key: found.key, value: null };
    else if (wanted !== undefined && (order < 0 || !found?.value.equals(wanted.value))) {
      yield { key: wanted.key, value: wanted.value };
    }
    if (order <= 0) await theirs.advance();
    if (order >= 0) await ours.advance();
  }
}

/** Negative where the source's record comes first or stands alone. */
function orderOf(wanted: KeyedRecord | undefined, found: KeyedRecord | undefined): number {
  if (wanted === undefined) return 1;
  return found === undefined ? -1 : compareKeys(wanted.key, found.key);
}

/** All records of a storage, one after the other, without the two that a migration treats by themselves. */
class Walk {
  readonly #storage: Storage;
  readonly #seen: Seen | undefined;
  #page: readonly KeyedRecord[] = [];
  #at = 0;
  #after: string | undefined;
  #ended = false;
  current: KeyedRecord | undefined;

  constructor(storage: Storage, seen: Seen | undefined) {
    this.#storage = storage;
    this.#seen = seen;
  }

  async advance(): Promise<void> {
    do this.current = await this.#next();
    while (this.current?.key === migratingKey || this.current?.key === bootKeys.header);
    if (this.current !== undefined) this.#seen?.(this.current);
  }

  async #next(): Promise<KeyedRecord | undefined> {
    while (this.#at === this.#page.length) {
      if (this.#ended) return undefined;
      const page = await this.#storage.range('', {
        limit: storageLimits.pageItems,
        ...(this.#after === undefined ? {} : { after: this.#after }),
      });
      [this.#page, this.#at, this.#after] = [page.items, 0, page.next];
      this.#ended = page.next === undefined;
    }
    return this.#page[this.#at++];
  }
}
