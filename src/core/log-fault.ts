import { asCofferError } from '../errors.ts';
import type { Request } from './request.ts';
import type { Log } from './seal-state-options.ts';

/** Our own faults are logged with their cause; what callers do wrong is in the audit log. */
export function logFault(log: Log, request: Request, error: unknown): void {
  const { code, message, cause } = asCofferError(error);
  if (code === 'internal' || code === 'integrity' || code === 'unavailable' || code === 'store_unusable') {
    log('request failed', { request_id: request.id, code, reason: message, cause });
  }
}
