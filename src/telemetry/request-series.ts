/**
 * Requests by where they went. Labels come from declarations alone: a mount's type, an endpoint's pattern, an operation and a class
 * of status are all few, whatever callers send.
 */
import type { Endpoint } from '../core/endpoint.ts';
import { operations } from '../core/meter.ts';
import type { Operation } from '../core/request.ts';
import type { Reading } from './catalogue.ts';
import { Histogram } from './histogram.ts';

const classes = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;
const rowOf: Readonly<Record<Operation, number>> = Object.fromEntries(
  operations.map((operation, index) => [operation, index]),
) as Record<Operation, number>;

/** One endpoint of one type of mount; shared by all mounts of the type. */
export class Series {
  readonly mountType: string;
  readonly pattern: string;
  /** By operation and class of status. */
  readonly #counts: number[] = new Array<number>(operations.length * classes.length).fill(0);
  readonly #durations: (Histogram | undefined)[] = operations.map(() => undefined);

  constructor(mountType: string, pattern: string) {
    this.mountType = mountType;
    this.pattern = pattern;
  }

  add(operation: Operation, status: number, milliseconds: number): void {
    const row = rowOf[operation];
    const at = row * classes.length + Math.min(Math.max(Math.floor(status / 100), 1), 5) - 1;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    let durations = this.#durations[row];
    if (durations === undefined) {
      durations = new Histogram();
      this.#durations[row] = durations;
    }
    durations.add(milliseconds);
  }

  read(reading: Reading): void {
    for (const [row, operation] of operations.entries()) {
      const labels = { mount_type: this.mountType, endpoint: this.pattern, operation };
      const durations = this.#durations[row];
      if (durations === undefined) continue;
      reading.distribution('coffer_request_seconds', durations, labels);
      for (const [index, status] of classes.entries()) {
        const count = this.#counts[row * classes.length + index] ?? 0;
        if (count > 0) reading.set('coffer_requests_total', count, { ...labels, status });
      }
    }
  }
}

/** Finds the series of an endpoint by the declaration itself; declarations of mounts that are gone are forgotten with them. */
export class RequestSeries {
  readonly #byEndpoint = new WeakMap<Endpoint, Series>();
  readonly #byName = new Map<string, Series>();

  of(mountType: string, endpoint: Endpoint | undefined): Series {
    const known = endpoint === undefined ? undefined : this.#byEndpoint.get(endpoint);
    if (known !== undefined) return known;
    const pattern = endpoint?.pattern ?? '';
    const name = `${mountType} ${pattern}`;
    const series = this.#byName.get(name) ?? new Series(mountType, pattern);
    this.#byName.set(name, series);
    if (endpoint !== undefined) this.#byEndpoint.set(endpoint, series);
    return series;
  }

  get size(): number {
    return this.#byName.size;
  }

  read(reading: Reading): void {
    for (const series of this.#byName.values()) series.read(reading);
  }
}
