/**
 * `sys/monitor`: the lines of the log as they come, for as long as somebody reads. What a slow reader does not take is dropped and
 * said to have been. A blank line now and then keeps the connection.
 */
import type { Clock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint } from '../endpoint.ts';
import type { AnswerStream } from '../request.ts';
import type { LogControl, LogLevelName } from './log-control.ts';
import { parseLevel } from './loggers-endpoint.ts';

/** At once, on one node. */
const mostMonitors = 8;
/** Lines, and UTF-16 units of them, that wait for a reader. */
const mostLines = 1_000;
const mostUnits = 1024 * 1024;
/** Milliseconds; less than what a listener waits for the next piece of an answer. */
const blankEvery = 15_000;

export class Monitors {
  readonly #logs: LogControl;
  readonly #clock: Clock;
  readonly #open = new Set<Monitor>();
  #ended = false;

  constructor(logs: LogControl, clock: Clock) {
    this.#logs = logs;
    this.#clock = clock;
  }

  /**
   * Throws `rate_limited` where enough are reading.
   *
   * @param mayRead asked before each piece: a stream goes on for longer than the right to read it may
   */
  open(level: LogLevelName, mayRead: () => Promise<boolean>): AnswerStream {
    if (this.#ended) throw new CofferError('unavailable', 'the server is stopping');
    if (this.#open.size >= mostMonitors) {
      throw new CofferError('rate_limited', `the log is being monitored by ${mostMonitors} readers already`);
    }
    const monitor = new Monitor(
      this.#logs,
      this.#clock,
      level,
      mayRead,
      () => void this.#open.delete(monitor),
    );
    this.#open.add(monitor);
    return monitor;
  }

  /** Ends what is open and opens no more: the server stops, and would wait for its readers. */
  end(): void {
    this.#ended = true;
    this.closeAll();
  }

  /** The store is sealed: whoever was allowed to read is nobody any more. */
  closeAll(): void {
    for (const monitor of this.#open) void monitor.close();
  }
}

class Monitor implements AnswerStream {
  readonly #clock: Clock;
  readonly #watch: Disposable;
  readonly #mayRead: () => Promise<boolean>;
  readonly #onClose: () => void;
  #lines: string[] = [];
  #units = 0;
  #missed = 0;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(
    logs: LogControl,
    clock: Clock,
    level: LogLevelName,
    mayRead: () => Promise<boolean>,
    onClose: () => void,
  ) {
    this.#clock = clock;
    this.#mayRead = mayRead;
    this.#onClose = onClose;
    this.#watch = logs.watch(level, (line) => this.#take(line));
  }

  async next(): Promise<Buffer | undefined> {
    if (this.#lines.length === 0 && !this.#closed) await this.#wait();
    // In doubt nothing more is told.
    if (!this.#closed && !(await this.#mayRead().catch(() => false))) {
      await this.close();
      this.#lines = [];
    }
    if (this.#lines.length === 0) return this.#closed ? undefined : Buffer.from('\n');
    const missed =
      this.#missed === 0
        ? ''
        : `${JSON.stringify({ level: 'warn', msg: 'lines missed', count: this.#missed })}\n`;
    const text = this.#lines.join('') + missed;
    this.#lines = [];
    this.#units = 0;
    this.#missed = 0;
    return Buffer.from(text);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch[Symbol.dispose]();
    this.#onClose();
    this.#wake?.();
  }

  #take(line: string): void {
    if (this.#lines.length >= mostLines || this.#units + line.length > mostUnits) {
      this.#missed++;
      return;
    }
    this.#lines.push(line);
    this.#units += line.length;
    this.#wake?.();
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(blankEvery, () => this.#wake?.());
      this.#wake = () => {
        this.#wake = undefined;
        timer[Symbol.dispose]();
        resolve();
      };
    });
  }
}

/** @param mayRead whether the caller's token is still one */
export function monitorEndpoint(
  monitors: Monitors,
  mayRead: (call: Pick<CoreCall, 'tokenText' | 'remoteAddress'>) => Promise<boolean>,
): Endpoint {
  return coreEndpoint({
    pattern: 'monitor',
    help: 'Streams the log of this node as lines of JSON. Lines that a slow reader does not take are dropped.',
    fields: {
      log_level: { type: 'string', help: 'Least level: debug, info (the usual), warn or error.' },
      log_format: { type: 'string', help: 'json, or standard for the same.' },
    },
    operations: {
      read: {
        summary: 'Monitor the log',
        sudo: true,
        streams: true,
        handle: async ({ fields, tokenText, remoteAddress }) => {
          const { log_level: level = 'info', log_format: format = 'json' } = fields;
          if (format !== 'json' && format !== 'standard') {
            throw new CofferError('invalid_request', 'log_format is json or standard');
          }
          const body = monitors.open(parseLevel(level), () => mayRead({ tokenText, remoteAddress }));
          return { stream: { contentType: 'text/plain', body } };
        },
      },
    },
  });
}
