/** The storages that several nodes of a test share. */
import { randomBytes } from 'node:crypto';
import { openPostgresStorage } from '../../src/storage/postgres/postgres.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { makePlace, type Place, type PlaceOptions } from '../fakes/client.ts';
import { databasePlace } from '../setup/database-place.ts';

export interface SharedStore {
  readonly name: string;
  make(options?: PlaceOptions): Promise<Place>;
}

const postgresql = await databasePlace('postgresql');

export const stores: readonly SharedStore[] = [
  { name: 'memory', make: (options = {}) => makePlace({ silent: true, ...options }) },
  { name: 'lmdb', make: (options = {}) => makePlace({ silent: true, ...options, lmdb: true }) },
  ...(postgresql === undefined ? [] : [{ name: 'postgres', make: overPostgresql }]),
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
