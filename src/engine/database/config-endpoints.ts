/** `config/:name` and `reset/:name`: how a database is reached, and by which roles. */
import { type Call, type Endpoint, endpoint, type FieldValues, type Reply } from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import type { EngineEnvironment } from '../engine.ts';
import {
  type Connection,
  connectionFolder,
  connectionPath,
  decodeConnection,
  encodeConnection,
  parseName,
} from './connection.ts';
import { type Connections, targetOf } from './connections.ts';
import { makePassword } from './password.ts';
import type { TlsFields } from './plugin.ts';
import { parseStatements } from './statement-field.ts';
import { checkUsernameTemplate } from './username-template.ts';

const fields = {
  plugin_name: { type: 'string', help: 'The kind of database, such as postgresql-database-plugin.' },
  plugin_version: { type: 'string', help: 'Accepted empty only: the plug-ins are part of the program.' },
  verify_connection: { type: 'bool', help: 'Log in before the configuration is kept; true when absent.' },
  allowed_roles: {
    type: 'list',
    help: 'Names of roles that may use it, with * for any text; none when absent.',
  },
  root_rotation_statements: {
    type: 'any',
    help: 'Statements that set a new password of the configured user.',
  },
  password_policy: { type: 'string', help: 'Name of the policy by which passwords are made.' },
  connection_url: {
    type: 'string',
    help: 'Where the database is, with {{username}} and {{password}} in place of the login.',
    sensitive: true,
  },
  username: { type: 'string', help: 'The user who makes the others.' },
  password: { type: 'string', help: 'Its password; never shown.', sensitive: true },
  username_template: { type: 'string', help: 'How names of users are made.' },
  max_open_connections: { type: 'int', help: 'Most connections of one server process; 4 when absent.' },
  max_idle_connections: {
    type: 'int',
    help: 'Most that are kept while unused; as many as may be open when absent.',
  },
  max_connection_lifetime: { type: 'duration', help: 'How long one connection is used; 0 for no limit.' },
  disable_escaping: { type: 'bool', help: 'Without effect: the login is never part of the text of the URL.' },
  password_authentication: {
    type: 'string',
    help: '"password", or "scram-sha-256" where statements are to hold a hash of it (PostgreSQL).',
  },
  tls_ca: {
    type: 'string',
    help: 'PEM of the authorities that a server’s certificate is checked by.',
    // A key may come in one text with it.
    sensitive: true,
  },
  tls_certificate: { type: 'string', help: 'PEM of the certificate to show.', sensitive: true },
  private_key: { type: 'string', help: 'PEM of its key.', sensitive: true },
  tls_certificate_key: { type: 'string', help: 'PEM of certificate and key together.', sensitive: true },
  tls_server_name: { type: 'string', help: 'The name to look for in the server’s certificate.' },
  tls_skip_verify: { type: 'bool', help: 'Believe any certificate.' },
} as const;

type ConfigCall = Call & { readonly fields: FieldValues<typeof fields> };

const mostConnections = 256;

export function configEndpoints(
  environment: EngineEnvironment,
  connections: Connections,
): readonly Endpoint[] {
  return [listing(), configuration(environment, connections), reset(connections)];
}

function listing(): Endpoint {
  return endpoint({
    pattern: 'config',
    help: 'Lists database connections.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List connections',
        response: { keys: { type: 'list' } },
        handle: (call) => listPage((page) => call.view.children(connectionFolder, page), call.fields),
      },
    },
  });
}

function configuration(environment: EngineEnvironment, connections: Connections): Endpoint {
  return endpoint({
    pattern: 'config/:name',
    help: 'Configures how a database is reached. Whoever may write here has the server connect to any host.',
    fields,
    exists: async (call) =>
      (await call.view.read(connectionPath(parseName(call.params['name'])))) !== undefined,
    operations: {
      read: {
        summary: 'Show a connection',
        response: {
          plugin_name: { type: 'string' },
          plugin_version: { type: 'string' },
          allowed_roles: { type: 'list' },
          password_policy: { type: 'string' },
          root_credentials_rotate_statements: { type: 'list' },
          verify_connection: { type: 'bool' },
          connection_details: { type: 'object', members: { '*': { type: 'any' } } },
        },
        handle: async (call) => {
          const found = await call.view.read(connectionPath(parseName(call.params['name'])));
          return found === undefined
            ? undefined
            : { data: shown(connections, decodeConnection(found.open())) };
        },
      },
      update: {
        summary: 'Configure a connection',
        // It may log in to the database.
        spendsFirst: true,
        handle: (call) => configure(environment, connections, call),
      },
      delete: {
        summary: 'Delete a connection',
        handle: async (call) => {
          const name = parseName(call.params['name']);
          await call.view.commit([{ path: connectionPath(name), value: null }]);
          connections.reset(name);
          return undefined;
        },
      },
    },
  });
}

function reset(connections: Connections): Endpoint {
  return endpoint({
    pattern: 'reset/:name',
    help: 'Closes the connections to a database, on every node, and opens new ones when they are needed.',
    fields: {},
    operations: {
      update: {
        summary: 'Reconnect',
        handle: async (call) => {
          const name = parseName(call.params['name']);
          const { connection, revision } = await connections.read(call.view, name);
          // Written again it has another revision, by which every node knows its pool to be an old one.
          await call.view.commit(
            [{ path: connectionPath(name), value: encodeConnection(connection) }],
            [{ path: connectionPath(name), revision }],
          );
          connections.reset(name);
          return undefined;
        },
      },
    },
  });
}

function shown(connections: Connections, connection: Connection) {
  const { tls } = connection;
  const { url } = connections.plugin(connection.plugin).maskUrl(connection.url);
  return {
    plugin_name: connection.plugin,
    plugin_version: '',
    allowed_roles: connection.allowedRoles,
    password_policy: connection.passwordPolicy,
    root_credentials_rotate_statements: connection.rootRotationStatements,
    verify_connection: connection.verifyConnection,
    connection_details: {
      connection_url: url,
      username: connection.username,
      username_template: connection.usernameTemplate,
      password_authentication: connection.hashed ? 'scram-sha-256' : 'password',
      max_open_connections: connection.mostOpen,
      max_idle_connections: connection.mostIdle,
      max_connection_lifetime: `${connection.lifetime}s`,
      ...(tls.authority === undefined ? {} : { tls_ca: certificatesIn(tls.authority) }),
      ...(tls.certificate === undefined ? {} : { tls_certificate: certificatesIn(tls.certificate) }),
      ...(tls.serverName === undefined ? {} : { tls_server_name: tls.serverName }),
      ...(tls.skipVerify === undefined ? {} : { tls_skip_verify: tls.skipVerify }),
    },
  };
}

/** What of a PEM text may be shown: certificate and key are often one file. */
function certificatesIn(pem: string): string {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g);
  return (blocks ?? []).join('');
}

async function configure(
  environment: EngineEnvironment,
  connections: Connections,
  call: ConfigCall,
): Promise<Reply | undefined> {
  const name = parseName(call.params['name']);
  const before = await connections.find(call.view, name);
  const connection = merged(connections, before?.connection, call.fields);
  await check(environment, connections, connection);
  if (connection.verifyConnection) await verify(connections, name, connection);
  await call.view.commit(
    [{ path: connectionPath(name), value: encodeConnection(connection) }],
    [{ path: connectionPath(name), revision: before?.revision ?? null }],
  );
  connections.reset(name);
  const { masked } = connections.plugin(connection.plugin).maskUrl(connection.url);
  return masked ? { warnings: [passwordInUrl] } : undefined;
}

const passwordInUrl =
  'Password found in connection_url, use a templated url to enable root rotation and prevent read access to password information.';

/** What was not sent stays as it is. */
function merged(
  connections: Connections,
  before: Connection | undefined,
  sent: ConfigCall['fields'],
): Connection {
  const plugin = sent.plugin_name ?? before?.plugin;
  if (plugin === undefined || plugin === '') throw new CofferError('invalid_request', 'empty plugin name');
  connections.plugin(plugin);
  const url = sent.connection_url ?? before?.url ?? '';
  if (url === '') throw new CofferError('invalid_request', 'connection_url cannot be empty');
  if ((sent.plugin_version ?? '') !== '') {
    throw new CofferError(
      'invalid_request',
      'plugin_version is to be empty: plug-ins are part of the program',
    );
  }
  const mostOpen = positive('max_open_connections', sent.max_open_connections ?? before?.mostOpen ?? 4, 4);
  const mostIdle = sent.max_idle_connections ?? before?.mostIdle ?? mostOpen;
  // A password of somebody's hand takes the place of one that a rotation left open.
  const pending = sent.password === undefined ? before?.pending : undefined;
  return {
    plugin,
    url,
    username: loginText('username', sent.username ?? before?.username ?? ''),
    password: loginText('password', sent.password ?? before?.password ?? ''),
    ...(pending === undefined ? {} : { pending }),
    allowedRoles: sent.allowed_roles ?? before?.allowedRoles ?? [],
    rootRotationStatements:
      parseStatements('root_rotation_statements', sent.root_rotation_statements) ??
      before?.rootRotationStatements ??
      [],
    hashed: wantsHash(connections, plugin, sent.password_authentication) ?? before?.hashed ?? false,
    passwordPolicy: sent.password_policy ?? before?.passwordPolicy ?? '',
    usernameTemplate: sent.username_template ?? before?.usernameTemplate ?? '',
    verifyConnection: sent.verify_connection ?? before?.verifyConnection ?? true,
    mostOpen,
    mostIdle: mostIdle < 0 ? 0 : Math.min(mostIdle === 0 ? mostOpen : mostIdle, mostOpen),
    lifetime: sent.max_connection_lifetime ?? before?.lifetime ?? 0,
    tls: mergedTls(before?.tls ?? {}, sent),
  };
}

function mergedTls(before: TlsFields, sent: ConfigCall['fields']): TlsFields {
  const both = sent.tls_certificate_key;
  const or = (given: string | undefined, earlier: string | undefined) =>
    given === '' ? undefined : (given ?? earlier);
  return {
    authority: or(sent.tls_ca, before.authority),
    certificate: or(sent.tls_certificate ?? both, before.certificate),
    privateKey: or(sent.private_key ?? both, before.privateKey),
    serverName: or(sent.tls_server_name, before.serverName),
    skipVerify: sent.tls_skip_verify ?? before.skipVerify,
  };
}

/** Undefined when nothing was said of it. */
function wantsHash(connections: Connections, plugin: string, sent: string | undefined): boolean | undefined {
  if (sent === undefined || sent === '') return undefined;
  const mayHash = connections.plugin(plugin).hashPassword !== undefined;
  if (sent === 'password' || (mayHash && sent === 'scram-sha-256')) return sent !== 'password';
  const known = mayHash ? '"password" or "scram-sha-256"' : '"password", the only one of this database';
  throw new CofferError('invalid_request', `password_authentication is ${known}`);
}

/** 0 and less stand for the usual number. */
function positive(name: string, value: number, usual: number): number {
  if (value > mostConnections)
    throw new CofferError('invalid_request', `${name} is at most ${mostConnections}`);
  return value > 0 ? value : usual;
}

function loginText(name: string, text: string): string {
  if (text.length <= 1_024 && !text.includes('\0') && text.isWellFormed()) return text;
  throw new CofferError(
    'invalid_request',
    `${name} has at most 1024 characters, and no NUL or half character`,
  );
}

/** Throws `invalid_request` for what could not work. */
async function check(
  environment: EngineEnvironment,
  connections: Connections,
  connection: Connection,
): Promise<void> {
  const plugin = connections.plugin(connection.plugin);
  targetOf(plugin, connection);
  const { longest } = plugin.usernames(connection.plugin);
  if (connection.usernameTemplate !== '') checkUsernameTemplate(connection.usernameTemplate, longest);
  await makePassword(environment, connection.passwordPolicy);
}

/** Throws `invalid_request` where the login does not come about. */
async function verify(connections: Connections, name: string, connection: Connection): Promise<void> {
  try {
    await connections.tryOut(name, connection);
  } catch (error) {
    const { message } = asCofferError(error);
    throw new CofferError('invalid_request', `error verifying connection: ${message}`);
  }
}
