/** Memory that request bodies take, counted for one client address and for all, so that no crowd of clients fills it. */
import { CofferError } from '../errors.ts';
import type { HttpLimits } from './limits.ts';

type BodyLimits = Pick<HttpLimits, 'bodyBytesInAll' | 'bodyBytesPerAddress'>;

/** What one client address holds at the moment. */
export interface AddressShare {
  bodyBytes: number;
  /** The client's network, where a proxy stands between. */
  readonly forwardedFor?: string;
}

export class BodyBudget {
  readonly #limits: () => BodyLimits;
  readonly #forwarded = new Map<string, AddressShare>();
  #bytes = 0;

  /** @param limits those of now: they may change while the server runs */
  constructor(limits: () => BodyLimits) {
    this.#limits = limits;
  }

  /** Bytes taken now, by everyone. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Throws `unavailable` when there is no room; nothing is taken then. */
  take(share: AddressShare, bytes: number): void {
    const { bodyBytesInAll, bodyBytesPerAddress } = this.#limits();
    if (this.#bytes + bytes > bodyBytesInAll || share.bodyBytes + bytes > bodyBytesPerAddress) {
      throw new CofferError('unavailable', 'too much request data is being received; try again later');
    }
    this.#bytes += bytes;
    share.bodyBytes += bytes;
    if (share.forwardedFor !== undefined) this.#forwarded.set(share.forwardedFor, share);
  }

  give(share: AddressShare, bytes: number): void {
    this.#bytes -= bytes;
    share.bodyBytes -= bytes;
    if (share.forwardedFor !== undefined && share.bodyBytes === 0) this.#forwarded.delete(share.forwardedFor);
  }

  /** The part of a client behind a proxy, which has no connection of its own to keep it with. Kept while it is not empty. */
  shareOf(client: string): AddressShare {
    return this.#forwarded.get(client) ?? { bodyBytes: 0, forwardedFor: client };
  }
}
