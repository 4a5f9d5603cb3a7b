/**
 * What a format of items is. There are four in use, told apart by the attribute `algorithm`:
 *
 *     credstash    no `algorithm`, or `aes-ctr-legacy`: credstash and its ports, credsmash on request
 *     aes-ctr      credsmash
 *     aes-gcm      credsmash on request
 *     coffer-1     Coffer's own
 *
 * A format only turns bytes into attributes and back. Who asks KMS for data keys, and DynamoDB for items, is `secret-table.ts`.
 */
import type { Random } from '../crypto/random.ts';
import type { writableDigests } from './digest.ts';
import type { EncryptionContext } from './encryption-context.ts';
import type { Item } from './item.ts';

/** What a table's owner may have written. */
export const writtenFormats = ['coffer', 'credstash', 'credsmash'] as const;
export type WrittenFormat = (typeof writtenFormats)[number];

/** Whether the bytes are a bare value, or the JSON of a map of fields; undefined where the writer's program knew no difference. */
export type Shape = 'bare' | 'map';

export interface Opened {
  readonly bytes: Buffer;
  readonly shape: Shape | undefined;
}

/** A data key of KMS: in the clear, and as it is kept. */
export interface DataKey {
  readonly plaintext: Buffer;
  readonly wrapped: Buffer;
}

export interface Sealing {
  readonly name: string;
  readonly version: string;
  readonly bytes: Buffer;
  readonly shape: Shape;
  readonly context: EncryptionContext;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** The id of the shared data key, where it is one. */
  readonly epoch?: string;
  /** Not encrypted; in old formats not authenticated either. */
  readonly comment?: string;
  /** Of the code that `credstash` and `aes-ctr` items carry: one of `writableDigests`; SHA256 unless told. */
  readonly digest?: (typeof writableDigests)[number];
}

export interface ItemFormat {
  /** What the owner of a table would call it. */
  readonly family: WrittenFormat;
  /** Bytes of a fresh data key. */
  readonly keyLength: number;
  /** The data key as KMS wrapped it. Throws `integrity`. */
  wrappedKey(item: Item): Buffer;
  /** What KMS is told for this item: the caller's context, and what the format adds. */
  contextFor(
    place: { readonly name: string; readonly epoch?: string | undefined },
    given: EncryptionContext,
  ): EncryptionContext;
  /**
   * Opens an item: what needs no key at once, while KMS is asked for it, and the rest when it is there. Throws `integrity`, then or
   * now, for whatever was not written so, in this place, under this key and context.
   */
  opening(item: Item, context: EncryptionContext): (dataKey: Buffer) => Opened;
  seal(random: Random, dataKey: DataKey, sealing: Sealing): Item;
}

/**
 * What Coffer notes with the items of old formats, whose programs leave unknown attributes alone: the context's keys, and the shape
 * where the bytes would be taken for the other one.
 */
export function notes({ shape, context, bytes }: Pick<Sealing, 'shape' | 'context' | 'bytes'>): Item {
  const keys = Object.keys(context).toSorted();
  const ambiguous = shape === 'map' || bytes[0] === openingBrace;
  return {
    ...(ambiguous ? { shape: { S: shape } } : {}),
    ...(keys.length === 0 ? {} : { context_keys: { SS: keys } }),
  };
}

const openingBrace = 0x7b;

/** The note on the shape, as far as it can be believed: nothing authenticates it, and both shapes are the same bytes. */
export function notedShape(item: Item): Shape | undefined {
  const text = Object.hasOwn(item, 'shape') ? item['shape']?.S : undefined;
  return text === 'map' || text === 'bare' ? text : undefined;
}
