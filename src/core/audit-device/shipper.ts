/**
 * One device's queue. Offering costs a few instructions and never waits; writing happens between requests. What the queue cannot
 * hold is dropped and counted, and the device is told how many lines are missing where they would have been.
 */
import type { OpenDevice } from '../../audit-device/audit-device.ts';
import type { Clock } from '../../clock.ts';
import { asCofferError } from '../../errors.ts';
import type { AuditEntry } from '../audit/audit.ts';
import { RawJson } from '../request.ts';
import type { Shipped } from './line.ts';

/** Lines, and UTF-16 units of them, that may wait for one device. */
export const mostWaiting = 10_000;
const mostWaitingUnits = 8 * 1024 * 1024;
/** Lines written at a time. */
const mostAtOnce = 256;
/** Milliseconds until a device that failed is tried again, doubled up to the second. */
const retryAfter = 1_000;
const longestRetry = 60_000;
/** Milliseconds that the end of a device waits for what is queued. */
const longestFarewell = 2_000;

export interface ShipperOptions {
  readonly clock: Clock;
  readonly open: () => Promise<OpenDevice>;
  readonly line: (shipped: Shipped) => string;
  /** Told when the device begins to fail, to drop lines, and when it works again; not for each line. */
  readonly tell: (what: string, fields: Readonly<Record<string, unknown>>) => void;
}

export interface ShipperHealth {
  readonly state: 'working' | 'failing';
  readonly waiting: number;
  readonly shipped: number;
  readonly dropped: number;
  /** What the device says of its failure; empty while it works. */
  readonly problem: string;
}

export class Shipper {
  readonly #options: ShipperOptions;
  readonly #queue: Shipped[] = [];
  #units = 0;
  #device: OpenDevice | undefined;
  #working: Promise<void> | undefined;
  #woken = false;
  #retry: Disposable | undefined;
  #failures = 0;
  #problem = '';
  #shipped = 0;
  #dropped = 0;
  /** Dropped since the device was last told. */
  #missing = 0;
  #closing: Promise<void> | undefined;
  #ended = false;

  constructor(options: ShipperOptions) {
    this.#options = options;
  }

  health(): ShipperHealth {
    return {
      state: this.#failures > 0 ? 'failing' : 'working',
      waiting: this.#queue.length,
      shipped: this.#shipped,
      dropped: this.#dropped,
      problem: this.#problem,
    };
  }

  offer(shipped: Shipped): void {
    if (this.#closing !== undefined) return;
    const units = unitsOf(shipped);
    if (this.#queue.length >= mostWaiting || this.#units + units > mostWaitingUnits) {
      if (this.#missing === 0) {
        this.#options.tell('an audit device cannot keep up and misses lines', {
          waiting: this.#queue.length,
        });
      }
      this.#missing++;
      this.#dropped++;
      return;
    }
    this.#mention(shipped.at);
    this.#push(shipped, units);
  }

  /** Closes and opens the device, for a file that was moved away. */
  reopen(): void {
    const device = this.#device;
    this.#device = undefined;
    void device?.close();
    this.#retry?.[Symbol.dispose]();
    this.#retry = undefined;
    this.#wake();
  }

  /** Ships what waits, if the device takes it within a while. */
  async flush(): Promise<void> {
    if (this.#queue.length > 0 && this.#failures === 0) await this.#within(this.#emptied());
  }

  /** Ships what waits if the device takes it within a while, and closes the device. */
  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    if (this.#failures === 0) {
      this.#mention(this.#options.clock.now());
      await this.#within(this.#emptied());
    }
    this.#ended = true;
    this.#retry?.[Symbol.dispose]();
    // What is being opened is closed by who waits for it.
    const device = this.#device;
    this.#device = undefined;
    if (device !== undefined) await this.#within(device.close());
  }

  /** A disk or a peer that hangs holds up no end. */
  async #within(work: Promise<void>): Promise<void> {
    let timer: Disposable | undefined;
    const late = new Promise<void>((resolve) => {
      timer = this.#options.clock.after(longestFarewell, resolve);
    });
    await Promise.race([work, late]);
    timer?.[Symbol.dispose]();
  }

  async #emptied(): Promise<void> {
    await this.#working;
    if (this.#queue.length > 0 && this.#failures === 0) await this.#drain();
  }

  /** A line that says how many are missing before it. */
  #mention(at: number): void {
    if (this.#missing === 0) return;
    const entry = { type: 'event', event: 'lines dropped', count: this.#missing } as const;
    this.#missing = 0;
    this.#push({ at, entry, request: undefined }, 0);
  }

  #push(shipped: Shipped, units: number): void {
    this.#queue.push(shipped);
    this.#units += units;
    this.#wake();
  }

  /** In a turn of its own: whoever offers is on a request's way. */
  #wake(): void {
    if (this.#woken || this.#working !== undefined || this.#retry !== undefined || this.#ended) return;
    this.#woken = true;
    setImmediate(() => {
      this.#woken = false;
      if (!this.#ended) void this.#drain();
    });
  }

  #drain(): Promise<void> {
    this.#working ??= this.#ship()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#working = undefined;
        if (this.#queue.length > 0) this.#wake();
      });
    return this.#working;
  }

  async #ship(): Promise<void> {
    while (this.#queue.length > 0 && !this.#ended) {
      const device = this.#device ?? (await this.#options.open());
      this.#device = device;
      if (this.#ended) {
        await device.close();
        return;
      }
      const batch = this.#queue.slice(0, mostAtOnce);
      await device.write(batch.map(this.#options.line));
      this.#queue.splice(0, batch.length);
      for (const each of batch) this.#units -= unitsOf(each);
      this.#shipped += batch.length;
      this.#recovered();
    }
  }

  #recovered(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.#problem = '';
    this.#options.tell('an audit device works again', {});
  }

  #fail(error: unknown): void {
    const { message } = asCofferError(error);
    if (this.#failures === 0 && !this.#ended) {
      this.#options.tell('an audit device fails; its lines wait', { reason: message });
    }
    this.#failures++;
    this.#problem = message;
    const device = this.#device;
    this.#device = undefined;
    void device?.close();
    if (this.#ended) return;
    const wait = Math.min(longestRetry, retryAfter * 2 ** Math.min(10, this.#failures - 1));
    this.#retry = this.#options.clock.after(wait, () => {
      this.#retry = undefined;
      this.#wake();
    });
  }
}

/** About how much a line holds, with the request that it repeats. */
function unitsOf({ entry, request }: Shipped): number {
  return 512 + textIn(entry) + (request === undefined ? 0 : textIn(request));
}

function textIn(entry: AuditEntry): number {
  let units = 0;
  for (const value of Object.values(entry)) {
    if (typeof value === 'string') units += value.length;
    else if (value instanceof RawJson) units += value.text.length;
  }
  return units;
}
