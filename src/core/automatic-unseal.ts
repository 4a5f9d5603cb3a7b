/**
 * Unsealing without a person: each slot that a seal of this node may open is tried at start, those first whose key is at hand.
 * Where a key is somewhere that does not answer, the node waits sealed and tries again, at growing intervals, until the store is
 * open, is sealed on purpose, or the node ends. A node need not wait even for the first answer before it listens.
 */
import type { Clock } from '../clock.ts';
import type { Random } from '../crypto/random.ts';
import { asCofferError, type CofferError, type ErrorCode } from '../errors.ts';
import type { Seal } from '../seal/seal.ts';
import type { Slot } from '../seal/slots.ts';
import { unwrapByAny } from '../seal/unwrap-by-any.ts';

export interface AutomaticUnsealOptions {
  readonly seals: readonly Seal[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void;
  /** Reads the store anew; undefined when there is nothing to open: none there, open already, or sealed on purpose. */
  readonly closedStore: () => Promise<{ readonly id: string; readonly slots: readonly Slot[] } | undefined>;
  /** Opens the store; zeroes the key. */
  readonly open: (rootKey: Buffer, slot: Slot) => Promise<void>;
}

/** What a sealed node waits for, as far as everybody may know it. */
export interface Waiting {
  /** Of the slot. */
  readonly kind: string;
  readonly code: ErrorCode;
}

/** The first try of keys that are elsewhere, under way. */
export interface FirstTry {
  /**
   * Resolves when it has ended, or after `patience` milliseconds: what goes wrong from then on is logged, as with later tries. Rejects
   * for a store that must not be served.
   */
  settled(patience: number): Promise<void>;
}

/** Milliseconds before the second try, and between late ones. */
const firstPause = 1_000;
const longestPause = 60_000;

/** With these the node stays sealed, as with a keyfile that is not there; with any other it must not serve this store. */
const ordinary: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['wrong_key', 'not_found', 'invalid_request']);

/** Of the storage or the disk for the log: they pass, and a node that gave up then would stay sealed for ever. */
const passing: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['unavailable', 'storage_full', 'conflict']);

export class AutomaticUnseal {
  readonly #options: AutomaticUnsealOptions;
  #waiting: Waiting | undefined;
  #pause = firstPause;
  #timer: Disposable | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;
  /** Reasons told already, by slot: a key that stays away is told once. */
  readonly #told = new Map<string, string>();

  constructor(options: AutomaticUnsealOptions) {
    this.#options = options;
  }

  /** Undefined while nothing is waited for. */
  get waiting(): Waiting | undefined {
    return this.#waiting;
  }

  /** One try; further ones follow by themselves where that may help. Throws for a store that must not be served. */
  async start(): Promise<void> {
    const { round } = await this.#begin();
    await round;
  }

  /** As `start`, but resolves before anything is asked whose key is elsewhere. */
  async begin(): Promise<FirstTry> {
    const { round } = await this.#begin();
    return { settled: (patience) => this.#settled(round, patience) };
  }

  /** Resolves when what is at hand has been tried. `round` never goes unheard: whoever stops waiting for it may. */
  async #begin(): Promise<{ readonly round: Promise<void> }> {
    this.#timer?.[Symbol.dispose]();
    await this.#running;
    let triedAtHand = (): void => {};
    const atHand = new Promise<void>((resolve) => {
      triedAtHand = resolve;
    });
    const round = this.#round(triedAtHand);
    this.#running = round.catch(() => undefined);
    await Promise.race([atHand, round]);
    return { round };
  }

  async #settled(round: Promise<void>, patience: number): Promise<void> {
    let enough = (): void => {};
    const late = new Promise<'late'>((resolve) => {
      enough = () => resolve('late');
    });
    using _timer = this.#options.clock.after(patience, enough);
    if ((await Promise.race([round, late])) !== 'late') return;
    round.catch((error: unknown) => this.#afterFailure(asCofferError(error)));
  }

  /** Resolves when no try is under way, and none will come. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.[Symbol.dispose]();
    await this.#running;
  }

  async #round(triedAtHand: () => void = () => {}): Promise<void> {
    this.#waiting = await this.#tryAll(triedAtHand);
    if (this.#waiting !== undefined) this.#tryAgain();
  }

  /** What there is to wait for; undefined when the store is open, or nothing here will open it. */
  async #tryAll(triedAtHand: () => void): Promise<Waiting | undefined> {
    const store = await this.#options.closedStore();
    if (store === undefined || this.#stopped) return undefined;
    let waiting: Waiting | undefined;
    for (const { slot, seals } of this.#ways(store.slots)) {
      const remote = seals.some((seal) => seal.remote === true);
      if (remote) {
        // Who asks meanwhile is told that it is waited for, whether or not it answers.
        this.#waiting ??= { kind: slot.kind, code: 'unavailable' };
        triedAtHand();
      }
      const problem = await this.#try(store.id, slot, seals);
      if (problem === undefined || problem.code === 'sealed') return undefined;
      const { code } = problem;
      if (remote) waiting ??= { kind: slot.kind, code };
      else if (!ordinary.has(code)) throw problem;
    }
    return waiting;
  }

  #ways(slots: readonly Slot[]): readonly { readonly slot: Slot; readonly seals: readonly Seal[] }[] {
    const ways = slots.map((slot) => ({
      slot,
      seals: this.#options.seals.filter(({ automatic, kind }) => automatic && kind === slot.kind),
    }));
    const far = (seals: readonly Seal[]) => (seals.some(({ remote }) => remote === true) ? 1 : 0);
    return ways
      .filter(({ seals }) => seals.length > 0)
      .toSorted((one, other) => far(one.seals) - far(other.seals));
  }

  /** Undefined when it opened. A problem of the store itself is thrown. */
  async #try(storeId: string, slot: Slot, seals: readonly Seal[]): Promise<CofferError | undefined> {
    try {
      const rootKey = await unwrapByAny(seals, slot.body, { storeId, slotId: slot.id });
      if (this.#stopped) {
        rootKey.fill(0);
        return undefined;
      }
      await this.#options.open(rootKey, slot).catch((error: unknown) => {
        throw new StoreProblem(asCofferError(error));
      });
      return undefined;
    } catch (error) {
      const problem = error instanceof StoreProblem ? error.problem : asCofferError(error);
      this.#tell(slot, problem);
      const mustNotServe =
        error instanceof StoreProblem && problem.code !== 'sealed' && !ordinary.has(problem.code);
      if (mustNotServe) throw problem;
      return problem;
    }
  }

  #tell(slot: Slot, { code, message, cause }: CofferError): void {
    if (this.#told.get(slot.id) === message) return;
    this.#told.set(slot.id, message);
    const fields = { kind: slot.kind, slot: slot.id, code, reason: message, cause };
    this.#options.log('a key slot did not open the store', fields);
  }

  #tryAgain(): void {
    const { clock, random } = this.#options;
    if (this.#stopped) return;
    // Half of it for certain: nodes that start together after an outage do not ask together.
    const share = 0.5 + (random.bytes(1)[0] ?? 0) / 510;
    this.#timer = clock.after(this.#pause * share, () => {
      this.#running = this.#round().catch((error: unknown) => this.#afterFailure(asCofferError(error)));
    });
    this.#pause = Math.min(this.#pause * 2, longestPause);
  }

  /** Nobody else is told of a later try that failed for another reason than a key. */
  #afterFailure({ code, message, cause }: CofferError): void {
    const fields = { code, reason: message, cause };
    if (passing.has(code)) {
      this.#options.log('the store cannot be opened now, and is tried again', fields);
      this.#tryAgain();
      return;
    }
    this.#waiting = undefined;
    this.#options.log('the store opens, and cannot be served', fields);
  }
}

/** The slot opened, and what is wrong is behind it. */
class StoreProblem extends Error {
  readonly problem: CofferError;

  constructor(problem: CofferError) {
    super(problem.message);
    this.problem = problem;
  }
}
