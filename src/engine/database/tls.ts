/** What Node's TLS is told of a `TlsWish`. */
import type { TlsWish } from './plugin.ts';

export interface TlsOptions {
  readonly rejectUnauthorized: boolean;
  readonly minVersion: 'TLSv1.2';
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  /** Present where the name does not count. */
  readonly checkServerIdentity?: () => undefined;
}

/** Undefined where the connection is in the clear. */
export function tlsOptions(wish: TlsWish): TlsOptions | undefined {
  if (wish.mode === 'off') return undefined;
  return {
    rejectUnauthorized: wish.mode !== 'encrypt',
    minVersion: 'TLSv1.2',
    ...(wish.authority === undefined ? {} : { ca: wish.authority }),
    ...(wish.certificate === undefined ? {} : { cert: wish.certificate }),
    ...(wish.privateKey === undefined ? {} : { key: wish.privateKey }),
    ...(wish.serverName === undefined ? {} : { servername: wish.serverName }),
    ...(wish.mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
  };
}
