/** Scheduled backups and drills over a bucket, by nodes that share a store. */
import { afterAll, expect, it } from 'vitest';
import { ask, makePlace } from '../../test/fakes/client.ts';
import { makeBucket, startFaultyS3 } from '../../test/fakes/faulty-s3.ts';
import { startMoto } from '../../test/setup/moto.ts';
import { unlockWith } from '../core/backup/backup.fixture.ts';
import { startScheduledBackups } from '../core/backup/scheduled-backups.ts';
import { startScheduledDrills } from '../core/backup/scheduled-drills.ts';
import { systemRandom } from '../crypto/random.ts';
import { MemoryStorage } from '../storage/memory/memory.ts';
import { backupPlace, scheduledPlace } from './backup-places.ts';

const moto = await startMoto();
afterAll(() => moto?.close());

const hour = 3_600;

it.skipIf(moto === undefined)(
  'a schedule over S3 keeps what it should, tells what fails, and is drilled',
  async () => {
    const given = moto ?? { endpoint: '', env: {} };
    await makeBucket(given.endpoint, 'scheduled');
    const s3 = await startFaultyS3(given.endpoint);
    const place = await makePlace();
    const nodes = [await place.node(), await place.node()];
    const [node] = nodes;
    const to = `s3://scheduled/here?region=eu-central-1&endpoint=${s3.endpoint}`;
    const env = { ...given.env, AWS_ENDPOINT_URL: '' };
    const settings = {
      to,
      directory: undefined,
      every: 0,
      keep: 2,
      keepFor: undefined,
      drillEvery: undefined,
    };
    const shared = { clock: place.clock, random: systemRandom, log: () => undefined };
    const backups = nodes.map((each) => {
      const bucket = scheduledPlace(settings, env);
      if (bucket === undefined) throw new Error('no place');
      const schedule = { place: bucket, every: hour * 1_000, keep: 2 };
      return startScheduledBackups({ ...shared, schedule, node: () => each.state.core });
    });
    const bucket = backupPlace(to, env);
    const drills = startScheduledDrills({
      ...shared,
      place: bucket,
      every: hour * 1_000,
      node: () => node?.state.core,
      memory: () => new MemoryStorage(),
      unlock: unlockWith(place),
      largest: 10 * 1024 * 1024,
    });
    try {
      for (let round = 0; round < 4; round++) {
        const written = await Promise.all(backups.map((one) => one.run()));
        expect(written.filter((one) => one !== undefined)).toHaveLength(1);
        place.clock.jump(hour);
      }
      const kept = await bucket.list();
      expect(kept).toHaveLength(2);
      expect(await drills.run()).toMatchObject({ passed: true, name: kept[1]?.name });
      s3.fault = () => ({ kind: 'error', status: 403, code: 'AccessDenied' });
      if (node === undefined) throw new Error('no node');
      expect(await backups[0]?.run()).toBeUndefined();
      const { data } = await ask(node, 'read', 'sys/backup/status');
      expect(data).toMatchObject({
        directory: 's3://scheduled/here/',
        failures: 1,
        failure: { reason: expect.stringContaining('AWS denies s3:') },
        drill: { passed: true },
      });
      s3.fault = () => undefined;
      expect(await bucket.list()).toEqual(kept);
    } finally {
      await Promise.all([...backups, drills].map((one) => one.stop()));
      bucket.close();
      await place.remove();
      await s3.close();
    }
  },
);
