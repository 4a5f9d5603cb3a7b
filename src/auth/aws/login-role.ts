/** The role that a login names, if it is one for this kind of login and this address. */
import type { Call } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';
import { admitsAddress, canonicalRoleName, type ReadRole, readRole } from '../role-records.ts';
import type { AwsRole } from './role.ts';

const whom: Readonly<Record<AwsRole['authType'], string>> = { ec2: 'instances', iam: 'principals' };

/** Rejects with `permission_denied` and the reason, which stays inside. */
export async function loginRole(
  call: Call,
  asked: string,
  authType: AwsRole['authType'],
): Promise<ReadRole<AwsRole>> {
  const name = canonicalRoleName(asked);
  const found = name === undefined ? undefined : await readRole<AwsRole>(call.view, name);
  if (found === undefined) throw refused('there is no such role');
  if (found.role.authType !== authType) throw refused(`the role is not for logins of ${whom[authType]}`);
  if (!admitsAddress(found.role, call.remoteAddress)) throw refused('the role is not for this address');
  return found;
}

function refused(reason: string): CofferError {
  return new CofferError('permission_denied', reason);
}
