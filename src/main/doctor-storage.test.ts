import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePlace, type Place } from '../../test/fakes/client.ts';
import { databasePlace } from '../../test/setup/database-place.ts';
import { migrateStore } from '../core/migration/migrate.ts';
import { systemRandom } from '../crypto/random.ts';
import { checkStorage } from './doctor-storage.ts';
import { storagePlace } from './storage-place.ts';

const database = await databasePlace('postgresql');

describe.skipIf(database === undefined)('a doctor of a store in PostgreSQL', () => {
  if (database === undefined) return;
  const { server, name, password } = database;
  const settingOf = (login: string) => ({
    url: `postgres://${login}@${server.host}:${server.port}/${name}?schema=of_doctor`,
    base: '/',
  });
  const setting = settingOf(`${name}:${password}`);
  const look = (at = setting) => checkStorage(at, '/nowhere', {});
  let place: Place;

  beforeAll(async () => {
    await database.sql(`CREATE SCHEMA of_doctor AUTHORIZATION ${name}`);
    place = await makePlace();
  });
  afterAll(async () => {
    await place.remove();
    await database.close();
  });

  it('says whether it answers, holds a store, and who keeps it from that', async () => {
    const tables = "SELECT 1 FROM pg_tables WHERE schemaname = 'of_doctor'";
    expect(await look()).toMatchObject({ findings: [{ level: 'fail', check: 'storage' }], store: undefined });
    expect(await database.sql(tables)).toEqual([]);
    const target = await storagePlace(setting, '/').open({ create: true, env: {}, log: () => {} });
    await migrateStore({
      source: { storage: place.storage, shown: 'source' },
      openTarget: async () => ({ storage: target, shown: 'target' }),
      random: systemRandom,
      onProgress: () => {},
    });
    await target.close();
    const seen = await look();
    expect(seen).toMatchObject({ findings: [{ level: 'ok' }], store: { slots: [{ kind: 'shamir' }] } });
    expect(JSON.stringify(seen.findings)).not.toContain(password);
    const refused = await look(settingOf(`${name}:not-${password}`));
    expect(refused.findings).toMatchObject([{ level: 'fail', message: expect.stringContaining('password') }]);
    expect(JSON.stringify(refused)).not.toContain(password);
  });
});
