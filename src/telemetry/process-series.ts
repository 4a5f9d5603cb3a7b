/** The process itself: memory, CPU, and how late its event loop is. Read when asked; only the loop is watched all the time. */
import { readdirSync, readFileSync } from 'node:fs';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { version } from '../version.ts';
import type { Reading } from './catalogue.ts';

/** Milliseconds between looks at the loop: a wake-up fifty times a second is not worth mentioning. */
const resolution = 20;
const quantiles = [50, 99, 100] as const;

export class ProcessSeries {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution });

  constructor() {
    this.#delay.enable();
  }

  close(): void {
    this.#delay.disable();
  }

  read(reading: Reading, now: number): void {
    const { rss, heapUsed } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    reading.set('coffer_build_info', 1, { version, node: process.versions.node });
    reading.set('process_cpu_seconds_total', (user + system) / 1e6, {});
    reading.set('process_resident_memory_bytes', rss, {});
    reading.set('process_heap_bytes', heapUsed, {});
    reading.set('process_start_time_seconds', Math.round(now / 1_000 - process.uptime()), {});
    const anonymous = anonymousMemory();
    if (anonymous !== undefined) reading.set('process_anonymous_memory_bytes', anonymous, {});
    const files = openFiles();
    if (files !== undefined) reading.set('process_open_fds', files, {});
    this.#readDelay(reading);
  }

  /** Since the last look, so that an old stall does not show for ever. */
  #readDelay(reading: Reading): void {
    for (const quantile of quantiles) {
      const nanoseconds = this.#delay.count === 0 ? 0 : this.#delay.percentile(quantile);
      // What is measured is the whole pause; the wanted one is no lag.
      const lag = Math.max(0, nanoseconds / 1e9 - resolution / 1e3);
      reading.set('coffer_event_loop_lag_seconds', lag, { quantile: String(quantile / 100) });
    }
    this.#delay.reset();
  }
}

/** Bytes; undefined where the system has no such file. */
export function anonymousMemory(): number | undefined {
  try {
    const kilobytes = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024;
  } catch {
    return undefined;
  }
}

function openFiles(): number | undefined {
  try {
    // Listing needs one itself.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return undefined;
  }
}
