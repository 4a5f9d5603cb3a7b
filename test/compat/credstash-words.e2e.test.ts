/**
 * credstash 1.17.1, unmodified, and `coffer credstash`: the same words, the same output and exit code. Where they differ on purpose,
 * both outcomes are here, with the reason; docs/reference/credstash-commands.md tells users.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import {
  cleanUp,
  cli,
  freshPlace,
  type Outcome,
  type Place,
  program,
  runProgram,
} from '../e2e/server-process.ts';
import { askMoto, makeKmsKey, testRegion } from '../fakes/moto-calls.ts';
import { type Moto, resetMoto, startMoto } from '../setup/moto.ts';
import { need } from '../setup/need.ts';
import { OldProgram } from './old-program.ts';
import { type Pair, type Programs, runBoth, seen, sortedLines } from './old-programs.ts';

let moto: Moto | undefined;
let place: Place;
let env: Record<string, string>;
let old: OldProgram | undefined;
beforeAll(async () => {
  moto = await startMoto();
  if (moto === undefined) return;
  await resetMoto(moto);
  await makeKmsKey(moto, 'credstash');
  await makeKmsKey(moto, 'other');
  place = freshPlace();
  env = { ...place.env, ...moto.env, AWS_DEFAULT_REGION: testRegion, LC_ALL: 'C.UTF-8', PYTHONUTF8: '1' };
}, 300_000);
afterAll(async () => {
  old?.close();
  await moto?.close();
  await cleanUp();
});

const patience = 180_000;

function programs(context: TestContext): Programs {
  if (moto === undefined) return context.skip('moto is missing');
  old ??= new OldProgram(need(context, 'credstash'), env);
  return {
    old,
    name: 'credstash',
    env,
    tableOf: (whose) => ['--log-file', '/dev/null', '-t', whose],
  };
}

type Step = (words: readonly string[], stdin?: string) => Promise<Pair>;
const stepper =
  (context: TestContext): Step =>
  (words, stdin) =>
    runBoth(programs(context), place, words, stdin);

/** Runs both and wants what a script sees to be the same. */
async function alike(step: Step, words: readonly string[], stdin?: string): Promise<Outcome> {
  const { theirs, ours } = await step(words, stdin);
  expect({ words, ...seen(ours) }).toEqual({ words, ...seen(theirs) });
  return ours;
}

async function rows(table: string): Promise<readonly unknown[]> {
  if (moto === undefined) return [];
  const { Items } = await askMoto(moto, 'DynamoDB_20120810.Scan', { TableName: table });
  return (Items as Record<string, Record<string, string>>[])
    .map(({ name, version, comment, digest, hmac, algorithm }) => [
      name?.['S'],
      version?.['S'],
      comment?.['S'],
      digest?.['S'],
      Object.keys(hmac ?? {}),
      algorithm,
    ])
    .toSorted((left, right) => (String(left) < String(right) ? -1 : 1));
}

describe('one story', () => {
  it('begins with a table, and with nothing in it', { timeout: patience }, async (context) => {
    const step = stepper(context);
    const made = await step(['setup', '--tags', 'team=web', 'stage=test']);
    expect(made.theirs.code).toBe(0);
    expect(made.ours).toMatchObject({ code: 0 });
    // Tags go in with the table, in one call.
    expect(made.ours.stdout).toBe(made.theirs.stdout.replace('Adding tags...\n', ''));
    await alike(step, ['setup']);
    for (const words of [
      ['list'],
      ['keys'],
      ['getall'],
      ['get', '*'],
      ['delete', 'nothing'],
      ['get', 'nothing'],
    ])
      await alike(step, words);
  });

  it('puts values from words, files and standard input', { timeout: patience }, async (context) => {
    const step = stepper(context);
    writeFileSync(join(place.home, 'crlf'), 'a\r\nb\n');
    writeFileSync(join(place.home, 'bytes'), Buffer.of(0xff, 0xfe));
    const value = 'pässwörd ✓ 🔑 "quoted" \\ and\tmore';
    for (const words of [
      ['put', 'db', value],
      ['put', 'db', 'again'],
      ['put', '-v', '2', '-c', 'why it is', '-d', 'SHA512', 'db', 'two'],
      ['put', 'db', 'x', '-v', 'v5'],
      ['put', '-a', 'fresh', 'one'],
      ['put', '-a', 'fresh', 'two'],
      ['put', '--autover', 'fresh', 'three'],
      ['put', 'empty'],
      ['put', 'file', '@crlf'],
      ['put', 'home', '@~/crlf'],
      ['put', 'gone', '@nowhere'],
      ['put', 'bytes', '@bytes'],
      ['put', 'ctx', 'in context', 'env=prod', 'app=web'],
      ['put', 'bad', 'x', 'a=b=c'],
      ['put', 'bad', 'x', 'env'],
      ['put', 'dash', '--', '-value'],
      ['put', 'negative', '-5'],
      ['put', '-d', 'SHA1', 'bad', 'x'],
      ['put', '-z', 'bad', 'x'],
      ['put'],
      ['putt'],
      ['put', '-k', 'alias/other', 'keyed', 'x'],
      ['put', '-k', 'alias/none', 'unkeyed', 'x'],
    ])
      await alike(step, words);
    await alike(step, ['put', 'stdin', '-'], '@line\nand another\n');
    await alike(step, ['put', 'crlf', '-'], 'line ends\r\nas they come\r');
    expect(await rows('ours')).toEqual(await rows('theirs'));
  });

  it('puts many', { timeout: patience }, async (context) => {
    const step = stepper(context);
    const many = JSON.stringify({ 'many.a': '1', 'many.b': 'zwei ü' });
    await alike(step, ['putall', '-v', '1', many]);
    await alike(step, ['putall', '-a', '-'], many);
    await alike(step, ['putall', '{"many.a":']);
    await alike(step, ['putall', '["a"]']);
    expect(await rows('ours')).toEqual(await rows('theirs'));
  });

  it('reads what is there', { timeout: patience }, async (context) => {
    const step = stepper(context);
    for (const words of [
      ['get', 'db'],
      ['get', '-n', 'db'],
      ['get', '-v', '1', 'db'],
      ['get', '-v', '0000000000000000002', 'db'],
      ['get', '-v', '9', 'db'],
      ['get', '--version=2', 'db', '-n'],
      ['get', 'file'],
      ['get', 'stdin'],
      ['get', '-n', 'crlf'],
      ['get', 'empty'],
      ['get', 'dash'],
      ['get', 'ctx', 'env=prod', 'app=web'],
      ['get', 'ctx', 'env=prod'],
      ['get', 'ctx'],
      ['get', 'many.*'],
      ['get', 'many.*', '-n'],
      ['get', '-v', '1', 'many.*'],
      ['get', '-v', '7', 'many.*'],
      ['get', 'none*'],
      ['get', '-f', 'xml', 'many.*'],
      ['get', 'db', '-f', 'csv'],
      ['list'],
      ['keys'],
    ])
      await alike(step, words);
    for (const format of ['csv', 'dotenv']) {
      const { theirs, ours } = await step(['get', 'many.*', '-f', format]);
      expect(sortedLines(ours)).toEqual(sortedLines(theirs));
    }
    const { ours } = await step(['get', 'missing']);
    expect(ours.stderr).toBe("Item {'name': 'missing'} couldn't be found.\n");
  });

  it('gets all, and deletes', { timeout: patience }, async (context) => {
    const step = stepper(context);
    for (const name of ['ctx', 'dash']) await alike(step, ['delete', name]);
    await alike(step, ['delete', 'db']);
    await alike(step, ['getall']);
    for (const format of ['csv', 'dotenv']) {
      const { theirs, ours } = await step(['getall', '-f', format]);
      expect(sortedLines(ours)).toEqual(sortedLines(theirs));
    }
    expect(await rows('ours')).toEqual(await rows('theirs'));
  });
});

it('asks as whom it is told', { timeout: patience }, async (context) => {
  const step = stepper(context);
  const role = 'arn:aws:iam::123456789012:role/reader';
  await alike(step, ['-n', role, 'get', 'many.a']);
  await alike(step, ['-p', 'no-such-profile', 'keys']);
  await alike(step, ['-p', 'x', '-n', role, 'keys']);
  await alike(step, ['-r', 'eu-west-1', 'keys']);
  await alike(step, ['--kms-region', 'eu-west-1', 'keys']);
});

describe('differences that are meant', () => {
  const reasons: readonly (readonly [
    string,
    readonly string[],
    Pick<Outcome, 'code'>,
    Pick<Outcome, 'code'>,
  ])[] = [
    [
      'a version that was put as text is read by the same text',
      ['get', '-v', 'v5', 'texts'],
      { code: 1 },
      { code: 0 },
    ],
    ['options may stand between the words', ['put', 'mixed', '-v', '3', 'value'], { code: 2 }, { code: 0 }],
    ['weak digests are read and not written', ['put', '-d', 'MD5', 'weak', 'x'], { code: 0 }, { code: 2 }],
    ['only * means something in a name', ['get', 'a+(*'], { code: 1 }, { code: 0 }],
    ['YAML is there without another package', ['get', '-f', 'yaml', 'many.*'], { code: 2 }, { code: 0 }],
    [
      'putall tells by its code that something failed',
      ['putall', '-v', '1', '{"texts2":"x","many.a":"y"}'],
      { code: 0 },
      { code: 1 },
    ],
  ];
  it.for(reasons)('%s', { timeout: patience }, async ([, words, theirCode, ourCode], context) => {
    const step = stepper(context);
    if (words.includes('texts')) await step(['put', '-v', 'v5', 'texts', 'x']);
    const { theirs, ours } = await step(words);
    expect(theirs).toMatchObject(theirCode);
    expect(ours).toMatchObject(ourCode);
  });

  it('one secret that does not open ends getall, which waits for ever there', {
    timeout: patience,
  }, async (context) => {
    programs(context);
    const words = ['-t', 'ours', 'put', 'closed', 'x', 'env=prod'];
    expect(await cli(place, ['credstash', ...words], { env })).toMatchObject({ code: 0 });
    const outcome = await cli(place, ['credstash', '-t', 'ours', 'getall'], { env });
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain('closed');
    expect(outcome.stderr).toContain('KMS ERROR: Could not decrypt hmac key with KMS.');
    await cli(place, ['credstash', '-t', 'ours', 'delete', 'closed'], { env });
  });
});

it('answers to its name, and keeps the region of the key', { timeout: patience }, async (context) => {
  programs(context);
  const folder = join(place.home, 'bin');
  mkdirSync(folder);
  const link = join(folder, 'credstash');
  symlinkSync(program, link);
  const called = (words: readonly string[]) =>
    runProgram(process.execPath, [link, ...words], { ...env, CREDSTASH_DEFAULT_TABLE: 'ours' });
  expect(await called(['-r', testRegion, 'keys'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('many.a'),
  });
  expect(await called([])).toMatchObject({ code: 0, stdout: expect.stringContaining('usage: credstash') });
  expect((await called(['setup', '--save-kms-region', testRegion])).stdout).toBe(
    `KMS region set to ${testRegion}\nCredential Store table already exists\n`,
  );
  expect(JSON.parse(readFileSync(join(place.home, '.credstash'), 'utf8'))).toEqual({
    'kms-region': testRegion,
  });
  writeFileSync(join(place.home, '.credstash'), 'no json');
  expect(await called(['keys'])).toMatchObject({ code: 1, stdout: '' });
});
