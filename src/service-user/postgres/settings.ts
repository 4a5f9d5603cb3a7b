/** What a provider of roles of PostgreSQL is told: where it logs in, and what its roles are members of. */
import { CofferError } from '../../errors.ts';
import { isLoopbackName } from '../../outgoing/guarded-lookup.ts';
import type { ProviderSettings } from '../provider.ts';
import {
  certificatesOf,
  choice,
  concurrencyOf,
  listOf,
  type ProviderOptions,
  refuseUnknown,
  requiredText,
  wholeNumber,
} from '../provider-options.ts';

export const postgresType = 'postgres';

const known = [
  'host',
  'port',
  'database',
  'username',
  'sslmode',
  'ca',
  'member_of',
  'scope_prefix',
  'concurrency',
] as const;

export type TlsMode = 'disable' | 'require' | 'verify-ca' | 'verify-full';

/** A server and one of its databases. */
export interface Place {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** As libpq has them: `require` believes any certificate, `verify-ca` one of a known authority. */
  readonly tls: TlsMode;
  /** PEM; empty for the platform's. */
  readonly ca: string;
}

export interface Login {
  readonly username: string;
  readonly password: string;
}

export interface PostgresSettings {
  readonly place: Place;
  readonly login: Login;
  /** Roles that every application's role is a member of. */
  readonly memberOf: readonly string[];
  /** Before a scope, the name of the role that it stands for; undefined where scopes stand for none. */
  readonly scopePrefix: string | undefined;
  readonly concurrency: number;
}

/** Bytes of a role's name: NAMEDATALEN less one. */
export const longestRole = 63;

export function parseSettings({ options, secret }: ProviderSettings): PostgresSettings {
  refuseUnknown(postgresType, options, known);
  if (secret === '' || secret.includes('\0'))
    throw new CofferError('invalid_request', 'secret is needed: the password of username');
  const scopePrefix = options['scope_prefix'] ?? '';
  return {
    place: placeOf(options),
    login: { username: roleName('username', requiredText(options, 'username')), password: secret },
    memberOf: listOf(options, 'member_of').map((name) => roleName('member_of', name)),
    scopePrefix: scopePrefix === '' ? undefined : roleName('scope_prefix', scopePrefix),
    concurrency: concurrencyOf(options, 4),
  };
}

function placeOf(options: ProviderOptions): Place {
  const host = requiredText(options, 'host').toLowerCase();
  // A name or an address; no path of a socket of this machine.
  if (!/^(?:[a-z0-9_](?:[a-z0-9._-]{0,252}[a-z0-9])?|[0-9a-f:.]{2,45})$/.test(host))
    throw new CofferError('invalid_request', 'host is the name or the address of a host');
  const ca = certificatesOf(options, 'ca');
  return {
    host,
    port: wholeNumber(options, 'port', { usual: 5_432, least: 1, most: 65_535 }),
    database: roleName('database', requiredText(options, 'database')),
    tls: choice<TlsMode>(
      options,
      'sslmode',
      ['disable', 'require', 'verify-ca', 'verify-full'],
      isLoopbackName(host) && ca === '' ? 'disable' : 'verify-full',
    ),
    ca,
  };
}

function roleName(what: string, text: string): string {
  if (Buffer.byteLength(text) <= longestRole && text.isWellFormed() && !/\p{Cc}/u.test(text)) return text;
  throw new CofferError('invalid_request', `${what} is a name of at most ${longestRole} bytes`);
}
