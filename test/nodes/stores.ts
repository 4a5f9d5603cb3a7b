/** The storages that several nodes of a test share. */
import { randomBytes } from 'node:crypto';
import { parseDynamoAddress } from '../../src/storage/dynamodb/address.ts';
import { openDynamoStorage } from '../../src/storage/dynamodb/dynamodb.ts';
import { openPostgresStorage } from '../../src/storage/postgres/postgres.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { makePlace, type Place, type PlaceOptions } from '../fakes/client.ts';
import { databasePlace } from '../setup/database-place.ts';
import { startDynamoLocal } from '../setup/dynamodb-local.ts';

export interface SharedStore {
  readonly name: string;
  make(options?: PlaceOptions): Promise<Place>;
}

const local = await startDynamoLocal();
const postgresql = await databasePlace('postgresql');

export const stores: readonly SharedStore[] = [
  { name: 'memory', make: (options = {}) => makePlace({ silent: true, ...options }) },
  { name: 'lmdb', make: (options = {}) => makePlace({ silent: true, ...options, lmdb: true }) },
  ...(postgresql === undefined ? [] : [{ name: 'postgres', make: overPostgresql }]),
  ...(local === undefined ? [] : [{ name: 'dynamodb', make: overDynamo }]),
];

/** Every node with connections of its own, as on machines of their own. */
async function overPostgresql(options: PlaceOptions = {}): Promise<Place> {
  if (postgresql === undefined) throw new Error('there is no PostgreSQL');
  const { server, name, password, sql } = postgresql;
  const schema = `s_${randomBytes(6).toString('hex')}`;
  await sql(`CREATE SCHEMA ${schema} AUTHORIZATION ${name}`);
  const url = `postgres://${name}:${password}@${server.host}:${server.port}/${name}?schema=${schema}`;
  const storage = await openPostgresStorage({ url, create: true });
  const place = await makePlace({ silent: true, ...options, storage });
  const own: Storage[] = [];
  return {
    ...place,
    async node(given, variant) {
      const connection = given ?? (await openPostgresStorage({ url, create: false }));
      if (given === undefined) own.push(connection);
      return place.node(connection, variant);
    },
    async remove() {
      await place.remove();
      for (const each of own) await each.close();
      await sql(`DROP SCHEMA ${schema} CASCADE`);
    },
  };
}

/** Every node with a client of its own. The table, and what serves it, goes with the process. */
async function overDynamo(options: PlaceOptions = {}): Promise<Place> {
  if (local === undefined) throw new Error('there is no DynamoDB Local');
  const { env } = local;
  const address = parseDynamoAddress(local.url());
  const storage = await openDynamoStorage({ address, create: true, env });
  const place = await makePlace({ silent: true, ...options, storage });
  const own: Storage[] = [];
  return {
    ...place,
    async node(given, variant) {
      const connection = given ?? (await openDynamoStorage({ address, create: false, env }));
      if (given === undefined) own.push(connection);
      return place.node(connection, variant);
    },
    async remove() {
      await place.remove();
      for (const each of own) await each.close();
    },
  };
}
