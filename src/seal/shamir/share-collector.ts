import { equalBytes } from '../../crypto/digest.ts';
import type { JsonObject } from '../../json.ts';
import type { SlotPlace } from '../seal.ts';
import { checkShare, openShamirSlot, shamirSplit } from './shamir.ts';

export type ShareProgress =
  /** So many different shares are there, and so many are needed. */
  | { readonly kind: 'collecting'; readonly progress: number; readonly threshold: number }
  /** They open the slot. The root key is the caller's, to use and to zero. */
  | { readonly kind: 'opened'; readonly rootKey: Buffer };

/**
 * Gathers a slot's shares on one node, as people give them one by one. Holds at most the threshold's number of them, and none after
 * an attempt, whichever way it went.
 */
export class ShareCollector {
  readonly threshold: number;
  readonly #body: JsonObject;
  readonly #place: SlotPlace;
  #shares: Buffer[] = [];

  /** Throws `integrity` for a body that is no Shamir slot's. */
  constructor(body: JsonObject, place: SlotPlace) {
    this.threshold = shamirSplit(body).threshold;
    this.#body = body;
    this.#place = place;
  }

  /** How many different shares are there. */
  get progress(): number {
    return this.#shares.length;
  }

  /**
   * Adds a copy of a share; one that is there already is not counted again. Throws `invalid_request` for what can't be a share of this
   * slot, and with the last one needed `wrong_key` if they don't belong together or to this store, and `integrity` for damage.
   */
  async add(share: Buffer): Promise<ShareProgress> {
    checkShare(share, this.threshold);
    if (!this.#shares.some((known) => equalBytes(known, share))) this.#shares.push(Buffer.from(share));
    if (this.#shares.length < this.threshold) {
      return { kind: 'collecting', progress: this.#shares.length, threshold: this.threshold };
    }
    // Taken before anything is awaited: a share that comes meanwhile begins the next round.
    const shares = this.#shares;
    this.#shares = [];
    try {
      return { kind: 'opened', rootKey: await openShamirSlot(this.#body, this.#place, shares) };
    } finally {
      for (const taken of shares) taken.fill(0);
    }
  }

  /** Forgets the shares given so far. */
  reset(): void {
    for (const share of this.#shares) share.fill(0);
    this.#shares = [];
  }
}
