import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startWire } from '../client/wire.fixture.ts';
import { call, temporaryHome } from './cli.fixture.ts';
import { type CachePlace, readCopy, removeCopy, writeCopy } from './secret-cache.ts';

const secrets = [{ name: 'db', data: { password: 'hunter2' } }];
const copy = { time: 1_790_000_000_000, secrets };

function placeIn(home: string): CachePlace {
  return {
    file: join(home, 'copy'),
    keyFile: join(home, 'config', 'key'),
    subject: '["s","db"]',
    token: 'hvs.t',
  };
}

test('threat 26: copy and key are for their owner alone, and refused when they are not', () => {
  const place = placeIn(temporaryHome());
  writeCopy(place, copy);
  expect(statSync(place.file).mode & 0o777).toBe(0o600);
  expect(statSync(place.keyFile).mode & 0o777).toBe(0o600);
  expect(readCopy(place)).toEqual(copy);
  for (const path of [place.file, place.keyFile]) {
    chmodSync(path, 0o640);
    expect(() => readCopy(place)).toThrow(`others can read ${path}`);
    chmodSync(path, 0o600);
  }
});

test('threat 16: the file shows neither secrets nor the token', () => {
  const place = placeIn(temporaryHome());
  writeCopy(place, copy);
  const bytes = readFileSync(place.file).toString('latin1');
  for (const text of ['hunter2', 'password', 'hvs.t', 'db']) expect(bytes).not.toContain(text);
});

test('another token, other names and another key open nothing; nor does any flipped bit', () => {
  const place = placeIn(temporaryHome());
  writeCopy(place, copy);
  const unopened = expect.objectContaining({
    code: 'wrong_key',
    message: expect.not.stringContaining('hunter2'),
  });
  expect(() => readCopy({ ...place, token: 'hvs.u' })).toThrow(unopened);
  expect(() => readCopy({ ...place, token: undefined })).toThrow(unopened);
  expect(() => readCopy({ ...place, subject: '["s","db","x"]' })).toThrow(unopened);
  expect(() => readCopy({ ...place, keyFile: `${place.keyFile}.none` })).toThrow(unopened);
  const whole = readFileSync(place.file);
  for (let index = 0; index < whole.length; index++) {
    const flipped = Buffer.from(whole);
    flipped[index] = (flipped[index] ?? 0) ^ 1;
    writeFileSync(place.file, flipped);
    expect(() => readCopy(place), `byte ${index}`).toThrow(unopened);
  }
  for (const cut of [0, 5, 21, 40, whole.length - 1]) {
    writeFileSync(place.file, whole.subarray(0, cut));
    expect(() => readCopy(place)).toThrow(unopened);
  }
});

test('format 1 is what it was', () => {
  const place = placeIn(temporaryHome());
  let drawn = 0;
  const counted = (length: number) => Buffer.from(Array.from({ length }, () => drawn++));
  writeCopy(place, { time: 1, secrets: [{ name: 'a', data: { b: 'c' } }] }, counted);
  expect(readFileSync(place.file).toString('hex')).toMatchInlineSnapshot(
    `"4346524301000102030405060708090a0b0c0d0e0f101112131415161718191a1b8341890ddc3b46da47d751eca97d310e25bcb4e3bf406220c63703c1875e7ccab93a30c473511b3a805862528cb372b76e0202199e71adebf5f5ab1a9910b0f99156dddb"`,
  );
});

test('a key file that is none is said to be so, and a copy that is not there is no copy', () => {
  const place = placeIn(temporaryHome());
  expect(readCopy(place)).toBeUndefined();
  removeCopy(place);
  writeCopy(place, copy);
  removeCopy(place);
  expect(readCopy(place)).toBeUndefined();
  writeFileSync(place.keyFile, 'short\n', { mode: 0o600 });
  expect(() => writeCopy(place, copy)).toThrow('does not hold a key');
});

test('the copy is used while the server is away, and never when it refuses', async () => {
  const home = temporaryHome();
  const file = join(home, 'copy');
  let reply: { status?: number; body: { data: object } | { errors: string[] } } = {
    body: { data: { data: { user: 'app' }, metadata: { version: 1 } } },
  };
  await using server = await startWire(() => reply as never);
  const env = { HOME: home, PATH: process.env['PATH'], COFFER_ADDR: server.address, COFFER_TOKEN: 'hvs.t' };
  let time = 1_790_000_000_000;
  const run = (words: readonly string[] = [], more = {}) =>
    call(
      ['exec', 'db', '--cache', file, '--cache-ttl', '1h', ...words, '--', 'sh', '-c', 'test "$user" = app'],
      {
        env: { ...env, ...more },
        now: () => time,
      },
    );
  expect(await run()).toMatchObject({ code: 0, stderr: '' });
  for (const [status, error] of [
    [503, 'Vault is sealed'],
    [502, 'bad gateway'],
    [500, 'internal error'],
  ] as const) {
    reply = { status, body: { errors: [error] } };
    expect(await run(), error).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('going on with the copy of 2026-09'),
    });
  }
  expect(await run([], { COFFER_TOKEN: 'hvs.other' })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('does not open'),
  });
  time += 3_601_000;
  expect(await run()).toMatchObject({ code: 1, stderr: expect.stringContaining('1h1s old, and may be 1h') });
  time -= 7_200_000;
  expect((await run()).stderr).toContain('from the future');
  time += 3_600_000;
  reply = { status: 400, body: { errors: ['no'] } };
  expect(await run()).toMatchObject({ code: 2 });
  expect(readFileSync(file).length).toBeGreaterThan(0);
  reply = { status: 403, body: { errors: ['permission denied'] } };
  expect(await run()).toMatchObject({ code: 4 });
  reply = { status: 503, body: { errors: ['Vault is sealed'] } };
  expect(await run(), 'a refusal takes the copy away').toMatchObject({ code: 8 });
});
