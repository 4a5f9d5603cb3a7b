/** The real program and a bucket: backed up, restored, drilled, and killed while it sends. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import { type FaultyS3, makeBucket, startFaultyS3 } from '../fakes/faulty-s3.ts';
import { startMoto } from '../setup/moto.ts';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, cli, freshPlace, type Place, startCli, startServer } from './server-process.ts';
import { at, openWire } from './wire.ts';

const moto = await startMoto();
afterAll(async () => {
  await cleanUp();
  await moto?.close();
});

describe.skipIf(moto === undefined)('backups in S3', () => {
  const given = moto ?? { endpoint: '', env: {}, pid: 0, close: async () => undefined };
  const env = { ...given.env, AWS_ENDPOINT_URL: '' };
  let s3: FaultyS3;
  let place: Place;
  let address = '';
  let runs = 0;
  beforeEach(async () => {
    if (runs++ === 0) await makeBucket(given.endpoint, 'coffer-backups');
    s3 = await startFaultyS3(given.endpoint);
    place = freshPlace();
    address = `s3://coffer-backups/run-${runs}/?region=eu-central-1&endpoint=${s3.endpoint}`;
  });
  afterEach(() => s3.close());

  const json = (text: string): JsonObject => JSON.parse(text) as JsonObject;
  const run = (...words: readonly string[]) => cli(place, words, { env });

  it('are taken from a server, proven, drilled and restored', async () => {
    const server = await startServer(place, { words: ['--init'] });
    const token = rootTokenOf(place);
    const wire = openWire(server.address, token);
    await wire.ask('PUT', 'secret/data/a', { body: { data: { value: 'kept' } } });
    wire.close();
    const taken = await cli(place, ['operator', 'backup', '--to', address, '--format', 'json'], {
      env: { ...env, COFFER_ADDR: server.address, VAULT_TOKEN: token },
    });
    expect(taken, taken.stderr).toMatchObject({ code: 0 });
    await server.stop();
    expect(json(taken.stdout)).toMatchObject({
      file: expect.stringMatching(/^s3:\/\/coffer-backups\/run-1\/coffer-.*\.backup$/),
      signed: true,
    });
    expect(await run('operator', 'verify-backup', address)).toMatchObject({ code: 0 });
    const drill = await run('operator', 'restore-drill', address, '--older-than', '1h', '--format', 'json');
    expect(drill, drill.stderr).toMatchObject({ code: 0 });
    expect(json(drill.stdout)['records']).toBeGreaterThan(5);
    const target = join(place.home, 'restored');
    const file = join(place.home, 'token');
    const restored = await run('operator', 'restore', address, '--data', target, '--root-token-file', file);
    expect(restored, restored.stderr).toMatchObject({ code: 0 });
    const again = await startServer(place, { words: ['--data', target] });
    const second = openWire(again.address, readFileSync(file, 'utf8').trim());
    expect(at((await second.ask('GET', 'secret/data/a')).json, 'data', 'data', 'value')).toBe('kept');
    second.close();
    await again.stop();
  });

  it('say in one line and by the exit code what is wrong', async () => {
    const server = await startServer(place, { words: ['--init'] });
    await server.stop();
    const none = await run('operator', 'restore-drill', address);
    expect(none).toMatchObject({ code: 3, stderr: expect.stringContaining('there is no backup in s3://') });
    s3.fault = () => ({ kind: 'error', status: 403, code: 'AccessDenied' });
    const denied = await run('operator', 'backup', '--data', place.data, '--to', address);
    expect(denied).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/^[^\n]*AWS denies s3:[^\n]*\n$/),
    });
    const wrong = await run('operator', 'backup', '--data', place.data, '--to', 's3://Bad_Bucket/');
    expect(wrong.stderr).toContain('s3://BUCKET/PREFIX');
    const both = await run('operator', 'backup', 'file', '--to', address);
    expect(both).toMatchObject({ code: 2 });
    const checked = await cli(place, ['server', '--check', '--backup-to', 's3://x']);
    expect(checked.stdout + checked.stderr).toContain('backup.to');
  });

  it('are there whole or not at all when the program is killed while it sends', async () => {
    const server = await startServer(place, { words: ['--init'] });
    await server.stop();
    let sent = () => {};
    const arrived = new Promise<void>((resolve) => {
      sent = resolve;
    });
    s3.fault = ({ action }) => {
      if (action !== 'PutObject') return undefined;
      sent();
      return { kind: 'hang' };
    };
    const killed = startCli(place, ['operator', 'backup', '--data', place.data, '--to', address], { env });
    await arrived;
    killed.kill();
    expect((await killed.ended).code).toBe(137);
    s3.fault = () => undefined;
    expect(await run('operator', 'restore-drill', address)).toMatchObject({ code: 3 });
    expect(await run('operator', 'backup', '--data', place.data, '--to', address)).toMatchObject({ code: 0 });
    expect(await run('operator', 'restore-drill', address)).toMatchObject({ code: 0 });
  });
});
