/** A kind of storage as the catalog lists it: from what `--storage` says to an open store. */
import type { CofferError } from '../errors.ts';
import type { Storage, StorageKey } from './storage.ts';

export interface StorageType {
  /** The words before the colon of a URL that this kind takes. */
  readonly schemes: readonly string[];
  /** A line for the help: `lmdb:PATH`. */
  readonly form: string;
  /**
   * @param url as given, its scheme being one of ours
   * @param base absolute directory that relative paths start from
   * Throws `invalid_request` for what names no place. No password is in a message.
   */
  parse(url: string, base: string): StoragePlace;
}

/**
 * A record that, while it is there, keeps everybody out who comes. Who opens a storage looks for it by itself; the storage asks again
 * whenever it has to find its way back, since nobody could see then that it was still in use.
 */
export interface Gate {
  readonly key: StorageKey;
  /** Why nobody comes in. */
  refusal(value: Buffer): CofferError;
}

export interface OpeningOptions {
  /** Make what a store needs where there is nothing; without it such a place is refused. */
  readonly create: boolean;
  readonly readOnly?: boolean;
  /** For whoever keeps the store open. A storage whose users can't be parted from it while they live has no use for it. */
  readonly gate?: Gate;
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * For a process that is frozen between requests: nothing runs by itself, and the place, which somebody else has made and looks
   * after, is taken as it is. A storage for which that makes no difference does not look at it.
   */
  readonly rests?: boolean;
  /** Told what an operator should know: a constant message and its fields. */
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

export interface StoragePlace {
  /** The `kind` of the storage that is opened. */
  readonly kind: string;
  /** One line for messages and keyfiles, the same for the same place, without credentials. */
  readonly name: string;
  /** What is there is there after a restart too. */
  readonly lasting: boolean;
  /** False where a look is enough to say that there is no store. */
  mayHoldStore(): boolean;
  /** Rejects as the storage says. */
  open(options: OpeningOptions): Promise<Storage>;
}
