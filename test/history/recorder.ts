/** Writes down what clients ask and are told, on a clock that counts calls and answers, and judges it key by key. */
import { checkKey, type Model, type Operation } from './linearizable.ts';

/** One operation while its answer is awaited. */
export interface Call<O> {
  /** The answer has come. */
  answered(output: O): void;
  /** It certainly never happened, as when nobody took the connection: it is not written down. */
  neverHappened(): void;
}

/** All clients live in one process: the order in which it sees calls and answers is their order. */
export class EventClock {
  #now = 0;

  next(): number {
    this.#now += 1;
    return this.#now;
  }
}

/** The history of one key. An operation that was called and never answered has an unknown outcome. */
export class KeyHistory<S, I, O> {
  readonly key: string;
  readonly #model: Model<S, I, O>;
  readonly #clock: EventClock;
  readonly #operations = new Set<{ -readonly [N in keyof Operation<I, O>]: Operation<I, O>[N] }>();

  constructor(key: string, model: Model<S, I, O>, clock: EventClock) {
    this.key = key;
    this.#model = model;
    this.#clock = clock;
  }

  call(client: number, input: I): Call<O> {
    const operation = {
      client,
      input,
      called: this.#clock.next(),
      returned: Number.POSITIVE_INFINITY,
      output: undefined as O | undefined,
    };
    this.#operations.add(operation);
    return {
      answered: (output) => {
        operation.returned = this.#clock.next();
        operation.output = output;
      },
      neverHappened: () => this.#operations.delete(operation),
    };
  }

  get operations(): readonly Operation<I, O>[] {
    return [...this.#operations];
  }

  /** Undefined if it is linearizable; else what does not fit, in words. */
  problem(): string | undefined {
    const verdict = checkKey(this.#model, this.operations);
    if (verdict.kind === 'linearizable') return undefined;
    if (verdict.kind === 'undecided') return `${this.key}: too many orders to look at`;
    const lines = [
      `${this.key}: after ${verdict.fitted.length} of ${this.operations.length} operations (state ${verdict.state}) none of these fits`,
      ...verdict.next.map((operation) => `  next: ${shown(operation)}`),
      ...verdict.fitted.slice(-12).map((operation) => `  fitted: ${shown(operation)}`),
      ...this.operations
        .filter(({ output }) => output === undefined)
        .map((each) => `  unknown: ${shown(each)}`),
    ];
    return lines.join('\n');
  }
}

function shown<I, O>({ client, input, output, called, returned }: Operation<I, O>): string {
  return `client ${client}, ${called} to ${returned}: ${JSON.stringify(input)} -> ${JSON.stringify(output)}`;
}
