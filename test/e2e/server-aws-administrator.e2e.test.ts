/** The first administrator of a store that `coffer server --aws` made on an empty account: a role of IAM, and nobody else. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startMetadataService } from '../fakes/metadata-service.ts';
import { assumeRole, makeIamRole, testRegion } from '../fakes/moto-calls.ts';
import { startMoto } from '../setup/moto.ts';
import { cleanUp, cli, freshPlace, type Outcome, type ServerProcess, startServer } from './server-process.ts';

const own = '123456789012';
const foreign = '210987654321';
const moto = await startMoto();
const place = freshPlace();
let server: ServerProcess;

beforeAll(async () => {
  if (moto === undefined) return;
  server = await start();
}, 120_000);
afterAll(async () => {
  await cleanUp();
  await moto?.close();
});

function start(words: readonly string[] = []): Promise<ServerProcess> {
  return startServer(place, {
    words: ['--aws', '--distinguished', 'SecondAdmin', ...words],
    env: { ...moto?.env, AWS_REGION: testRegion },
  });
}

it('coffer doctor aws reads the document of an instance, and says where there are no credentials', async () => {
  const pkcs7 = readFileSync(
    new URL('../vectors/aws-instance-identity/instance-identity-rsa2048-us-west-1.b64', import.meta.url),
    'utf8',
  );
  using service = await startMetadataService({ 'dynamic/instance-identity/rsa2048': pkcs7 });
  const there = await cli(freshPlace(), doctor, { env: { ...service.env } });
  expect(there).toMatchObject({ code: 9 });
  expect(examined(there)).toMatchObject({ caller: null, instance: { region: 'us-west-1' }, server: null });
  using other = await startMetadataService({ 'dynamic/instance-identity/rsa2048': 'bm90aGluZw==' });
  const forged = examined(await cli(freshPlace(), doctor, { env: { ...other.env } }));
  expect(forged).toMatchObject({ instance: null });
  expect(forged.findings).toContainEqual(
    expect.objectContaining({ check: 'instance document', level: 'warn' }),
  );
});

/** Someone with the credentials of a role's session, and a home of their own. */
async function someone(role: string, account = own) {
  if (moto === undefined) throw new Error('no moto');
  const home = freshPlace();
  const keys = await assumeRole(moto, `arn:aws:iam::${account}:role/${role}`);
  const env = { ...moto.env, ...keys, AWS_REGION: testRegion };
  const run = (words: readonly string[], stdin = ''): Promise<Outcome> =>
    cli(home, words, { stdin, env: { ...env, COFFER_ADDR: server.address } });
  return {
    run,
    /** The status of what the kept login, if there is one, is answered. */
    async ask(method: string, path: string, body?: object): Promise<number> {
      const file = join(home.config, 'token');
      const token = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
      const answer = await fetch(`${server.address}/v1/${path}`, {
        method,
        headers: token === '' ? {} : { 'x-vault-token': token },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      await answer.arrayBuffer();
      return answer.status;
    },
    async done(words: readonly string[], stdin = ''): Promise<string> {
      const outcome = await run(words, stdin);
      expect(outcome, `${words.join(' ')}: ${outcome.stderr}`).toMatchObject({ code: 0 });
      return outcome.stdout;
    },
  };
}

it.skipIf(moto === undefined)(
  'threat 30: a distinguished role administers the new store, and no other role of any account does',
  async () => {
    if (moto === undefined) return;
    for (const role of ['dssssadmin', 'SecondAdmin', 'app']) await makeIamRole(moto, role);
    expect(server.stdout + server.stderr).not.toMatch(/hvs\.|root token {2}/);
    expect(server.stderr).toContain('dssssadmin or SecondAdmin');

    const admin = await someone('dssssadmin');
    await admin.done(['login', 'aws']);
    await admin.done(['mount', 'enable', 'kv', '--path', 'team']);
    await admin.done(['policy', 'write', 'team', '-'], 'path "team/*" { capabilities = ["read"] }');
    await admin.done(['put', 'db/password', 'hunter2', '--roles', 'app']);
    expect(await admin.run(['get', 'db/password'])).toMatchObject({ code: 4, stdout: '' });
    await (await someone('SecondAdmin')).done(['login', 'aws', '--role', 'secondadmin']);

    const app = await someone('app');
    expect(await app.run(['login', 'aws', '--role', 'dssssadmin'])).toMatchObject({ code: 2 });
    expect(await app.run(['login', 'aws'])).toMatchObject({ code: 2 });
    const wrong = ['login', 'aws', '--role', 'account', '--server-id', 'another-server'];
    expect(await app.run(wrong)).toMatchObject({ code: 2 });
    await app.done(['login', 'aws', '--role', 'account']);
    expect(await app.done(['get', 'db/password'])).toBe('hunter2');
    for (const [method, path, body] of [
      ['GET', 'sys/mounts', undefined],
      ['GET', 'sys/policies/acl/administrator', undefined],
      ['POST', 'secret/data/new', { data: { a: 'b' }, roles: ['app'] }],
      ['POST', 'secret/roles/db/password', { add: ['dssssadmin'] }],
      ['POST', 'secret/config', { writers: ['*account'] }],
      ['POST', 'auth/aws/role/app', { bound_iam_principal_arn: `arn:aws:iam::${own}:role/app` }],
      ['POST', 'auth/token/create', { policies: ['administrator'] }],
    ] as const)
      expect(await app.ask(method, path, body), path).toBe(403);

    const stranger = await someone('dssssadmin', foreign);
    for (const words of [[], ['--role', 'account']])
      expect(await stranger.run(['login', 'aws', ...words])).toMatchObject({ code: 2 });
    expect(await stranger.ask('GET', 'secret/data/db/password')).toBe(403);
  },
  120_000,
);

interface Examined {
  readonly caller: { readonly arn: string } | null;
  readonly instance: { readonly region: string } | null;
  readonly server: string | null;
  readonly role: string | null;
  readonly secrets: readonly string[] | null;
  readonly findings: readonly { readonly check: string; readonly level: string; readonly message: string }[];
}

function examined({ stdout }: Outcome): Examined {
  return JSON.parse(stdout) as Examined;
}

const doctor = ['doctor', 'aws', '--format', 'json'];

it.skipIf(moto === undefined)(
  'coffer doctor aws says who a machine is, and which secrets that opens',
  async () => {
    const app = await someone('app');
    const opens = await app.run(doctor);
    expect(opens, opens.stderr).toMatchObject({ code: 0 });
    expect(examined(opens)).toMatchObject({
      caller: { arn: `arn:aws:sts::${own}:assumed-role/app/one`, account: own },
      instance: null,
      server: server.address,
      role: 'account',
      secrets: ['db/password'],
    });
    const admin = await someone('dssssadmin');
    expect(examined(await admin.run([...doctor, '--role', 'dssssadmin']))).toMatchObject({
      role: 'dssssadmin',
    });
    const refused = await (await someone('app', foreign)).run(doctor);
    expect(refused).toMatchObject({ code: 9 });
    expect(examined(refused)).toMatchObject({ role: null, secrets: null });
    expect(examined(refused).findings).toContainEqual(
      expect.objectContaining({ check: 'login', level: 'fail' }),
    );
    const alone = await app.run([...doctor, '--address', 'http://127.0.0.1:1']);
    expect(alone).toMatchObject({ code: 9 });
    expect(examined(alone).caller).not.toBeNull();
    for (const { stdout, stderr } of [opens, refused, alone])
      expect(stdout + stderr).not.toMatch(/hvs\.|hunter2|Signature=/);
    expect(await app.run(['doctor', '--role', 'x'])).toMatchObject({ code: 2 });
    expect(await app.run(['doctor', 'gcp'])).toMatchObject({ code: 2 });
  },
  120_000,
);

it.skipIf(moto === undefined)(
  'threat 30: what an administrator took away is not made again by a later start',
  async () => {
    const admin = await someone('dssssadmin');
    await admin.done(['login', 'aws']);
    await admin.done(['api', 'DELETE', 'auth/aws/role/account']);
    await admin.done(['mount', 'disable', 'secret', '--yes']);
    await admin.done(['api', 'DELETE', 'auth/aws/role/secondadmin']);
    await server.kill();
    server = await start();
    expect(server.stderr).toContain('--distinguished is for a new store');
    expect(await admin.done(['api', 'LIST', 'auth/aws/role'])).not.toMatch(/account|secondadmin/);
    expect(await admin.done(['mount', 'list'])).not.toContain('role-secrets');
    expect(await (await someone('app')).run(['login', 'aws', '--role', 'account'])).toMatchObject({
      code: 2,
    });
    await admin.done(['auth', 'disable', 'aws', '--yes']);
    await server.stop();
    server = await start();
    expect(await admin.run(['login', 'aws'])).toMatchObject({ code: 4 });
  },
  120_000,
);
