/** What a caller is told whose request is denied: the same whatever the reason. */
import { CofferError } from '../errors.ts';
import type { OperationSpec } from './endpoint.ts';
import type { Authentication } from './token/authenticate.ts';

export function refusal(who: Authentication, spec: OperationSpec | undefined): CofferError {
  if (who.kind !== 'token' && spec?.refusal !== undefined) return spec.refusal();
  // Vault's clients and their tests know these two texts.
  const acl = who.kind === 'token';
  return new CofferError(
    'permission_denied',
    acl ? '1 error occurred:\n\t* permission denied\n\n' : 'permission denied',
  );
}
