/** `storage "consul"` of the old server's configuration as a storage of ours. */
import { asCofferError } from '../errors.ts';
import { addressOf, parseConsulPlace } from '../storage/consul/address.ts';

export type StorageReading =
  | { readonly kind: 'storage'; readonly url: string; readonly withoutEffect: readonly string[] }
  /** `key` is where it is wrong; the block itself where undefined. */
  | { readonly kind: 'refused'; readonly key?: string; readonly why: string };

/** Parameters of our URL, by the old name. */
const parameters: Readonly<Record<string, string>> = {
  tls_ca_file: 'ca',
  tls_cert_file: 'cert',
  tls_key_file: 'key',
};

/** Parts of the URL that are read by name below. */
const parts: ReadonlySet<string> = new Set(['address', 'scheme', 'path', 'token', 'tls_skip_verify']);

/** Without effect: there are no locks of Consul's, nothing is registered, every read is consistent, TLS is 1.2 at least. */
const withoutEffect: ReadonlySet<string> = new Set([
  'check_timeout',
  'consistency_mode',
  'disable_registration',
  'lock_wait_time',
  'max_parallel',
  'service',
  'service_address',
  'service_meta',
  'service_tags',
  'session_ttl',
  'tls_min_version',
]);

/** Where the old server keeps its data unless told. */
const oldPath = 'vault/';

/** @param members as JSON would have them. No value is repeated, since any may be a secret that slipped. */
export function readConsul(members: ReadonlyMap<string, unknown>): StorageReading {
  const query = new URLSearchParams();
  for (const [name, value] of members) {
    const parameter = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (parameter !== undefined && typeof value === 'string' && value !== '') query.set(parameter, value);
    if (parameter === undefined && !parts.has(name) && !withoutEffect.has(name)) {
      return { kind: 'refused', key: name, why: 'is no key of storage "consul"' };
    }
  }
  const textOf = (name: string): string => {
    const value = members.get(name);
    return typeof value === 'string' ? value : '';
  };
  if (
    ![undefined, '', '0', 'false', false, 0].includes(members.get('tls_skip_verify') as string | undefined)
  ) {
    return { kind: 'refused', key: 'tls_skip_verify', why: 'cannot be had: certificates are always checked' };
  }
  const [address, scheme, token] = [textOf('address'), textOf('scheme'), textOf('token')];
  if (address === '' && (token !== '' || scheme !== '')) {
    const why =
      'goes with an address in this file; else say CONSUL_HTTP_ADDR, CONSUL_HTTP_SSL and CONSUL_HTTP_TOKEN';
    return { kind: 'refused', key: token === '' ? 'scheme' : 'token', why };
  }
  const host = address.replace(/^https?:\/\//, '');
  if (address !== '') {
    const secure = scheme === 'https' || (scheme === '' && address.startsWith('https://'));
    query.set('tls', secure ? 'on' : 'off');
  }
  const login = token === '' ? '' : `:${token}@`;
  const prefix = textOf('path') === '' ? oldPath : textOf('path');
  const rest = query.toString() === '' ? '' : `?${query}`;
  const url = `consul:${address === '' ? '' : `//${login}${host}/`}${prefix}${rest}`;
  try {
    addressOf(parseConsulPlace(url), {});
  } catch (error) {
    return { kind: 'refused', why: `storage "consul": ${asCofferError(error).message}` };
  }
  return {
    kind: 'storage',
    url,
    withoutEffect: [...members.keys()].filter((name) => withoutEffect.has(name)),
  };
}
