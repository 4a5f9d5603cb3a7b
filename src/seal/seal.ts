/**
 * The seal seam: a way to keep the root key, which opens the keyring. What the types cannot say:
 *
 * - `wrap` gives a slot's body: plain JSON that may be read by anybody. It holds a check value, so that a wrong key can be told from
 *   damage, and it is bound to its place: put into another slot or another store, it does not open.
 * - `wrap` leaves the root key as it is; `unwrap` hands out a buffer that is the caller's, to use and to zero.
 * - `unwrap` throws `wrong_key` when this seal's key is not the one that wrapped the body, and `integrity` when it is and the body was
 *   changed, cut, or moved, or is no such body at all. Which of the two a body from elsewhere gets is the seal's choice; it never opens.
 * - Both may throw `unavailable` when the key is somewhere that does not answer.
 */
import type { JsonObject } from '../json.ts';

/** Where a slot's body belongs. */
export interface SlotPlace {
  readonly storeId: string;
  readonly slotId: string;
}

export interface Seal {
  /** The catalog's word, and the slot's `kind`. */
  readonly kind: string;
  /** Tried at start, without a person. */
  readonly automatic: boolean;
  /** Its key is somewhere that may not answer now and answer later: at start it is tried again, after those at hand. */
  readonly remote?: boolean;
  /** Wraps a root key of 32 bytes. Rejects with `invalid_request` for another length. */
  wrap(rootKey: Buffer, place: SlotPlace): Promise<JsonObject>;
  unwrap(body: JsonObject, place: SlotPlace): Promise<Buffer>;
  /** Ends what is under way, and connections. */
  close?(): void;
}
