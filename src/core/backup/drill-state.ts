/** What is known of a store's restore drills: one record, so that every node tells the same. */
import type { BarrierStore, PlainWrite } from '../../barrier/store.ts';
import { parseStorageKey } from '../../storage/storage.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';

/** What the last drill showed; one record of the store. */
export interface DrillState {
  /** Milliseconds. */
  readonly at: number;
  readonly passed: boolean;
  /** The backup's name; empty where none was found. */
  readonly name: string;
  /** Milliseconds: the moment that its records are of; null where none was found. */
  readonly of: number | null;
  readonly records: number;
  /** Why it failed, fit to be shown; empty where it did not. */
  readonly reason: string;
}

const drillKey = parseStorageKey('core/backup/drill');

export async function readDrill(store: BarrierStore): Promise<DrillState | undefined> {
  const record = await store.read(drillKey);
  return record && decodeStored<DrillState>(record.open());
}

export function drillWrite(state: DrillState): PlainWrite {
  return { key: drillKey, value: encodeStored(state) };
}
