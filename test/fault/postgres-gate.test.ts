/** A server whose connections to PostgreSQL are gone is seen by nobody: when it comes back, it meets what happened meanwhile. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { migrateStore } from '../../src/core/migration/migrate.ts';
import { systemRandom } from '../../src/crypto/random.ts';
import { migrationGate } from '../../src/main/migration-gate.ts';
import { storagePlace } from '../../src/main/storage-place.ts';
import { MemoryStorage } from '../../src/storage/memory/memory.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { ask, makePlace, type Place } from '../fakes/client.ts';
import { WireCutter } from '../fakes/wire-cutter.ts';
import { OwnPostgresql } from '../setup/own-postgresql.ts';

const server = await OwnPostgresql.make();

describe.skipIf(server === undefined)(
  'a store in PostgreSQL, and a server that had lost its connections',
  () => {
    if (server === undefined) return;
    let place: Place;
    let cutter: WireCutter;
    const opened: Storage[] = [];

    beforeAll(async () => {
      await server.start();
      cutter = await WireCutter.to(server.port);
      place = await makePlace();
    });
    afterEach(() => Promise.all(opened.splice(0).map((storage) => storage.close())));
    afterAll(async () => {
      await place.remove();
      await cutter.close();
      await server.dispose();
    });

    async function open(port: number, gate = false): Promise<Storage> {
      const how = { create: true, env: {}, log: () => {}, ...(gate ? { gate: migrationGate } : {}) };
      const storage = await storagePlace({ url: server?.url(port) ?? '', base: '/' }, '/').open(how);
      opened.push(storage);
      return storage;
    }

    const migrate = (source: Storage, target: Storage) =>
      migrateStore({
        source: { storage: source, shown: 'source' },
        openTarget: async () => ({ storage: target, shown: 'target' }),
        random: systemRandom,
        onProgress: () => {},
      });

    it('threat 18: it does not go on at a place that the store has left, nor acknowledge what nobody will find', async () => {
      const filled = await open(server.port);
      await migrate(place.storage, filled);
      await filled.close();
      const served = await open(cutter.port, true);
      const node = await place.node(served);
      expect((await ask(node, 'update', 'secret/data/a', { data: { word: 'first' } })).status).toBe(200);
      cutter.redirect(1);
      cutter.cut();
      const source = await open(server.port);
      await expect.poll(async () => (await migrate(source, new MemoryStorage())).outcome).toBe('migrated');
      cutter.redirect(server.port);
      for (const operation of ['update', 'read'] as const) {
        const answer = await ask(node, operation, 'secret/data/a', { data: { word: 'second' } });
        expect(answer).toMatchObject({
          status: 503,
          errors: [expect.stringContaining('migrated to target')],
        });
      }
      await expect(served.children('', { limit: 1 })).rejects.toMatchObject({ code: 'store_unusable' });
    });
  },
);
