/** The workers of a server: started, watched, replaced when they end, and ended with it. */
import type { Cluster, Worker } from 'node:cluster';
import type { Clock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import { type Answers, Line, type Listeners } from './line.ts';
import type { Failure, WorkerReady, WorkerStart } from './protocol.ts';
import { isStoppedProcess, Pulse, pulseEvery } from './pulse.ts';
import { Restarts } from './restarts.ts';
import { workerMark } from './worker-mark.ts';

export interface Member {
  readonly number: number;
  readonly line: Line;
}

/** What workers are answered and heard with, by their number. */
export interface Desk {
  answers(number: number): Answers;
  listeners(number: number): Listeners;
  /** One more serves, or one less. */
  changed(): void;
  ended(number: number): void;
}

export interface FleetOptions {
  readonly cluster: Cluster;
  readonly workers: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** What a worker starts with; its number, and whether it is the first that this server ever starts. */
  readonly start: (number: number, first: boolean) => WorkerStart;
  /** A worker serves that was started with `given`: what has changed since, it has not heard. */
  readonly catchUp: (member: Member, given: WorkerStart) => void;
}

interface Running extends Member {
  readonly worker: Worker;
  readonly pulse: Pulse;
  /** It listens. */
  readonly greeted: Promise<void>;
  readonly isGreeted: () => boolean;
  readonly ended: Promise<void>;
  /** By the clock, when it began to serve. */
  serves: number | undefined;
  /** Why it could not start, as it said. */
  failure: Failure | undefined;
}

/** Milliseconds that a worker has to begin, and to end once it is asked to: longer than its requests have. */
const longestStart = 300_000;
const longestEnd = 25_000;

export class Fleet {
  readonly #options: FleetOptions;
  readonly #desk: Desk;
  readonly #running = new Map<number, Running>();
  readonly #restarts = new Restarts();
  readonly #waiting = new Set<Disposable>();
  readonly #broken: Promise<never>;
  #break: (error: CofferError) => void = () => {};
  #stopping = false;
  #rounds: Disposable | undefined;

  constructor(options: FleetOptions, desk: Desk) {
    this.#options = options;
    this.#desk = desk;
    this.#broken = new Promise((_resolve, reject) => {
      this.#break = reject;
    });
    // Whoever waits for it hears of it; nobody may be waiting yet.
    this.#broken.catch(() => undefined);
  }

  /** Rejects when a worker ends again and again. */
  get broken(): Promise<never> {
    return this.#broken;
  }

  /** Those that serve, by number. */
  get serving(): readonly Member[] {
    return [...this.#running.values()]
      .filter(({ serves }) => serves !== undefined)
      .toSorted((a, b) => a.number - b.number);
  }

  /** Starts the first worker, which makes the store where one is to be made, then the others. Throws what one could not start for. */
  async start(): Promise<WorkerReady> {
    this.#nextRound();
    const ready = await this.#launch(1, true);
    const numbers = Array.from({ length: this.#options.workers - 1 }, (_, index) => index + 2);
    await Promise.all(numbers.map((number) => this.#launch(number, false)));
    return ready;
  }

  /** Has every worker end its requests, and waits until they are gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const waiting of this.#waiting) waiting[Symbol.dispose]();
    const late = this.#options.clock.after(longestEnd, () => this.kill());
    for (const { line, worker, isGreeted } of this.#running.values()) {
      // One that has not said a word hears none, and has nothing to end either.
      if (isGreeted()) line.tell('stop', null);
      else worker.process.kill('SIGKILL');
    }
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
    late[Symbol.dispose]();
    this.#rounds?.[Symbol.dispose]();
  }

  /** At once. */
  kill(): void {
    this.#stopping = true;
    for (const { worker } of this.#running.values()) worker.process.kill('SIGKILL');
  }

  async #launch(number: number, first: boolean): Promise<WorkerReady> {
    const running = this.#fork(number);
    const failed = running.ended.then((): never => {
      const { failure } = running;
      throw failure === undefined
        ? new CofferError('unavailable', `worker ${number} ended before it served`)
        : new CofferError(failure.code, failure.message);
    });
    await Promise.race([running.greeted, failed]);
    const given = this.#options.start(number, first);
    const told = running.line.ask('start', given, longestStart);
    // A line that closes knows less of why than the end of its worker.
    const ready = await Promise.race([told.catch(() => failed), failed]);
    running.serves = this.#options.clock.now();
    this.#options.catchUp(running, given);
    this.#desk.changed();
    return ready;
  }

  #fork(number: number): Running {
    const { cluster, clock } = this.#options;
    const worker = cluster.fork({ [workerMark]: '1' });
    const { pid = 0 } = worker.process;
    let greet = (): void => {};
    let isGreeted = false;
    const greeted = new Promise<void>((resolve) => {
      greet = () => {
        isGreeted = true;
        resolve();
      };
    });
    const line = new Line({
      clock,
      send: (message) => {
        if (worker.isConnected()) worker.process.send?.(message, undefined, undefined, () => undefined);
      },
      answers: this.#desk.answers(number),
      listeners: {
        ...this.#desk.listeners(number),
        hello: () => greet(),
        failed: (failure) => {
          running.failure = failure;
        },
      },
    });
    const running: Running = {
      number,
      line,
      worker,
      greeted,
      isGreeted: () => isGreeted,
      pulse: new Pulse(() => isStoppedProcess(pid)),
      ended: new Promise((resolve) => {
        worker.on('exit', (code, signal) => {
          this.#onEnd(running, code, signal);
          resolve();
        });
      }),
      serves: undefined,
      failure: undefined,
    };
    worker.on('message', (message: unknown) => line.receive(message));
    // A channel that breaks is the end of its worker, which is told besides.
    worker.on('error', () => undefined);
    this.#running.set(number, running);
    return running;
  }

  #onEnd(running: Running, code: number | null, signal: string | null): void {
    const { number, line, worker, serves } = running;
    const { log, clock } = this.#options;
    line.close();
    running.serves = undefined;
    this.#running.delete(number);
    this.#desk.ended(number);
    this.#desk.changed();
    // A server that never came up as a whole is ended by whoever starts it.
    if (this.#stopping || !this.#restarts.replaces(number, serves !== undefined)) return;
    const { pid = 0 } = worker.process;
    log.error('a worker ended; another takes its place', { worker: number, pid, code, signal });
    const after = this.#restarts.after(number, serves === undefined ? 0 : clock.now() - serves);
    if (after === undefined) {
      this.#break(
        new CofferError('unavailable', `worker ${number} ends again and again; the server gives up`),
      );
      return;
    }
    const timer = clock.after(after, () => {
      this.#waiting.delete(timer);
      this.#replace(number);
    });
    this.#waiting.add(timer);
  }

  #replace(number: number): void {
    this.#launch(number, false).then(
      () => this.#options.log.info('a worker has taken the place of another', { worker: number }),
      (error: unknown) => {
        if (!this.#stopping) this.#options.log.error('a worker could not start', { worker: number, error });
        // One that is still there serves nobody, and nobody would take its place.
        this.#running.get(number)?.worker.process.kill('SIGKILL');
      },
    );
  }

  #nextRound(): void {
    this.#rounds = this.#options.clock.after(pulseEvery, () => {
      for (const running of this.#running.values()) this.#feel(running);
      this.#nextRound();
    });
  }

  #feel({ number, line, worker, pulse }: Running): void {
    const word = pulse.round();
    if (word === 'well') {
      line.ask('ping', null, longestStart).then(
        () => pulse.answered(),
        () => undefined,
      );
      return;
    }
    const { pid = 0 } = worker.process;
    this.#options.log.error(
      'a worker does not run any more and is ended: others may wait for what it holds',
      {
        worker: number,
        pid,
        state: word,
      },
    );
    worker.process.kill('SIGKILL');
  }
}
