/** credstash 1.17.1 and credsmash 3.0.1, unmodified, and Coffer at one table: each reads what another wrote. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { cleanUp, cli, freshPlace, type Outcome, type Place, runProgram } from '../e2e/server-process.ts';
import { makeKmsKey, testRegion } from '../fakes/moto-calls.ts';
import { type Moto, resetMoto, startMoto } from '../setup/moto.ts';
import { need } from '../setup/need.ts';

let moto: Moto | undefined;
beforeAll(async () => {
  moto = await startMoto();
}, 300_000);
afterAll(async () => {
  await moto?.close();
  await cleanUp();
});

let place: Place;
beforeEach(async (context) => {
  if (moto === undefined) return context.skip('moto is missing');
  await resetMoto(moto);
  await makeKmsKey(moto, 'k');
  place = freshPlace();
});

const safe = (format: string) => `credstash://secrets?region=${testRegion}&key=alias/k&format=${format}`;

function env(format: string): Record<string, string> {
  // Their standard output is text of the locale, and their log file goes where they stand.
  return {
    ...place.env,
    ...moto?.env,
    AWS_DEFAULT_REGION: testRegion,
    LC_ALL: 'C.UTF-8',
    COFFER_SAFE: safe(format),
  };
}

const coffer = (format: string, words: readonly string[], stdin?: string): Promise<Outcome> =>
  cli({ ...place, env: env(format) }, words, stdin === undefined ? {} : { stdin });

const value = 'pässwörd ✓ 🔑 of several\nlines, longer than one block of the cipher';

it('credstash and Coffer read each other', async (context) => {
  const program = need(context, 'credstash');
  const credstash = (words: readonly string[]) =>
    runProgram(
      program,
      ['--log-file', '/dev/null', '-r', testRegion, '-t', 'secrets', ...words],
      env('credstash'),
    );
  expect((await coffer('credstash', ['table', 'setup'])).code).toBe(0);
  expect(await coffer('credstash', ['put', 'ours'], value)).toMatchObject({ code: 0 });
  expect(await credstash(['get', '-n', 'ours'])).toMatchObject({ code: 0, stdout: value });
  expect(
    await credstash(['put', '-k', 'alias/k', '-d', 'SHA512', 'theirs', value, 'env=prod']),
  ).toMatchObject({ code: 0 });
  expect(await coffer('credstash', ['get', 'theirs', '--context', 'env=prod'])).toMatchObject({
    code: 0,
    stdout: value,
  });
  expect(await coffer('credstash', ['get', 'theirs'])).toMatchObject({ code: 4, stdout: '' });
  expect(await credstash(['put', '-k', 'alias/k', '-a', 'ours', 'second'])).toMatchObject({ code: 0 });
  expect(await coffer('credstash', ['get', 'ours'])).toMatchObject({ code: 0, stdout: 'second' });
  await coffer('credstash', ['put', 'ours'], 'third');
  expect(await credstash(['get', '-n', 'ours'])).toMatchObject({ code: 0, stdout: 'third' });
  expect((await credstash(['list'])).stdout).toMatch(/ours\s+-- version 0000000000000000003/);
  expect(await coffer('credstash', ['put', 'map', 'user=app', 'password=x'])).toMatchObject({ code: 0 });
  expect(JSON.parse((await credstash(['get', 'map'])).stdout)).toEqual({ user: 'app', password: 'x' });
});

it('credsmash and Coffer read each other', async (context) => {
  const program = need(context, 'credsmash');
  const credsmash = (words: readonly string[]) =>
    runProgram(program, ['-t', 'secrets', '-k', 'alias/k', ...words], env('credsmash'));
  expect((await coffer('credsmash', ['table', 'setup'])).code).toBe(0);
  expect(await coffer('credsmash', ['put', 'ours'], value)).toMatchObject({ code: 0 });
  expect(await credsmash(['get', 'ours'])).toMatchObject({ code: 0, stdout: value });
  const file = `${place.home}/value`;
  await coffer('credsmash', ['get', 'ours', '--output', file]);
  expect(await credsmash(['put', 'theirs', file])).toMatchObject({ code: 0 });
  expect(await coffer('credsmash', ['get', 'theirs'])).toMatchObject({ code: 0, stdout: value });
  expect(await credsmash(['put', 'ours', file, '--no-compare'])).toMatchObject({ code: 0 });
  expect((await coffer('credsmash', ['history', 'ours'])).stdout.split('\n')).toHaveLength(3);
  expect(JSON.parse((await credsmash(['get-all'])).stdout)).toEqual({ ours: value, theirs: value });
});
