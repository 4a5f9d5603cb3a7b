/** What a node keeps of the store's own settings, brought to an epoch. */
import type { SealedRecord } from '../barrier/store.ts';
import { allOf } from './all-of.ts';
import type { Core } from './core.ts';
import { type Epoch, type EpochPart, firstEpoch } from './epoch.ts';

/**
 * Loads what changed between two epochs, side by side: none of it rests on another part. What nobody ever changed is as it is without
 * being read.
 *
 * @param known undefined where nothing was loaded yet
 * @param record of `epoch`
 */
export async function loadChanged(
  { mounts, quotas, devices, settings, notices, mfa }: Core,
  known: Epoch | undefined,
  epoch: Epoch,
  record: SealedRecord | undefined,
): Promise<void> {
  const changed = (part: EpochPart) => (known ?? firstEpoch)[part] !== epoch[part];
  await allOf([
    known?.mounts === epoch.mounts ? undefined : mounts.load(record),
    ...(changed('quotas') ? [quotas.load()] : []),
    ...(changed('system') ? [devices.load(), settings.load(), notices.notifiers.load()] : []),
    ...(changed('mfa') ? [mfa.config.load()] : []),
  ]);
}
