/** One table for everybody: credstash, the command line with no server, and a server where it is mounted, side by side. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  cleanUp,
  cli,
  freshPlace,
  type Outcome,
  type Place,
  runProgram,
  type ServerProcess,
  startServer,
} from '../e2e/server-process.ts';
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

const root = 'e2e-root';
const address = (format: string) => `credstash://secrets?region=${testRegion}&key=alias/k&format=${format}`;
let place: Place;
let server: ServerProcess;
beforeEach(async (context) => {
  if (moto === undefined) return context.skip('moto is missing');
  await resetMoto(moto);
  await makeKmsKey(moto, 'k');
  place = freshPlace();
  server = await startServer(place, { words: ['--dev', '--dev-root-token-id', root], env: aws() });
});

function aws(): Record<string, string> {
  return { ...moto?.env, AWS_DEFAULT_REGION: testRegion, LC_ALL: 'C.UTF-8' };
}

/** Without any right at AWS: all of it is the server's. */
const client = (words: readonly string[], stdin = '', safe = 'shared'): Promise<Outcome> =>
  cli(place, words, { stdin, env: { COFFER_ADDR: server.address, COFFER_TOKEN: root, COFFER_SAFE: safe } });

/** Without any server. */
const alone = (format: string, words: readonly string[], stdin = ''): Promise<Outcome> =>
  cli(place, words, { stdin, env: { ...aws(), COFFER_SAFE: address(format) } });

async function mounted(format: string, more: readonly string[] = []): Promise<void> {
  for (const words of [
    ['mount', 'enable', 'credstash', '--path', 'shared'],
    [
      'api',
      'POST',
      'shared/config',
      'table=secrets',
      'key=alias/k',
      `region=${testRegion}`,
      `format=${format}`,
      ...more,
    ],
  ]) {
    const outcome = await client(words);
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
  }
}

const value = 'pässwörd ✓ 🔑 of several\nlines';

it('credstash, the command line and the server read and write one table', async (context) => {
  const program = need(context, 'credstash');
  const credstash = (words: readonly string[]) =>
    runProgram(program, ['--log-file', '/dev/null', '-r', testRegion, '-t', 'secrets', ...words], {
      ...place.env,
      ...aws(),
    });
  expect(await alone('credstash', ['table', 'setup'])).toMatchObject({ code: 0 });
  await mounted('credstash', ['allowed_context=env']);
  const write = [
    () => client(['put', 'shared-name'], `${value} 1`),
    () => credstash(['put', '-k', 'alias/k', '-a', 'shared-name', `${value} 2`]),
    () => alone('credstash', ['put', 'shared-name'], `${value} 3`),
    () => client(['put', 'shared-name'], `${value} 4`),
  ];
  for (const [index, writes] of write.entries()) {
    const outcome = await writes();
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    const right = { code: 0, stdout: `${value} ${index + 1}` };
    expect(await client(['get', 'shared-name'])).toMatchObject(right);
    expect(await credstash(['get', '-n', 'shared-name'])).toMatchObject(right);
    expect(await alone('credstash', ['get', 'shared-name'])).toMatchObject(right);
  }
  expect(await client(['get', 'shared-name', '--version', '2'])).toMatchObject({ stdout: `${value} 2` });
  expect((await client(['list'])).stdout).toBe('shared-name\n');
  expect(await client(['put', 'map', 'user=app', 'password=x'])).toMatchObject({ code: 0 });
  expect(JSON.parse((await credstash(['get', 'map'])).stdout)).toEqual({ user: 'app', password: 'x' });
  await credstash(['put', '-k', 'alias/k', 'bound', 'x', 'env=prod']);
  const bound = await client(['api', 'GET', 'shared/data/bound', 'context=env=prod']);
  expect(bound.stdout, bound.stderr).toContain('"x"');
  expect(await client(['get', 'bound'])).toMatchObject({ stdout: '' });
  expect(await client(['delete', 'shared-name'])).toMatchObject({ code: 2 });
}, 240_000);

it("kv's clients work on it as on kv", async (context) => {
  const python = need(context, 'hvac');
  expect(await alone('coffer', ['table', 'setup'])).toMatchObject({ code: 0 });
  await mounted('coffer');
  const script = fileURLToPath(new URL('./hvac-credstash.py', import.meta.url));
  expect(await runProgram(python, [script, server.address, root], place.env)).toMatchObject({
    code: 0,
    stdout: 'table\n',
  });
  expect(await client(['put', 'a/db', 'user=app'])).toMatchObject({ code: 0 });
  expect(await client(['put', 'a/db', 'user=other', '--patch'])).toMatchObject({ code: 0 });
  expect(await client(['delete', 'a/db'])).toMatchObject({ code: 0 });
  expect(await alone('coffer', ['get', 'a/db'])).toMatchObject({ code: 3 });
  expect(await client(['undelete', 'a/db'])).toMatchObject({ code: 0 });
  expect(await alone('coffer', ['get', 'a/db', '--field', 'user'])).toMatchObject({ stdout: 'other' });
  expect(await client(['find', 'd*'])).toMatchObject({ code: 0, stdout: 'a/db\n' });
  expect((await client(['tree'])).stdout).toContain('db');
  const moved = await client(['mv', 'a/db', 'a/elsewhere']);
  expect(moved.code, moved.stderr).not.toBe(0);
  const exported = await client(['export', 'a/', '--as', 'json']);
  expect(JSON.parse(exported.stdout)).toEqual({ db: { user: 'other' } });
}, 240_000);

it('a doctor of a table finds nothing wrong where a server of the environment is not there', async () => {
  expect(await alone('coffer', ['table', 'setup'])).toMatchObject({ code: 0 });
  const examine = (words: readonly string[]) =>
    cli(place, ['doctor', ...words], {
      env: { ...aws(), COFFER_SAFE: address('coffer'), COFFER_ADDR: 'http://127.0.0.1:1' },
    });
  const spare = await examine([]);
  expect(spare, spare.stdout).toMatchObject({ code: 0 });
  expect(spare.stdout).toMatch(/^warn server: http:\/\/127\.0\.0\.1:1/m);
  expect(spare.stdout).toMatch(/^ok +table: /m);
  const meant = await examine(['--safe', address('coffer'), '--address', 'http://127.0.0.1:1']);
  expect(meant).toMatchObject({ code: 9 });
}, 240_000);

it('threat 21: a config leads to addresses of the settings and nowhere else', async () => {
  expect(await alone('coffer', ['table', 'setup'])).toMatchObject({ code: 0 });
  const listed = moto?.endpoint ?? '';
  const other = await startServer(freshPlace(), {
    words: ['--dev', '--dev-root-token-id', root, '--aws-endpoints', listed],
    env: { ...aws(), AWS_ENDPOINT_URL: 'http://127.0.0.1:9' },
  });
  const ask = (...words: readonly string[]) =>
    cli(place, words, { env: { COFFER_ADDR: other.address, COFFER_TOKEN: root } });
  await ask('mount', 'enable', 'credstash', '--path', 'shared');
  const config = ['api', 'POST', 'shared/config', 'table=secrets', `region=${testRegion}`];
  const refused = await ask(...config, 'endpoint=http://169.254.169.254');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('aws.endpoints');
  expect((await ask(...config)).code).toBe(9);
  const right = await ask(...config, `endpoint=${listed}`, `kms_endpoint=${listed}`);
  expect(right, right.stderr).toMatchObject({ code: 0 });
}, 240_000);

it('a whole table is imported into a server, and again without a change', async () => {
  expect(await alone('coffer', ['table', 'setup'])).toMatchObject({ code: 0 });
  await alone('coffer', ['put', 'shop/db', 'user=app', 'password=x']);
  await alone('coffer', ['put', 'plain'], value);
  await alone('coffer', ['put', 'gone'], 'x');
  await alone('coffer', ['delete', 'gone']);
  const take = (more: readonly string[]) =>
    cli(place, ['import', address('coffer'), 'from-table/', ...more], {
      env: { ...aws(), COFFER_ADDR: server.address, COFFER_TOKEN: root },
    });
  const rehearsal = await take(['--dry-run']);
  expect(rehearsal, rehearsal.stderr).toMatchObject({ code: 0 });
  expect(rehearsal.stdout).toContain('from-table/shop/db');
  expect(rehearsal.stdout).not.toContain('app');
  expect((await client(['list'], '', 'secret')).stdout).toBe('');
  expect(await take(['--yes'])).toMatchObject({
    code: 0,
    stderr: '2 stored, 0 unchanged; all were read back\n',
  });
  expect(await client(['get', 'from-table/plain'], '', 'secret')).toMatchObject({ stdout: value });
  expect(await take(['--yes'])).toMatchObject({
    code: 0,
    stderr: '0 stored, 2 unchanged; all were read back\n',
  });
  expect(
    (await client(['history', 'from-table/plain', '--format', 'json'], '', 'secret')).stdout,
  ).not.toContain('"version":2');
}, 240_000);

it('dotenv, JSON, YAML and chamber’s JSON are imported into a table', async () => {
  expect(await alone('coffer', ['table', 'setup'])).toMatchObject({ code: 0 });
  const inputs = [
    ['dotenv', 'svc/env', "USER=app\nTEMPLATE='{{ x }} $(id)'\n", { USER: 'app', TEMPLATE: '{{ x }} $(id)' }],
    ['json', 'svc/json', '{"user":"app","port":5432}', { user: 'app', port: 5432 }],
    ['yaml', 'svc/yaml', 'user: app\nlist: [1, 2]\n', { user: 'app', list: [1, 2] }],
    // As `chamber export --format json` writes one service.
    ['json', 'svc/chamber', '{"db_password":"x","db_user":"app"}\n', { db_password: 'x', db_user: 'app' }],
  ] as const;
  for (const [format, name, text, fields] of inputs) {
    const outcome = await alone('coffer', ['import', '--as', format, '-', name, '--yes'], text);
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    const shown = await alone('coffer', ['export', name, '--as', 'json']);
    expect(JSON.parse(shown.stdout)).toEqual(fields);
  }
  const many = '{"one":{"a":"1"},"two/deep":{"b":"2"}}';
  expect(await alone('coffer', ['import', '--as', 'json', '-', 'many/', '--yes'], many)).toMatchObject({
    code: 0,
  });
  expect((await alone('coffer', ['list', 'many'])).stdout).toBe('one\ntwo/\n');
}, 240_000);
