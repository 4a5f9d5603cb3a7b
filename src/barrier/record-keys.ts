import { Doorkeeper } from '../doorkeeper.ts';
import type { StorageKey } from '../storage/storage.ts';
import { derivePassingKey, deriveRecordKey, type PassingKey, type RecordKey } from './record.ts';
import type { Term } from './term.ts';

/**
 * Derived record keys, kept because deriving one costs more than the decryption it is for. Never plaintext. A record is let in
 * the second time it is asked for: of records that are looked at once nothing is kept.
 *
 * Bounded by two generations: a full young one becomes the old one, and what is used again moves back to the young one. That
 * forgets what is not in use, roughly in order, at the price of one map operation a look-up.
 */
export class RecordKeys {
  readonly #generation: number;
  readonly #door: Doorkeeper;
  #young = new Map<StorageKey, RecordKey>();
  #old = new Map<StorageKey, RecordKey>();

  /** Keeps between `most / 2` and `most` keys once that many were used. */
  constructor(most: number) {
    this.#generation = Math.ceil(most / 2);
    this.#door = new Doorkeeper(2 * most);
  }

  /** How many keys are kept now. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /**
   * The key of one record under one term. Of each record only the term last asked for is kept. `changes`: it will be asked for
   * again, and is let in at once. What is not let in is for one use.
   */
  find(term: Term, identity: StorageKey, changes = false): PassingKey {
    const young = this.#young.get(identity);
    if (young !== undefined && young.term === term.id) return young;
    const old = this.#old.get(identity);
    if (old !== undefined && old.term === term.id) {
      this.#keep(identity, old);
      return old;
    }
    const known = changes || young !== undefined || old !== undefined;
    if (!known && !this.#door.knows(identity)) return derivePassingKey(term, identity);
    const derived = deriveRecordKey(term, identity);
    this.#keep(identity, derived);
    return derived;
  }

  /** The same without it counting as being asked for: for records that are made once and may never be looked at again. */
  findOnce(term: Term, identity: StorageKey): PassingKey {
    const kept = this.#young.get(identity) ?? this.#old.get(identity);
    return kept !== undefined && kept.term === term.id ? kept : derivePassingKey(term, identity);
  }

  #keep(identity: StorageKey, recordKey: RecordKey): void {
    this.#old.delete(identity);
    this.#young.set(identity, recordKey);
    if (this.#young.size < this.#generation) return;
    this.#old = this.#young;
    this.#young = new Map();
  }
}
