/** Where a mount's table may be, and whose identity may ask for it. */
import { type AwsPlaces, requireListed } from '../../aws/aws-places.ts';
import type { TableAddress } from '../../credstash/table-address.ts';
import { CofferError } from '../../errors.ts';

/**
 * Holds an address against the places. Asked when a config is written and each time it is opened: the settings may have become
 * narrower since.
 *
 * @throws `invalid_request` that names the setting
 */
export function requireAllowed({ account, kmsAccount }: TableAddress, places: AwsPlaces): void {
  requireListed('endpoint and kms_endpoint', [account.endpoint, kmsAccount.endpoint], places);
  if (account.profile === undefined || places.profiles.includes(account.profile)) return;
  throw new CofferError(
    'invalid_request',
    'profile is among those that the server’s own configuration lists (aws.profiles), or absent',
  );
}
