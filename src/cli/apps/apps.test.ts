import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AppsCli, makeAppsCli } from '../../../test/fakes/apps-cli.ts';
import type { JsonObject } from '../../json.ts';

let cli: AppsCli;
beforeEach(async () => {
  cli = await makeAppsCli();
});
afterEach(() => cli[Symbol.asyncDispose]());

async function works(line: string, token?: string): Promise<string> {
  const { code, stdout, stderr } = await cli.run(line.split(' '), token === undefined ? {} : { token });
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  return stdout;
}

async function json(line: string): Promise<JsonObject> {
  return JSON.parse(await works(`${line} --format json`)) as JsonObject;
}

const fails = async (line: string, token?: string) => {
  const { code, stderr } = await cli.run(line.split(' '), token === undefined ? {} : { token });
  return `${code} ${stderr}`;
};

async function settle(): Promise<void> {
  cli.at.place.clock.jump(1);
  await cli.at.outside();
}

describe('coffer apps', () => {
  it('registers, shows, sets and lists', async () => {
    await works('register shop --name Shop --target a-bucket --scope customer.read --scope uid');
    await works('register other');
    expect(await works('list')).toBe('other\nshop\n');
    expect(await json('show shop')).toMatchObject({
      id: 'shop',
      username: 'stups_shop',
      name: 'Shop',
      targets: ['s3://a-bucket'],
      scopes: [
        { resource_type_id: 'customer', scope_id: 'read' },
        { resource_type_id: '', scope_id: 'uid' },
      ],
    });
    expect(await works('show shop')).toContain('scopes\tcustomer.read, uid\ntargets\ts3://a-bucket\n');
    await works('set shop --no-targets --public --password-period 1h --subtitle x');
    expect(await json('show shop')).toMatchObject({ targets: [], confidential: false, subtitle: 'x' });
  });

  it('says what is wrong on the command line, with nothing sent', async () => {
    expect(await fails('register Shop')).toMatch(/^2 .*a-z, 0-9 and -/s);
    expect(await fails('set shop')).toMatch(/^2 .*say what is to change/s);
    expect(await fails('set shop --target a --no-targets')).toMatch(/^2 .*do not go together/s);
    expect(await fails('set shop --public --confidential')).toMatch(/^2 .*do not go together/s);
    expect(await fails('provider burn')).toMatch(/^2 .*WHAT is one of/s);
    expect(await fails('history shop --limit x')).toMatch(/^2 /);
    expect(await fails('rotate shop --kind key')).toMatch(/^2 /);
  });

  it('says what the server refuses', async () => {
    expect(await fails('show shop')).toMatch(/^3 /);
    expect(await fails('set shop --name x')).toMatch(/^3 /);
    expect(await fails('status shop')).toMatch(/^3 .*no application shop/s);
    await works('register shop --team payments');
    expect(await fails('set shop --target a-bucket')).toMatch(/^4 .*team "payments"/s);
    const ann = await cli.at.member('ann', ['payments']);
    await works('set shop --target a-bucket', ann);
    expect(await fails('set shop --target gs://x-bucket', ann)).toMatch(/^2 .*delivery target is/s);
  });

  it('rotates, and waits until it is done', async () => {
    await works('register shop --target a-bucket');
    await settle();
    cli.at.place.clock.jump(901);
    await cli.at.outside();
    cli.beforeEach = settle;
    const { stderr, code, stdout } = await cli.run(['rotate', 'shop', '--wait', '--format', 'json']);
    expect([code, stderr]).toEqual([0, '']);
    const done = JSON.parse(stdout) as JsonObject;
    expect(done).toMatchObject({ id: 'shop', request: 1, password: expect.stringMatching(/^[\w-]{16}$/) });
    expect(await json('status shop')).toMatchObject({ requests_served: 1 });
  });

  it('waits for the first credentials of an application', async () => {
    cli.beforeEach = settle;
    const { code, stderr } = await cli.run(['register', 'shop', '--target', 'a-bucket', '--wait']);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/shop registered\n$/)]);
    expect(await json('status shop')).toMatchObject({
      user: 'present',
      targets_current: 1,
      targets_total: 1,
    });
  });

  it('waits no longer than it is told', async () => {
    await works('register shop --target a-bucket');
    let now = 0;
    const { code, stderr } = await cli.run(['rotate', 'shop', '--wait', '--timeout', '5s'], {
      now: () => {
        now += 1_000;
        return now;
      },
    });
    expect([code, stderr]).toEqual([9, expect.stringMatching(/goes on/)]);
  });

  it('ends the credentials of a compromised application in one command, once somebody said yes', async () => {
    await works('register shop --target a-bucket');
    await settle();
    expect(await fails('rotate shop --compromised')).toMatch(/^2 .*nobody can be asked/s);
    expect((await json('status shop'))['requests_made']).toBe(0);
    expect((await cli.run(['rotate', 'shop', '--compromised'], { typed: 'n\n' })).code).toBe(2);
    await works('rotate shop --compromised --yes');
    const { data } = await cli.at.ask('read', 'apps/shop/history');
    expect(JSON.stringify(data['entries'])).toContain('emergency rotation of password, client');
  });

  it('shows how all of them stand', async () => {
    expect(await works('status')).toBe('');
    await works('register shop --target a-bucket');
    await works('register other');
    await settle();
    const lines = (await works('status')).split('\n');
    expect(lines[0]?.split('\t').slice(0, 2)).toEqual(['other', 'present']);
    expect(lines[1]?.split('\t')[4]).toBe('1/1');
    expect(await json('status')).toMatchObject({
      paused: false,
      registry: { kind: 'own' },
      applications: { shop: { targets_current: 1 } },
    });
    expect(await works('status --problems')).toBe('');
    expect(await works('status shop')).toContain('target\ts3://a-bucket (current)\n');
    await cli.at.ask('update', 'config', { paused: true });
    expect((await cli.run(['status'])).stderr).toContain('whole mount is paused');
  });

  it('pauses and resumes, tells the history and the readers', async () => {
    await works('register shop');
    await works('pause shop');
    expect((await json('status shop'))['paused']).toBe(true);
    await works('resume shop');
    expect(await works('history shop')).toMatch(/resumed/);
    expect((await works('history shop --limit 1')).split('\n')).toHaveLength(2);
    expect(await works('readers shop')).toBe('');
    await cli.at.ask('update', 'apps/shop/readers/host-1', { user_version: 'AAAAAAAAAAAAAAAA' });
    expect(await works('readers shop')).toMatch(/^host-1\t/);
  });

  it('deactivates, takes back and deletes', async () => {
    await works('register shop');
    expect(await fails('deactivate shop')).toMatch(/^2 .*add --yes/s);
    await works('deactivate shop --yes');
    expect(await json('show shop')).toMatchObject({ active: false });
    await works('set shop --activate');
    expect(await json('show shop')).toMatchObject({ active: true });
    expect(await fails('delete shop')).toMatch(/^2 .*add --yes/s);
    await works('delete shop --yes');
    await settle();
    expect(await fails('show shop')).toMatch(/^3 /);
    expect(await fails('delete shop --yes')).toMatch(/^3 /);
  });

  it('shows what a registry lost, where it lost something', async () => {
    expect((await cli.run(['confirm-shrink'])).stderr).toContain('no application waits');
    expect(await fails('confirm-shrink 3 --yes')).toMatch(/^2 .*no application waits/s);
    expect(await fails('confirm-shrink x --yes')).toMatch(/^2 .*COUNT is a number/s);
  });

  it('lists and shows providers', async () => {
    expect(await works('provider list')).toBe('builtin\n');
    expect(await fails('provider show')).toMatch(/^2 .*NAME/s);
    expect(await fails('provider delete nothing --yes')).toMatch(/^3 /);
    expect(await fails('provider set idp --type nothing')).toMatch(/^2 /);
  });
});
