import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { cleanUp, cli, freshPlace, runProgram, startServer } from '../e2e/server-process.ts';
import { type Moto, startMoto } from '../setup/moto.ts';
import { need } from '../setup/need.ts';

const moto: Moto | undefined = await startMoto();
afterAll(async () => {
  await cleanUp();
  await moto?.close();
});

interface Person {
  readonly key: string;
  readonly secret: string;
}

async function makeAnn({ endpoint }: Moto): Promise<Person> {
  const iam = await import('@aws-sdk/client-iam');
  const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'test' };
  const client = new iam.IAMClient({ region: 'eu-central-1', endpoint, credentials });
  await client.send(new iam.CreateUserCommand({ UserName: 'ann', Path: '/people/' }));
  const { AccessKey } = await client.send(new iam.CreateAccessKeyCommand({ UserName: 'ann' }));
  return { key: AccessKey?.AccessKeyId ?? '', secret: AccessKey?.SecretAccessKey ?? '' };
}

it.skipIf(moto === undefined)('hvac and coffer login aws log in with keys of AWS', async (context) => {
  if (moto === undefined) return;
  const python = need(context, 'hvac');
  const ann = await makeAnn(moto);
  const place = freshPlace();
  const env = { ...place.env, ...moto.env, AWS_REGION: 'eu-central-1' };
  const server = await startServer({ ...place, env }, { words: ['--init'] });
  const [file = ''] = readdirSync(place.config).filter((name) => name.endsWith('.root-token'));
  const token = readFileSync(join(place.config, file), 'utf8').trim();
  const script = fileURLToPath(new URL('./hvac-aws.py', import.meta.url));
  const given = JSON.stringify({ address: server.address, token, ...ann });
  expect(await runProgram(python, [script], place.env, given)).toEqual({
    code: 0,
    stdout: 'config\nrole\nlogin\n',
    stderr: '',
  });

  const own = {
    ...place.env,
    COFFER_ADDR: server.address,
    AWS_ACCESS_KEY_ID: ann.key,
    AWS_SECRET_ACCESS_KEY: ann.secret,
    AWS_ENDPOINT_URL: moto.endpoint,
  };
  const logIn = (words: readonly string[]) =>
    cli({ ...place, env: own }, ['login', 'aws', '--role', 'people', ...words]);
  const right = await logIn(['--server-id', 'coffer.example.com', '--region', 'eu-central-1']);
  expect(right).toMatchObject({ code: 0, stdout: '' });
  expect(right.stderr).toMatch(/^logged in; policies: default, people; the token lasts 20m/);
  const wrong = await logIn(['--no-store']);
  expect(wrong).toMatchObject({ code: 2, stdout: '' });
  expect(wrong.stderr).toContain('permission denied');
  expect(right.stderr + wrong.stderr).not.toContain(ann.secret);
  for (const words of [
    ['--region', '../evil'],
    ['--server-id', 'a b'],
  ])
    expect((await logIn(words)).code).toBe(2);
});
