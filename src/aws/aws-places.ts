/**
 * Where the server may go at AWS on behalf of a mount. A mount's config says what it is about; the addresses of AWS and the server's
 * own identities there are for whoever runs the server, so that who may write a config cannot have requests sent to a place of
 * their choice, or signed by an identity that was not meant for it.
 */
import { CofferError } from '../errors.ts';

export interface AwsPlaces {
  /** The process's environment, for AWS's own variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Addresses that a config may name besides AWS's own, as URLs. */
  readonly endpoints: readonly string[];
  /** Profiles of the server's shared configuration that a config may name. */
  readonly profiles: readonly string[];
  /** Whether mounts that hand out credentials of AWS may make them by the server's own identity; only where it is said. */
  readonly ambient?: boolean;
  /** ARNs of topics that may be told with the server's own identity. */
  readonly topics?: readonly string[];
  /** Milliseconds for a call of AWS with all its retries; the usual ones unless told. */
  readonly deadline?: number;
}

export const noAwsPlaces: AwsPlaces = { env: {}, endpoints: [], profiles: [] };

/**
 * Asked when a config is written and each time it is used: the settings may have become narrower since.
 *
 * @param what the fields' names, for the message
 * @param addresses as the config has them; those that are absent or empty ask for nothing
 * @throws `invalid_request` that names the setting
 */
export function requireListed(
  what: string,
  addresses: readonly (string | undefined)[],
  { endpoints }: AwsPlaces,
): void {
  const known = new Set(endpoints.map(plain));
  for (const address of addresses) {
    if (address === undefined || address === '' || known.has(plain(address))) continue;
    throw new CofferError(
      'invalid_request',
      `${what} are among the addresses that the server’s own configuration lists (aws.endpoints), or absent`,
    );
  }
}

/**
 * For mounts whose credentials of AWS are made by whoever asks AWS for them: asked when a config without keys is written, and each time
 * it is used.
 *
 * @throws `invalid_request` that names the setting
 */
export function requireAmbient({ ambient }: AwsPlaces): void {
  if (ambient === true) return;
  throw new CofferError(
    'invalid_request',
    'access_key and secret_key are needed: the server’s own configuration does not lend its identity at AWS to mounts that make credentials (aws.ambient)',
  );
}

/** The same for a topic. Throws `invalid_request` that names the setting. */
export function requireTopic(topic: string, { topics = [] }: AwsPlaces): void {
  if (topics.includes(topic)) return;
  throw new CofferError(
    'invalid_request',
    'the topic is among those that the server’s own configuration lists (aws.topics), or the notifier has credentials of its own',
  );
}

/** What cannot be parsed is nothing but itself. */
function plain(address: string): string {
  return URL.canParse(address) ? new URL(address).href.replace(/\/$/, '') : address;
}
