/** When the keyring rotates by itself. */
import type { BarrierStore } from '../../barrier/store.ts';
import { CofferError } from '../../errors.ts';
import { parseStorageKey } from '../../storage/storage.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';

export interface RotationConfig {
  readonly enabled: boolean;
  /** Seconds a term seals at most; 0 sets no such limit. */
  readonly interval: number;
  /** Seals of a term after which the next one takes over. */
  readonly maxOperations: number;
}

/** Vault's bounds: the upper one is nine tenths of the 2^32 seals that NIST SP 800-38D §8.3 allows. */
export const operationBounds = { least: 1_000_000, most: 3_865_470_566 } as const;
const shortestInterval = 86_400;
const key = parseStorageKey('core/key/rotation');

const unset: RotationConfig = { enabled: true, interval: 0, maxOperations: operationBounds.most };

export async function readRotationConfig(store: BarrierStore): Promise<RotationConfig> {
  const sealed = await store.read(key);
  if (sealed === undefined) return unset;
  const { enabled, interval, maxOperations } = decodeStored<RotationConfig>(sealed.open());
  return { enabled, interval, maxOperations };
}

/** Throws `invalid_request` for what is out of bounds; then nothing is written. */
export async function writeRotationConfig(store: BarrierStore, config: RotationConfig): Promise<void> {
  const { interval, maxOperations } = config;
  if (maxOperations < operationBounds.least || maxOperations > operationBounds.most) {
    throw new CofferError(
      'invalid_request',
      `max_operations is a number from ${operationBounds.least} to ${operationBounds.most}`,
    );
  }
  if (interval !== 0 && interval < shortestInterval) {
    throw new CofferError('invalid_request', 'interval is 0 or at least 24 hours');
  }
  await store.commit([{ key, value: encodeStored(config) }]);
}
