import type { CofferError } from '../../errors.ts';

const contextDiffers =
  'Could not decrypt hmac key with KMS. The encryption context provided may not match the one used when the credential was stored.';

/** A failure in the old programs' words, with ours behind them where they say more. */
export function told({ code, message }: CofferError): string {
  if (code === 'wrong_key') return `KMS ERROR: ${contextDiffers} (${message})`;
  if (code === 'integrity') return `INTEGRITY ERROR: ${message}`;
  if (/\bkms\b/i.test(message)) return `KMS ERROR: ${message}`;
  return code === 'internal' ? 'internal error' : message;
}
