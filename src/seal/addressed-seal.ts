/** An extra ability of seals whose key is somewhere else: the server's settings say where, by an address. */
import type { Random } from '../crypto/random.ts';
import type { Seal } from './seal.ts';
import type { SlotMaker } from './slot-maker.ts';

export interface SealSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly random: Random;
}

export interface OpenedSeals {
  /** One for each address, in order. Nothing has been asked of anybody yet. */
  readonly seals: readonly Seal[];
  /** Makes slots for these addresses; says what to do where there is none. */
  readonly maker: SlotMaker;
}

/** One row of the catalog of seals with addresses. */
export interface AddressedSeal {
  /** The slot's `kind`, and what an address begins with: `kind:…`. */
  readonly kind: string;
  /** Throws `invalid_request` for an address that cannot be. */
  open(addresses: readonly string[], surroundings: SealSurroundings): OpenedSeals;
}
