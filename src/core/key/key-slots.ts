/**
 * Key slots of a store that is unsealed: looked at, added, removed, replaced, and rehearsed. Each change is one commit that expects
 * the slots as they were read, so that of two at once none is lost, and a crash leaves the old list or the new one.
 */
import type { Barrier } from '../../barrier/barrier.ts';
import { equalBytes } from '../../crypto/digest.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import { type Boot, bootKeys, readBoot } from '../../seal/boot.ts';
import type { ManualSeal } from '../../seal/collector.ts';
import type { Seal } from '../../seal/seal.ts';
import type { MadeSlot, SlotMaker, SlotRequest } from '../../seal/slot-maker.ts';
import { encodeSlots, type Slot } from '../../seal/slots.ts';
import { unwrapByAny } from '../../seal/unwrap-by-any.ts';
import type { Storage } from '../../storage/storage.ts';
import { retryOnConflict } from '../retry.ts';

export interface KeySlotsOptions {
  readonly storage: Storage;
  readonly barrier: Barrier;
  readonly random: Random;
  readonly seals: readonly Seal[];
  readonly manualSeals: readonly ManualSeal[];
  readonly makers: readonly SlotMaker[];
  /** The directory or address of the data, one line: for people. */
  readonly dataPlace: string;
  readonly opened: OpenedSlots;
}

/**
 * By id, the slots that have been seen to open, on this node and since it runs. `by hand`: somebody has its keys. `by itself`: what
 * opens it was there then, which says nothing of now.
 */
export type OpenedSlots = Map<string, 'by hand' | 'by itself'>;

export interface SlotInfo {
  readonly id: string;
  readonly kind: string;
  /** Tried at start, without a person. */
  readonly automatic: boolean;
  /** Keys made and keys needed, for kinds that people open by hand. */
  readonly shares: number;
  readonly threshold: number;
  /** Whether it has been seen to open on this node. */
  readonly verified: boolean;
}

type Store = Extract<Boot, { kind: 'store' }>;

export class KeySlots {
  readonly #options: KeySlotsOptions;

  constructor(options: KeySlotsOptions) {
    this.#options = options;
  }

  async list(): Promise<readonly SlotInfo[]> {
    const store = await this.#read();
    return store.slots.map((slot) => this.#describe(store, slot));
  }

  async find(id: string): Promise<SlotInfo> {
    const store = await this.#read();
    return this.#describe(store, slotOf(store, id));
  }

  /** Every slot, as it is stored. */
  async slots(): Promise<readonly Slot[]> {
    return (await this.#read()).slots;
  }

  /** Makes a slot and what opens it, without storing it. Throws `invalid_request` for what makes none. */
  async make(kind: string, request: SlotRequest): Promise<MadeSlot & { readonly slot: Slot }> {
    const { makers, barrier, random, dataPlace } = this.#options;
    const maker = makers.find((each) => each.kind === kind);
    if (maker === undefined) {
      const known = makers.map((each) => each.kind).join(', ');
      throw new CofferError('invalid_request', `the type of a slot is one of: ${known}`);
    }
    const place = { storeId: barrier.storeId, slotId: randomUuid(random) };
    const made = await barrier.withRootKey((rootKey) =>
      maker.make(rootKey, request, { place, random, dataPlace }),
    );
    return { ...made, slot: { id: place.slotId, kind, body: made.body } };
  }

  add(slot: Slot): Promise<void> {
    return this.#change((store) => [...store.slots, slot]);
  }

  /** Puts a slot in another's place. Throws `not_found` when that is gone. */
  replace(id: string, slot: Slot): Promise<void> {
    return this.#change((store) => {
      slotOf(store, id);
      return store.slots.map((each) => (each.id === id ? slot : each));
    });
  }

  /** Takes back a slot that nobody got the key of. */
  takeBack(id: string): Promise<void> {
    return this.#change((store) => store.slots.filter((slot) => slot.id !== id));
  }

  /**
   * Throws `not_found`, and `invalid_request` for the last slot and where no other one is known to open: nobody may be
   * locked out by a slip.
   */
  remove(id: string): Promise<void> {
    return this.#change(async (store) => {
      slotOf(store, id);
      const left = store.slots.filter((slot) => slot.id !== id);
      if (left.length === 0) {
        throw new CofferError(
          'invalid_request',
          'this is the last key slot: without it nobody opens the store',
        );
      }
      if (!(await this.#anyOpens(store, left))) {
        throw new CofferError(
          'invalid_request',
          'none of the slots left is known to open: verify one of them first (sys/seal-slots/<id>/verify)',
        );
      }
      return left;
    });
  }

  /**
   * A rehearsal: whether these keys (none: whatever this node has for it) open the slot. Nothing changes. Throws `wrong_key`,
   * `invalid_request` for too few keys or what can be none, and what the seal throws.
   */
  async verify(id: string, keys: readonly string[]): Promise<void> {
    const store = await this.#read();
    const slot = slotOf(store, id);
    const rootKey =
      keys.length === 0 ? await this.#unwrap(store, slot) : await this.#collect(store, slot, keys);
    await this.#requireRootKey(rootKey);
    const { opened } = this.#options;
    if (keys.length > 0) opened.set(slot.id, 'by hand');
    else if (!opened.has(slot.id)) opened.set(slot.id, 'by itself');
  }

  /** Zeroes the key. Throws `integrity` when it is not the one this store is open with. */
  async #requireRootKey(rootKey: Buffer): Promise<void> {
    try {
      const same = await this.#options.barrier.withRootKey(async (held) => equalBytes(held, rootKey));
      if (!same) throw new CofferError('integrity', 'the key slot opens, but holds another root key');
    } finally {
      rootKey.fill(0);
    }
  }

  async #collect(store: Store, slot: Slot, keys: readonly string[]): Promise<Buffer> {
    const manual = this.#options.manualSeals.find(({ kind }) => kind === slot.kind);
    if (manual === undefined) throw notByHand(slot.kind);
    const collector = manual.collect(slot.body, placeOf(store, slot));
    try {
      for (const key of keys) {
        const step = await collector.add(key);
        if (step.kind === 'opened') return step.rootKey;
      }
    } finally {
      collector.reset();
    }
    throw new CofferError(
      'invalid_request',
      `the slot opens with ${collector.threshold} different keys, and fewer were given`,
    );
  }

  async #unwrap(store: Store, slot: Slot): Promise<Buffer> {
    const seals = this.#automatic(slot);
    if (seals.length === 0) {
      throw new CofferError('invalid_request', `a ${slot.kind} slot is verified with its keys: give them`);
    }
    return unwrapByAny(seals, slot.body, placeOf(store, slot));
  }

  /**
   * Whether somebody has shown the keys of one of these slots, or one opens by itself now: a keyfile that is gone, or a KMS key that
   * has been disabled since this node started, opens nothing at the next start.
   */
  async #anyOpens(store: Store, slots: readonly Slot[]): Promise<boolean> {
    if (slots.some(({ id }) => this.#options.opened.get(id) === 'by hand')) return true;
    for (const slot of slots) {
      if (this.#automatic(slot).length === 0) continue;
      try {
        await this.#requireRootKey(await this.#unwrap(store, slot));
        this.#options.opened.set(slot.id, 'by itself');
        return true;
      } catch (error) {
        if (asCofferError(error).code === 'sealed') throw error;
      }
    }
    return false;
  }

  #automatic({ kind }: Slot): readonly Seal[] {
    return this.#options.seals.filter((seal) => seal.automatic && seal.kind === kind);
  }

  #describe(store: Store, slot: Slot): SlotInfo {
    const manual = this.#options.manualSeals.find(({ kind }) => kind === slot.kind);
    const collector = manual?.collect(slot.body, placeOf(store, slot));
    return {
      id: slot.id,
      kind: slot.kind,
      automatic: this.#automatic(slot).length > 0,
      shares: collector?.shares ?? 0,
      threshold: collector?.threshold ?? 0,
      verified: this.#options.opened.has(slot.id),
    };
  }

  async #read(): Promise<Store> {
    const boot = await readBoot(this.#options.storage);
    if (boot.kind === 'empty') throw new CofferError('store_unusable', 'the store is gone');
    return boot;
  }

  #change(edit: (store: Store) => readonly Slot[] | Promise<readonly Slot[]>): Promise<void> {
    const { storage, barrier } = this.#options;
    return retryOnConflict(async () => {
      const store = await this.#read();
      const slots = encodeSlots(await edit(store));
      // Sealed meanwhile: whoever asked has lost the right to.
      if (barrier.sealed) throw new CofferError('sealed', 'Vault is sealed');
      await storage.commit(
        [{ key: bootKeys.slots, value: slots }],
        [{ key: bootKeys.slots, revision: store.slotsRevision }],
      );
    });
  }
}

function slotOf(store: Store, id: string): Slot {
  const slot = store.slots.find((each) => each.id === id);
  if (slot === undefined) throw new CofferError('not_found', 'there is no such key slot');
  return slot;
}

function placeOf({ header }: Store, slot: Slot) {
  return { storeId: header.id, slotId: slot.id };
}

function notByHand(kind: string): CofferError {
  return new CofferError('invalid_request', `a ${kind} slot is not opened by hand: verify it without keys`);
}
