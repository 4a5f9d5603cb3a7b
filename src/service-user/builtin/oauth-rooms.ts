/** What the OAuth 2.0 endpoints of one mount share. */
import type { Call, Fields } from '../../core/endpoint.ts';
import type { Lockout } from '../../core/lockout/lockout.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import type { AttendedMount } from '../provider.ts';
import { type Shown, shownClient } from './judge.ts';
import type { SigningKeys } from './signing-keys.ts';
import type { Digest, Sealed } from './user.ts';

export interface OAuthRooms {
  readonly environment: EngineEnvironment;
  readonly settings: AttendedMount['settings'];
  readonly lockout: Lockout;
  readonly keys: SigningKeys;
  readonly digest: Digest;
}

/** How a client shows who it is, where it does so in the body (RFC 6749 §2.3.1); listeners put HTTP's Basic scheme in the same form. */
export const clientFields = {
  client_id: { type: 'string', help: 'The client’s id, as `client.json` has it.' },
  client_secret: { type: 'string', help: 'The client’s secret.', sensitive: true },
} as const satisfies Fields;

export function clientOf(
  { digest }: OAuthRooms,
  { fields }: Pick<Call<typeof clientFields>, 'fields'>,
): Shown {
  return shownClient(fields.client_id ?? '', fields.client_secret ?? '', digest);
}

/**
 * Issuer of the mount's tokens: what its settings say, or the server's own address. Never what a request says of its host.
 * Throws `unavailable` where neither is known.
 *
 * @param settings the record of the mount's settings, as read in this request
 */
export function issuerOf(rooms: OAuthRooms, settings: Sealed): string {
  const said = rooms.settings.issuer(settings?.open());
  const issuer = said === '' ? (rooms.environment.serverAddress?.() ?? '') : said;
  if (issuer !== '') return issuer.replace(/\/+$/, '');
  throw new CofferError(
    'unavailable',
    'the issuer of access tokens is not known: set issuer in the settings of this mount, or api_addr of the server',
  );
}
