/**
 * Counts the seals of one term against NIST SP 800-38D §8.3: with random 96-bit nonces a key does at most 2^32 of them. Every record
 * has a key of its own, so counting them all together is stricter than the standard asks.
 *
 * Seals are reserved in blocks before they are used, by a check-and-set on one record a term that all processes share. A crash
 * forgets at most the rest of a block: the count may be too high, never too low. Blocks begin small and double, so that a program that
 * starts, writes once and ends does not burn a server's share.
 */
import { integrityError } from '../crypto/aead.ts';
import type { Random } from '../crypto/random.ts';
import { CofferError, ConflictError } from '../errors.ts';
import { isJsonObject } from '../json.ts';
import { bootKeys } from '../seal/boot.ts';
import {
  parseStorageKey,
  type Storage,
  type StorageKey,
  type StorageRecord,
  type Write,
} from '../storage/storage.ts';
import { deriveRecordKey, openRecord, recordTerm, sealRecord } from './record.ts';
import type { Term } from './term.ts';

/** The most seals that a term does. */
export const sealLimit = 2 ** 32;
const firstBlock = 256;
const largestBlock = 2 ** 20;
/** Each failed attempt means that another process reserved a block, so that many in a row are no ordinary contention. */
const mostAttempts = 100;

export class SealBudget {
  readonly term: Term;
  readonly #storage: Storage;
  readonly #random: Random;
  #left: number;
  #nextBlock = firstBlock;
  #reserving: Promise<void> | undefined;
  /** The count as somebody read it before the first reservation, which need not read it again. */
  #noted: StorageRecord | undefined;

  constructor({ storage, random, term, left = 0 }: SealBudgetOptions) {
    this.#storage = storage;
    this.#random = random;
    this.term = term;
    this.#left = left;
  }

  /** The count of a term as it was just read. A later one of somebody else costs the first reservation a conflict, and no more. */
  note(term: number, usage: StorageRecord): void {
    if (term === this.term.id && this.#nextBlock === firstBlock) this.#noted = usage;
  }

  /** Takes so many seals out of what is reserved; takes none and answers false if that is too little. */
  take(seals: number): boolean {
    if (seals > this.#left) return false;
    this.#left -= seals;
    return true;
  }

  /**
   * Takes so many seals (at most a commit's writes), reserving more where needed. Rejects with `unavailable` when the term is used up,
   * `integrity` when its count is damaged or gone.
   */
  async reserve(seals: number): Promise<void> {
    while (!this.take(seals)) await this.#reserved(seals);
  }

  /** Begins to reserve for whoever is about to take. What goes wrong is said to them. */
  getReady(): void {
    if (this.#left === 0) this.#reserved(1).catch(() => undefined);
  }

  #reserved(seals: number): Promise<void> {
    this.#reserving ??= this.#reserveBlock(seals).finally(() => {
      this.#reserving = undefined;
    });
    return this.#reserving;
  }

  async #reserveBlock(seals: number): Promise<void> {
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const record = this.#noted ?? (await this.#storage.read(usageKey(this.term)));
      this.#noted = undefined;
      if (record === undefined) throw integrityError();
      const reserved = openUsage(this.term, record.value);
      const block = Math.min(this.#nextBlock, sealLimit - reserved);
      // One of the block's seals is the one that writes the count down.
      if (this.#left + block - 1 < seals) throw usedUp();
      const write = usageWrite(this.#random, this.term, reserved + block);
      try {
        await this.#storage.commit([write], [{ key: write.key, revision: record.revision }]);
      } catch (error) {
        if (error instanceof ConflictError) continue;
        throw error;
      }
      this.#left += block - 1;
      this.#nextBlock = Math.min(this.#nextBlock * 2, largestBlock);
      return;
    }
    throw new CofferError('unavailable', 'too many processes write to this store at once; try again');
  }
}

export interface SealBudgetOptions {
  readonly storage: Storage;
  readonly random: Random;
  readonly term: Term;
  /** Seals that are reserved already. */
  readonly left?: number;
}

/** The record that a new term begins with, and how many seals it has reserved for whoever commits it. */
export function firstUsage(random: Random, term: Term): { readonly write: Write; readonly left: number } {
  return { write: usageWrite(random, term, firstBlock), left: firstBlock - 1 };
}

/** Where a term's count rests. */
export function usageKey(term: Pick<Term, 'id'>): StorageKey {
  return parseStorageKey(`${bootKeys.keyring}/usage/${term.id}`);
}

/** The record that says so many seals of a term are reserved. */
export function usageWrite(random: Random, term: Term, reserved: number): Write {
  const key = usageKey(term);
  const plaintext = Buffer.from(JSON.stringify({ reserved }));
  return { key, value: sealRecord(random, deriveRecordKey(term, key), plaintext) };
}

/** How many seals of a term are reserved. Throws `integrity` for a record that does not open. */
export function openUsage(term: Term, sealed: Buffer): number {
  if (recordTerm(sealed) !== term.id) throw integrityError();
  const plaintext: unknown = JSON.parse(openRecord(deriveRecordKey(term, usageKey(term)), sealed).toString());
  const reserved = isJsonObject(plaintext) ? plaintext['reserved'] : undefined;
  if (!Number.isSafeInteger(reserved) || Number(reserved) < 0) throw integrityError();
  return Number(reserved);
}

function usedUp(): CofferError {
  return new CofferError(
    'unavailable',
    'the encryption key in use has sealed as many records as is safe (2^32): rotate it to write again',
  );
}
