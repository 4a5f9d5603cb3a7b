/**
 * credsmash 3.0.1, unmodified, and `coffer credsmash`: the same words, the same output, files and exit code. Where they differ on
 * purpose, both outcomes are here, with the reason; docs/reference/credstash-commands.md tells users.
 */
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { cleanUp, freshPlace, type Outcome, type Place, program, runProgram } from '../e2e/server-process.ts';
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
  await makeKmsKey(moto, 'credsmash');
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
  old ??= new OldProgram(need(context, 'credsmash'), env);
  return { old, name: 'credsmash', env, tableOf: (whose) => ['-t', whose] };
}

type Step = (words: readonly string[], stdin?: string) => Promise<Pair>;
const stepper =
  (context: TestContext): Step =>
  (words, stdin) =>
    runBoth(programs(context), place, words, stdin);

async function alike(step: Step, words: readonly string[], stdin?: string): Promise<Outcome> {
  const { theirs, ours } = await step(words, stdin);
  expect({ words, ...seen(ours) }).toEqual({ words, ...seen(theirs) });
  return ours;
}

/** With what is logged, but for the time. */
async function alikeWithTalk(step: Step, words: readonly string[]): Promise<void> {
  const { theirs, ours } = await step(words);
  const talk = ({ stderr }: Outcome) => stderr.replace(/^[\d-]+ [\d:]+,\d+ /gm, '');
  expect({ words, ...seen(ours), talk: talk(ours) }).toEqual({ words, ...seen(theirs), talk: talk(theirs) });
}

async function rows(table: string): Promise<readonly unknown[]> {
  if (moto === undefined) return [];
  const { Items } = await askMoto(moto, 'DynamoDB_20120810.Scan', { TableName: table });
  return (Items as Record<string, Record<string, string>>[])
    .map((item) => [
      item['name']?.['S'],
      item['version']?.['S'],
      item['digest']?.['S'],
      item['algorithm']?.['S'],
    ])
    .toSorted((left, right) => (String(left) < String(right) ? -1 : 1));
}

const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(place.home, name), content);
  return name;
};

describe('one story', () => {
  it('begins with a table', { timeout: patience }, async (context) => {
    const { theirs, ours } = await stepper(context)(['setup-dynamodb']);
    // The old program makes the table and then fails at waiting for it.
    expect([theirs.code, ours.code]).toEqual([1, 0]);
    expect(await stepper(context)(['setup-dynamodb'])).toMatchObject({
      theirs: { code: 1 },
      ours: { code: 1 },
    });
    for (const words of [['list'], ['get-all'], ['find-many', '*'], ['get', 'none']]) {
      await alike(stepper(context), words);
    }
    for (const words of [
      ['delete', 'none'],
      ['prune', 'none'],
      ['delete-many', 'none*'],
    ]) {
      await alikeWithTalk(stepper(context), words);
    }
  });

  it('puts', { timeout: patience }, async (context) => {
    const step = stepper(context);
    file('value', 'pässwörd ✓ with a line end\r\n');
    file('bytes', Buffer.of(0xff, 0, 0xfe));
    file('many.json', JSON.stringify({ 'many.a': 'eins', 'many.b': 'zwei ü', db: 'from the file' }));
    file('many.csv', 'csv.a,1\r\ncsv.b,"two, ""and"" more"\r\n');
    file('numbers.json', '{"a": 1}');
    file('list.json', '["a"]');
    for (const words of [
      ['put', 'db', 'value'],
      ['put', 'db', 'value'],
      ['put', 'db', 'bytes'],
      ['put', '--no-compare', 'db', 'bytes'],
      ['put', 'db', 'many.json'],
      ['put', 'rawjson', 'many.json', '-f', 'raw'],
      ['put', '-v', '7', 'db', 'value'],
      ['put', 'db', 'value', '--version', '7'],
      ['put', 'bin', 'bytes'],
      ['put', 'other', 'many.json'],
      ['put', 'gone', 'nowhere'],
      ['put', 'db', 'value', '-v', 'x'],
      ['put', 'db'],
      ['put', 'db', 'value', '--nope'],
      ['put-many', 'many.json'],
      ['put-many', 'many.csv'],
      ['put-many', 'numbers.json'],
      ['put-many', 'list.json'],
      ['put-many', 'value', '-f', 'toml'],
      ['nonsense'],
    ]) {
      const { theirs, ours } = await step(words);
      expect({ words, ...seen(ours) }).toEqual({ words, ...seen(theirs) });
    }
    await alike(step, ['put', 'stdin', '-'], 'from a pipe\n');
    await alike(step, ['put-many', '-'], '{"piped": "yes"}');
    await alikeWithTalk(step, ['put', 'stdin', 'value']);
    expect(await rows('ours')).toEqual(await rows('theirs'));
  });

  it('reads', { timeout: patience }, async (context) => {
    const step = stepper(context);
    for (const words of [
      ['get', 'db'],
      ['get', 'db', '-v', '1'],
      ['get', '-v1', 'db'],
      ['get', 'db', '-v', '9'],
      ['get', 'db', '-v', '0'],
      ['get', 'none'],
      ['get', 'db', '-f', 'raw'],
      ['get-all'],
      ['get-all', '-f', 'raw'],
      ['get-all', '-f', 'dotenv'],
      ['find-one', 'rawj*'],
      ['find-one', 'many*'],
      ['find-one', 'none*'],
      ['find-many', 'many.?'],
      ['find-many', '[cm]*.[!b]'],
      ['find-many', '[a-c]*'],
      ['find-many', 'MANY*'],
      ['find-many', 'none*'],
      ['list'],
      ['list', 'many*'],
      ['list', 'none*'],
    ])
      await alike(step, words);
    for (const words of [
      ['get-all', '-f', 'csv'],
      ['find-many', 'csv*', '-f', 'csv'],
    ]) {
      const { theirs, ours } = await step(words);
      expect(sortedLines(ours)).toEqual(sortedLines(theirs));
    }
    expect((await step(['find-one', 'none*'])).ours.stderr).toBe(
      'Error: No matching secrets found for pattern=none*\n',
    );
  });

  it('threat 26: writes files for their owner alone', { timeout: patience }, async (context) => {
    const path = need(context, 'credsmash');
    for (const [verb, name] of [
      [['get', 'bin'], 'one'],
      [['find-many', 'many*'], 'many.json'],
      [['get-all'], 'all.JSON'],
    ] as const) {
      for (const [whose, run] of [
        ['theirs', [path]],
        ['ours', [process.execPath, program, 'credsmash']],
      ] as const) {
        mkdirSync(join(place.home, whose), { recursive: true });
        const [command = '', ...words] = [...run, '-t', whose, ...verb, join(place.home, whose, name)];
        expect(await runProgram(command, words, env)).toMatchObject({ code: 0, stdout: '' });
      }
      const content = (whose: string) => readFileSync(join(place.home, whose, name)).toString('base64');
      expect(content('ours')).toBe(content('theirs'));
      expect(statSync(join(place.home, 'ours', name)).mode & 0o777).toBe(0o600);
    }
  });

  it('prunes and deletes', { timeout: patience }, async (context) => {
    const step = stepper(context);
    await alikeWithTalk(step, ['prune', 'db']);
    await alikeWithTalk(step, ['prune', 'db']);
    await alikeWithTalk(step, ['prune-many', 'stdin*']);
    await alikeWithTalk(step, ['delete', 'db']);
    await alikeWithTalk(step, ['delete-many', 'csv.a']);
    await alike(step, ['delete-many', '*.b']);
    expect(await rows('ours')).toEqual(await rows('theirs'));
  });

  it('has a configuration file', { timeout: patience }, async (context) => {
    const path = need(context, 'credsmash');
    const config = (table: string) =>
      `; remark\n[credsmash]\ntable_name = ${table}\nalgorithm = aes-gcm\nLOG_LEVEL: WARNING\n[credsmash:aes-gcm]\nkey_length = 16\n` +
      '[credsmash:key_service:kms]\nkey_id = alias/other\nencryption_context =\n  env = prod\n  App = a=b\n';
    for (const table of ['theirs', 'ours']) file(`${table}.cfg`, config(table));
    const theirs = (words: readonly string[], table: string, extra = {}) =>
      runProgram(
        path,
        [...words],
        { ...env, CREDSMASH_CONFIG: join(place.home, `${table}.cfg`), ...extra },
        undefined,
        place.home,
      );
    const ours = (words: readonly string[], table: string) =>
      runProgram(
        process.execPath,
        [program, 'credsmash', '-c', join(place.home, `${table}.cfg`), ...words],
        env,
        undefined,
        place.home,
      );
    expect(await theirs(['put', 'configured', 'value'], 'theirs')).toMatchObject({ code: 0, stderr: '' });
    expect(await ours(['put', 'configured', 'value'], 'ours')).toMatchObject({ code: 0, stderr: '' });
    expect(await rows('ours')).toEqual(await rows('theirs'));
    // Each reads what the other wrote.
    const value = readFileSync(join(place.home, 'value'), 'utf8');
    expect(await theirs(['get', 'configured'], 'ours')).toMatchObject({ code: 0, stdout: value });
    expect(await ours(['get', 'configured'], 'theirs')).toMatchObject({ code: 0, stdout: value });
    file('bad.cfg', '[credsmash]\nno_such = 1\n');
    expect(await ours(['list'], 'bad')).toMatchObject({ code: 1, stdout: '' });
    file('bad.cfg', 'table_name = x\n');
    expect(await ours(['list'], 'bad')).toMatchObject({ code: 1, stdout: '' });
  });
});

describe('templates', () => {
  it('render alike', { timeout: patience }, async (context) => {
    const step = stepper(context);
    file(
      't.j2',
      "a={{ secrets['many.a'] }}\n{% if 'none' in secrets %}x{% endif %}port={{ port }} {{ secrets.stdin | sh }}\n",
    );
    file('vars.json', '{"port": 8080}');
    file('local.json', '{"dev.key": "from a file"}');
    await alike(step, ['render-template', 't.j2', '-', '--template-vars', 'vars.json']);
    file('k.j2', '{{ s.key }}');
    await alike(step, [
      'render-template',
      'k.j2',
      '-',
      '--secrets-file',
      'local.json',
      '--key-fmt',
      'dev.{0}',
      '--obj-name',
      's',
    ]);
    file(
      'm.json',
      JSON.stringify([
        { source: 'k.j2', destination: 'k.out', mode: 384 },
        { secret: 'many.a', destination: 'a.out', remark: 'x' },
      ]),
    );
    await alike(step, ['render-templates', 'm.json', '--obj-name', 's', '--secrets-file', 'local2.json']);
    file('local2.json', '{"key": "k", "many.a": "eins"}');
    await alike(step, ['render-templates', 'm.json', '--obj-name', 's', '--secrets-file', 'local2.json']);
    expect(readFileSync(join(place.home, 'k.out'), 'utf8')).toBe('k');
    expect(readFileSync(join(place.home, 'a.out'), 'utf8')).toBe('eins');
    expect(statSync(join(place.home, 'k.out')).mode & 0o777).toBe(0o600);
  });

  it('that name a secret which is not there fail, and leave what was there', {
    timeout: patience,
  }, async (context) => {
    const { theirs, ours } = await stepper(context)([
      'render-template',
      file('gone.j2', '[{{ secrets.gone }}]'),
      '-',
    ]);
    expect(theirs).toMatchObject({ code: 0, stdout: '[]' });
    expect(ours).toMatchObject({ code: 1, stdout: '' });
    expect(ours.stderr).toContain('there is no secret gone');
    const env2 = programs(context).env;
    await runProgram(
      process.execPath,
      [program, 'credsmash', '-t', 'ours', 'render-template', 'gone.j2', 'gone.out'],
      env2,
      undefined,
      place.home,
    );
    expect(existsSync(join(place.home, 'gone.out'))).toBe(false);
  });

  it('look up by the format in the table too', { timeout: patience }, async (context) => {
    const { theirs, ours } = await stepper(context)([
      'render-template',
      file('kf.j2', '[{{ secrets.a }}]'),
      '-',
      '--key-fmt',
      'many.{0}',
    ]);
    expect(theirs).toMatchObject({ code: 0, stdout: '[]' });
    expect(ours).toMatchObject({ code: 0, stdout: '[eins]' });
  });
});

describe('differences that are meant', () => {
  const works: readonly (readonly [string, readonly string[], string])[] = [
    ['one value in JSON', ['get', 'many.a', '-f', 'json'], '{\n    "many.a": "eins"\n}'],
    ['one value in CSV', ['get', 'many.a', '-f', 'csv'], 'many.a,eins\r\n'],
    ['find-one with a version', ['find-one', 'many.a', '-v', '1'], 'eins'],
    ['the region as the README shows it', ['get', 'many.a', '-r', testRegion], 'eins'],
  ];
  it.for(works)('%s works', { timeout: patience }, async ([, words, stdout], context) => {
    const { theirs, ours } = await stepper(context)(words);
    expect(theirs.code).not.toBe(0);
    expect(ours).toMatchObject({ code: 0, stdout });
  });

  it('YAML is read', { timeout: patience }, async (context) => {
    const { ours } = await stepper(context)(['put-many', file('y.yml', 'yaml.a: "1"\nyaml.b: two\n')]);
    expect(ours).toMatchObject({ code: 0 });
    expect((await stepper(context)(['find-many', 'yaml.*'])).ours.stdout).toBe(
      '{\n    "yaml.a": "1",\n    "yaml.b": "two"\n}',
    );
  });

  it('a context counts without -k, and behind the command', { timeout: patience }, async (context) => {
    const step = stepper(context);
    expect((await step(['put', 'ctx', 'value', '--context', 'env', 'prod'])).ours.code).toBe(0);
    expect((await step(['get', 'ctx'])).ours).toMatchObject({ code: 1, stdout: '' });
    expect((await step(['--context', 'env', 'prod', 'get', 'ctx'])).ours).toMatchObject({ code: 0 });
    await step(['delete', 'ctx']);
  });

  it('one foreign version does not hide the others', { timeout: patience }, async (context) => {
    const { env: ourEnv } = programs(context);
    const words = ['-t', 'ours', 'put', '-v', 'v5', '-k', 'alias/other', 'foreign', 'x'];
    await runProgram(process.execPath, [program, 'credstash', ...words], ourEnv);
    const { ours } = await stepper(context)(['list', 'foreign']);
    expect(ours).toMatchObject({ code: 0, stdout: 'foreign -- version 00000000000000000v5\n' });
    await stepper(context)(['delete', 'foreign']);
  });

  it('answers to its name', { timeout: patience }, async (context) => {
    const { env: ourEnv } = programs(context);
    const link = join(place.home, 'credsmash');
    symlinkSync(program, link);
    const outcome = await runProgram(process.execPath, [link, '-t', 'ours', 'get', 'many.a'], ourEnv);
    expect(outcome).toMatchObject({ code: 0, stdout: 'eins' });
  });
});
