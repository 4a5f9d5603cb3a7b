/** What whoever asked for something hears where its line cannot be kept in the store. */
import { asCofferError, CofferError } from '../../errors.ts';

export function full(cause?: unknown): CofferError {
  return new CofferError(
    'storage_full',
    'the disk of the store is full, and the audit log is in it: until there is room only revoking, deleting and sealing go on',
    { cause },
  );
}

/** Of what the store said. */
export function refusal(error: unknown): CofferError {
  const { code } = asCofferError(error);
  if (code === 'storage_full') return full(error);
  if (code === 'sealed') return asCofferError(error);
  return new CofferError('unavailable', 'the audit log cannot be written, so nothing is done', {
    cause: error,
  });
}
