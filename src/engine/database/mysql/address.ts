/** The addresses that Vault's MySQL plug-in takes: `user:password@tcp(host:port)/database?tls=true`, or a mysql:// URL. */
import { CofferError } from '../../../errors.ts';
import type { LoginTexts, Target, TlsFields, TlsWish } from '../plugin.ts';
import { filledPart, isPlace, withStandIns } from '../url-places.ts';

const wanted =
  'connection_url is {{username}}:{{password}}@tcp(host:3306)/database or …@unix(/path/of/socket)/database, with ?tls=true, false or skip-verify where needed';

/** User and password may hold anything: the last `@` before the address counts. */
const shape = /^(?:([^:]*)(?::([\s\S]*))?@)?(?:(tcp|unix)(?:\(([^()]*)\))?)?\/([^?/]*)(?:\?([^?]*))?$/;

/** They say how results are read, of which there are none here. */
const withoutEffect = new Set([
  'parseTime',
  'charset',
  'collation',
  'loc',
  'multiStatements',
  'timeout',
  'readTimeout',
  'writeTimeout',
]);

export function parseMysqlUrl(text: string, login: LoginTexts, tls: TlsFields): Target {
  const found = shape.exec(withStandIns(withoutScheme(text)));
  if (found === null) throw new CofferError('invalid_request', wanted);
  const [, user = '', password = '', kind = 'tcp', address = '', database = '', query = ''] = found;
  const at = kind === 'unix' ? { host: 'localhost', port: 3_306, socket: address } : hostOf(address);
  if (kind === 'unix' && !address.startsWith('/')) throw new CofferError('invalid_request', wanted);
  const local = kind === 'unix' || at.host === 'localhost' || at.host === '::1' || at.host.startsWith('127.');
  const wish = tlsOf(query, local, tls);
  if (wish.mode === 'verify-full' && !local && /^[\d.]+$|:/.test(at.host)) throw nameless();
  return {
    ...at,
    database: filledPart(database, login),
    username: filledPart(user, login) || login.username,
    password: filledPart(password, login) || login.password,
    tls: wish,
  };
}

/** For an address the driver holds the certificate against "localhost": anybody's of that name would do. */
function nameless(): CofferError {
  return new CofferError(
    'invalid_request',
    'connection_url names the host, not its address, where certificates are checked: or say ?tls=skip-verify, or ?tls=false',
  );
}

export function maskMysqlUrl(text: string): { readonly url: string; readonly masked: boolean } {
  const found = shape.exec(withStandIns(withoutScheme(text)));
  if (found === null || isPlace(found[2] ?? '')) return { url: text, masked: false };
  const at = text.lastIndexOf('@');
  const begin = text.indexOf(':', text.startsWith('mysql://') ? 'mysql://'.length : 0);
  return { url: `${text.slice(0, begin)}:*****${text.slice(at)}`, masked: true };
}

/** A URL in the other form. */
function withoutScheme(text: string): string {
  const found = /^mysql:\/\/([\s\S]*@)?([^@/?]*)(\/[\s\S]*)?$/.exec(text);
  return found === null ? text : `${found[1] ?? ''}tcp(${found[2] ?? ''})${found[3] ?? '/'}`;
}

function hostOf(address: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, port] = /^(?:\[([\da-f:.]+)\]|([\w.-]*))(?::(\d{1,5}))?$/i.exec(address) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) throw new CofferError('invalid_request', wanted);
  return { host: host === '' ? '127.0.0.1' : host, port: port === undefined ? 3_306 : Number(port) };
}

/** Without a word about it: certificates are checked, except on the machine itself. */
function tlsOf(query: string, local: boolean, fields: TlsFields): TlsWish {
  let mode: string | undefined;
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === 'tls') mode = value;
    else if (!withoutEffect.has(name)) throw new CofferError('invalid_request', wanted);
  }
  const { skipVerify, ...rest } = fields;
  if (skipVerify === true) return { mode: 'encrypt', ...rest };
  switch (mode) {
    case undefined:
      return { mode: local && fields.authority === undefined ? 'off' : 'verify-full', ...rest };
    case 'false':
      return { mode: 'off' };
    case 'skip-verify':
      return { mode: 'encrypt', ...rest };
    case 'true':
    case 'custom':
      return { mode: 'verify-full', ...rest };
    default:
      throw new CofferError('invalid_request', wanted);
  }
}
