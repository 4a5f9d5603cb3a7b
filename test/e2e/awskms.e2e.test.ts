/** A server whose store KMS opens, as its operator meets it: made, restarted, KMS away and back, sealed on purpose, and moved over. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { startFaultyAws } from '../fakes/faulty-aws.ts';
import { askMoto, makeKmsKey, testRegion } from '../fakes/moto-calls.ts';
import { databasePlace } from '../setup/database-place.ts';
import { freePort } from '../setup/free-port.ts';
import { startMoto } from '../setup/moto.ts';
import { cleanUp, cli, freshPlace, startServer } from './server-process.ts';

const moto = await startMoto();
afterAll(cleanUp);
afterAll(() => moto?.close());

const address = `awskms:alias/coffer?region=${testRegion}`;

it.skipIf(moto === undefined)(
  'a store is made for a KMS key, opens at each start, and survives KMS',
  async () => {
    if (moto === undefined) return;
    const keyId = await makeKmsKey(moto, 'coffer');
    const place = freshPlace();
    const faulty = await startFaultyAws(moto.endpoint);
    const aws = { ...moto.env, AWS_ENDPOINT_URL: faulty.endpoint };
    const start = (env: Record<string, string> = aws, listen?: readonly string[]) =>
      startServer(place, {
        words: ['--init', '--seal', address],
        env,
        ...(listen === undefined ? {} : { listen }),
      });

    const first = await start();
    expect(first.stdout).toContain('opens by    awskms');
    expect(first.stdout).not.toContain('keyfile  ');
    expect(readdirSync(place.config).filter((name) => name.endsWith('.keyfile'))).toEqual([]);
    const run = (at: { readonly address: string }, words: readonly string[], more: object = {}) =>
      cli(place, words, { env: { ...aws, COFFER_ADDR: at.address }, ...more });
    expect(await run(first, ['put', 'db/password', 'value=one'])).toMatchObject({ code: 0 });
    const checked = await run(first, ['doctor', '--format', 'json']);
    const single = JSON.stringify(JSON.parse(checked.stdout).findings);
    expect(single).toContain('there is a single way to open the store');
    await first.kill();

    const second = await start();
    expect((await run(second, ['get', 'db/password'])).stdout.trim()).toBe('one');
    // On the host, beside the server, by the same settings.
    const own = { env: { ...aws, COFFER_ADDR: second.address, COFFER_SEAL: address } };
    const doctor = await run(second, ['doctor'], own);
    expect(doctor.stdout + doctor.stderr).toContain('awskms key: alias/coffer opens the store');
    const made = await run(second, ['operator', 'generate-root', '--output', join(place.home, 'root')], own);
    expect(made, made.stderr).toMatchObject({ code: 0 });
    expect(readFileSync(join(place.home, 'root'), 'utf8').length).toBeGreaterThan(20);
    const verified = await run(second, ['audit', 'verify'], own);
    expect(verified, verified.stderr).toMatchObject({ code: 0 });

    // Sealed on purpose it stays sealed, until somebody whom KMS obeys says otherwise.
    expect(await run(second, ['operator', 'seal'])).toMatchObject({ code: 0 });
    await second.stop();
    const third = await start();
    expect(third.stdout).toContain('The store is sealed');
    const unnamed = await run(third, ['operator', 'unseal', '--kms']);
    expect(unnamed).toMatchObject({ code: 2 });
    expect(unnamed.stderr).toContain('no KMS key is named here');
    const unsealed = await run(third, ['operator', 'unseal', '--kms'], {
      env: { ...own.env, COFFER_ADDR: third.address },
    });
    expect(unsealed, unsealed.stderr).toMatchObject({ code: 0 });
    expect((await run(third, ['get', 'db/password'])).stdout.trim()).toBe('one');

    // Switched off in the middle: the server goes on, the next one says which key it is, and opens when it is back.
    await askMoto(moto, 'TrentService.DisableKey', { KeyId: keyId });
    faulty.fault = (action) =>
      action === 'Decrypt' ? { kind: 'error', status: 400, type: 'DisabledException' } : undefined;
    expect((await run(third, ['get', 'db/password'])).stdout.trim()).toBe('one');
    await third.stop();
    const fourth = await start();
    expect(fourth.stdout).toContain('It is asked again until it does');
    expect(fourth.stderr).toContain('key alias/coffer in eu-central-1 is disabled: enable it');
    const waits = await run(fourth, ['doctor'], own);
    expect(waits.code).toBe(9);
    const ill = await run(fourth, ['doctor'], { env: { ...own.env, COFFER_ADDR: fourth.address } });
    expect(ill.stdout + ill.stderr).toContain('what opens it does not answer (awskms: unavailable)');
    expect(ill.stdout + ill.stderr).toContain('the KMS key alias/coffer is in state Disabled');
    await askMoto(moto, 'TrentService.EnableKey', { KeyId: keyId });
    faulty.fault = () => undefined;
    await expect
      .poll(async () => (await run(fourth, ['get', 'db/password'])).stdout.trim(), { timeout: 60_000 })
      .toBe('one');
    for (const { stdout, stderr } of [first, second, third, fourth]) {
      expect(stdout + stderr).not.toContain(moto.env['AWS_SECRET_ACCESS_KEY']);
      expect(stdout + stderr).not.toContain('NodeVersionSupportWarning');
    }
    await fourth.stop();

    // Away without a word: the server answers before KMS has.
    faulty.fault = () => ({ kind: 'hang' });
    faulty.calls.length = 0;
    const port = await freePort();
    const fifth = start(aws, ['--listen', `127.0.0.1:${port}`]);
    const ask = async (path: string) => {
      const answer = await fetch(`http://127.0.0.1:${port}/v1/sys/${path}`).catch(() => undefined);
      return { status: answer?.status, body: (await answer?.json()) as unknown };
    };
    await expect
      .poll(async () => (await ask('seal-status')).body, { timeout: 60_000 })
      .toMatchObject({ sealed: true, coffer_waiting_for: 'awskms: unavailable' });
    expect((await ask('health')).status).toBe(503);
    expect(faulty.calls.length).toBeLessThanOrEqual(1);
    faulty.fault = () => undefined;
    await expect.poll(async () => (await ask('health')).status, { timeout: 60_000 }).toBe(200);
    await (await fifth).stop();
    await faulty.close();
  },
);

it.skipIf(moto === undefined)('a store with a keyfile is moved to KMS, and back', async () => {
  if (moto === undefined) return;
  const place = freshPlace();
  await makeKmsKey(moto, 'moved');
  const words = ['--init', '--seal', `awskms:alias/moved?region=${testRegion}`];
  const old = await startServer(place, { words: ['--init'] });
  expect(await cli(place, ['put', 'x', 'value=kept'], { env: { COFFER_ADDR: old.address } })).toMatchObject({
    code: 0,
  });
  const early = await cli(place, ['operator', 'slots', 'add', 'awskms'], {
    env: { COFFER_ADDR: old.address },
  });
  expect(early.code).toBe(2);
  expect(early.stderr).toContain('this server names no KMS key: start it with --seal');
  await old.stop();

  const server = await startServer(place, { words, env: moto.env });
  const env = { COFFER_ADDR: server.address };
  const slots = async () =>
    JSON.parse((await cli(place, ['operator', 'slots', '--format', 'json'], { env })).stdout) as {
      readonly id: string;
      readonly type: string;
    }[];
  const added = await cli(place, ['operator', 'slots', 'add', 'awskms'], { env });
  expect(added, added.stderr).toMatchObject({ code: 0 });
  const [keyfile] = (await slots()).filter(({ type }) => type === 'keyfile');
  const removed = await cli(place, ['operator', 'slots', 'remove', keyfile?.id ?? '', '--yes'], { env });
  expect(removed, removed.stderr).toMatchObject({ code: 0 });
  expect((await slots()).map(({ type }) => type)).toEqual(['awskms']);
  await server.stop();

  const stranger = await startServer(place);
  expect(stranger.stderr).toContain('the store has slots that these settings name no key for: say --seal');
  await stranger.stop();
  const next = await startServer(place, { words, env: moto.env });
  expect((await cli(place, ['get', 'x'], { env: { COFFER_ADDR: next.address } })).stdout.trim()).toBe('kept');
  await next.stop();
});

it.skipIf(moto === undefined)(
  'a store in PostgreSQL that was sealed on purpose is opened by KMS, too',
  async (test) => {
    const database = await databasePlace('postgresql');
    if (moto === undefined || database === undefined) return test.skip();
    const { server: host, name, password } = database;
    await database.sql(`CREATE SCHEMA of_kms AUTHORIZATION ${name}`);
    const storage = `postgres://${name}:${password}@${host.host}:${host.port}/${name}?schema=of_kms`;
    await makeKmsKey(moto, 'of-postgres');
    const seal = `awskms:alias/of-postgres?region=${testRegion}`;
    const place = freshPlace();
    const env = { ...moto.env, COFFER_STORAGE: storage, COFFER_SEAL: seal };
    const server = await startServer(place, { words: ['--init'], env });
    const tokenFile = readdirSync(place.config).find((each) => each.endsWith('.root-token')) ?? '';
    const token = readFileSync(join(place.config, tokenFile), 'utf8').trim();
    const run = (words: readonly string[]) =>
      cli(place, words, { env: { ...env, COFFER_ADDR: server.address, COFFER_TOKEN: token } });
    expect(await run(['operator', 'seal'])).toMatchObject({ code: 0 });
    const unsealed = await run(['operator', 'unseal', '--kms']);
    expect(unsealed, unsealed.stderr).toMatchObject({ code: 0 });
    expect((await run(['put', 'x', 'value=kept'])).code).toBe(0);
    const doctor = await run(['doctor']);
    expect(doctor.stdout + doctor.stderr).toMatch(/storage: postgres:.* holds a store/);
    expect(doctor.stdout + doctor.stderr).toContain('opens the store');
    expect(doctor.stdout + doctor.stderr).not.toContain(password);
    await server.stop();
    await database.close();
  },
);

it('what cannot be a key is refused before anything is made', async () => {
  const place = freshPlace();
  for (const [seal, said] of [
    ['awskms:coffer', 'a KMS key is named by awskms:alias/NAME'],
    ['gcpckms:x', 'seal must be a list such as'],
    ['awskms:alias/x?reegion=y', 'an address of a KMS key has no option "reegion"'],
  ] as const) {
    await expect(startServer(place, { words: ['--init', '--seal', seal] })).rejects.toThrow(said);
  }
  await expect(
    startServer(place, {
      words: ['--init', '--seal', address],
      env: { AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_EC2_METADATA_DISABLED: 'true' },
    }),
  ).rejects.toThrow('no AWS credentials: set AWS_ACCESS_KEY_ID');
  expect(
    readdirSync(place.home, { recursive: true }).filter((name) => String(name).endsWith('root-token')),
  ).toEqual([]);
});
