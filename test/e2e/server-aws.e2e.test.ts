/** `coffer server --aws` as an operator meets it: nothing there, a look at what would be made, two servers, a root token by KMS. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { askMoto, assumeRole, makeIamRole, testRegion } from '../fakes/moto-calls.ts';
import { databasePlace } from '../setup/database-place.ts';
import { startMoto } from '../setup/moto.ts';
import { cleanUp, cli, freshPlace, startServer } from './server-process.ts';

const moto = await startMoto();
const database = await databasePlace('postgresql');
afterAll(async () => {
  await cleanUp();
  await database?.close();
  await moto?.close();
});

it.skipIf(moto === undefined)(
  'two servers started with the same words share what the first one made',
  async () => {
    if (moto === undefined) return;
    const place = freshPlace();
    const other = freshPlace();
    const env = { ...moto.env, AWS_REGION: testRegion };
    const words = ['--aws', '--name', 'e2e'];
    const dry = () => cli(place, ['server', ...words, '--dry-run', '--format', 'json'], { env });
    const before = await dry();
    expect(before, before.stderr).toMatchObject({ code: 0 });
    expect(new Set((JSON.parse(before.stdout) as { state: string }[]).map(({ state }) => state))).toEqual(
      new Set(['would be made']),
    );

    const [one, two] = await Promise.all([
      startServer(place, { words, env }),
      startServer(other, { words, env }),
    ]);
    const after = await dry();
    expect(after.stdout).not.toContain('would be made');
    for (const { stdout, stderr } of [one, two]) expect(stdout + stderr).not.toMatch(/hvs\.|root token {2}/);

    const own = {
      ...env,
      COFFER_ADDR: one.address,
      COFFER_STORAGE: `dynamodb:coffer-e2e?region=${testRegion}`,
      COFFER_SEAL: `awskms:alias/coffer-e2e?region=${testRegion}`,
    };
    const file = join(place.home, 'root');
    const made = await cli(place, ['operator', 'generate-root', '--output', file], { env: own });
    expect(made, made.stderr).toMatchObject({ code: 0 });
    const token = readFileSync(file, 'utf8').trim();
    const put = await cli(place, ['put', 'db/password', 'value=shared', '--roles', 'app'], {
      env: { ...own, COFFER_TOKEN: token },
    });
    expect(put, put.stderr).toMatchObject({ code: 0 });
    await one.kill();
    const got = await cli(other, ['roles', 'db/password'], {
      env: { ...env, COFFER_ADDR: two.address, COFFER_TOKEN: token },
    });
    expect(got, got.stderr).toMatchObject({ code: 0, stdout: 'aws/123456789012:role/app\n' });
    await two.stop();
  },
);

it.skipIf(moto === undefined || database === undefined)(
  'a store in PostgreSQL is found or made like one in a table, by servers with and without workers',
  async () => {
    if (moto === undefined || database === undefined) return;
    const { server, name, password } = database;
    const place = freshPlace();
    const at = `postgres://${server.host}:${server.port}/${name}`;
    const env = {
      ...moto.env,
      AWS_REGION: testRegion,
      COFFER_STORAGE: at.replace('//', `//${name}:${password}@`),
    };
    const words = ['--aws', '--name', 'sql', '--workers', '2'];
    const [one, two] = await Promise.all([
      startServer(place, { words, env }),
      startServer(freshPlace(), { words: words.slice(0, 3), env }),
    ]);
    expect(one.stdout).toContain('2 workers serve');
    await makeIamRole(moto, 'dssssadmin');
    const keys = await assumeRole(moto, 'arn:aws:iam::123456789012:role/dssssadmin');
    const run = async (address: string, order: readonly string[]) => {
      const outcome = await cli(place, order, { env: { ...env, ...keys, COFFER_ADDR: address } });
      expect(outcome, `${order.join(' ')}: ${outcome.stderr}`).toMatchObject({ code: 0 });
      return outcome.stdout;
    };
    await run(one.address, ['login', 'aws', '--server-id', 'coffer-sql']);
    await run(one.address, ['put', 'db/password', 'shared', '--roles', 'dssssadmin']);
    expect(await run(two.address, ['get', 'db/password'])).toBe('shared');
    expect(await askMoto(moto, 'DynamoDB_20120810.ListTables', {})).toMatchObject({
      TableNames: expect.not.arrayContaining(['coffer-sql']),
    });
    const parameter = { Name: '/coffer/sql/storage' };
    const { Parameter } = await askMoto(moto, 'AmazonSSM.GetParameter', parameter);
    expect(JSON.stringify(Parameter)).not.toContain(password);
    const elsewhere = await cli(place, ['server', '--aws', '--name', 'sql'], {
      env: { ...moto.env, AWS_REGION: testRegion },
    });
    expect(elsewhere).toMatchObject({ code: 10, stderr: expect.stringContaining('/coffer/sql/storage') });
    await one.kill();
    const again = await startServer(place, { words, env });
    expect(await run(again.address, ['get', 'db/password'])).toBe('shared');
    for (const each of [two, again]) {
      const { code, stdout, stderr } = await each.stop();
      expect(code).toBe(0);
      expect(stdout + stderr).not.toContain(password);
    }
  },
  120_000,
);

it.each([
  [['--aws', '--init'], '--aws finds or makes'],
  [['--aws', '--dev'], '--aws finds or makes'],
  [['--name', 'x'], '--name and --dry-run go with --aws'],
  [['--distinguished', 'x'], '--distinguished goes with --aws or --dssss'],
  [['--aws', '--name', 'No'], '--name is 1 to 63'],
  [['--aws', '--distinguished', 'team/x'], 'without its path'],
  [['--aws', '--distinguished', 'account'], 'account is taken'],
  [['--aws', '--seal', 'awskms:alias/x'], '--aws finds or makes'],
])('refuses %j', async (words, said) => {
  const outcome = await cli(freshPlace(), ['server', ...words], { env: { AWS_REGION: testRegion } });
  expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining(said) });
});
