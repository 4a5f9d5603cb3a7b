/**
 * The barrier: between the core, which sees plaintext, and storage, which is not trusted. Everything is sealed on its way down and
 * proven on its way up.
 *
 * While unsealed it holds the keyring and derived keys, never plaintext. Sealing forgets them; records that were read before and
 * not yet opened stay shut.
 */
import type { KeyObject } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { integrityError } from '../crypto/aead.ts';
import type { Random } from '../crypto/random.ts';
import { CofferError, ConflictError } from '../errors.ts';
import { bootKeys } from '../seal/boot.ts';
import type {
  Expectation,
  Page,
  PageRequest,
  Revision,
  Storage,
  StorageKey,
  StorageRecord,
  Write,
} from '../storage/storage.ts';
import {
  continues,
  generateKeyring,
  type Keyring,
  openKeyring,
  sealKeyring,
  withNewTerm,
  withRetiredTerms,
} from './keyring.ts';
import { asRootKey, checkPlace, countSeals, isChange } from './plain-write.ts';
import { resealPage } from './reseal.ts';
import { firstUsage, SealBudget, usageKey } from './seal-budget.ts';
import { textsOf } from './sealed-texts.ts';
import type {
  BarrierStore,
  KeyedSealedRecord,
  PlainWrite,
  ResealedPage,
  SealedRecord,
  SealedTexts,
  TermStatus,
  Terms,
} from './store.ts';
import { newestTerm } from './term-status.ts';
import { sealedError, Unsealed } from './unsealed.ts';

export interface BarrierOptions {
  readonly storage: Storage;
  readonly random: Random;
  readonly clock: Clock;
}

export interface BarrierCreation {
  /** Unsealed already, so that other rooms can derive purpose keys. Of use only once the writes are committed. */
  readonly barrier: Barrier;
  /** The keyring and its count. They belong in the one commit that makes the store. */
  readonly writes: readonly Write[];
  /** That no keyring is there yet. They belong in the same commit. */
  readonly expectations: readonly Expectation[];
  /** Seals another record for that same commit. */
  readonly encrypt: (write: PlainWrite) => Write;
}

/** Of the counts of dropped terms, so many go in the same commit; one that stays behind is harmless. */
const mostDroppedCounts = 32;

export class Barrier implements BarrierStore, Terms {
  readonly #storage: Storage;
  readonly #random: Random;
  readonly #clock: Clock;
  /** Seals what leaves the store. */
  readonly texts: SealedTexts = textsOf(
    () => this.#live(),
    (unsealed) => this.#reload(unsealed),
  );
  #unsealed: Unsealed | undefined;
  /** How often `seal` was called, so that an unseal that was under way then does not undo it. */
  #seals = 0;

  /** Starts sealed. */
  constructor({ storage, random, clock }: BarrierOptions) {
    this.#storage = storage;
    this.#random = random;
    this.#clock = clock;
  }

  /**
   * The barrier of a new store, with nothing written yet. `rootKey` has 32 bytes and stays the caller's, to wrap and to zero. Throws
   * `wrong_key` for another length.
   */
  static create(options: BarrierOptions & { rootKey: Buffer; storeId: string }): BarrierCreation {
    const { storage, random, clock, storeId } = options;
    const rootKey = asRootKey(options.rootKey);
    const keyring = generateKeyring(random, clock.now());
    const usage = firstUsage(random, keyring.newest);
    const budget = new SealBudget({ storage, random, term: keyring.newest, left: usage.left });
    const unsealed = new Unsealed({ storage, random, storeId, rootKey, keyring, budget });
    const barrier = new Barrier(options);
    barrier.#unsealed = unsealed;
    const keyringWrite = { key: bootKeys.keyring, value: sealKeyring(random, rootKey, storeId, keyring) };
    return {
      barrier,
      writes: [keyringWrite, usage.write],
      expectations: [
        { key: bootKeys.keyring, revision: null },
        { key: usage.write.key, revision: null },
      ],
      encrypt(write) {
        checkPlace(write);
        if (!budget.take(countSeals([write]))) {
          throw new CofferError('internal', 'more records than fit the commit that makes a store');
        }
        return unsealed.encrypt(write, budget.term);
      },
    };
  }

  get sealed(): boolean {
    return this.#unsealed === undefined;
  }

  /**
   * Opens the keyring. `rootKey` stays the caller's, to zero. Does nothing if it fits and the barrier is unsealed already. Throws
   * `wrong_key` if it does not open the keyring, `integrity` if it should but the keyring is damaged, `store_unusable` if there is
   * none or a later Coffer's, `sealed` if `seal` was called meanwhile. `read` is the keyring's record, if it has just been read.
   */
  async unseal(rootKey: Buffer, storeId: string, read?: StorageRecord): Promise<void> {
    const root = asRootKey(rootKey);
    const seals = this.#seals;
    const { value } = read ?? (await this.#readKeyring());
    const keyring = openKeyring(root, storeId, value);
    if (seals !== this.#seals) throw sealedError();
    this.#unsealed ??= new Unsealed({
      storage: this.#storage,
      random: this.#random,
      storeId,
      rootKey: root,
      keyring,
    });
  }

  /** A record that was read before the keyring was open, in one snapshot with it. Throws `sealed`. */
  present(key: StorageKey, record: StorageRecord | undefined): SealedRecord | undefined {
    return record && this.#live().present(key, record);
  }

  /** Reserves seals for whoever is about to commit. What goes wrong the commit will say. */
  getReady(): void {
    this.#live().budget.getReady();
  }

  /** Forgets every key. What is under way ends with `sealed`, unless storage has it already. */
  seal(): void {
    this.#seals++;
    this.#unsealed?.end();
    this.#unsealed = undefined;
  }

  /**
   * A key for one purpose (an HMAC, say), the same for the store's whole life: rotation does not change it. Purposes are few and
   * fixed, one a caller. Throws `sealed`.
   */
  purposeKey(purpose: string): KeyObject {
    return this.#live().purposeKey(purpose);
  }

  read(key: StorageKey): Promise<SealedRecord | undefined> {
    const unsealed = this.#unsealed;
    if (unsealed === undefined) return Promise.reject(sealedError());
    return this.#storage.read(key).then((record) => {
      unsealed.requireLive();
      if (record === undefined) return undefined;
      const presented = unsealed.present(key, record);
      if (unsealed.knowsTermOf(record.value)) return presented;
      return this.#reload(unsealed).then(() => presented);
    });
  }

  readMany(keys: readonly StorageKey[]): Promise<readonly (SealedRecord | undefined)[]> {
    const unsealed = this.#unsealed;
    if (unsealed === undefined) return Promise.reject(sealedError());
    return this.#storage.readMany(keys).then((records) => {
      unsealed.requireLive();
      const presented = keys.map((key, index) => {
        const record = records[index];
        return record === undefined ? undefined : unsealed.present(key, record);
      });
      return this.#withKnownTerms(unsealed, records, presented);
    });
  }

  children(prefix: string, page: PageRequest): Promise<Page<string>> {
    const unsealed = this.#unsealed;
    if (unsealed === undefined) return Promise.reject(sealedError());
    return this.#storage.children(prefix, page).then((answer) => {
      unsealed.requireLive();
      return answer;
    });
  }

  range(prefix: string, page: PageRequest): Promise<Page<KeyedSealedRecord>> {
    const unsealed = this.#unsealed;
    if (unsealed === undefined) return Promise.reject(sealedError());
    return this.#storage.range(prefix, page).then((answer) => {
      unsealed.requireLive();
      const items = answer.items.map((record) => unsealed.present(record.key, record));
      return this.#withKnownTerms(unsealed, answer.items, { ...answer, items });
    });
  }

  /**
   * The plaintext of a record that was read elsewhere (from a backup, say) and belongs at `key`. Throws `integrity` if it is not
   * what was sealed there, `store_unusable` for a later format, `sealed`.
   */
  open(key: StorageKey, sealed: Buffer): Buffer {
    return this.#live().open(key, sealed);
  }

  /**
   * Seals and commits. Besides storage's own refusals (`ConflictError` among them): `unavailable` when the term has no seals left,
   * `internal` for a key that is not the barrier's to seal.
   */
  async commit(
    writes: readonly PlainWrite[],
    expectations: readonly Expectation[] = [],
  ): Promise<readonly Revision[]> {
    const unsealed = this.#live();
    for (const write of writes) checkPlace(write);
    const { budget } = unsealed;
    const seals = countSeals(writes);
    if (!budget.take(seals)) await budget.reserve(seals);
    const sealed = writes.map((write) => unsealed.encrypt(write, budget.term, isChange(write, expectations)));
    unsealed.requireLive();
    try {
      return await this.#storage.commit(sealed, expectations);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      return this.#commitOnResealed(unsealed, sealed, expectations, error);
    }
  }

  /** A record that was re-sealed since it was read has another revision and is the same: that is no conflict. */
  async #commitOnResealed(
    unsealed: Unsealed,
    sealed: readonly Write[],
    given: readonly Expectation[],
    conflict: ConflictError,
  ): Promise<readonly Revision[]> {
    let expectations = given;
    let last = conflict;
    for (let left = given.length; left > 0; left--) {
      const expected = expectations.find(({ key }) => key === last.key);
      if (expected === undefined || expected.revision === null) throw last;
      const record = await this.#storage.read(expected.key);
      unsealed.requireLive();
      if (record === undefined) throw last;
      if (!unsealed.knowsTermOf(record.value)) await this.#reload(unsealed);
      if (!unsealed.isOnlyResealed(expected.key, record, expected.revision)) throw last;
      expectations = expectations.map((each) =>
        each === expected ? { key: each.key, revision: record.revision } : each,
      );
      try {
        return await this.#storage.commit(sealed, expectations);
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
        last = error;
      }
    }
    throw last;
  }

  /**
   * Takes in the terms that another node added. Records of a term we don't know do it by themselves. Rejects with `integrity` if
   * storage shows an older keyring than we hold: somebody put it back.
   */
  async reloadKeyring(): Promise<void> {
    await this.#reload(this.#live());
  }

  /**
   * Adds a term, which seals from now on, in one commit with `writes` (62 at most, expectations included). Resolves to the term's id.
   * Rejects with `ConflictError` if another node rotated at the same time.
   */
  async rotate(
    writes: readonly PlainWrite[] = [],
    expectations: readonly Expectation[] = [],
  ): Promise<number> {
    const unsealed = this.#live();
    for (const write of writes) checkPlace(write);
    const { keyring, revision } = await this.#currentKeyring(unsealed);
    const next = withNewTerm(keyring, this.#random, this.#clock.now());
    const usage = firstUsage(this.#random, next.newest);
    // The new term pays for the other writes: the old one may have nothing left, and rotation is the way out of that.
    const left = usage.left - countSeals(writes);
    const budget = new SealBudget({ storage: this.#storage, random: this.#random, term: next.newest, left });
    const value = sealKeyring(this.#random, unsealed.rootKey, unsealed.storeId, next);
    const sealed = writes.map((write) => unsealed.encrypt(write, next.newest));
    await this.#storage.commit(
      [{ key: bootKeys.keyring, value }, usage.write, ...sealed],
      [{ key: bootKeys.keyring, revision }, ...expectations],
    );
    unsealed.install(next, budget);
    return next.newest.id;
  }

  newestTerm(): Promise<TermStatus> {
    return newestTerm(this.#storage, this.#live());
  }

  resealPage(after: string | undefined, expectations: readonly Expectation[]): Promise<ResealedPage> {
    return resealPage(this.#storage, this.#live(), after, expectations);
  }

  async retireTerms(
    { firstInUse, droppedBefore }: { readonly firstInUse: number; readonly droppedBefore: number },
    writes: readonly PlainWrite[],
    expectations: readonly Expectation[],
  ): Promise<readonly number[]> {
    const unsealed = this.#live();
    for (const write of writes) checkPlace(write);
    const { keyring, revision } = await this.#currentKeyring(unsealed);
    const next = withRetiredTerms(keyring, { firstInUse, now: this.#clock.now(), droppedBefore });
    if (next === keyring) return [];
    const dropped = [...keyring.terms.keys()].filter((id) => !next.terms.has(id));
    const { budget } = unsealed;
    const seals = countSeals(writes);
    if (!budget.take(seals)) await budget.reserve(seals);
    const sealed = writes.map((write) => unsealed.encrypt(write, budget.term));
    const value = sealKeyring(this.#random, unsealed.rootKey, unsealed.storeId, next);
    await this.#storage.commit(
      [
        { key: bootKeys.keyring, value },
        ...dropped.slice(0, mostDroppedCounts).map((id) => ({ key: usageKey({ id }), value: null })),
        ...sealed,
      ],
      [{ key: bootKeys.keyring, revision }, ...expectations],
    );
    unsealed.install(next);
    return dropped;
  }

  /**
   * Lends the root key, for wrapping it into another slot and for telling whether a slot's key yields it. It is zeroed once `use`
   * has settled. Throws `sealed`.
   */
  async withRootKey<T>(use: (rootKey: Buffer) => Promise<T>): Promise<T> {
    const rootKey = this.#live().rootKey.export();
    try {
      return await use(rootKey);
    } finally {
      rootKey.fill(0);
    }
  }

  get storeId(): string {
    return this.#live().storeId;
  }

  #live(): Unsealed {
    if (this.#unsealed === undefined) throw sealedError();
    return this.#unsealed;
  }

  async #reload(unsealed: Unsealed): Promise<void> {
    const { keyring } = await this.#currentKeyring(unsealed);
    unsealed.install(keyring);
  }

  /** The stored keyring, which must continue the one held when the read began. */
  async #currentKeyring(unsealed: Unsealed): Promise<{ keyring: Keyring; revision: Revision }> {
    const held = unsealed.keyring;
    const { value, revision } = await this.#readKeyring();
    unsealed.requireLive();
    const keyring = openKeyring(unsealed.rootKey, unsealed.storeId, value);
    if (!continues(keyring, held)) throw integrityError();
    return { keyring, revision };
  }

  async #readKeyring(): Promise<StorageRecord> {
    const record = await this.#storage.read(bootKeys.keyring);
    if (record !== undefined) return record;
    throw new CofferError(
      'store_unusable',
      `this store has no keyring (${bootKeys.keyring}): nothing can open it`,
    );
  }

  #withKnownTerms<T>(
    unsealed: Unsealed,
    records: readonly (StorageRecord | undefined)[],
    answer: T,
  ): T | Promise<T> {
    const known = records.every((record) => record === undefined || unsealed.knowsTermOf(record.value));
    return known ? answer : this.#reload(unsealed).then(() => answer);
  }
}
