/** An extra ability of seals whose keys people hand in one by one, as `unseal` does. */
import type { JsonObject } from '../json.ts';
import type { SlotPlace } from './seal.ts';

export type Collected =
  | { readonly kind: 'collecting' }
  /** The root key is the caller's, to use and to zero. */
  | { readonly kind: 'opened'; readonly rootKey: Buffer };

/** Gathers keys for one slot on one node. */
export interface KeyCollector {
  /** Keys made, keys needed, keys here. */
  readonly shares: number;
  readonly threshold: number;
  readonly progress: number;
  /**
   * Takes a key as a person gives it, in hex or base64. One that is here already is not counted again. Throws
   * `invalid_request` for what cannot be a key of this slot, `wrong_key` when the keys do not open it. `from` is whoever hands it
   * in, where anybody may: a kind of slot that makes work gives each no more than a share of it, and throws `rate_limited`.
   */
  add(text: string, from?: string): Promise<Collected>;
  reset(): void;
}

/** One row of the catalog of seals that open by hand. */
export interface ManualSeal {
  /** The slot's `kind`. */
  readonly kind: string;
  /** Throws `integrity` for a body that is no slot of this kind. */
  collect(body: JsonObject, place: SlotPlace): KeyCollector;
}
