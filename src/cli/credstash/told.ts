import type { CofferError } from '../../errors.ts';
import { OldFailure } from './failure.ts';

const contextDiffers =
  'Could not decrypt hmac key with KMS. The encryption context provided may not match the one used when the credential was stored.';

/** A failure in the old programs' words, with ours behind them where they say more. */
export function told(error: CofferError): string {
  const { code, message } = error;
  // In their words already; a secret's own name may have any word in it.
  if (error instanceof OldFailure) return message;
  if (code === 'wrong_key') return `KMS ERROR: ${contextDiffers} (${message})`;
  if (code === 'integrity') return `INTEGRITY ERROR: ${message}`;
  if (/\bkms\b/i.test(message)) return `KMS ERROR: ${message}`;
  return code === 'internal' ? 'internal error' : message;
}
