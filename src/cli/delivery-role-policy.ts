/** The words of `coffer iam-policy delivery` and `reader --target`. */
import { readerPolicy, writerPolicy } from '../delivery/delivery-policy.ts';
import { CofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { usageError } from './args.ts';

export interface DeliveryRoleWords {
  readonly target: readonly string[];
  readonly application: readonly string[];
  readonly acls: boolean;
  readonly deletes: boolean;
  readonly account: string | undefined;
}

/**
 * @param region where a target says none
 * @throws `usage` for words that do not go together, and for a target that is none
 */
export function deliveryRolePolicy(
  role: 'delivery' | 'reader',
  words: DeliveryRoleWords,
  region: string | undefined,
): JsonObject {
  const { target, application, acls, deletes, account } = words;
  if (target.length === 0) throw usageError('iam-policy', `${role} needs --target ADDRESS`);
  if (role === 'delivery' && application.length > 0) {
    throw usageError('iam-policy', '--application goes with reader');
  }
  if (role === 'reader' && application.length === 0) {
    throw usageError('iam-policy', 'reader --target needs --application ID');
  }
  if (role === 'reader' && (acls || deletes)) {
    throw usageError('iam-policy', '--acls and --deletes go with delivery');
  }
  try {
    return role === 'delivery'
      ? writerPolicy(target, { account, region, acls, deletes })
      : readerPolicy(target, application, { account, region });
  } catch (error) {
    throw error instanceof CofferError && error.code === 'invalid_request'
      ? usageError('iam-policy', error.message)
      : error;
  }
}
