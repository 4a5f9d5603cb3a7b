/** The real program over a store in DynamoDB: two servers, a crash, a store that moves there, and what keeps a server from starting. */
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { askMoto } from '../fakes/moto-calls.ts';
import { startDynamoLocal } from '../setup/dynamodb-local.ts';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, cli, freshPlace, startServer } from './server-process.ts';
import { at, openWire } from './wire.ts';

const local = await startDynamoLocal();
afterAll(async () => {
  await cleanUp();
  await local?.close();
});

describe.skipIf(local === undefined)('a server over DynamoDB', () => {
  if (local === undefined) return;
  const env = local.env;

  it('serves with another one, loses nothing when it is killed, and goes on', async () => {
    const place = freshPlace();
    const url = local.url();
    const words = ['--storage', url];
    const first = await startServer(place, { words: [...words, '--init'], env });
    expect(first.stdout).toContain(`store       ${url.replace('&recovery=off', '')}\n`);
    // A second host: a data directory of its own, the same keyfile.
    const second = await startServer(place, { words: [...words, '--data', join(place.home, 'second')], env });
    const token = rootTokenOf(place);
    const one = openWire(first.address, token);
    const two = openWire(second.address, token);
    for (let count = 1; count <= 20; count++) {
      const [writer, reader] = count % 2 === 0 ? [one, two] : [two, one];
      await writer.ask('PUT', 'secret/data/turns', { body: { data: { count } } });
      expect(at((await reader.ask('GET', 'secret/data/turns')).json, 'data', 'data', 'count')).toBe(count);
    }
    const backup = await two.ask('GET', 'sys/storage/snapshot');
    expect(backup.json).toMatchObject({ errors: [expect.stringContaining('gives no snapshots')] });
    await first.kill();
    expect(at((await two.ask('GET', 'secret/data/turns')).json, 'data', 'data', 'count')).toBe(20);
    one.close();
    const again = await startServer(place, { words, env });
    const three = openWire(again.address, token);
    await three.ask('PUT', 'secret/data/turns', { body: { data: { count: 21 } } });
    expect(at((await two.ask('GET', 'secret/data/turns')).json, 'data', 'data', 'count')).toBe(21);
    for (const wire of [two, three]) wire.close();
    expect(await second.stop()).toMatchObject({ code: 0 });
    expect(await again.stop()).toMatchObject({ code: 0 });
  });

  it('takes over a store that was on disk, and hands it on again', async () => {
    const place = freshPlace();
    const before = await startServer(place, { words: ['--init'] });
    const wire = openWire(before.address, rootTokenOf(place));
    await wire.ask('PUT', 'secret/data/a', { body: { data: { word: 'kept' } } });
    wire.close();
    await before.stop();
    const url = local.url();
    const disk = (name: string) => `lmdb:${join(name, 'store')}`;
    const move = (from: string, to: string) =>
      cli(place, ['operator', 'migrate', '--from', from, '--to', to], { env });
    expect(await move(disk(place.data), url)).toMatchObject({ code: 0 });
    const server = await startServer(place, { words: ['--storage', url], env });
    const reader = openWire(server.address, rootTokenOf(place));
    expect(at((await reader.ask('GET', 'secret/data/a')).json, 'data', 'data', 'word')).toBe('kept');
    const seen = await cli(place, ['doctor'], { env: { ...env, COFFER_STORAGE: url } });
    expect(seen.stdout + seen.stderr).toMatch(/ok +storage/);
    const next = disk(join(place.home, 'next'));
    expect(await move(url, next)).toMatchObject({
      code: 6,
      stderr: expect.stringContaining(`process ${server.pid} on `),
    });
    reader.close();
    await server.stop();
    expect(await move(url, next)).toMatchObject({ code: 0 });
    expect(await cli(place, ['server', '--storage', url, '--listen', '127.0.0.1:0'], { env })).toMatchObject({
      code: 10,
      stderr: expect.stringContaining('migrated to'),
    });
  });

  it('threat 16: says what keeps it from starting, and tells no key', async () => {
    const place = freshPlace();
    const url = local.url();
    const secret = 'a-secret-access-key-in-the-wrong-place';
    const start = (storage: string, more: Readonly<Record<string, string>> = env) =>
      cli(place, ['server', '--listen', '127.0.0.1:0', '--storage', storage], { env: more });
    const table = { name: 'S', version: 'S' };
    await askMoto(local, 'DynamoDB_20120810.CreateTable', {
      TableName: 'credential-store',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: Object.entries(table).map(([AttributeName, AttributeType]) => ({
        AttributeName,
        AttributeType,
      })),
      KeySchema: Object.keys(table).map((AttributeName, index) => ({
        AttributeName,
        KeyType: index === 0 ? 'HASH' : 'RANGE',
      })),
    });
    const nobody = { AWS_EC2_METADATA_DISABLED: 'true' };
    const outcomes = [
      [await start(url), 10, 'no such table'],
      [await start(url.replace(/:t-[^?]*/, ':credential-store')), 10, 'table of secrets'],
      [await start(url, nobody), 10, 'no AWS credentials'],
      [await start(url.replace(local.endpoint, 'http://127.0.0.1:1')), 9, 'cannot be reached'],
      [await start(`${url}&secret_access_key=${secret}`), 2, 'password'],
      [await start(`${url}&sekret=${secret}`), 2, 'no option'],
      [await start('dynamodb:a'), 2, '3 to 255'],
    ] as const;
    for (const [outcome, code, said] of outcomes) {
      expect(outcome).toMatchObject({ code, stderr: expect.stringContaining(said) });
      expect(outcome.stdout + outcome.stderr).not.toContain(secret);
      expect(outcome.stdout + outcome.stderr).not.toContain(env['AWS_SECRET_ACCESS_KEY']);
    }
  });
});
