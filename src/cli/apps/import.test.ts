import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AppsCli, makeAppsCli } from '../../../test/fakes/apps-cli.ts';
import { Kio, kioApplication } from '../../../test/fakes/kio.ts';
import type { JsonObject } from '../../json.ts';

const token = 'canary-of-mint';

/** mint-storage as it answers. */
const old = {
  username: 'stups_shop',
  client_id: 'x',
  is_client_confidential: false,
  redirect_url: 'https://shop.example/cb',
  s3_buckets: ['gs://google-bucket', 'org-mint-a'],
  kubernetes_clusters: ['aws:1'],
  scopes: [{ resource_type_id: 'customer', scope_id: 'read_all' }],
};

let cli: AppsCli;
let kio: Kio;
let applications: Record<string, JsonObject>;
let refuses = false;
const asked: string[] = [];
const mint = createServer((request, response) => {
  asked.push(request.headers.authorization ?? '');
  const id = /^\/apps\/(.+)$/.exec(request.url ?? '')?.[1];
  const found = id === undefined ? Object.keys(applications).map((one) => ({ id: one })) : applications[id];
  const status = refuses ? 403 : found === undefined ? 404 : 200;
  response.writeHead(status).end(status === 200 ? JSON.stringify(found) : 'canary-of-an-answer');
});

beforeEach(async () => {
  cli = await makeAppsCli();
  kio = await new Kio().open();
  applications = {
    shop: { id: 'shop', ...old },
    other: { id: 'other', ...old, s3_buckets: [], redirect_url: null },
  };
  kio.applications = [
    kioApplication('shop', { team_id: 'payments', subtitle: 'sells' }),
    kioApplication('other', { team_id: 'others', active: false }),
  ];
  refuses = false;
  asked.length = 0;
  await new Promise<void>((resolve) => {
    mint.listen(0, '127.0.0.1', resolve);
  });
});
afterEach(async () => {
  mint.closeAllConnections();
  await new Promise<void>((resolve) => {
    mint.close(() => resolve());
  });
  await kio.close();
  await cli[Symbol.asyncDispose]();
});

async function run(...words: readonly string[]) {
  const url = `http://127.0.0.1:${(mint.address() as AddressInfo).port}`;
  const line = ['import', '--mint-storage', url, '--format', 'json', ...words];
  const outcome = await cli.run(line, { env: { COFFER_MINT_TOKEN: token } });
  expect(outcome.stdout + outcome.stderr).not.toContain('canary');
  return {
    ...outcome,
    told: outcome.stdout === '' ? [] : (JSON.parse(outcome.stdout) as readonly JsonObject[]),
  };
}

const ids = async () => (await cli.at.ask('list', 'apps')).data['keys'] ?? [];

describe('coffer apps import', () => {
  it('takes what it can, says what it could not, and goes on where it was', async () => {
    await cli.at.ask('update', 'config', { paused: true });
    const words = ['--kio', kio.url, '--yes'];
    const { code, told } = await run(...words);
    expect(code).toBe(0);
    expect(told).toEqual([
      { id: 'shop', fate: 'imported', why: [expect.stringMatching(/gs:\/\/google-bucket is not taken/)] },
      { id: 'other', fate: 'imported', why: [expect.stringMatching(/here, and was stups_shop/)] },
    ]);
    expect(asked).toContain(`Bearer ${token}`);
    expect((await cli.at.ask('read', 'apps/shop')).data).toMatchObject({
      team: 'payments',
      name: 'The shop',
      subtitle: 'sells',
      active: true,
      confidential: false,
      redirect_url: 'https://shop.example/cb',
      scopes: old.scopes,
      kubernetes_clusters: ['aws:1'],
    });
    expect((await cli.at.ask('read', 'apps/shop/status')).data['targets']).toEqual([
      expect.objectContaining({ address: 's3://org-mint-a' }),
    ]);
    expect((await cli.at.ask('read', 'apps/other')).data).toMatchObject({ active: false, team: 'others' });
    expect((await run(...words)).told.map(({ fate }) => fate)).toEqual(['unchanged', 'unchanged']);
    applications = { ...applications, shop: { id: 'shop', ...old, s3_buckets: ['org-mint-b'] } };
    const again = await run(...words);
    expect([again.code, again.told[0]]).toEqual([
      6,
      { id: 'shop', fate: 'differs', why: [expect.stringMatching(/another delivery/)] },
    ]);
  });

  it('goes on with one that was cut off before its team was set', async () => {
    await cli.at.ask('update', 'apps/shop', { name: 'The shop' });
    const { told } = await run('--kio', kio.url, '--yes', '--start');
    expect(told[0]).toMatchObject({ fate: 'imported' });
    expect((await cli.at.ask('read', 'apps/shop')).data).toMatchObject({
      team: 'payments',
      confidential: false,
    });
  });

  it('changes nothing in a dry run', async () => {
    const { told, code } = await run('--dry-run');
    expect([code, told.map(({ fate }) => fate), await ids()]).toEqual([
      0,
      ['would be imported', 'would be imported'],
      [],
    ]);
  });

  it('starts nothing beside mint that nobody wished, nor in a mount that follows a registry', async () => {
    expect(await run('--yes')).toMatchObject({ code: 6, stderr: expect.stringMatching(/not paused/) });
    await cli.at.ask('update', 'config', { registry: 'kio', registry_url: kio.url });
    expect(await run('--yes', '--start')).toMatchObject({
      code: 6,
      stderr: expect.stringMatching(/registry=own/),
    });
    expect(asked).toEqual([]);
  });

  it('leaves out what cannot be, and takes the rest', async () => {
    applications = {
      'Bad.Id': { id: 'x', ...old },
      wrong: { id: 'wrong', ...old, scopes: [{ resource_type_id: 'UPPER', scope_id: 'x' }] },
      shop: { id: 'shop', ...old },
    };
    const { told, code } = await run('--yes', '--start');
    expect(told.map(({ id, fate }) => [id, fate])).toEqual([
      ['Bad.Id', 'left out'],
      ['wrong', 'failed'],
      ['shop', 'imported'],
    ]);
    expect(code).toBe(2);
    kio.applications = [];
    expect((await run('--yes', '--start', '--kio', kio.url)).told.at(-1)).toMatchObject({ fate: 'left out' });
  });

  it('threat 16: says who refused, and neither token nor answer', async () => {
    refuses = true;
    const { code, stderr } = await run('--yes', '--start');
    expect([code, stderr]).toEqual([4, expect.stringMatching(/mint-storage refuses the token/)]);
    const none = await cli.run(['import', '--mint-storage', 'https://mint.example']);
    expect([none.code, none.stderr]).toEqual([2, expect.stringMatching(/no token/)]);
    const plain = await cli.run(['import', '--mint-storage', 'http://mint.example'], {
      env: { COFFER_MINT_TOKEN: token },
    });
    expect([plain.code, plain.stderr]).toEqual([2, expect.stringMatching(/must begin with https/)]);
  });
});
