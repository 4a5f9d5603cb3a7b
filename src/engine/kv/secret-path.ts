import type { Call } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';

/** The path of the secret that a call names. Throws `invalid_request` where it names none, or a folder. */
export function secretPath(call: Call): string {
  const path = call.params['path'] ?? '';
  if (path === '' || path.endsWith('/')) throw new CofferError('invalid_request', 'a secret needs a name');
  return path;
}
