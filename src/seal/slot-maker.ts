/** An extra ability of seals: making another slot for a store that is there. */
import type { Random } from '../crypto/random.ts';
import type { JsonObject } from '../json.ts';
import type { SlotPlace } from './seal.ts';

/** What somebody asked for; a kind takes what it needs and refuses the rest. */
export interface SlotRequest {
  readonly passphrase: string | undefined;
  readonly shares: number | undefined;
  readonly threshold: number | undefined;
  /** Which of the KMS keys that the settings name. */
  readonly kmsKey?: string | undefined;
}

export interface MadeSlot {
  readonly body: JsonObject;
  /** Unseal keys, which exist nowhere else. */
  readonly keys?: readonly Buffer[];
  /** Text of a keyfile, which exists nowhere else. */
  readonly keyfile?: string;
}

export interface SlotMakerContext {
  readonly place: SlotPlace;
  readonly random: Random;
  /** The directory or address of the data, one line: for people. */
  readonly dataPlace: string;
}

/** One row of the catalog of seals that a slot can be added for. */
export interface SlotMaker {
  readonly kind: string;
  /** The root key stays the caller's, to zero. Throws `invalid_request` for what makes no slot of this kind. */
  make(rootKey: Buffer, request: SlotRequest, context: SlotMakerContext): Promise<MadeSlot>;
}

/** The parts of a request that were given, by name: so that a kind can refuse what it does not take. */
export function givenParts(request: SlotRequest): readonly string[] {
  return Object.entries(request)
    .filter(([, value]) => value !== undefined)
    .map(([name]) => name);
}
