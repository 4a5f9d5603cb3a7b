/** Where a server is. */
import { CofferError } from '../errors.ts';

export interface Address {
  readonly protocol: 'http:' | 'https:';
  /** Host and port as written in a `Host` header. */
  readonly host: string;
  /** Host name or address alone; IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Path below which `/v1` lives, without trailing `/`; usually empty. */
  readonly basePath: string;
}

/**
 * `https://host:8200`, port 80 or 443 when none is written, as in any URL. Throws `usage`; the message does not repeat
 * the text, which may hold a password by mistake.
 */
export function parseAddress(text: string): Address {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === '' || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new CofferError('usage', 'the server address must look like https://host:8200');
  }
  if (url.username !== '' || url.password !== '') {
    throw new CofferError('usage', 'the server address must not hold a user name or password; use a token');
  }
  if (url.search !== '' || url.hash !== '') {
    throw new CofferError('usage', 'the server address must not have a query or fragment');
  }
  const basePath = url.pathname.replace(/\/+$/, '');
  if (basePath.endsWith('/v1')) {
    throw new CofferError('usage', 'the server address must end before "/v1"');
  }
  return {
    protocol: url.protocol,
    host: url.host,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
    basePath,
  };
}

/** The text of an address, as `parseAddress` takes it. */
export function formatAddress(address: Address): string {
  return `${address.protocol}//${address.host}${address.basePath}`;
}

/** Names and addresses that stay on this machine: RFC 5735 127/8, ::1, RFC 6761 `localhost`. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '::1' ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
  );
}
