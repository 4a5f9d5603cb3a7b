/** New versions of keys: when somebody asks, and by themselves. */
import { retryOnConflict } from '../../core/retry.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { Rooms } from './environment.ts';
import { generateVersion } from './generate.ts';
import type { KeyRecord } from './key-record.ts';
import { keyType } from './key-types.ts';
import { isFull, nextRotation, type ReadKey, rotateFolder } from './keys.ts';

/** Throws `invalid_request` for a key that is not there or may not rotate. */
export async function rotateKey({ environment, keys }: Rooms, view: View, name: string): Promise<KeyRecord> {
  const { record } = await keys.need(view, name, 'key not found');
  checkMayRotate(record);
  // Made once: it may take seconds, and who is overtaken still wants a version of its own.
  const version = await generateVersion(
    keyType(record.type),
    record.keySize,
    environment.random,
    environment.clock.now(),
  );
  return keys.change(view, name, 'key not found', async (before) => {
    checkMayRotate(before.record);
    if (before.record.id !== record.id) throw new CofferError('invalid_request', 'key not found');
    return keys.addVersion(view, before, version, { imported: false });
  });
}

function checkMayRotate(record: KeyRecord): void {
  if (!record.imported || record.importedMayRotate) return;
  throw new CofferError('invalid_request', notRotating(record.name));
}

export function notRotating(name: string): string {
  return `imported key ${name} does not allow rotation within Vault`;
}

/** Whether an entry was of a rotation; then it is done. One that comes late, twice or for a changed key does no harm. */
export async function onRotationDue(rooms: Rooms, view: View, name: string): Promise<boolean> {
  if (!name.startsWith(rotateFolder)) return false;
  const { environment, keys } = rooms;
  const read = await keys.read(view, name.slice(rotateFolder.length));
  if (read === undefined || !isDue(rooms, read)) return true;
  const { record } = read;
  if (isFull(record)) {
    await askAgainLater(rooms, view, record);
    return true;
  }
  const version = await generateVersion(
    keyType(record.type),
    record.keySize,
    environment.random,
    environment.clock.now(),
  );
  await retryOnConflict(async () => {
    const before = await keys.read(view, record.name);
    // Somebody may have rotated, or deleted, the key meanwhile.
    if (before === undefined || before.record.id !== record.id || !isDue(rooms, before)) return;
    if (!isFull(before.record)) await keys.addVersion(view, before, version, { imported: false });
  });
  return true;
}

/** A key that keeps all the versions it may is looked at again each period: somebody may have trimmed it. */
async function askAgainLater({ environment }: Rooms, view: View, record: KeyRecord): Promise<void> {
  const at = environment.clock.now() + record.autoRotatePeriod * 1_000;
  await view.commit([], [], [{ at, name: rotateFolder + record.name }]);
}

function isDue({ environment }: Rooms, { record }: ReadKey): boolean {
  const at = nextRotation(record);
  const mayRotate = !record.imported || record.importedMayRotate;
  return at !== undefined && mayRotate && at <= environment.clock.now();
}
