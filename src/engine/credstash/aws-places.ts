/**
 * Where the server may go on behalf of a mount. A mount's config names a table; the addresses of AWS and the server's own
 * identities there are for whoever runs the server, so that who may write a config cannot have requests sent to a place of
 * their choice, or signed by an identity that was not meant for it.
 */
import type { TableAddress } from '../../credstash/table-address.ts';
import { CofferError } from '../../errors.ts';

export interface AwsPlaces {
  /** The process's environment, for AWS's own variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Addresses that a config may name besides AWS's own, as URLs. */
  readonly endpoints: readonly string[];
  /** Profiles of the server's shared configuration that a config may name. */
  readonly profiles: readonly string[];
  /** Milliseconds for a call of AWS with all its retries; the usual ones unless told. */
  readonly deadline?: number;
}

export const noAwsPlaces: AwsPlaces = { env: {}, endpoints: [], profiles: [] };

/**
 * Holds an address against the places. Asked when a config is written and each time it is opened: the settings may have become
 * narrower since.
 *
 * @throws `invalid_request` that names the setting
 */
export function requireAllowed({ account, kmsAccount }: TableAddress, places: AwsPlaces): void {
  const known = new Set(places.endpoints.map(plain));
  for (const endpoint of [account.endpoint, kmsAccount.endpoint]) {
    if (endpoint === undefined || known.has(plain(endpoint))) continue;
    throw new CofferError(
      'invalid_request',
      'endpoint and kms_endpoint are among the addresses that the server’s own configuration lists (aws.endpoints), or absent',
    );
  }
  if (account.profile === undefined || places.profiles.includes(account.profile)) return;
  throw new CofferError(
    'invalid_request',
    'profile is among those that the server’s own configuration lists (aws.profiles), or absent',
  );
}

/** What cannot be parsed is nothing but itself. */
function plain(address: string): string {
  return URL.canParse(address) ? new URL(address).href.replace(/\/$/, '') : address;
}
