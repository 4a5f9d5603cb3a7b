/** An installation of dssss in moto's KMS and Parameter Store, taken along to a server by the command line. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cleanUp,
  cli,
  freshPlace,
  type Outcome,
  type Place,
  type ServerProcess,
  startServer,
} from '../e2e/server-process.ts';
import { type FakeInstallation, installDssss, sealedRecord } from '../fakes/dssss-records.ts';
import { type Moto, startMoto } from '../setup/moto.ts';

const region = 'eu-central-1';
const account = '123456789012';
const moto: Moto | undefined = await startMoto();
afterAll(async () => {
  await cleanUp();
  await moto?.close();
});

describe.skipIf(moto === undefined)('coffer import dssss', () => {
  if (moto === undefined) return;
  const root = 'import-root';
  let place: Place;
  let server: ServerProcess;
  let installed: FakeInstallation;
  const tokens = new Map([['root', root]]);

  function as(
    who: string,
    words: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Outcome> {
    const own = { COFFER_ADDR: server.address, COFFER_TOKEN: tokens.get(who) ?? '', ...env };
    return cli(place, words, { env: own });
  }

  async function done(who: string, words: readonly string[]): Promise<string> {
    const outcome = await as(who, words);
    expect(outcome, `${words.join(' ')}: ${outcome.stderr}`).toMatchObject({ code: 0 });
    return outcome.stdout;
  }

  beforeAll(async () => {
    const fresh = freshPlace();
    place = { ...fresh, env: { ...fresh.env, ...moto.env, AWS_REGION: region } };
    const words = ['--dev', '--dev-root-token-id', root, '--dssss', '127.0.0.1:0'];
    server = await startServer(place, { words });
    await done('root', ['auth', 'enable', 'userpass']);
    for (const name of ['ann', 'admin']) {
      await done('root', ['api', 'POST', `auth/userpass/users/${name}`, 'password=a-long-password']);
      const url = `${server.address}/v1/auth/userpass/login/${name}`;
      const answer = await fetch(url, { method: 'POST', body: '{"password":"a-long-password"}' });
      tokens.set(name, ((await answer.json()) as { auth: { client_token: string } }).auth.client_token);
    }
    await done('root', ['api', 'POST', 'roles/config', 'distinguished=dssssadmin,userpass/admin']);
    installed = await installDssss(moto, region);
    for (let count = 10; count < 35; count++)
      await installed.put(`many${count}`, sealedRecord(installed.master, `value ${count}`, ['app']));
    await installed.put(
      'password',
      sealedRecord(installed.master, 'hunter2', ['ecsInstanceRole', 'app', 'app']),
    );
    await installed.put('nobody', sealedRecord(installed.master, '', null));
    await installed.put('odd', sealedRecord(installed.master, 'p\u00e4ss <&>\n', []));
  }, 120_000);

  it('threat 25: says what cannot be read, by name, and changes nothing in a rehearsal', async () => {
    await installed.put('short', JSON.stringify({ Bytes: 'AAAA', KeyCiphertext: 'AAAA' }));
    await installed.put('foreign', sealedRecord(Buffer.alloc(32), 'x', []));
    await installed.put('role', sealedRecord(installed.master, 'x', ['no such/role']));
    const rehearsal = await as('admin', ['import', 'dssss', '--dry-run']);
    expect(rehearsal.code).toBe(7);
    expect(rehearsal.stdout).toContain('password\tnew\tecsInstanceRole app');
    expect(rehearsal.stdout).toMatch(/^short\tfailed\t.*too short/m);
    expect(rehearsal.stdout).toMatch(/^foreign\tfailed\t.*does not open/m);
    expect(rehearsal.stderr).toContain('2 of 31 secrets');
    expect(rehearsal.stdout + rehearsal.stderr).not.toContain('hunter2');
    expect(await done('admin', ['list', '--safe', 'roles'])).toBe('');
  });

  it('takes all others along, with their roles, and reads them back', async () => {
    const first = await as('admin', ['import', 'dssss', '--yes', '--verify-as', 'userpass/admin']);
    expect(first).toMatchObject({ code: 7, stdout: '' });
    for (const name of ['short', 'foreign', 'role'])
      expect(first.stderr).toContain(`${name} was not stored: `);
    expect(first.stderr).toContain('3 of 31 secrets were not stored');
    expect((await done('admin', ['list', '--safe', 'roles'])).split('\n')).toHaveLength(29);
    const roles = (name: string) => done('admin', ['roles', name, '--safe', 'roles']);
    expect(await roles('password')).toBe(`aws/${account}:role/ecsInstanceRole\naws/${account}:role/app\n`);
    expect([await roles('nobody'), await roles('odd')]).toEqual(['', '']);
    expect(await as('admin', ['get', 'password', '--safe', 'roles'])).toMatchObject({ code: 4 });
    await done('admin', ['roles', 'odd', 'add', 'userpass/ann', '--safe', 'roles']);
    expect(await done('ann', ['get', 'odd', '--safe', 'roles'])).toBe('p\u00e4ss <&>\n');
    await done('admin', ['roles', 'odd', 'remove', 'userpass/ann', '--safe', 'roles']);
  });

  it('goes on where it was cut off, and leaves what is another’s', async () => {
    for (const name of ['short', 'foreign', 'role'])
      await installed.put(name, sealedRecord(installed.master, 'x', ['app']));
    // Cut off between the write and taking oneself off the list.
    await done('admin', ['roles', 'many10', 'add', 'userpass/admin', '--safe', 'roles']);
    const words = ['import', 'dssss?region=eu-central-1', '/', '--yes', '--format', 'json'];
    const again = await as('admin', [...words, '--verify-as', 'userpass/admin']);
    expect(again).toMatchObject({ code: 0 });
    expect(JSON.parse(again.stdout)).toEqual({ stored: 3, unchanged: 28, not_read_back: 0 });
    expect(await done('admin', ['roles', 'many10', '--safe', 'roles'])).toBe(`aws/${account}:role/app\n`);
    expect(JSON.parse((await as('root', words)).stdout)).toEqual({
      stored: 0,
      unchanged: 0,
      not_read_back: 31,
    });
    await done('admin', ['roles', 'many11', 'add', 'other', '--safe', 'roles']);
    const other = await as('root', words);
    expect(other).toMatchObject({ code: 7, stderr: expect.stringContaining('many11') });
    await done('admin', ['roles', 'many11', 'remove', 'other', '--safe', 'roles']);
  });

  it('refuses what cannot be, before anything is asked or changed', async () => {
    const cases: readonly (readonly [readonly string[], number, string])[] = [
      [['dssss?table=x'], 2, 'dssss?region=REGION'],
      [['dssss', 'name'], 2, 'NAME/'],
      [['dssss', '--roles', 'a'], 2, 'says itself'],
      [['dssss', '--safe', 'secret', '--yes'], 2, 'role-secrets'],
      [['dssss?region=us-east-1', '--yes'], 3, 'no installation of dssss in us-east-1'],
      [['dssss'], 2, '--yes'],
      [['dssss', '--safe', 'file:/nowhere', '--yes'], 3, 'no safe'],
      [['.env'], 2, 'NAME is missing'],
      [['.env', 'x', '--verify-as', 'me'], 2, 'goes with dssss'],
    ];
    for (const [words, code, text] of cases) {
      const outcome = await as('root', ['import', ...words]);
      expect([words, outcome.code], outcome.stderr).toEqual([words, code]);
      expect(outcome.stderr).toContain(text);
    }
    await installDssss(moto, 'us-west-2', { KMSArn: 7 });
    const broken = await as('root', ['import', 'dssss?region=us-west-2', '--yes']);
    expect(broken).toMatchObject({
      code: 7,
      stdout: '',
      stderr: expect.stringContaining('no configuration of dssss'),
    });
    await installDssss(moto, 'us-west-1', { MasterKeyCiphertext: 'AAAA' });
    const foreign = await as('root', ['import', 'dssss?region=us-west-1', '--yes']);
    expect(foreign.code, foreign.stderr).not.toBe(0);
    expect(foreign.stderr).toContain('KMS refuses the ciphertext');
  });
});
