/** `coffer server --aws` as an operator meets it: nothing there, a look at what would be made, two servers, a root token by KMS. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { testRegion } from '../fakes/moto-calls.ts';
import { startMoto } from '../setup/moto.ts';
import { cleanUp, cli, freshPlace, startServer } from './server-process.ts';

const moto = await startMoto();
afterAll(async () => {
  await cleanUp();
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

it.each([
  [['--aws', '--init'], '--aws finds or makes'],
  [['--aws', '--dev'], '--aws finds or makes'],
  [['--name', 'x'], '--name, --distinguished and --dry-run go with --aws'],
  [['--distinguished', 'x'], '--name, --distinguished and --dry-run go with --aws'],
  [['--aws', '--name', 'No'], '--name is 1 to 63'],
  [['--aws', '--distinguished', 'team/x'], 'without its path'],
  [['--aws', '--distinguished', 'account'], 'account is taken'],
  [['--aws', '--seal', 'awskms:alias/x'], '--aws finds or makes'],
])('refuses %j', async (words, said) => {
  const outcome = await cli(freshPlace(), ['server', ...words], { env: { AWS_REGION: testRegion } });
  expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining(said) });
});
