/** One end of the channel between the parent and a worker: questions with answers, and tidings without. */
import type { Clock } from '../../clock.ts';
import { asCofferError, CofferError, type ErrorCode } from '../../errors.ts';
import type { Asked, Questions, Tidings, Told } from './protocol.ts';

export type Answers = { readonly [K in keyof Questions]?: (asked: Asked<K>) => Told<K> | Promise<Told<K>> };
export type Listeners = { readonly [K in keyof Tidings]?: (told: Tidings[K]) => void };

/** On the way: `ask` numbers a question, `answer` has its number back. */
type Message =
  | { readonly ask: number; readonly kind: keyof Questions; readonly body: unknown }
  | { readonly answer: number; readonly body: unknown }
  | { readonly answer: number; readonly code: ErrorCode; readonly message: string }
  | { readonly tell: keyof Tidings; readonly body: unknown };

/** What to do with an answer for which nobody waits any more. */
export type Late<K extends keyof Questions> = (told: Told<K>) => void;

interface Open {
  readonly resolve: (body: unknown) => void;
  readonly reject: (error: CofferError) => void;
  readonly timer: Disposable;
}

/** Milliseconds that an answer may take, unless another time is said. */
const usualPatience = 5_000;

export interface LineOptions {
  readonly send: (message: object) => void;
  readonly clock: Clock;
  readonly answers: Answers;
  readonly listeners: Listeners;
}

export class Line {
  readonly #options: LineOptions;
  readonly #open = new Map<number, Open>();
  #next = 1;
  #closed = false;

  constructor(options: LineOptions) {
    this.#options = options;
  }

  /**
   * Rejects with what the other side refuses with, and with `unavailable` where no answer comes in time (milliseconds); one that comes
   * later is `late`'s.
   */
  ask<K extends keyof Questions>(
    kind: K,
    body: Asked<K>,
    patience = usualPatience,
    late?: Late<K>,
  ): Promise<Told<K>> {
    if (this.#closed) return Promise.reject(gone());
    const ask = this.#next++;
    return new Promise<Told<K>>((resolve, reject) => {
      const timer = this.#options.clock.after(patience, () => {
        if (late === undefined) this.#open.delete(ask);
        else this.#open.set(ask, { resolve: late as (body: unknown) => void, reject: () => {}, timer });
        reject(new CofferError('unavailable', 'another process of this server does not answer'));
      });
      this.#open.set(ask, { resolve: resolve as (body: unknown) => void, reject, timer });
      this.#options.send({ ask, kind, body });
    });
  }

  tell<K extends keyof Tidings>(kind: K, body: Tidings[K]): void {
    if (!this.#closed) this.#options.send({ tell: kind, body });
  }

  receive(message: unknown): void {
    const read = message as Message;
    if ('tell' in read) this.#hear(read.tell, read.body);
    else if ('ask' in read) void this.#answer(read.ask, read.kind, read.body);
    else this.#settle(read);
  }

  /** Nothing more is to come: what waits for an answer is refused. */
  close(): void {
    this.#closed = true;
    for (const { reject, timer } of this.#open.values()) {
      timer[Symbol.dispose]();
      reject(gone());
    }
    this.#open.clear();
  }

  #hear(kind: keyof Tidings, body: unknown): void {
    const listener = this.#options.listeners[kind] as ((body: unknown) => void) | undefined;
    listener?.(body);
  }

  async #answer(answer: number, kind: keyof Questions, asked: unknown): Promise<void> {
    try {
      const handle = this.#options.answers[kind] as ((body: unknown) => unknown) | undefined;
      if (handle === undefined) throw new CofferError('internal', 'a question that nobody answers');
      const body = await handle(asked);
      if (!this.#closed) this.#options.send({ answer, body: body ?? null });
    } catch (thrown) {
      const { code, message } = asCofferError(thrown);
      if (!this.#closed) this.#options.send({ answer, code, message });
    }
  }

  #settle(message: Extract<Message, { answer: number }>): void {
    const open = this.#open.get(message.answer);
    if (open === undefined) return;
    this.#open.delete(message.answer);
    open.timer[Symbol.dispose]();
    if ('code' in message) open.reject(new CofferError(message.code, message.message));
    else open.resolve(message.body);
  }
}

function gone(): CofferError {
  return new CofferError('unavailable', 'another process of this server has ended');
}
