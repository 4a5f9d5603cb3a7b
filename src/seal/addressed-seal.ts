/** An extra ability of seals whose key is somewhere else: the server's settings say where, by an address. */
import type { Random } from '../crypto/random.ts';
import type { JsonObject } from '../json.ts';
import type { Seal, SlotPlace } from './seal.ts';
import type { SlotMaker } from './slot-maker.ts';

export interface SealSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly random: Random;
  /** Milliseconds for asking after a key once; the kind's own unless told. */
  readonly patience?: number;
}

/** A seal whose slots open by a KEK, which `unseal` takes as a key too. */
export interface SealElsewhere extends Seal {
  /** A slot's KEK of 32 bytes; the caller's, to use and to zero. Throws as `unwrap` does. */
  unwrapKek(body: JsonObject, place: SlotPlace): Promise<Buffer>;
  /** The key as settings name it, for people. */
  readonly keyName: string;
  /** Asks after the key and changes nothing: what is wrong with it, or undefined. Throws `unavailable` as `unwrap` does. */
  findProblem(): Promise<string | undefined>;
}

export interface OpenedSeals {
  /** One for each address, in order. Nothing has been asked of anybody yet. */
  readonly seals: readonly SealElsewhere[];
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
