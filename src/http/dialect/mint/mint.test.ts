import { execFile } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeToken, rootToken, writePolicy } from '../../../../test/fakes/client.ts';
import { makeServicePlace, type ServicePlace } from '../../../../test/fakes/service-place.ts';
import type { JsonObject } from '../../../json.ts';
import { openTestListener, requestBytes, type TestListener } from '../../listener.fixture.ts';
import { mint } from './mint.ts';

let at: ServicePlace;
let served: TestListener;
/** Of the team that the samples belong to. */
let ann: string;

beforeEach(async () => {
  at = await makeServicePlace();
  ann = await at.member('ann', ['payments']);
  await at.ask('update', 'apps/shop', { team: 'payments', name: 'Shop' });
  served = await openTestListener({
    dialect: mint.open({}),
    handle: (request) => at.node.road.handle(request),
  });
});
afterEach(async () => {
  await served[Symbol.asyncDispose]();
  await at.place.remove();
});

async function send(line: string, token: string | null = ann, body?: JsonObject | string) {
  const headers = token === null ? [] : [`Authorization: Bearer ${token}`];
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await served.ask(requestBytes(line, headers, text));
  return { status: answer.status, body: answer.body, type: answer.headers.get('content-type') };
}

async function read(line: string, token?: string): Promise<JsonObject & readonly JsonObject[]> {
  const { status, body, type } = await send(line, token);
  expect([status, type]).toEqual([200, 'application/json;charset=utf-8']);
  return JSON.parse(body) as JsonObject & readonly JsonObject[];
}

const wanted = {
  is_client_confidential: true,
  redirect_url: 'https://shop.example/cb',
  s3_buckets: ['org-mint-b', 'org-mint-a'],
  kubernetes_clusters: ['aws:1:eu:kube-2', 'aws:1:eu:kube-1'],
  scopes: [
    { resource_type_id: 'sales-order', scope_id: 'write' },
    { resource_type_id: 'customer', scope_id: 'read_all' },
  ],
};

describe('mint’s API', () => {
  it('configures an application, and shows it as it did', async () => {
    expect(await send('PUT /apps/shop', ann, wanted)).toEqual({ status: 200, body: '', type: undefined });
    const modified = (await at.ask('read', 'apps/shop')).data['modified_time'];
    expect(await read('GET /apps/shop')).toEqual({
      id: 'shop',
      username: 'stups_shop',
      client_id: null,
      last_password_rotation: null,
      last_client_rotation: null,
      last_modified: modified,
      last_synced: null,
      has_problems: false,
      message: '',
      s3_errors: 0,
      redirect_url: 'https://shop.example/cb',
      is_client_confidential: true,
      s3_buckets: ['s3://org-mint-a', 's3://org-mint-b'],
      kubernetes_clusters: ['aws:1:eu:kube-1', 'aws:1:eu:kube-2'],
      scopes: [
        { resource_type_id: 'customer', scope_id: 'read_all' },
        { resource_type_id: 'sales-order', scope_id: 'write' },
      ],
    });
    expect(String(modified)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('lists applications, all or those with a scope, whatever their number', async () => {
    for (const id of ['b', 'a']) await at.ask('update', `apps/${id}`);
    await send('PUT /apps/shop', ann, wanted);
    expect((await read('GET /apps')).map(({ id }) => id)).toEqual(['a', 'b', 'shop']);
    expect(Object.keys((await read('GET /apps'))[0] ?? {}).toSorted()).toEqual([
      'has_problems',
      'id',
      'last_client_rotation',
      'last_modified',
      'last_password_rotation',
      'last_synced',
      'message',
      's3_errors',
    ]);
    const having = async (query: string) => (await read(`GET /apps?${query}`)).map(({ id }) => id);
    expect(await having('resource_type_id=customer&scope_id=read_all')).toEqual(['shop']);
    expect(await having('resource_type_id=customer&scope_id=write')).toEqual([]);
    expect(await having('scope_id=write')).toEqual(['shop']);
  });

  it('keeps what a PUT does not say, and takes only what it can', async () => {
    await send('PUT /apps/shop', ann, wanted);
    await send('PUT /apps/shop', ann, {
      is_client_confidential: false,
      redirect_url: null,
      s3_buckets: null,
    });
    expect(await read('GET /apps/shop')).toMatchObject({
      is_client_confidential: false,
      redirect_url: 'https://shop.example/cb',
      s3_buckets: ['s3://org-mint-a', 's3://org-mint-b'],
    });
    for (const wrong of [
      {},
      { ...wanted, is_client_confidential: 'yes' },
      { ...wanted, s3_buckets: 'a-bucket' },
      { ...wanted, s3_buckets: ['gs://a-bucket'] },
      { ...wanted, s3_buckets: ['A'] },
      { ...wanted, redirect_url: 'http://x.example' },
      { ...wanted, scopes: [{ resource_type_id: 'UPPER', scope_id: 'x' }] },
      'no json',
      '[]',
    ]) {
      const { status, body } = await send('PUT /apps/shop', ann, wrong);
      expect([status, JSON.parse(body)]).toEqual([400, { message: expect.stringMatching(/\w/) }]);
    }
    expect((await read('GET /apps/shop'))['is_client_confidential']).toBe(false);
    expect((await send('PUT /apps/nothing', rootToken, wanted)).status).toBe(400);
  });

  it('rotates at a renewal, deletes at a DELETE, and lets nobody write what it saw itself', async () => {
    expect(await send('POST /apps/shop/renewal')).toMatchObject({ status: 200, body: '' });
    expect((await at.ask('read', 'apps/shop/status')).data['requests_made']).toBe(1);
    const patch = await send('PATCH /apps/shop', ann, { s3_errors: 0, message: 'x' });
    expect([patch.status, patch.body]).toEqual([403, expect.stringMatching(/server itself/)]);
    expect(await send('DELETE /apps/shop')).toMatchObject({ status: 200, body: '' });
    at.place.clock.jump(1);
    await at.outside();
    for (const line of ['GET /apps/shop', 'DELETE /apps/shop', 'PATCH /apps/shop', 'POST /apps/shop/renewal'])
      expect(await send(line), line).toMatchObject({ status: 404, body: '' });
  });

  it('threat 03: has nobody without a token, and each operation needs its right', async () => {
    const lines = [
      ['GET /apps', 'service-users/status', 'read'],
      ['GET /apps/shop', 'service-users/apps/shop', 'read'],
      ['PUT /apps/shop', 'service-users/apps/shop/delivery', 'update'],
      ['DELETE /apps/shop', 'service-users/apps/shop', 'delete'],
      ['POST /apps/shop/renewal', 'service-users/apps/shop/rotate', 'update'],
      ['PATCH /apps/shop', 'service-users/apps/shop', 'read'],
    ] as const;
    await writePolicy(at.node, 'nothing', 'path "other" { capabilities = ["read"] }');
    const weak = await makeToken(at.node, { policies: ['nothing'], no_default_policy: true });
    for (const [line] of lines) {
      expect((await send(line, null, wanted)).status, line).toBe(401);
      for (const token of [weak, 'hvs.nothing', ''])
        expect([401, 403], line).toContain((await send(line, token, wanted)).status);
      expect((await send(line, weak, wanted)).body).not.toContain('payments');
    }
    const basic = [`Authorization: Basic ${Buffer.from(`oauth2:${ann}`).toString('base64')}`];
    expect((await served.ask(requestBytes('GET /apps', basic))).status).toBe(401);
    const old = [`Authorization: Token ${ann}`];
    expect((await served.ask(requestBytes('GET /apps', old))).status).toBe(200);
    // Of another team, with every right that policies give.
    const bob = await at.member('bob', ['others']);
    for (const line of ['PUT /apps/shop', 'POST /apps/shop/renewal'])
      for (const token of [bob, rootToken]) expect((await send(line, token, wanted)).status, line).toBe(403);
  });

  it('threat 12: knows no other paths, methods and ids', async () => {
    for (const line of [
      'GET /',
      'GET /ui/',
      'GET /v1/sys/health',
      'GET /apps/shop/x',
      'GET /apps/',
      'GET //apps',
    ])
      expect((await send(line)).status, line).toBe(404);
    for (const line of ['POST /apps', 'GET /apps/shop/renewal', 'POST /apps/shop'])
      expect((await send(line)).status, line).toBe(405);
    for (const id of ['Shop', '..', 'a.b', '%73hop', 'shop%2f..%2fother', 'x'.repeat(64), 'a_b'])
      expect((await send(`GET /apps/${id}`)).status, id).toBe(400);
    expect(await send('GET /.well-known/health', null)).toMatchObject({
      status: 200,
      body: '{"health":true}',
    });
  });

  it('answers curl', async () => {
    const { port } = served.listener.address;
    const told = await new Promise<string>((resolve, reject) => {
      const words = ['-sS', '--max-time', '20', '-H', '@-', `http://127.0.0.1:${port}/apps/shop`];
      const child = execFile('curl', words, (error, stdout) =>
        error === null ? resolve(stdout) : reject(error),
      );
      child.stdin?.end(`Authorization: Bearer ${ann}\n`);
    });
    expect(JSON.parse(told)).toMatchObject({ id: 'shop', username: 'stups_shop' });
  });

  it('knows its option', () => {
    expect(() => mint.open({ mount: '/x' })).toThrow(/path such as/);
    expect(() => mint.open({ other: 'x' })).toThrow(/no option other/);
    expect(mint.open({ mount: 'team/apps' })).toBeDefined();
  });
});
