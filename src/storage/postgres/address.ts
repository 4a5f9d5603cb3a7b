/**
 * Where a store in PostgreSQL is: a connection URI as PostgreSQL's documentation has them ("Connection URIs"), several hosts
 * included, and with words of our own for the schema and the number of connections.
 */
import { CofferError } from '../../errors.ts';

export interface PostgresHost {
  /** A name, an address, or the directory of a Unix-domain socket. */
  readonly host: string;
  readonly port: number;
}

export interface PostgresTls {
  readonly mode: 'disable' | 'require' | 'verify-ca' | 'verify-full';
  /** Paths of PEM files: whom to trust, and who we are. */
  readonly authority?: string;
  readonly certificate?: string;
  readonly key?: string;
}

export interface PostgresAddress {
  /** Tried in order until one takes writes. */
  readonly hosts: readonly PostgresHost[];
  readonly database: string;
  readonly username: string;
  /** As the URL has it; undefined where it is to be found elsewhere. */
  readonly password: string | undefined;
  /** The schema of the tables; undefined for the first of the search path. */
  readonly schema: string | undefined;
  /** Most connections at a time for commits and lists. */
  readonly connections: number;
  readonly tls: PostgresTls;
  /** The same place without user and password, for messages and files. */
  readonly place: string;
}

const standardPort = 5_432;
const standardConnections = 10;
const mostConnections = 200;
const form =
  'a PostgreSQL store is postgres://USER@HOST:5432/DATABASE, with ?sslmode=, ?sslrootcert=, ?schema= and the like where needed';
const modes = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
const known = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'host', 'schema', 'connections'] as const;
type Parameter = (typeof known)[number];

/** Throws `invalid_request` with what is wrong. The URL itself is never in the message: a password may be in it. */
export function parsePostgresAddress(text: string): PostgresAddress {
  const match = /^postgres(?:ql)?:\/\/(?:([^/?#]*)@)?([^/?#@]*)(?:\/([^/?#]*))?(?:\?([^#]*))?$/.exec(text);
  if (match === null) throw wrong(form);
  const [, login = '', authority = '', path = '', query = ''] = match;
  const parameters = parametersOf(query);
  const colon = login.indexOf(':');
  const username = decoded(colon < 0 ? login : login.slice(0, colon));
  if (username === '') throw wrong(`the URL names no user: ${form}`);
  const password = colon < 0 ? undefined : decoded(login.slice(colon + 1));
  const hosts = hostsOf(authority, parameters.get('host'));
  const database = decoded(path) || username;
  const schema = parameters.get('schema');
  if ([username, database, schema ?? '', password ?? ''].some((each) => each.includes('\0')))
    throw wrong(form);
  return {
    hosts,
    database,
    username,
    password: password === '' ? undefined : password,
    schema: schema === '' ? undefined : schema,
    connections: connectionsOf(parameters.get('connections')),
    tls: tlsOf(parameters, hosts.every(isLocal)),
    place: placeOf(hosts, database, schema),
  };
}

function wrong(message: string): CofferError {
  return new CofferError('invalid_request', message);
}

function parametersOf(query: string): ReadonlyMap<Parameter, string> {
  const found = new Map<Parameter, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    const parameter = known.find((each) => each === name);
    if (parameter === undefined) {
      throw wrong(`the URL has a parameter that is not one of ${known.join(', ')}`);
    }
    if (found.has(parameter)) throw wrong(`the URL has ${parameter} twice`);
    found.set(parameter, value);
  }
  return found;
}

function hostsOf(authority: string, socket: string | undefined): readonly PostgresHost[] {
  if (socket !== undefined) {
    const [, port = ''] = /^:(\d+)$/.exec(authority) ?? [];
    if (!socket.startsWith('/') || (authority !== '' && port === '')) {
      throw wrong('?host= is the directory of a Unix-domain socket, and then no other host is named');
    }
    return [{ host: socket, port: portOf(port) }];
  }
  return authority.split(',').map((each) => {
    const [, bracketed, plain = '', port = ''] =
      /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*))(?::(\d*))?$/.exec(each) ?? [];
    const host = decoded(bracketed ?? plain);
    if (host === '') throw wrong(`the URL names no host: ${form}`);
    return { host, port: portOf(port) };
  });
}

function portOf(text: string): number {
  const port = text === '' ? standardPort : Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw wrong('a port is a number from 1 to 65535');
  return port;
}

function connectionsOf(text: string | undefined): number {
  if (text === undefined) return standardConnections;
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > mostConnections)
    throw wrong(`connections is a number from 1 to ${mostConnections}`);
  return count;
}

/** Without a word certificates are checked, except on the machine itself. */
function tlsOf(parameters: ReadonlyMap<Parameter, string>, local: boolean): PostgresTls {
  const authority = parameters.get('sslrootcert');
  const certificate = parameters.get('sslcert');
  const key = parameters.get('sslkey');
  if ((certificate === undefined) !== (key === undefined)) throw wrong('sslcert and sslkey go together');
  const word = parameters.get('sslmode') ?? (local && authority === undefined ? 'disable' : 'verify-full');
  const mode = modes.find((each) => each === word);
  if (mode === undefined) throw wrong(`sslmode is one of ${modes.join(', ')}`);
  const files = [authority, certificate, key];
  if (mode === 'disable' && files.some((each) => each !== undefined)) {
    throw wrong('sslmode=disable goes without sslrootcert, sslcert and sslkey');
  }
  if (mode === 'require' && authority !== undefined) {
    throw wrong('sslmode=require checks no certificate: with sslrootcert say verify-ca or verify-full');
  }
  if (files.some((each) => each !== undefined && !each.startsWith('/'))) {
    throw wrong('sslrootcert, sslcert and sslkey are absolute paths');
  }
  return {
    mode,
    ...(authority === undefined ? {} : { authority }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
  };
}

function isLocal({ host }: PostgresHost): boolean {
  return host.startsWith('/') || host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function placeOf(hosts: readonly PostgresHost[], database: string, schema: string | undefined): string {
  const shown = hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',');
  const folder =
    encodeURIComponent(database) +
    (schema === undefined || schema === '' ? '' : `?schema=${encodeURIComponent(schema)}`);
  return `postgres://${shown}/${folder}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw wrong('the URL has a % that is no escape; write %25 for the sign itself');
  }
}
