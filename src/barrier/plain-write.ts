/** What the barrier asks of the keys and writes that it is handed. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { CofferError } from '../errors.ts';
import { bootKeys } from '../seal/boot.ts';
import type { Expectation } from '../storage/storage.ts';
import type { PlainWrite } from './store.ts';

const rootKeyBytes = 32;

/** Throws `wrong_key` for what can't be a root key. */
export function asRootKey(bytes: Buffer): KeyObject {
  if (bytes.length !== rootKeyBytes) {
    throw new CofferError('wrong_key', `a root key has ${rootKeyBytes} bytes, not ${bytes.length}`);
  }
  return createSecretKey(bytes);
}

/** How many seals these writes take: deletions take none, nor does what is only there. */
export function countSeals(writes: readonly PlainWrite[]): number {
  return writes.reduce((seals, { value }) => seals + (value === null || value === 'present' ? 0 : 1), 0);
}

/** What a store needs before it is unsealed, and the keyring's own records, are never written through the barrier. */
export function checkPlace({ key }: PlainWrite): void {
  if (key === bootKeys.keyring || key.startsWith(`${bootKeys.keyring}/`) || key.startsWith('boot/')) {
    throw new CofferError('internal', `${key} is not a record of the barrier`);
  }
}

/** Whether a record that was read is written again. */
export function isChange({ key }: PlainWrite, expectations: readonly Expectation[]): boolean {
  return expectations.some((expected) => expected.key === key && expected.revision !== null);
}
