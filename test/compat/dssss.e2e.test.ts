/**
 * dssss's clients: curl, word for word as its own page has it, against servers that were told `--dssss` and nothing else. EC2 and IAM are
 * moto's; a certificate of the tests, configured at the auth mount, stands in for AWS's.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import {
  cleanUp,
  cli,
  freshPlace,
  type Place,
  runProgram,
  type ServerProcess,
  startServer,
} from '../e2e/server-process.ts';
import { IdentityAuthority } from '../fakes/instance-identity.ts';
import { makeInstance } from '../fakes/instances.ts';
import { type Moto, startMoto } from '../setup/moto.ts';
import { need } from '../setup/need.ts';

const region = 'eu-central-1';
const account = '123456789012';
const authority = new IdentityAuthority();
const moto: Moto | undefined = await startMoto();
afterAll(async () => {
  await cleanUp();
  await moto?.close();
});

interface Told {
  readonly status: number;
  readonly head: string;
  readonly body: string;
  /** Of the header `Reauthentication`. */
  readonly token: string;
}

describe.skipIf(moto === undefined)('curl, as with dssss', () => {
  if (moto === undefined) return;
  let place: Place;
  let server: ServerProcess;
  let second: ServerProcess;
  let root = '';
  /** Documents by role. */
  const documents = new Map<string, string>();

  beforeAll(async () => {
    const fresh = freshPlace();
    place = { ...fresh, env: { ...fresh.env, ...moto.env, AWS_REGION: region } };
    const words = ['--dssss', '127.0.0.1:0', '--distinguished', 'deployer'];
    server = await startServer(place, { words: [...words, '--init'] });
    second = await startServer(place, { words });
    const [file = ''] = readdirSync(place.config).filter((name) => name.endsWith('.root-token'));
    root = readFileSync(join(place.config, file), 'utf8').trim();
    await coffer(
      'api',
      'POST',
      'auth/aws/config/certificate/tests',
      'type=pkcs7',
      `regions=${region}`,
      ...[`aws_public_cert=${Buffer.from(authority.certificate).toString('base64')}`],
    );
    for (const role of ['ecsInstanceRole', 'otherRole', 'dssssadmin', 'deployer', 'DistinguishedRoles', '']) {
      const { instanceId, imageId } = await makeInstance(moto, region, role);
      const about = { accountId: account, region, instanceId, imageId, pendingTime: '2026-11-01T00:00:00Z' };
      documents.set(role, authority.pkcs7(about));
    }
  }, 120_000);

  async function coffer(...words: readonly string[]): Promise<string> {
    const env = { COFFER_ADDR: server.address, COFFER_TOKEN: root };
    const outcome = await cli(place, words, { env });
    expect(outcome, `${words.join(' ')}: ${outcome.stderr}`).toMatchObject({ code: 0 });
    return outcome.stdout;
  }

  /** What stands behind `curl` and before the address. */
  async function curl(
    context: TestContext,
    words: readonly string[],
    path: string,
    at = server,
  ): Promise<Told> {
    const address = /, (http:\/\/[\d.]+:\d+)/.exec(at.stdout)?.[1] ?? '';
    const args = ['-s', '-i', ...words, `${address}${path}`];
    const { code, stdout } = await runProgram(need(context, 'curl'), args, place.env);
    expect(code).toBe(0);
    const [head = '', body = ''] = stdout.split('\r\n\r\n', 2);
    const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
    return { status, head, body, token: /^Reauthentication: (\S+)\r?$/m.exec(head)?.[1] ?? '' };
  }

  const shows = (role: string) => ['-H', `Authentication: ${documents.get(role) ?? ''}`];

  it('start-up says whose rights hold', () => {
    expect(server.stdout).toContain(`may create new names:  every role of account ${account}`);
    expect(server.stdout).toContain(
      `may list every name:   only who administers; others list what they may read`,
    );
    expect(server.stdout).toContain(`aws/${account}:role/dssssadmin, aws/${account}:role/deployer`);
  });

  it('puts, gets, lists and deletes a secret', async (context) => {
    const body = '{"Secret":"hunter2","Roles":["ecsInstanceRole"]}';
    const put = await curl(
      context,
      ['-X', 'PUT', ...shows('ecsInstanceRole'), '-d', body],
      '/v1/secret/password',
    );
    expect(put).toMatchObject({ status: 200, body: '', token: expect.stringMatching(/^[0-9a-f]{50,}$/) });
    const get = await curl(context, shows('ecsInstanceRole'), '/v1/secret/password');
    expect(get).toMatchObject({ status: 200, body: '[\n     "hunter2"\n ]' });
    expect(get.head).toMatch(/^content-type: text\/plain; charset=utf-8\r?$/im);
    const list = await curl(context, ['-X', 'LIST', ...shows('ecsInstanceRole')], '/v1/secret/pass');
    expect(list).toMatchObject({ status: 200, body: '[\n     "password"\n ]' });
    expect(await curl(context, ['-X', 'LIST', ...shows('otherRole')], '/v1/secret/pass')).toMatchObject({
      status: 200,
      body: 'null',
    });
    for (const [role, status] of [
      ['otherRole', 400],
      ['dssssadmin', 400],
      ['DistinguishedRoles', 400],
    ] as const)
      expect((await curl(context, shows(role), '/v1/secret/password')).status, role).toBe(status);
    expect(
      (await curl(context, ['-X', 'PUT', ...shows('otherRole'), '-d', body], '/v1/secret/password')).status,
    ).toBe(500);
    const remove = (role: string) => curl(context, ['-X', 'DELETE', ...shows(role)], '/v1/secret/password');
    expect((await remove('ecsInstanceRole')).status).toBe(400);
    expect((await remove('deployer')).status).toBe(200);
    expect((await remove('dssssadmin')).status).toBe(500);
    const squat = await curl(
      context,
      ['-X', 'PUT', ...shows('otherRole'), '-d', body],
      '/v1/secret/password',
    );
    expect(squat.status).toBe(500);
    const anew = await curl(
      context,
      ['-X', 'PUT', ...shows('dssssadmin'), '-d', body],
      '/v1/secret/password',
    );
    expect(anew.status).toBe(200);
  });

  it('goes on with a token on whichever node, until it is revoked', async (context) => {
    const { token } = await curl(context, shows('ecsInstanceRole'), '/v1/auth');
    const again = ['-H', `ReAuthentication: ${token}`];
    for (const node of [server, second]) {
      const body = '{"Secret":"s","Roles":["ecsInstanceRole"]}';
      const name = node === server ? 'one' : 'two';
      const put = await curl(context, ['-X', 'PUT', ...again, '-d', body], `/v1/secret/${name}`, node);
      expect([put.status, put.token]).toEqual([200, '']);
      expect((await curl(context, again, '/v1/secret/one', node)).body).toBe('[\n     "s"\n ]');
    }
    const text = Buffer.from(token, 'hex').toString();
    const seen = JSON.parse(
      await coffer('api', 'POST', 'auth/token/lookup', `token=${text}`, '--format', 'json'),
    ) as {
      data: { ttl: number; policies: readonly string[] };
    };
    expect(seen.data.policies).toEqual(['default']);
    expect(seen.data.ttl).toBeLessThanOrEqual(900);
    await coffer('api', 'POST', 'auth/token/revoke', `token=${text}`);
    for (const node of [server, second])
      expect((await curl(context, again, '/v1/secret/one', node)).status).toBe(400);
  });

  it('threat 03: a document is no use that is another’s, older, changed, or of an instance without a role', async (context) => {
    const asks = async (document: string) =>
      (await curl(context, ['-H', `Authentication: ${document}`], '/v1/auth')).status;
    const right = documents.get('ecsInstanceRole') ?? '';
    expect(await asks(right)).toBe(200);
    const { instanceId, imageId } = await makeInstance(moto, region, 'third');
    const about = { accountId: account, region, instanceId, imageId, pendingTime: '2026-11-02T00:00:00Z' };
    const wrong = [
      new IdentityAuthority().pkcs7(about),
      authority.pkcs7({ ...about, instanceId: 'i-00000000000000000' }),
      authority.pkcs7({ ...about, accountId: '210987654321' }),
      authority.pkcs7(about, { content: Buffer.from(JSON.stringify({ ...about, instanceId: 'i-1' })) }),
      right.slice(0, -8),
      `${right.slice(0, 40)}${right}`,
    ];
    for (const document of wrong) expect(await asks(document)).toBe(400);
    expect(await asks(authority.pkcs7(about))).toBe(200);
    expect(await asks(authority.pkcs7({ ...about, pendingTime: '2026-11-01T00:00:00Z' }))).toBe(400);
    // Without an instance profile somebody is an instance and no role: nothing is created, and nothing listed.
    const put = ['-X', 'PUT', ...shows(''), '-d', '{"Secret":"x","Roles":[]}'];
    expect((await curl(context, put, '/v1/secret/noRole')).status).toBe(400);
  });

  it('is one of many at once', async (context) => {
    const { instanceId, imageId } = await makeInstance(moto, region, 'many');
    const about = { accountId: account, region, instanceId, imageId, pendingTime: '2026-11-01T00:00:00Z' };
    const words = ['-H', `Authentication: ${authority.pkcs7(about)}`];
    const all = Array.from({ length: 6 }, () => curl(context, words, '/v1/auth'));
    expect((await Promise.all(all)).filter(({ status }) => status !== 200).length).toBeLessThan(6);
    const later = Array.from({ length: 6 }, (_, index) =>
      curl(context, words, '/v1/auth', index % 2 === 0 ? server : second),
    );
    expect((await Promise.all(later)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
  });
});
