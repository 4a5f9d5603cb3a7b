/** Changes of several secrets that go into one commit. */
import type { PlainWrite } from '../../barrier/store.ts';
import type { Expectation } from '../../storage/storage.ts';
import { type Prepared, unique } from './change.ts';

export interface Batch {
  readonly writes: readonly PlainWrite[];
  readonly expectations: readonly Expectation[];
  readonly bytes: number;
}

export const emptyBatch: Batch = { writes: [], expectations: [], bytes: 0 };

/** Bytes of values beside the job's own record. A single change may have more: it fits a commit by itself. */
const mostBytes = 256 * 1024;

/** Undefined when the change does not fit any more; the first one always does. */
export function withChange(batch: Batch, change: Prepared, mostItems: number): Batch | undefined {
  const larger: Batch = {
    writes: [...batch.writes, ...change.writes],
    expectations: unique([...batch.expectations, ...change.expectations]),
    bytes: batch.bytes + change.writes.reduce((sum, { value }) => sum + (value?.length ?? 0), 0),
  };
  const items = new Set([...larger.writes, ...larger.expectations].map(({ key }) => key)).size;
  const fits = items <= mostItems && larger.bytes <= mostBytes;
  return fits || batch.bytes + batch.expectations.length === 0 ? larger : undefined;
}
