/** The storages that several nodes of a test share. */
import { randomBytes } from 'node:crypto';
import { parseConsulPlace } from '../../src/storage/consul/address.ts';
import { openConsulStorage } from '../../src/storage/consul/consul.ts';
import { parseDynamoAddress } from '../../src/storage/dynamodb/address.ts';
import { openDynamoStorage } from '../../src/storage/dynamodb/dynamodb.ts';
import { openPostgresStorage } from '../../src/storage/postgres/postgres.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { makePlace, type Place, type PlaceOptions } from '../fakes/client.ts';
import { ConsulAgentFake } from '../fakes/consul-agent.ts';
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
  { name: 'consul', make: overConsul },
  ...(postgresql === undefined ? [] : [{ name: 'postgres', make: overPostgresql }]),
  ...(local === undefined ? [] : [{ name: 'dynamodb', make: overDynamo }]),
];

async function overConsul(options: PlaceOptions = {}): Promise<Place> {
  const agent = await ConsulAgentFake.start();
  const env = { CONSUL_HTTP_ADDR: `127.0.0.1:${agent.port}` };
  const open = (create: boolean) =>
    openConsulStorage({ place: parseConsulPlace('consul:nodes'), env, create });
  const place = await makePlace({ silent: true, ...options, storage: await open(true) });
  return apart(
    place,
    () => open(false),
    () => agent.close(),
  );
}

async function overPostgresql(options: PlaceOptions = {}): Promise<Place> {
  if (postgresql === undefined) throw new Error('there is no PostgreSQL');
  const { server, name, password, sql } = postgresql;
  const schema = `s_${randomBytes(6).toString('hex')}`;
  await sql(`CREATE SCHEMA ${schema} AUTHORIZATION ${name}`);
  const url = `postgres://${name}:${password}@${server.host}:${server.port}/${name}?schema=${schema}`;
  const storage = await openPostgresStorage({ url, create: true });
  const place = await makePlace({ silent: true, ...options, storage });
  return apart(
    place,
    () => openPostgresStorage({ url, create: false }),
    () => sql(`DROP SCHEMA ${schema} CASCADE`),
  );
}

/** The table goes with the process that serves it, which ends with this one. */
async function overDynamo(options: PlaceOptions = {}): Promise<Place> {
  if (local === undefined) throw new Error('there is no DynamoDB Local');
  const { env } = local;
  const address = parseDynamoAddress(local.url());
  const open = (create: boolean) => openDynamoStorage({ address, create, env });
  const place = await makePlace({ silent: true, ...options, storage: await open(true) });
  return apart(
    place,
    () => open(false),
    () => Promise.resolve(),
  );
}

/** Every node with connections of its own, as on machines of their own. */
function apart(place: Place, open: () => Promise<Storage>, end: () => Promise<unknown>): Place {
  const own: Storage[] = [];
  return {
    ...place,
    async node(given, variant) {
      const connection = given ?? (await open());
      if (given === undefined) own.push(connection);
      return place.node(connection, variant);
    },
    async remove() {
      await place.remove();
      for (const each of own) await each.close();
      await end();
    },
  };
}
