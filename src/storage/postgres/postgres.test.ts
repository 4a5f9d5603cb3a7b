import { randomBytes } from 'node:crypto';
import { afterAll, describe } from 'vitest';
import { databasePlace } from '../../../test/setup/database-place.ts';
import { storageContract } from '../storage.contract.ts';
import { openPostgresStorage } from './postgres.ts';

const place = await databasePlace('postgresql');
afterAll(() => place?.close());

describe.skipIf(place === undefined)('PostgreSQL', () => {
  if (place === undefined) return;
  const { server, name, password } = place;
  for (const isolation of ['locks', 'serializable'] as const) {
    storageContract(`postgres, kept apart by ${isolation}`, async () => {
      const schema = `s_${randomBytes(6).toString('hex')}`;
      await place.sql(`CREATE SCHEMA ${schema} AUTHORIZATION ${name}`);
      const url = `postgres://${name}:${password}@${server.host}:${server.port}/${name}?schema=${schema}`;
      let storage = await openPostgresStorage({ url, create: true, isolation });
      return {
        storage,
        reopen: async () => {
          await storage.close();
          storage = await openPostgresStorage({ url, create: false, isolation });
          return storage;
        },
        dispose: async () => {
          await storage.close();
          await place.sql(`DROP SCHEMA ${schema} CASCADE`);
        },
      };
    });
  }
});
