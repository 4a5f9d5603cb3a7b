/**
 * Another root token, proved by the keys of any one slot. It leaves only as its XOR with a one-time password, so that neither the
 * answer nor whoever hands in the last key has it alone.
 */
import type { Barrier } from '../../barrier/barrier.ts';
import type { Clock } from '../../clock.ts';
import { type Random, randomBase62, randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { type KeyCollector, type ManualSeal, offerKey } from '../../seal/collector.ts';
import type { Slot } from '../../seal/slots.ts';
import { type Asker, rootTokenKind, rootTokenNotice } from '../notice/core-notices.ts';
import { nothingToTell, type Outbox } from '../notice/outbox.ts';
import { rootTokenAt, rootTokenLength } from '../token/root-token.ts';
import type { Tokens } from '../token/tokens.ts';
import { CeremonyPlace, requireNonce, requireRootKey } from './ceremony.ts';
import type { KeySlots } from './key-slots.ts';

export interface GenerateRootOptions {
  readonly barrier: Barrier;
  readonly slots: KeySlots;
  readonly manualSeals: readonly ManualSeal[];
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly random: Random;
  readonly notices: Pick<Outbox, 'prepare'>;
}

interface Attempt {
  readonly nonce: string;
  readonly otp: Buffer;
  readonly collectors: readonly SlotCollector[];
}

interface SlotCollector {
  readonly slot: Slot;
  readonly collector: KeyCollector;
}

export interface RootProgress {
  readonly nonce: string;
  readonly started: boolean;
  readonly progress: number;
  readonly required: number;
}

export type RootUpdate =
  | { readonly kind: 'collecting'; readonly status: RootProgress }
  | {
      readonly kind: 'complete';
      readonly status: RootProgress;
      /** The token's bytes XOR the password's, in base64 without padding. */
      readonly encodedToken: string;
      /** Ends the token again. */
      readonly undo: () => Promise<unknown>;
    };

export class GenerateRoot {
  readonly #options: GenerateRootOptions;
  readonly #place: CeremonyPlace<Attempt>;

  constructor(options: GenerateRootOptions) {
    this.#options = options;
    this.#place = new CeremonyPlace(options.clock, ({ otp, collectors }) => {
      otp.fill(0);
      for (const { collector } of collectors) collector.reset();
    });
  }

  get nonce(): string | undefined {
    return this.#place.current?.nonce;
  }

  async status(): Promise<RootProgress> {
    const attempt = this.#place.current;
    if (attempt !== undefined) return progressOf(attempt);
    const collectors = await this.#collectors();
    return { nonce: '', started: false, progress: 0, required: requiredOf(collectors) };
  }

  /**
   * Begins an attempt; answers the password where it was drawn here. Throws `invalid_request` when one is under way, or for a
   * password of another length than the token's.
   */
  async start(given: string | undefined): Promise<{ readonly status: RootProgress; readonly otp: string }> {
    const collectors = await this.#collectors();
    if (this.#place.current !== undefined) {
      throw new CofferError('invalid_request', 'root generation already in progress');
    }
    const { random } = this.#options;
    const drawn = given === undefined ? randomBase62(random, rootTokenLength) : '';
    const otp = Buffer.from(given ?? drawn);
    if (otp.length !== rootTokenLength) {
      throw new CofferError('invalid_request', `the one-time password has ${rootTokenLength} characters`);
    }
    const attempt = { nonce: randomUuid(random), otp, collectors };
    this.#place.hold(attempt);
    return { status: progressOf(attempt), otp: drawn };
  }

  cancel(): void {
    this.#place.end();
  }

  /** Takes one key of any slot. Throws `invalid_request` for what is none, `wrong_key` for keys that open nothing here. */
  async update(key: string, nonce: string | undefined, asker: Asker): Promise<RootUpdate> {
    const attempt = this.#place.current;
    if (attempt === undefined) throw new CofferError('invalid_request', 'no root generation in progress');
    requireNonce(nonce, attempt.nonce);
    if (!(await this.#isProven(attempt, key))) return { kind: 'collecting', status: progressOf(attempt) };
    if (this.#place.current !== attempt)
      throw new CofferError('invalid_request', 'the attempt has been cancelled');
    const { tokens, barrier, clock, notices } = this.#options;
    const minted = tokens.mint(rootTokenAt(clock.now()));
    const text = Buffer.from(minted.text);
    const encoded = Buffer.from(text.map((byte, index) => byte ^ (attempt.otp[index] ?? 0)));
    text.fill(0);
    const required = requiredOf(attempt.collectors);
    this.#place.end();
    // Whoever holds the keys gets in, also where people cannot be told just now: the audit log says so.
    const told = await notices
      .prepare(rootTokenKind, () => rootTokenNotice('sys/generate-root', asker))
      .catch(() => nothingToTell);
    await barrier.commit([...minted.writes, ...told.writes]);
    told.sent();
    return {
      kind: 'complete',
      status: { nonce: attempt.nonce, started: true, progress: required, required },
      encodedToken: encoded.toString('base64').replace(/=+$/, ''),
      undo: () => tokens.revoke(minted.record.id),
    };
  }

  /** Whether this key, with those before it, opens a slot of this store. */
  async #isProven(attempt: Attempt, key: string): Promise<boolean> {
    const offered = await offerKey(
      attempt.collectors.map(({ collector }) => collector),
      key,
    );
    if (offered.kind !== 'opened') return false;
    await requireRootKey(this.#options.barrier, offered.rootKey);
    await this.#requireSlot(attempt.collectors.find(({ collector }) => collector === offered.by)?.slot);
    return true;
  }

  /** A slot that was removed or replaced since the attempt began proves nothing any more. */
  async #requireSlot(proved: Slot | undefined): Promise<void> {
    const slots = await this.#options.slots.slots();
    if (proved !== undefined && slots.some((slot) => slot.id === proved.id)) return;
    throw new CofferError('wrong_key', 'these keys open a slot that was removed meanwhile');
  }

  async #collectors(): Promise<readonly SlotCollector[]> {
    const { slots, manualSeals, barrier } = this.#options;
    const collectors = (await slots.slots()).flatMap((slot) => {
      const manual = manualSeals.find((each) => each.kind === slot.kind);
      if (manual === undefined) return [];
      const place = { storeId: barrier.storeId, slotId: slot.id };
      return [{ slot, collector: manual.collect(slot.body, place) }];
    });
    // The one that takes most keys first: `required` and `progress` are about it.
    return collectors.toSorted((one, other) => other.collector.threshold - one.collector.threshold);
  }
}

function progressOf({ nonce, collectors }: Attempt): RootProgress {
  return {
    nonce,
    started: true,
    progress: collectors[0]?.collector.progress ?? 0,
    required: requiredOf(collectors),
  };
}

function requiredOf(collectors: readonly SlotCollector[]): number {
  return collectors[0]?.collector.threshold ?? 0;
}
