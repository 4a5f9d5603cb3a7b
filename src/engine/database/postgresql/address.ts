/** PostgreSQL's connection URIs (its documentation, "Connection URIs"), as far as a server may follow them. */
import { CofferError } from '../../../errors.ts';
import type { LoginTexts, Target, TlsFields, TlsWish } from '../plugin.ts';
import { filledPart, isPlace, withStandIns } from '../url-places.ts';

const wanted =
  'connection_url is postgresql://{{username}}:{{password}}@host:5432/database, with one host, and ?sslmode=, ?application_name= or ?host=/socket/directory where needed';

export function parsePostgresqlUrl(text: string, login: LoginTexts, tls: TlsFields): Target {
  const url = urlOf(text);
  const parameters = parametersOf(url);
  const folder = parameters.get('host');
  const host = url.hostname.replace(/^\[|\]$/g, '') || 'localhost';
  const port = url.port === '' ? 5_432 : Number(url.port);
  const username = filledPart(decoded(url.username), login) || login.username;
  return {
    host,
    port,
    ...(folder === undefined ? {} : { socket: folder }),
    database: filledPart(decoded(url.pathname.slice(1)), login) || username,
    username,
    password: filledPart(decoded(url.password), login) || login.password,
    tls: tlsOf(parameters.get('sslmode'), folder !== undefined || isLoopback(host), tls),
  };
}

/** As the parser reads it: the last `@` before path and query ends the login, and its first `:` the user's name. */
export function maskPostgresqlUrl(text: string): { readonly url: string; readonly masked: boolean } {
  const [, scheme = '', authority = '', rest = ''] = /^([a-z]+:\/\/)([^/?#]*)([\s\S]*)$/.exec(text) ?? [];
  const end = authority.lastIndexOf('@');
  const colon = authority.slice(0, Math.max(0, end)).indexOf(':');
  if (colon < 0 || isPlace(withStandIns(authority.slice(colon + 1, end))))
    return { url: text, masked: false };
  return {
    url: `${scheme}${authority.slice(0, colon)}:*****${authority.slice(end)}${rest}`,
    masked: true,
  };
}

function urlOf(text: string): URL {
  if (!/^postgres(?:ql)?:\/\//.test(text)) throw new CofferError('invalid_request', wanted);
  try {
    // Only well-known schemes have an authority without a host; the name stands for none.
    return new URL(
      withStandIns(text).replace(/^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)(?=[/?#]|$)/, '$1localhost'),
    );
  } catch (error) {
    throw error instanceof CofferError ? error : new CofferError('invalid_request', wanted);
  }
}

function parametersOf(url: URL): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of url.searchParams) {
    const known =
      name === 'sslmode' || name === 'application_name' || (name === 'host' && value.startsWith('/'));
    if (!known || found.has(name)) throw new CofferError('invalid_request', wanted);
    found.set(name, value);
  }
  if (url.hash !== '') throw new CofferError('invalid_request', wanted);
  return found;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new CofferError('invalid_request', wanted);
  }
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** Without a mode: certificates are checked, except on the machine itself. */
function tlsOf(mode: string | undefined, local: boolean, fields: TlsFields): TlsWish {
  const { skipVerify, ...rest } = fields;
  if (skipVerify === true) return { mode: 'encrypt', ...rest };
  switch (mode) {
    case undefined:
      return { mode: local && fields.authority === undefined ? 'off' : 'verify-full', ...rest };
    case 'disable':
      return { mode: 'off' };
    case 'require':
      return { mode: fields.authority === undefined ? 'encrypt' : 'verify-ca', ...rest };
    case 'verify-ca':
    case 'verify-full':
      return { mode, ...rest };
    default:
      throw new CofferError('invalid_request', 'sslmode is disable, require, verify-ca or verify-full');
  }
}
