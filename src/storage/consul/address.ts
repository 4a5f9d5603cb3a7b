/**
 * Where a store in Consul is: a URL of our own that names the prefix of its keys, and the variables that Consul's own programs know
 * (developer.hashicorp.com/consul/commands, "Environment variables") for what it leaves open.
 */
import { CofferError } from '../../errors.ts';

export interface ConsulTls {
  /** Paths of PEM files: whom to trust, and who we are. */
  readonly authority: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** The name in the agent's certificate; undefined for the host's. */
  readonly serverName: string | undefined;
}

/** As the URL says it. */
export interface ConsulPlace {
  /** What every key begins with, without a slash at the end. */
  readonly prefix: string;
  /** Undefined where the environment says it. */
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly token: string | undefined;
  readonly parameters: ReadonlyMap<Parameter, string>;
  /** The same place without a token, for messages and files. */
  readonly shown: string;
}

export interface ConsulAddress {
  /** `http://host:port`, or `https://…`. */
  readonly origin: string;
  /** The path of a Unix-domain socket, where the agent listens on one. */
  readonly socket: string | undefined;
  readonly tls: ConsulTls | undefined;
  readonly prefix: string;
  readonly datacenter: string | undefined;
  /** A file that holds the token, and is read again when Consul refuses it. */
  readonly tokenFile: string | undefined;
  readonly token: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const standardPort = 8_500;
const longestPrefix = 128;
const form =
  'a Consul store is consul:PREFIX, with the agent of CONSUL_HTTP_ADDR, or consul://HOST:8500/PREFIX, with ?tls=, ?ca=, ?dc= and the like where needed';
const known = ['tls', 'ca', 'cert', 'key', 'server-name', 'dc', 'token-file'] as const;
type Parameter = (typeof known)[number];

/** Throws `invalid_request` with what is wrong. The URL itself is never in the message: a token may be in it. */
export function parseConsulPlace(text: string): ConsulPlace {
  const match = /^consul:(?:\/\/(?:([^/?#]*)@)?([^/?#@]*)\/)?([^?#]*)(?:\?([^#]*))?$/.exec(text);
  if (match === null) throw wrong(form);
  const [, login, authority, path = '', query = ''] = match;
  const parameters = parametersOf(query);
  const prefix = prefixOf(path);
  const place = authority === undefined ? undefined : hostOf(authority);
  return {
    prefix,
    host: place?.host,
    port: place?.port,
    token: login === undefined ? undefined : tokenOf(login),
    parameters,
    shown: shownOf(place, prefix, parameters.get('dc')),
  };
}

/**
 * The agent and how to speak with it, from the URL and what it leaves to the environment. Throws `invalid_request` for what would be
 * insecure (certificates that are not checked, a token over an open network) and for what is not kept (namespaces, partitions).
 */
export function addressOf(place: ConsulPlace, env: Environment): ConsulAddress {
  refuseUnkept(env);
  const { parameters, prefix } = place;
  const named = place.host === undefined ? agentOfEnvironment(env) : undefined;
  const host = place.host ?? named?.host ?? '127.0.0.1';
  const port = place.port ?? named?.port ?? standardPort;
  const socket = named?.socket;
  const files = filesOf(parameters, env);
  const local = socket !== undefined || isLoopback(host);
  const secure = secureOf(parameters.get('tls') ?? named?.tls ?? switchOf(env), files, local);
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return {
    origin: `${secure ? 'https' : 'http'}://${authority}`,
    socket,
    tls: secure ? files : undefined,
    prefix,
    datacenter: parameters.get('dc'),
    tokenFile:
      place.token === undefined
        ? (parameters.get('token-file') ?? set(env, 'CONSUL_HTTP_TOKEN_FILE'))
        : undefined,
    token: place.token ?? (parameters.has('token-file') ? undefined : set(env, 'CONSUL_HTTP_TOKEN')),
  };
}

function wrong(message: string): CofferError {
  return new CofferError('invalid_request', message);
}

function set(env: Environment, name: string): string | undefined {
  const value = env[name];
  return value === undefined || value === '' ? undefined : value;
}

function parametersOf(query: string): ReadonlyMap<Parameter, string> {
  const found = new Map<Parameter, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    const parameter = known.find((each) => each === name);
    if (parameter === undefined)
      throw wrong(`the URL has a parameter that is not one of ${known.join(', ')}`);
    if (found.has(parameter)) throw wrong(`the URL has ${parameter} twice`);
    if (value === '') throw wrong(`${parameter} in the URL is empty`);
    found.set(parameter, value);
  }
  for (const file of ['ca', 'cert', 'key', 'token-file'] as const) {
    if (found.get(file)?.startsWith('/') === false) throw wrong(`${file} in the URL is an absolute path`);
  }
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(found.get('dc') ?? 'dc1'))
    throw wrong('dc is the name of a datacenter of Consul');
  if (!['on', 'off'].includes(found.get('tls') ?? 'on')) throw wrong('tls is on or off');
  return found;
}

/** Kept apart from what HTTP paths, and Consul's own rules for them, would change or refuse. */
function prefixOf(path: string): string {
  const prefix = path.replace(/\/$/, '');
  const sound = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*(\/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$/.test(prefix);
  if (!sound || prefix.includes('..') || prefix.length > longestPrefix) {
    throw wrong(
      `the prefix of a Consul store is up to ${longestPrefix} letters, digits, "_", "-" and "." in segments such as coffer or team/coffer: ${form}`,
    );
  }
  return prefix;
}

function tokenOf(login: string): string {
  if (!login.startsWith(':') || login.length === 1) {
    throw wrong(
      'a token in the URL stands behind a colon: consul://:TOKEN@HOST:8500/PREFIX; Consul has no user names',
    );
  }
  const token = login.slice(1);
  requireToken(token);
  return token;
}

/** Throws `invalid_request` for what can't be in a header. */
export function requireToken(token: string): void {
  if (!/^[\x21-\x7e]{1,4096}$/.test(token))
    throw wrong('the token of Consul is not one: it has letters, digits and "-"');
}

function hostOf(authority: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, port = ''] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d*))?$/.exec(authority) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) throw wrong(`the URL names no host: ${form}`);
  const number = port === '' ? standardPort : Number(port);
  if (number < 1 || number > 65_535) throw wrong('a port is a number from 1 to 65535');
  return { host, port: number };
}

function shownOf(
  place: { readonly host: string; readonly port: number } | undefined,
  prefix: string,
  datacenter: string | undefined,
): string {
  const query = datacenter === undefined ? '' : `?dc=${datacenter}`;
  if (place === undefined) return `consul:${prefix}${query}`;
  const host = place.host.includes(':') ? `[${place.host}]` : place.host;
  return `consul://${host}:${place.port}/${prefix}${query}`;
}

/** What Consul's programs would heed and we do not: to go on would be to look elsewhere, or less carefully, than was asked. */
function refuseUnkept(env: Environment): void {
  const verify = set(env, 'CONSUL_HTTP_SSL_VERIFY');
  if (verify !== undefined && !isTrue(verify)) {
    throw wrong(
      'CONSUL_HTTP_SSL_VERIFY switches the check of certificates off, which a store never goes without: name the authority in CONSUL_CACERT',
    );
  }
  for (const [name, instead] of [
    ['CONSUL_CAPATH', 'name a file with all authorities in CONSUL_CACERT'],
    ['CONSUL_HTTP_AUTH', 'Coffer logs in by token alone'],
    ['CONSUL_NAMESPACE', 'a store is in the default namespace'],
    ['CONSUL_PARTITION', 'a store is in the default partition'],
  ] as const) {
    if (set(env, name) !== undefined) throw wrong(`${name} is set, and not heeded: ${instead}, so unset it`);
  }
}

function isTrue(text: string): boolean {
  return ['1', 't', 'true'].includes(text.toLowerCase());
}

/** What `CONSUL_HTTP_SSL` says. A word that is not one of its own may have meant TLS, so it never means to go without. */
function switchOf(env: Environment): 'on' | 'off' | undefined {
  const text = set(env, 'CONSUL_HTTP_SSL');
  if (text === undefined) return undefined;
  if (isTrue(text)) return 'on';
  if (['0', 'f', 'false'].includes(text.toLowerCase())) return 'off';
  throw wrong('CONSUL_HTTP_SSL is true or false');
}

interface NamedAgent {
  readonly host?: string;
  readonly port?: number;
  readonly socket?: string;
  readonly tls?: 'on' | 'off';
}

function agentOfEnvironment(env: Environment): NamedAgent | undefined {
  const text = set(env, 'CONSUL_HTTP_ADDR');
  if (text === undefined) return undefined;
  if (text.startsWith('unix://')) return { socket: text.slice('unix://'.length), tls: 'off' };
  const [, scheme, authority = ''] = /^(?:(https?):\/\/)?([^/?#@]+)\/?$/.exec(text) ?? [];
  if (authority === '') {
    throw wrong(
      'CONSUL_HTTP_ADDR is HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH, and nothing behind it',
    );
  }
  const { host, port } = hostOf(authority);
  if (scheme === undefined) return { host, port };
  // As Consul's own programs have it: where TLS is switched on, an address does not switch it off.
  const secure = scheme === 'https' || switchOf(env) === 'on';
  return {
    host,
    port: /:\d+$/.test(authority) ? port : secure ? 443 : 80,
    tls: secure ? 'on' : 'off',
  };
}

function filesOf(parameters: ReadonlyMap<Parameter, string>, env: Environment): ConsulTls {
  const certificate = parameters.get('cert') ?? set(env, 'CONSUL_CLIENT_CERT');
  const key = parameters.get('key') ?? set(env, 'CONSUL_CLIENT_KEY');
  if ((certificate === undefined) !== (key === undefined)) {
    throw wrong(
      'a client certificate and its key go together (cert and key, or CONSUL_CLIENT_CERT and CONSUL_CLIENT_KEY)',
    );
  }
  return {
    authority: parameters.get('ca') ?? set(env, 'CONSUL_CACERT'),
    certificate,
    key,
    serverName: parameters.get('server-name') ?? set(env, 'CONSUL_TLS_SERVER_NAME'),
  };
}

/** Without a word TLS is spoken, except on the machine itself; without TLS to another machine only where somebody said so. */
function secureOf(word: string | undefined, files: ConsulTls, local: boolean): boolean {
  const named = files.authority !== undefined || files.certificate !== undefined;
  if (word === 'off' && named && !local) {
    throw wrong('TLS is switched off and certificates are named: say one of the two');
  }
  return word === undefined ? !local || named : word === 'on';
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
