/** A node with a database engine on a real server: what tests of the engine begin with. */

import type { JsonObject } from '../../src/json.ts';
import type { CofferNode } from '../../src/main/node.ts';
import type { DatabasePlace } from '../setup/database-place.ts';
import { ask, makePlace, type Place, type PlaceOptions } from './client.ts';
import { HandClock } from './hand-clock.ts';

export interface DatabaseMount {
  readonly store: Place;
  readonly node: CofferNode;
  /** What names of users begin with here. */
  readonly prefix: string;
  /** The configuration as it was written. */
  readonly config: JsonObject;
  /** Names of users that were made here and are there. */
  users(): Promise<readonly string[]>;
  remove(): Promise<void>;
}

let mounts = 0;

/** `db/` with the connection `main`, and the role `app` whose users live for an hour. */
export async function databaseMount(
  place: DatabasePlace,
  options: PlaceOptions = {},
): Promise<DatabaseMount> {
  // The servers know the time by themselves, and users end by theirs.
  const store = await makePlace({ clock: new HandClock(Math.floor(Date.now() / 1_000) * 1_000), ...options });
  const node = await store.node();
  const prefix = `m${mounts++}${place.name.slice(-6)}`;
  await written(node, 'sys/mounts/db', { type: 'database' });
  const config = {
    plugin_name: place.plugin,
    connection_url: place.url,
    username: place.name,
    password: place.password,
    allowed_roles: '*',
    username_template: `${prefix}-{{ random 20 }}`,
  };
  await written(node, 'db/config/main', config);
  await written(node, 'db/roles/app', roleOf(place));
  return {
    store,
    node,
    prefix,
    config,
    users: () => place.users(prefix),
    remove: () => store.remove(),
  };
}

/** Fields of a role on such a server. */
export function roleOf(place: DatabasePlace): JsonObject {
  return {
    db_name: 'main',
    creation_statements:
      place.kind === 'postgresql'
        ? `CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'; GRANT SELECT ON thing TO "{{name}}"`
        : `CREATE USER '{{name}}'@'%' IDENTIFIED BY '{{password}}'; GRANT SELECT ON \`${place.name}\`.* TO '{{name}}'@'%'`,
    default_ttl: '1h',
    max_ttl: '24h',
  };
}

/** Writes, and throws unless it was taken. */
export async function written(node: CofferNode, path: string, data: JsonObject = {}): Promise<void> {
  const { status, errors } = await ask(node, 'update', path, data);
  if (status !== 204 && status !== 200) throw new Error(`${path}: ${status} ${errors.join()}`);
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly lease: string;
}

/** Credentials of a role; throws where there are none. */
export async function credentials(node: CofferNode, path = 'db/creds/app'): Promise<Credentials> {
  const answer = await ask(node, 'read', path);
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.errors.join()}`);
  return {
    username: String(answer.data['username']),
    password: String(answer.data['password']),
    lease: answer.lease?.id ?? '',
  };
}
