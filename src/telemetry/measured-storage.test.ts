import { expect, it } from 'vitest';
import { MemoryStorage } from '../storage/memory/memory.ts';
import { withSnapshots } from '../storage/snapshot.ts';
import { storageContract } from '../storage/storage.contract.ts';
import { parseStorageKey } from '../storage/storage.ts';
import { Reading } from './catalogue.ts';
import { prometheusText } from './exposition.ts';
import { measuredStorage, StorageSeries } from './measured-storage.ts';
import { noSpans } from './spans.ts';
import { valueIn } from './telemetry.fixture.ts';

function measured() {
  let time = 0;
  const series = new StorageSeries();
  const storage = measuredStorage(new MemoryStorage(), {
    series,
    spans: noSpans,
    monotonic: () => {
      time += 3;
      return time;
    },
  });
  return { storage, series };
}

storageContract(
  'measured memory',
  async () => {
    const { storage } = measured();
    return { storage, dispose: () => storage.close() };
  },
  { persistence: 'a memory store is gone when it is closed' },
);

it('passes further abilities on', () => {
  expect(withSnapshots(measured().storage)).toBeDefined();
});

it('counts calls with their time, and conflicts apart from failures', async () => {
  const { storage, series } = measured();
  const key = parseStorageKey('a');
  await storage.commit([{ key, value: Buffer.from('1') }]);
  for (let times = 0; times < 18; times++) await storage.read(key);
  await expect(
    storage.commit([{ key, value: Buffer.from('2') }], [{ key, revision: null }]),
  ).rejects.toMatchObject({ code: 'conflict' });
  await storage.close();
  await expect(storage.read(key)).rejects.toMatchObject({ code: 'unavailable' });
  const reading = new Reading();
  series.read(reading);
  const text = prometheusText(reading.families());
  expect(valueIn(text, 'coffer_storage_calls_total{operation="commit"}')).toBe(2);
  expect(valueIn(text, 'coffer_storage_seconds_count{operation="commit"}')).toBe(1);
  expect(valueIn(text, 'coffer_storage_seconds_sum{operation="commit"}')).toBeCloseTo(0.003);
  expect(valueIn(text, 'coffer_storage_calls_total{operation="read"}')).toBe(19);
  expect(valueIn(text, 'coffer_storage_seconds_count{operation="read"}')).toBe(2);
  expect(valueIn(text, 'coffer_storage_failures_total{operation="commit",reason="conflict"}')).toBe(1);
  expect(valueIn(text, 'coffer_storage_failures_total{operation="commit",reason="failure"}')).toBe(0);
  expect(valueIn(text, 'coffer_storage_failures_total{operation="read",reason="failure"}')).toBe(1);
});
