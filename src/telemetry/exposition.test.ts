import { Counter, Gauge, Histogram as PromHistogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { catalogue, Reading } from './catalogue.ts';
import { prometheusText, vaultJson } from './exposition.ts';
import { bounds, Histogram } from './histogram.ts';

/** Seconds: on a bound, beyond all, below all, negative after a clock that went back. */
const durations = [0.000_1, 0.000_25, 0.003, 0.01, 0.0101, 59.9, 60, 61];

it('is the text that the field’s own library writes of the same numbers', async () => {
  const registry = new Registry();
  const requests = new Counter({
    name: 'coffer_requests_total',
    help: catalogue.coffer_requests_total.help,
    labelNames: catalogue.coffer_requests_total.labels,
    registers: [registry],
  });
  const seconds = new PromHistogram({
    name: 'coffer_storage_seconds',
    help: catalogue.coffer_storage_seconds.help,
    labelNames: catalogue.coffer_storage_seconds.labels,
    buckets: [...bounds],
    registers: [registry],
  });
  const term = new Gauge({
    name: 'coffer_barrier_term',
    help: catalogue.coffer_barrier_term.help,
    registers: [registry],
  });
  const reading = new Reading();
  const own = new Histogram();
  const labels = { mount_type: 'a"b\\c\nd', endpoint: 'data/:path*', operation: 'read', status: '2xx' };
  reading.set('coffer_requests_total', 7, labels);
  requests.inc(labels, 7);
  for (const duration of durations) {
    own.add(duration * 1_000);
    seconds.observe({ operation: 'read' }, duration);
  }
  // Both add the same numbers in the same order; ours came in milliseconds.
  reading.distribution('coffer_storage_seconds', own, { operation: 'read' });
  reading.set('coffer_barrier_term', 1.5, {});
  term.set(1.5);
  const text = prometheusText(reading.families());
  expect(families(text)).toEqual(families(await registry.metrics()));
});

/** Lines by family; sums as numbers, since what is added up may differ in its last digit. */
function families(text: string): unknown {
  const parts = text.split('\n\n').map((part) =>
    part
      .trim()
      .split('\n')
      .map((line) => {
        const sum = /^(\S*_sum\S*) (\S+)$/.exec(line);
        return sum === null ? line : `${sum[1]} ${Number(sum[2]).toFixed(6)}`;
      }),
  );
  return parts.toSorted((a, b) => String(a[0]).localeCompare(String(b[0])));
}

it('takes no time for a clock that went back', () => {
  const own = new Histogram();
  own.add(-5);
  expect(own.sum).toBe(0);
  expect(own.count).toBe(1);
  expect(own.counts[0]).toBe(1);
});

it('is in Vault’s JSON: gauges with a value, counters with a count, samples with count, sum and mean', () => {
  const reading = new Reading();
  const own = new Histogram();
  own.add(1_000);
  own.add(3_000);
  reading.set('coffer_sealed', 1, {});
  reading.set('coffer_tokens_issued_total', 3, {});
  reading.distribution('coffer_storage_seconds', own, { operation: 'commit' });
  expect(vaultJson(reading.families(), Date.UTC(2026, 10, 22, 1, 2, 3))).toEqual({
    Timestamp: '2026-11-22 01:02:03 +0000 UTC',
    Gauges: [{ Name: 'coffer_sealed', Value: 1, Labels: {} }],
    Points: [],
    Counters: [{ Name: 'coffer_tokens_issued_total', Count: 3, Sum: 3, Labels: {} }],
    Samples: [{ Name: 'coffer_storage_seconds', Count: 2, Sum: 4, Mean: 2, Labels: { operation: 'commit' } }],
  });
});
