/** An extra ability of seals whose keys people hand in one by one, as `unseal` does. */
import { asCofferError, CofferError, type ErrorCode } from '../errors.ts';
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

const tellsMost: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['wrong_key', 'rate_limited']);

export type Offered =
  | { readonly kind: 'collecting' }
  /** The root key is the caller's, to use and to zero. */
  | { readonly kind: 'opened'; readonly rootKey: Buffer; readonly by: KeyCollector };

/**
 * One key held against every slot that opens by hand: who gives it need not say which slot it is of.
 *
 * @param text a key as a person gives it: a share, a passphrase, the key of a keyfile
 * @param from whoever hands it in, where anybody may
 * @throws `wrong_key` when a slot that could be meant does not open; `invalid_request` for what is no key of any slot
 */
export async function offerKey(
  collectors: readonly KeyCollector[],
  text: string,
  from?: string,
): Promise<Offered> {
  let problem: CofferError | undefined;
  let collecting = false;
  for (const by of collectors) {
    const step = await by.add(text, from).catch((error: unknown) => {
      // That a passphrase is no share says nothing; that it does not open says all.
      if (problem === undefined || !tellsMost.has(problem.code)) problem = asCofferError(error);
      return undefined;
    });
    if (step?.kind === 'opened') return { ...step, by };
    if (step !== undefined) collecting = true;
  }
  if (collecting) return { kind: 'collecting' };
  throw problem ?? new CofferError('invalid_request', 'this store has no slot that a key opens by hand');
}
