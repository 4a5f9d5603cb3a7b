/** What a barrier knows while it is unsealed. Ending it makes everything that refers to it say `sealed`. */
import type { KeyObject } from 'node:crypto';
import { integrityError } from '../crypto/aead.ts';
import { encodeContext } from '../crypto/context.ts';
import { deriveKey } from '../crypto/hkdf.ts';
import type { Random } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import type { KeyedRecord, Revision, Storage, StorageKey, StorageRecord, Write } from '../storage/storage.ts';
import { isNewer, type Keyring } from './keyring.ts';
import {
  claimedTerm,
  forgetKey,
  openRecord,
  presentRecord,
  recordTerm,
  replacedRevision,
  resealRecord,
  sealRecord,
} from './record.ts';
import { RecordKeys } from './record-keys.ts';
import { SealBudget } from './seal-budget.ts';
import { openText, sealedTextTerm, sealText } from './sealed-text.ts';
import type { KeyedSealedRecord, OpenedText, PlainWrite } from './store.ts';
import type { Term } from './term.ts';

/** Derived keys kept: about 1 KiB each, so at most some 16 MiB a process. */
const mostRecordKeys = 16_384;

export interface UnsealedOptions {
  readonly storage: Storage;
  readonly random: Random;
  readonly storeId: string;
  readonly rootKey: KeyObject;
  readonly keyring: Keyring;
  readonly budget?: SealBudget;
}

export class Unsealed {
  readonly storeId: string;
  readonly rootKey: KeyObject;
  readonly #storage: Storage;
  readonly #random: Random;
  readonly #recordKeys = new RecordKeys(mostRecordKeys);
  readonly #purposeKeys = new Map<string, KeyObject>();
  #keyring: Keyring;
  #budget: SealBudget;
  #ended = false;

  constructor(options: UnsealedOptions) {
    this.storeId = options.storeId;
    this.rootKey = options.rootKey;
    this.#storage = options.storage;
    this.#random = options.random;
    this.#keyring = options.keyring;
    this.#budget = options.budget ?? this.#emptyBudget(options.keyring.newest);
  }

  get keyring(): Keyring {
    return this.#keyring;
  }

  /** Counts the seals of the newest term. What is taken from it is sealed under its own term, also if a newer one comes meanwhile. */
  get budget(): SealBudget {
    return this.#budget;
  }

  end(): void {
    this.#ended = true;
  }

  /** Throws `sealed` once this has ended. */
  requireLive(): void {
    if (this.#ended) throw sealedError();
  }

  /** Goes over to a later keyring. One that came late, with nothing new, changes nothing. */
  install(keyring: Keyring, budget?: SealBudget): void {
    if (!isNewer(keyring, this.#keyring)) return;
    const sameTerm = keyring.newest.id === this.#keyring.newest.id;
    this.#keyring = keyring;
    if (!sameTerm) this.#budget = budget ?? this.#emptyBudget(keyring.newest);
  }

  /** False when a record names a term after the newest we know: another node has rotated, or the record is damaged. */
  knowsTermOf(sealed: Buffer): boolean {
    return (claimedTerm(sealed) ?? 0) <= this.#keyring.newest.id;
  }

  present(key: StorageKey, record: StorageRecord): KeyedSealedRecord {
    this.requireLive();
    return new PresentedRecord(this, key, record);
  }

  open(key: StorageKey, sealed: Buffer): Buffer {
    this.requireLive();
    const term = this.#keyring.terms.get(recordTerm(sealed));
    if (term === undefined) throw integrityError();
    const recordKey = this.#recordKeys.find(term, key);
    try {
      return openRecord(recordKey, sealed);
    } finally {
      forgetKey(recordKey);
    }
  }

  /**
   * Seals a write under a term from whose budget the seal was taken. `changes`: the record was there before, so that it is likely
   * to change again.
   */
  encrypt({ key, value }: PlainWrite, term: Term, changes = false): Write {
    this.requireLive();
    if (value === null) return { key, value };
    if (value === 'present') return { key, value: presentRecord };
    const recordKey = changes ? this.#recordKeys.find(term, key, true) : this.#recordKeys.findOnce(term, key);
    const sealed = sealRecord(this.#random, recordKey, value);
    forgetKey(recordKey);
    return { key, value: sealed };
  }

  /**
   * A record of an older term as it is sealed under the newest one, without having changed. The seal must have been taken from
   * that term's budget. Throws `integrity` for a record that does not open.
   */
  reseal({ key, value, revision }: KeyedRecord, term: Term): Write {
    const plaintext = this.open(key, value);
    const recordKey = this.#recordKeys.findOnce(term, key);
    const sealed = resealRecord(this.#random, recordKey, plaintext, revision);
    forgetKey(recordKey);
    plaintext.fill(0);
    return { key, value: sealed };
  }

  /** Whether this is the record that was read at `revision`, re-sealed and otherwise unchanged. */
  isOnlyResealed(key: StorageKey, { value }: StorageRecord, revision: Revision): boolean {
    if (replacedRevision(value) !== revision) return false;
    this.open(key, value).fill(0);
    return true;
  }

  purposeKey(purpose: string): KeyObject {
    const known = this.#purposeKeys.get(purpose);
    if (known !== undefined) return known;
    const derived = deriveKey(this.#keyring.storeKey, encodeContext('coffer purpose', [1, purpose]));
    this.#purposeKeys.set(purpose, derived);
    return derived;
  }

  sealText(purpose: string, plaintext: Buffer): Buffer {
    this.requireLive();
    return sealText(this.#random, this.#keyring.newest, purpose, plaintext);
  }

  /** Undefined for what does not open: anybody may hand in anything. */
  openText(purpose: string, sealed: Buffer): OpenedText | undefined {
    this.requireLive();
    const id = sealedTextTerm(sealed);
    const term = id === undefined ? undefined : this.#keyring.terms.get(id);
    if (term === undefined) return undefined;
    try {
      return { term: term.id, plaintext: openText(term, purpose, sealed) };
    } catch (error) {
      if (error instanceof CofferError && error.code === 'integrity') return undefined;
      throw error;
    }
  }

  #emptyBudget(term: Term): SealBudget {
    return new SealBudget({ storage: this.#storage, random: this.#random, term });
  }
}

class PresentedRecord implements KeyedSealedRecord {
  readonly key: StorageKey;
  readonly revision: Revision;
  readonly #unsealed: Unsealed;
  readonly #value: Buffer;

  constructor(unsealed: Unsealed, key: StorageKey, { value, revision }: StorageRecord) {
    this.key = key;
    this.revision = revision;
    this.#unsealed = unsealed;
    this.#value = value;
  }

  open(): Buffer {
    return this.#unsealed.open(this.key, this.#value);
  }
}

/** The one way to say that the store is sealed. */
export function sealedError(): CofferError {
  return new CofferError('sealed', 'the store is sealed');
}
