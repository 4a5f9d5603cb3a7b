/**
 * Rekeying: the keys of the shamir slot prove that their holders agree, and a new slot with new keys takes its place. With
 * verification the old keys stay good until the new ones have been shown to open the new slot.
 */
import type { Barrier } from '../barrier/barrier.ts';
import type { Clock } from '../clock.ts';
import { type Random, randomUuid } from '../crypto/random.ts';
import { asCofferError, CofferError } from '../errors.ts';
import type { KeyCollector, ManualSeal } from '../seal/collector.ts';
import type { Slot } from '../seal/slots.ts';
import { CeremonyPlace, requireNonce, requireRootKey } from './key-ceremony.ts';
import type { KeySlots } from './key-slots.ts';

const kind = 'shamir';

export interface RekeyOptions {
  readonly barrier: Barrier;
  readonly slots: KeySlots;
  readonly manualSeals: readonly ManualSeal[];
  readonly clock: Clock;
  readonly random: Random;
}

export interface RekeyRequest {
  readonly shares: number;
  readonly threshold: number;
  readonly verify: boolean;
}

interface Verification {
  readonly nonce: string;
  readonly slot: Slot;
  readonly collector: KeyCollector;
}

interface Operation {
  readonly nonce: string;
  readonly request: RekeyRequest;
  /** The slot that is replaced. */
  readonly old: Slot;
  readonly collector: KeyCollector;
  readonly verification: Verification | undefined;
}

export interface RekeyStatus {
  readonly nonce: string;
  readonly started: boolean;
  readonly request: RekeyRequest;
  readonly progress: number;
  readonly required: number;
  /** Undefined unless new keys wait to be shown. */
  readonly verification: { readonly nonce: string; readonly progress: number } | undefined;
}

export type RekeyUpdate =
  | { readonly kind: 'collecting'; readonly status: RekeyStatus }
  | {
      readonly kind: 'complete';
      readonly nonce: string;
      /** The new unseal keys, which exist nowhere else. */
      readonly keys: readonly Buffer[];
      /** Undefined when they are in force already. */
      readonly verificationNonce: string | undefined;
      /** Puts the old slot back. */
      readonly undo: () => Promise<unknown>;
    };

export class Rekey {
  readonly #options: RekeyOptions;
  readonly #place: CeremonyPlace<Operation>;

  constructor(options: RekeyOptions) {
    this.#options = options;
    this.#place = new CeremonyPlace(options.clock, ({ collector, verification }) => {
      collector.reset();
      verification?.collector.reset();
    });
  }

  get current(): Operation | undefined {
    return this.#place.current;
  }

  async status(): Promise<RekeyStatus> {
    const operation = this.#place.current;
    if (operation !== undefined) return statusOf(operation);
    const slot = (await this.#options.slots.slots()).find((each) => each.kind === kind);
    const required = slot === undefined ? 0 : this.#collect(slot).threshold;
    const request = { shares: 0, threshold: 0, verify: false };
    return { nonce: '', started: false, request, progress: 0, required, verification: undefined };
  }

  /** Throws `invalid_request` when one is under way, for numbers that make no sense, and where there is no shamir slot. */
  async start(request: RekeyRequest): Promise<RekeyStatus> {
    const old = (await this.#options.slots.slots()).find((each) => each.kind === kind);
    if (old === undefined) {
      throw new CofferError(
        'invalid_request',
        'this store has no unseal keys to change: add a slot of them (sys/seal-slots)',
      );
    }
    // Says what is wrong with the numbers now, and not to whoever hands in the last key.
    await this.#make(request);
    if (this.#place.current !== undefined) {
      throw new CofferError('invalid_request', 'rekey already in progress');
    }
    const nonce = randomUuid(this.#options.random);
    const operation = { nonce, request, old, collector: this.#collect(old), verification: undefined };
    this.#place.hold(operation);
    return statusOf(operation);
  }

  cancel(): void {
    this.#place.end();
  }

  /** Takes one of the old keys. Throws `invalid_request` for what is none, `wrong_key` for keys that don't open the slot. */
  async update(key: string, nonce: string | undefined): Promise<RekeyUpdate> {
    const operation = this.#place.current;
    if (operation === undefined) throw new CofferError('invalid_request', 'no rekey in progress');
    requireNonce(nonce, operation.nonce);
    if (operation.verification !== undefined) {
      throw new CofferError('invalid_request', 'the new keys wait to be verified');
    }
    const step = await operation.collector.add(key);
    if (step.kind === 'collecting') return { kind: 'collecting', status: statusOf(operation) };
    await requireRootKey(this.#options.barrier, step.rootKey);
    const { keys = [], slot } = await this.#make(operation.request);
    this.#requireCurrent(operation);
    const complete = { kind: 'complete', nonce: operation.nonce, keys } as const;
    if (operation.request.verify) {
      const verification = this.#verification(slot);
      this.#place.hold({ ...operation, verification });
      return { ...complete, verificationNonce: verification.nonce, undo: async () => this.#place.end() };
    }
    this.#place.end();
    await this.#replace(operation.old.id, slot);
    const undo = () => this.#options.slots.replace(slot.id, operation.old);
    return { ...complete, verificationNonce: undefined, undo };
  }

  /** Takes one of the new keys; with the last one needed they are in force. Answers whether they are. */
  async verify(
    key: string,
    nonce: string | undefined,
  ): Promise<{ readonly complete: boolean; readonly nonce: string; readonly status: RekeyStatus }> {
    const { operation, verification } = this.#verifying();
    requireNonce(nonce, verification.nonce);
    const step = await verification.collector.add(key);
    const answer = { nonce: verification.nonce, status: statusOf(operation) };
    if (step.kind === 'collecting') return { ...answer, complete: false };
    await requireRootKey(this.#options.barrier, step.rootKey);
    this.#requireCurrent(operation);
    this.#place.end();
    await this.#replace(operation.old.id, verification.slot);
    return { ...answer, complete: true };
  }

  /** Begins the verification anew: other keys, another nonce. The keys stay the same. */
  restartVerification(): RekeyStatus {
    const { operation, verification } = this.#verifying();
    verification.collector.reset();
    const anew = { ...operation, verification: this.#verification(verification.slot) };
    this.#place.hold(anew);
    return statusOf(anew);
  }

  #verifying(): { readonly operation: Operation; readonly verification: Verification } {
    const operation = this.#place.current;
    if (operation?.verification === undefined) {
      throw new CofferError('invalid_request', 'no rekey verification in progress');
    }
    return { operation, verification: operation.verification };
  }

  #requireCurrent(operation: Operation): void {
    if (this.#place.current === operation) return;
    throw new CofferError('invalid_request', 'the rekey operation has been cancelled');
  }

  #make({ shares, threshold }: RekeyRequest) {
    return this.#options.slots.make(kind, { shares, threshold, passphrase: undefined });
  }

  #verification(slot: Slot): Verification {
    return { nonce: randomUuid(this.#options.random), slot, collector: this.#collect(slot) };
  }

  async #replace(id: string, slot: Slot): Promise<void> {
    try {
      await this.#options.slots.replace(id, slot);
    } catch (error) {
      if (asCofferError(error).code !== 'not_found') throw error;
      throw new CofferError('invalid_request', 'the slot was removed or rekeyed meanwhile: begin anew');
    }
  }

  #collect(slot: Slot): KeyCollector {
    const { manualSeals, barrier } = this.#options;
    const manual = manualSeals.find((each) => each.kind === kind);
    if (manual === undefined) throw new CofferError('internal', 'there is no shamir seal');
    return manual.collect(slot.body, { storeId: barrier.storeId, slotId: slot.id });
  }
}

function statusOf({ nonce, request, collector, verification }: Operation): RekeyStatus {
  return {
    nonce,
    started: true,
    request,
    progress: collector.progress,
    required: collector.threshold,
    verification:
      verification === undefined
        ? undefined
        : { nonce: verification.nonce, progress: verification.collector.progress },
  };
}
