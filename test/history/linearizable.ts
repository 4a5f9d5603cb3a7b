/**
 * Whether what clients saw could have come from one copy of a thing that did one operation at a time: linearizability (Herlihy and
 * Wing, TOPLAS 12/3, 1990). Each operation must seem to happen at one moment between its call and its answer.
 *
 * The search is Wing and Gong's (JPDC 17, 1993): take, of the operations that nobody has to precede any more, one whose answer fits
 * the state, and go on from there; where none fits, go back. Lowe's memory (CCPE 29/4, 2017) makes that feasible: the same set of
 * operations taken and the same state are never searched from twice. As a whole is linearizable exactly if each of its parts is
 * (locality), a history is checked key by key, which is what keeps the search small.
 *
 * An operation of unknown outcome (a cut connection, a killed server) has no end: it may have happened at any moment after its call,
 * long after its client gave up too, or not at all.
 */

export interface Operation<I, O> {
  readonly client: number;
  readonly input: I;
  /** When it was called and when its answer came, on one clock that counts events; an unknown outcome returned at `Infinity`. */
  readonly called: number;
  readonly returned: number;
  /** Undefined while the outcome is unknown. */
  readonly output: O | undefined;
}

/** What one copy of the thing would do. */
export interface Model<S, I, O> {
  readonly initial: S;
  /** The state after; undefined if this answer cannot be given in this state. Without an answer: the state if it happens now. */
  step(state: S, input: I, output: O | undefined): S | undefined;
  /** Equal for equal states. */
  textOf(state: S): string;
}

export type Verdict<I, O> =
  | { readonly kind: 'linearizable' }
  /** `fitted` is the longest order that works; none of `next` could follow it. */
  | {
      readonly kind: 'anomaly';
      readonly state: string;
      readonly fitted: readonly Operation<I, O>[];
      readonly next: readonly Operation<I, O>[];
    }
  /** More configurations than a check may look at: no statement either way. */
  | { readonly kind: 'undecided' };

const mostConfigurations = 3_000_000;

/** Checks the operations on one key. */
export function checkKey<S, I, O>(
  model: Model<S, I, O>,
  operations: readonly Operation<I, O>[],
): Verdict<I, O> {
  return new Search(model, operations).run();
}

/** How far a search has come: all operations before `low`, those in `beyond`, and of unknown outcome those in `happened`. */
interface Configuration<S> {
  readonly low: number;
  readonly beyond: readonly number[];
  readonly happened: readonly number[];
  readonly state: S;
}

interface Frame<S> {
  readonly at: Configuration<S>;
  readonly next: Configuration<S>[];
}

class Search<S, I, O> {
  readonly #model: Model<S, I, O>;
  /** In the order of their calls. */
  readonly #known: readonly Operation<I, O>[];
  readonly #unknown: readonly Operation<I, O>[];
  readonly #seen = new Set<string>();

  constructor(model: Model<S, I, O>, operations: readonly Operation<I, O>[]) {
    this.#model = model;
    const sorted = operations.toSorted((a, b) => a.called - b.called);
    this.#known = sorted.filter(({ output }) => output !== undefined);
    this.#unknown = sorted.filter(({ output }) => output === undefined);
  }

  run(): Verdict<I, O> {
    const start = { low: 0, beyond: [], happened: [], state: this.#model.initial };
    const path: Frame<S>[] = [{ at: start, next: this.#after(start) }];
    let best: Configuration<S> = start;
    for (let frame = path.at(-1); frame !== undefined; frame = path.at(-1)) {
      if (frame.at.low === this.#known.length) return { kind: 'linearizable' };
      if (sizeOf(frame.at) > sizeOf(best)) best = frame.at;
      const next = frame.next.pop();
      if (next === undefined) {
        path.pop();
        continue;
      }
      const name = this.#nameOf(next);
      if (this.#seen.has(name)) continue;
      if (this.#seen.size === mostConfigurations) return { kind: 'undecided' };
      this.#seen.add(name);
      path.push({ at: next, next: this.#after(next) });
    }
    return this.#anomaly(best);
  }

  /** Every configuration one operation later; the most promising last, where it is taken from. */
  #after(at: Configuration<S>): Configuration<S>[] {
    const { open, limit } = this.#open(at);
    const found: Configuration<S>[] = [];
    const before = this.#model.textOf(at.state);
    for (const [index, { input, called }] of this.#unknown.entries()) {
      if (called > limit || at.happened.includes(index)) continue;
      const state = this.#model.step(at.state, input, undefined);
      // What changes nothing need not happen.
      if (state === undefined || this.#model.textOf(state) === before) continue;
      found.push({ ...at, happened: [...at.happened, index].sort((a, b) => a - b), state });
    }
    for (const index of open) {
      const operation = this.#known[index];
      const state = operation && this.#model.step(at.state, operation.input, operation.output);
      if (state !== undefined) found.push(this.#taken(at, index, state));
    }
    return found;
  }

  /** Operations that no other one has to precede; who answered first is last. `limit`: when the first of them answered. */
  #open({ low, beyond }: Configuration<S>): { readonly open: readonly number[]; readonly limit: number } {
    const open: number[] = [];
    let limit = Number.POSITIVE_INFINITY;
    for (let index = low; index < this.#known.length; index++) {
      const operation = this.#known[index];
      if (operation === undefined || operation.called > limit) break;
      if (beyond.includes(index)) continue;
      limit = Math.min(limit, operation.returned);
      open.push(index);
    }
    const returned = (index: number): number => this.#known[index]?.returned ?? 0;
    return { open: open.sort((a, b) => returned(b) - returned(a)), limit };
  }

  #taken(at: Configuration<S>, index: number, state: S): Configuration<S> {
    if (index !== at.low) {
      return { ...at, beyond: [...at.beyond, index].sort((a, b) => a - b), state };
    }
    let low = at.low + 1;
    while (at.beyond.includes(low)) low += 1;
    return { ...at, low, beyond: at.beyond.filter((each) => each > low), state };
  }

  #nameOf({ low, beyond, happened, state }: Configuration<S>): string {
    return `${low};${beyond.join()};${happened.join()};${this.#model.textOf(state)}`;
  }

  #anomaly(best: Configuration<S>): Verdict<I, O> {
    const { low, beyond, state } = best;
    return {
      kind: 'anomaly',
      state: this.#model.textOf(state),
      fitted: this.#known.filter((_, index) => index < low || beyond.includes(index)),
      next: this.#open(best).open.flatMap((index) => this.#known[index] ?? []),
    };
  }
}

function sizeOf({ low, beyond }: Configuration<unknown>): number {
  return low + beyond.length;
}
