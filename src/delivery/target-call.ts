/** One call of a target: it ends with its signal, and fails with the codes that the seam names and no others. */
import { asCofferError, CofferError, type ErrorCode } from '../errors.ts';

/** What others' codes come to here. Whatever is not in it may pass. */
const codes: { readonly [C in ErrorCode]?: ErrorCode } = {
  invalid_request: 'invalid_request',
  not_found: 'invalid_request',
  no_route: 'invalid_request',
  unsupported_path: 'invalid_request',
  unsupported_operation: 'invalid_request',
  payload_too_large: 'invalid_request',
  permission_denied: 'permission_denied',
  needs_approval: 'permission_denied',
  rate_limited: 'rate_limited',
};

/**
 * Runs `call`, and waits for it no longer than for the signal, whether it listens to that or not.
 *
 * @param what for messages: `bucket org-mint`
 */
export async function targetCall<T>(what: string, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  try {
    return await untilAborted(what, signal, call);
  } catch (error) {
    throw targetError(error, what);
  }
}

/** Anything thrown, with one of the seam's codes. What is not of the family says nothing that is known to be harmless. */
export function targetError(thrown: unknown, what: string): CofferError {
  const error = asCofferError(thrown);
  const code = codes[error.code] ?? 'unavailable';
  if (error.code === code && !/[\r\n]/.test(error.message)) return error;
  const message =
    error.code === 'internal' ? `${what} failed` : error.message.replaceAll(/\s*[\r\n]\s*/g, ' ');
  return new CofferError(code, message, { cause: error });
}

function untilAborted<T>(what: string, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  const late = () => new CofferError('unavailable', `${what} did not answer in time`);
  if (signal.aborted) return Promise.reject(late());
  return new Promise((resolve, reject) => {
    const aborted = () => reject(late());
    signal.addEventListener('abort', aborted, { once: true });
    call()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', aborted));
  });
}
