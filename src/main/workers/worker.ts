/** A worker's side: it is told what to serve, asks its parent, and hears of the others. */
import cluster from 'node:cluster';
import { type Clock, systemClock } from '../../clock.ts';
import { asCofferError } from '../../errors.ts';
import { type Answers, Line, type Listeners } from './line.ts';
import type { SentSettings, ToOthers, WorkerReady, WorkerStart } from './protocol.ts';

/** Milliseconds for what the others are asked, and for the road to the parent besides. */
const usualPatience = 2_000;
const roadPatience = 1_000;

export class WorkerSeat {
  readonly start: WorkerStart;
  readonly line: Line;
  readonly #wires: Wires;
  readonly #onReady: (ready: WorkerReady) => void;

  constructor(start: WorkerStart, wires: Wires, onReady: (ready: WorkerReady) => void) {
    this.start = start;
    this.line = wires.line;
    this.#wires = wires;
    this.#onReady = onReady;
  }

  /** From now on questions of this kind are answered so. */
  answer<K extends keyof Answers>(kind: K, answer: NonNullable<Answers[K]>): void {
    this.#wires.answers[kind] = answer;
  }

  hear<K extends keyof Listeners>(kind: K, listener: NonNullable<Listeners[K]>): void {
    this.#wires.listeners[kind] = listener;
  }

  /** Asks every other worker; those that do not answer are left out. */
  others<K extends ToOthers>(kind: K, body: unknown, patience = usualPatience): Promise<readonly unknown[]> {
    return this.line.ask('others', { kind, body, patience }, patience + roadPatience);
  }

  ready(ready: WorkerReady): void {
    this.#onReady(ready);
  }

  /** What could not be started, for the parent to say. Resolves once it is on its way. */
  async fail(thrown: unknown): Promise<void> {
    const { code, message } = asCofferError(thrown);
    this.line.tell('failed', { code, message });
    // Messages are sent in order: an answer to this one means that the one before has come.
    await this.line.ask('ping', null).catch(() => undefined);
    this.leave();
  }

  /** Calls `stop` when the parent wants this worker to end, or has ended itself; at once where it already has. */
  whenSentAway(stop: () => void): void {
    this.hear('stop', stop);
    this.#wires.onGone = stop;
    if (this.#wires.isGone) stop();
  }

  /** The end: nothing holds the process any more. */
  leave(): void {
    this.line.close();
    if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
    if (process.connected) process.disconnect();
  }
}

interface Wires {
  readonly line: Line;
  readonly answers: { -readonly [K in keyof Answers]: Answers[K] };
  readonly listeners: { -readonly [K in keyof Listeners]: Listeners[K] };
  /** The parent wants this worker to end, or has ended. */
  isGone: boolean;
  onGone: () => void;
}

/** Resolves once this worker is told what to start with. */
export function takeSeat(clock: Clock = systemClock): Promise<WorkerSeat> {
  return new Promise((resolve) => {
    const answers: Wires['answers'] = {
      ping: () => null,
      start: (start) => new Promise<WorkerReady>((onReady) => resolve(new WorkerSeat(start, wires, onReady))),
    };
    const listeners: Wires['listeners'] = {
      stop: () => {
        wires.isGone = true;
      },
    };
    const line = new Line({
      clock,
      send: (message) => {
        if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
      },
      answers,
      listeners,
    });
    const wires: Wires = { line, answers, listeners, isGone: false, onGone: () => {} };
    process.on('message', (message) => line.receive(message));
    line.tell('hello', null);
    // The platform would end the process now, and not let its requests end.
    cluster.worker?.once('disconnect', () => {
      if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
      wires.isGone = true;
      wires.onGone();
    });
  });
}

/**
 * Resolves when this worker has ended in order: `close` is called once the parent says so or is gone, since a worker that nobody
 * watches does not live on, and on SIGTERM. What a terminal sends to all of its processes is the parent's to act on.
 */
export function untilSentAway(seat: WorkerSeat, close: () => Promise<void>): Promise<void> {
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  return new Promise((resolve, reject) => {
    let closing = false;
    const stop = () => {
      if (closing) return;
      closing = true;
      close().then(resolve, reject);
    };
    process.once('SIGTERM', stop);
    seat.whenSentAway(stop);
  });
}

/** What was sent, as the reload of a server with one process reads it. */
export function loadedOf(sent: SentSettings) {
  return { settings: sent.settings, problems: [], found: sent.found };
}
