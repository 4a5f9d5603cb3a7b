/** The mounted table, on a table in memory: what a client sees of it, and what the table then holds. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, makeToken, type Place } from '../../../test/fakes/client.ts';
import { makeTablePlace, type TablePlace } from '../../../test/fakes/credstash-place.ts';
import { AwsError, type AwsReason } from '../../aws/aws-error.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { credstash } from './credstash.ts';

let table: TablePlace;
let place: Place;
let node: CofferNode;
/** Addresses that were opened, in order. */
let opened: JsonObject[];
let closed = 0;
/** As the server's settings have them. */
let endpoints: string[];
beforeEach(async () => {
  table = makeTablePlace();
  opened = [];
  closed = 0;
  endpoints = ['https://aws.internal'];
  const type = credstash({ env: {}, endpoints, profiles: ['secrets'] }, (address) => {
    opened.push(JSON.parse(JSON.stringify(address)));
    table.items.close = () => void closed++;
    return { store: table.items, service: table.kms };
  });
  place = await makePlace({ engines: [type] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/shared', { type: 'credstash' });
});
afterEach(() => place.remove());

const configured = (more: JsonObject = {}) =>
  ask(node, 'update', 'shared/config', {
    table: 'secrets',
    region: 'eu-central-1',
    key: 'alias/test',
    ...more,
  });
const put = (name: string, data: JsonObject, more: JsonObject = {}, token?: string) =>
  ask(node, 'update', `shared/data/${name}`, { data, ...more }, token);
const get = (name: string, query: JsonObject = {}, token?: string) =>
  ask(node, 'read', `shared/data/${name}`, query, token);

/** Throws for calls of this name from now on. */
function fails(call: string, error: () => Error, of: 'items' | 'kms' = 'items'): void {
  table[of].before = (asked: string) => {
    if (asked === call) throw error();
  };
}

describe('a mounted table', () => {
  it('says that data/ goes before a name, takes no options, and wants a config first', async () => {
    const mounts = (await ask(node, 'read', 'sys/mounts')).data;
    expect(mounts['shared/']).toMatchObject({ type: 'credstash', options: { version: '2' } });
    const refused = await ask(node, 'update', 'sys/mounts/other', {
      type: 'credstash',
      options: { table: 'a' },
    });
    expect(refused).toMatchObject({ status: 400 });
    expect(await get('db')).toMatchObject({
      status: 400,
      errors: ['this mount has no table yet: write its config first'],
    });
    expect(table.items.calls).toEqual({});
  });

  it('shows names without values, as deep as asked, for a call to KMS', async () => {
    await configured();
    await put('db', { user: 'app', hosts: { main: { port: 1 }, none: {} } });
    const names = (query: JsonObject = {}, token?: string) =>
      ask(node, 'read', 'shared/subkeys/db', query, token);
    const all = await names();
    expect(all).toMatchObject({
      status: 200,
      data: {
        subkeys: { user: null, hosts: { main: { port: null }, none: null } },
        metadata: { version: 1 },
      },
    });
    expect(JSON.stringify(all.data)).not.toContain('app');
    expect((await names({ depth: 1 })).data['subkeys']).toEqual({ user: null, hosts: null });
    expect(await names({ depth: -1 })).toMatchObject({ status: 400 });
    expect(await names({ version: 7 })).toMatchObject({ status: 404 });
    await ask(node, 'delete', 'shared/data/db');
    expect(await names()).toMatchObject({ status: 404, data: { subkeys: null } });
    fails('decrypt', () => new AwsError('denied', 'no'), 'kms');
    expect(await names({ version: 1 })).toMatchObject({ status: 404 });
    await put('db', { user: 'app' });
    expect(await names()).toMatchObject({ status: 403 });
  });

  it.each([
    ['move', { from: 'shared/a', to: 'shared/b' }],
    ['copy', { from: 'shared/a', to: 'shared/b' }],
    ['restore', { path: 'shared/a', at: '2026-03-01T12:00:00Z', recursive: true }],
  ])('is told apart from kv by a %s, and keeps what it has', async (verb, body) => {
    await configured();
    await put('a', { user: 'app' });
    const answer = await ask(node, 'update', `sys/secrets/${verb}`, body);
    expect(answer).toMatchObject({ status: 405, errors: [expect.stringContaining('shared/')] });
    expect((await get('a')).data).toMatchObject({ data: { user: 'app' } });
  });

  it('writes, reads, checks and patches versions as kv does', async () => {
    await configured();
    const first = await put('shop/db', { user: 'app', password: 'x' }, { options: { cas: 0 } });
    expect(first).toMatchObject({ status: 200, data: { version: 1, destroyed: false, deletion_time: '' } });
    expect(await put('shop/db', { a: 'b' }, { options: { cas: 0 } })).toMatchObject({ status: 400 });
    expect(await put('shop/db', { a: 'b' }, { options: { cas: 'x' } })).toMatchObject({ status: 400 });
    const patched = await ask(node, 'patch', 'shared/data/shop/db', { data: { user: null, port: 5432 } });
    expect(patched).toMatchObject({ status: 200, data: { version: 2 } });
    const read = await get('shop/db');
    expect(read.data).toMatchObject({ data: { password: 'x', port: 5432 }, metadata: { version: 2 } });
    expect((await get('shop/db', { version: 1 })).data['data']).toEqual({ user: 'app', password: 'x' });
    expect(await get('shop/db', { version: 9 })).toMatchObject({ status: 404 });
    expect(await get('nothing')).toMatchObject({ status: 404 });
    expect(await ask(node, 'patch', 'shared/data/nothing', { data: { a: '1' } })).toMatchObject({
      status: 404,
    });
    for (const data of [undefined, {}, 'text']) {
      const bad = await ask(node, 'update', 'shared/data/shop/db', data === undefined ? {} : { data });
      expect(bad.status, JSON.stringify(data)).toBe(400);
    }
    expect((await get('shop/db')).data['metadata']).toMatchObject({ version: 2 });
  });

  it('deletes, restores, destroys and removes', async () => {
    await configured();
    for (const value of ['one', 'two', 'three']) await put('db', { value });
    expect(await ask(node, 'delete', 'shared/data/db')).toMatchObject({ status: 204 });
    const gone = await get('db');
    expect(gone).toMatchObject({
      status: 404,
      data: { data: null, metadata: { version: 3, destroyed: false } },
    });
    expect(await ask(node, 'update', 'shared/undelete/db', { versions: [3] })).toMatchObject({ status: 204 });
    expect((await get('db')).data['data']).toEqual({ value: 'three' });
    await ask(node, 'update', 'shared/delete/db', { versions: [1, 77] });
    await ask(node, 'update', 'shared/destroy/db', { versions: '2' });
    const { data } = await ask(node, 'read', 'shared/metadata/db');
    expect(data).toMatchObject({ current_version: 3, oldest_version: 1, max_versions: 0 });
    expect(Object.keys(data['versions'] as JsonObject)).toEqual(['1', '3']);
    expect(await ask(node, 'update', 'shared/destroy/db', {})).toMatchObject({ status: 400 });
    expect(await ask(node, 'delete', 'shared/metadata/db')).toMatchObject({ status: 204 });
    expect(table.items.items.size).toBe(0);
    expect(await ask(node, 'read', 'shared/metadata/db')).toMatchObject({ status: 404 });
  });

  it('lists and scans names, in pages too, and tells of those that are no paths', async () => {
    await configured();
    for (const name of ['b', 'a/one', 'a/two/deep', 'ä']) await put(name, { value: 'x' });
    const direct = table.open();
    await direct.write({ name: 'a//odd', bytes: Buffer.from('x'), shape: 'bare' });
    const top = await ask(node, 'list', 'shared/metadata/');
    expect(top.data['keys']).toEqual(['a/', 'b', 'ä']);
    expect(top.warnings).toHaveLength(1);
    expect((await ask(node, 'list', 'shared/metadata/a/')).data['keys']).toEqual(['one', 'two/']);
    expect((await ask(node, 'scan', 'shared/metadata/')).data['keys']).toEqual([
      'a/one',
      'a/two/deep',
      'b',
      'ä',
    ]);
    const page = { after: 'a/', limit: 1 };
    expect((await ask(node, 'list', 'shared/metadata/', page)).data['keys']).toEqual(['b']);
    expect(await ask(node, 'list', 'shared/metadata/none/')).toMatchObject({ status: 404 });
  });

  it('keeps bare values, bytes and maps as the command line does', async () => {
    await configured();
    const secrets = [
      { value: 'text' },
      { value: '{"looks":"like a map"}' },
      { value: 'data:application/octet-stream;base64,/w==' },
      { value: 5 },
      { value: '' },
      { ['__proto__']: 'a', 'ключ 🔑': ['deep', { a: null }] },
    ];
    for (const [index, secret] of secrets.entries()) {
      await put(`s${index}`, secret);
      expect((await get(`s${index}`)).data['data']).toEqual(secret);
    }
    expect((await table.open().read('s2')).bytes).toEqual(Buffer.from([0xff]));
  });

  it('refuses what is too large for an item, with nothing written', async () => {
    await configured();
    const refused = await put('big', { value: 'x'.repeat(420_000) });
    expect(refused).toMatchObject({ status: 413 });
    expect(refused.errors[0]).toContain('DynamoDB takes 409600');
    expect(table.items.items.size).toBe(0);
    expect(await put('big', { value: 'x'.repeat(400_000) })).toMatchObject({ status: 200 });
  });

  it('does not delete softly in a format in which nothing comes back', async () => {
    await configured({ format: 'credsmash' });
    await put('old', { value: 'x' });
    for (const answer of [
      await ask(node, 'delete', 'shared/data/old'),
      await ask(node, 'update', 'shared/delete/old', { versions: [1] }),
    ]) {
      expect(answer.status).toBe(405);
      expect(answer.errors[0]).toContain('metadata/');
    }
    expect((await get('old')).data['metadata']).toMatchObject({ created_time: '', version: 1 });
  });

  it('tells clients when to ask again, where its config does', async () => {
    await configured({ ttl: '5m' });
    await put('db', { value: 'x' });
    expect((await get('db')).lease).toMatchObject({ duration: 300, renewable: false, id: '' });
  });

  it('gives each of many writers a version of its own', async () => {
    await configured();
    const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => put('race', { value: `${n}` })));
    const versions = answers.map(({ data }) => Number(data['version'])).toSorted((a, b) => a - b);
    expect(versions).toEqual(Array.from({ length: 12 }, (_, n) => n + 1));
  });
});

describe('the config of a mounted table', () => {
  it('is shown as it was written, replaced as a whole, and let go of', async () => {
    await configured({
      context: { app: 'shop' },
      allowed_context: ['env'],
      role_arn: 'arn:aws:iam::111122223333:role/r',
      external_id: 'xy',
    });
    const role = { roleArn: 'arn:aws:iam::111122223333:role/r', externalId: 'xy' };
    expect(opened[0]).toMatchObject({ account: role, kmsAccount: role });
    const shown = (await ask(node, 'read', 'shared/config')).data;
    expect(shown).toMatchObject({
      table: 'secrets',
      region: 'eu-central-1',
      key: 'alias/test',
      context: { app: 'shop' },
      allowed_context: ['env'],
      external_id: 'xy',
      format: '',
    });
    await put('db', { value: 'x' }, { context: { env: 'prod' } });
    await configured();
    expect((await ask(node, 'read', 'shared/config')).data).toMatchObject({ context: {}, role_arn: '' });
    expect(opened.at(-1)).toMatchObject({ table: 'secrets', account: { region: 'eu-central-1' } });
    await ask(node, 'delete', 'shared/config');
    expect(await get('db')).toMatchObject({ status: 400 });
    expect(table.items.items.size).toBe(1);
    expect(closed).toBe(opened.length);
  });

  it('refuses what cannot be, all of it before AWS is asked', async () => {
    for (const wrong of [
      { table: '' },
      { table: 'a/b' },
      { region: 'evil.example/' },
      { key: 'alias/../x?' },
      { format: 'other' },
      { role_arn: 'role' },
      { external_id: 'x y' },
      { context: { 'aws:x': 'y' } },
      { context: { a: '' } },
      { allowed_context: ['coffer:name'] },
      { ttl: '48h' },
    ]) {
      expect((await configured(wrong)).status, JSON.stringify(wrong)).toBe(400);
    }
    expect(opened).toEqual([]);
    expect(await ask(node, 'read', 'shared/config')).toMatchObject({ status: 404 });
  });

  it('keeps nothing that does not work, unless told to', async () => {
    fails('get', () => new AwsError('denied', 'AWS denies it to arn:aws:iam::111122223333:user/who'));
    const refused = await configured();
    expect(refused).toMatchObject({ status: 503, errors: [expect.not.stringContaining('arn:')] });
    expect(await ask(node, 'read', 'shared/config')).toMatchObject({ status: 404 });
    expect(await configured({ verify: false })).toMatchObject({ status: 204 });
  });

  it('threat 21: leads the server to no address and no identity but those of its own settings', async () => {
    for (const wrong of [
      { endpoint: 'http://169.254.169.254/latest' },
      { endpoint: 'https://aws.internal.evil.example' },
      { kms_endpoint: 'http://127.0.0.1:8200' },
      { endpoint: 'https://aws.internal@evil.example' },
      { endpoint: 'file:///etc/passwd' },
      { profile: 'default' },
      { region: 'x.evil.example' },
    ]) {
      const refused = await configured({ ...wrong, verify: false });
      expect(refused.status, JSON.stringify(wrong)).toBe(400);
    }
    expect(opened).toEqual([]);
    const right = {
      endpoint: 'https://aws.internal/',
      kms_endpoint: 'https://aws.internal',
      profile: 'secrets',
    };
    expect(await configured(right)).toMatchObject({ status: 204 });
    expect(opened).toHaveLength(1);
  });

  it('threat 21: is held against the settings anew once they are narrower', async () => {
    await configured({ endpoint: 'https://aws.internal' });
    await put('db', { value: 'x' });
    endpoints.length = 0;
    const later = await place.node();
    expect(await ask(later, 'read', 'shared/data/db')).toMatchObject({
      status: 400,
      errors: [expect.stringContaining('aws.endpoints')],
    });
  });

  it('lets requests bring the pairs of the context that it lists, and no others', async () => {
    await configured({ context: { app: 'shop' }, allowed_context: ['env'] });
    expect(await put('db', { value: 'x' }, { context: { env: 'prod' } })).toMatchObject({ status: 200 });
    expect(table.kms.contexts.at(-1)).toMatchObject({ app: 'shop', env: 'prod' });
    expect((await get('db', { context: 'env=prod' })).data['data']).toEqual({ value: 'x' });
    expect(await get('db')).toMatchObject({ status: 400 });
    expect(await get('db', { context: ['env=prod', 'other=1'] })).toMatchObject({ status: 400 });
    expect(await put('db', { value: 'y' }, { context: { app: 'mine' } })).toMatchObject({ status: 400 });
    expect(await put('db', { value: 'y' }, { context: { 'coffer:name': 'mine' } })).toMatchObject({
      status: 400,
    });
  });
});

describe('what AWS refuses', () => {
  beforeEach(async () => {
    await configured();
    for (const name of ['a', 'b']) await put(name, { value: name });
  });

  const statuses: Readonly<Partial<Record<AwsReason, number>>> = {
    throttled: 429,
    timeout: 503,
    network: 503,
    'aws-fault': 503,
    denied: 503,
    'not-found': 503,
    'bad-credentials': 503,
    invalid: 503,
  };

  it.each(Object.entries(statuses))('%s answers %i, never less than there is', async (reason, status) => {
    const error = () => new AwsError(reason as AwsReason, 'from AWS: arn:aws:iam::111122223333:role/server');
    for (const call of ['query', 'scan'] as const) {
      fails(call, error);
      const answer = call === 'query' ? await get('a') : await ask(node, 'list', 'shared/metadata/');
      expect(answer.status).toBe(status);
      expect(answer.errors.join()).not.toContain('arn:');
      expect(answer.data).toEqual({});
    }
  });

  it('a table that is missing is no secret that is missing', async () => {
    const cause = new AwsError('not-found', 'there is no table');
    fails('query', () => new CofferError('not_found', 'a table that is being made', { cause }));
    expect(await get('a')).toMatchObject({ status: 503 });
  });

  it('of one item says nothing of the others', async () => {
    table.kms.before = (call, context) => {
      if (call === 'decrypt' && context['coffer:name'] === 'a') throw new AwsError('denied', 'arn:aws:kms:x');
    };
    expect(await get('a')).toMatchObject({ status: 403, errors: [expect.not.stringContaining('arn:')] });
    expect(await get('b')).toMatchObject({ status: 200 });
  });

  it('is felt with the next request, for no data key is kept', async () => {
    expect(await get('a')).toMatchObject({ status: 200 });
    fails('decrypt', () => new AwsError('denied', 'no more'), 'kms');
    expect(await get('a')).toMatchObject({ status: 403 });
  });

  it('asks for the settings of the table once a minute', async () => {
    const asked = () => table.items.calls['get'] ?? 0;
    const before = asked();
    for (let n = 0; n < 5; n++) await put('a', { value: `${n}` });
    const within = asked() - before;
    place.clock.advance(61_000);
    await put('a', { value: 'later' });
    expect(asked() - before).toBe(within + 1);
    expect(within).toBeLessThanOrEqual(1);
  });
});

describe('policies and the audit log', () => {
  it('stand before the table, and a caller without rights costs no call', async () => {
    await configured();
    await put('shop/db', { value: 'a' });
    await ask(node, 'update', 'sys/policies/acl/shop', {
      policy: 'path "shared/data/shop/*" { capabilities = ["read"] }',
    });
    const token = await makeToken(node, { policies: ['shop'] });
    expect(await get('shop/db', {}, token)).toMatchObject({ status: 200 });
    const calls = JSON.stringify([table.items.calls, table.kms.calls]);
    expect(await put('shop/db', { value: 'b' }, {}, token)).toMatchObject({ status: 403 });
    expect(await get('other', {}, token)).toMatchObject({ status: 403 });
    expect(await ask(node, 'read', 'shared/config', {}, token)).toMatchObject({ status: 403 });
    expect(JSON.stringify([table.items.calls, table.kms.calls])).toBe(calls);
  });

  it('a scan shows names that the caller may see, and no others', async () => {
    await configured();
    for (const name of ['shop/db', 'shop/hidden', 'else/db']) await put(name, { value: 'x' });
    await ask(node, 'update', 'sys/policies/acl/scan', {
      policy:
        'path "shared/metadata/*" { capabilities = ["list", "scan"] } path "shared/metadata/shop/hidden" { capabilities = ["deny"] }',
    });
    const token = await makeToken(node, { policies: ['scan'] });
    const { status, data } = await ask(node, 'scan', 'shared/metadata/', {}, token);
    expect([status, data['keys']]).toEqual([200, ['else/db', 'shop/db']]);
  });

  it('threat 16: shows no value, whatever becomes of it', async () => {
    await configured();
    const canary = 'canary-of-a-value';
    await put('db', { value: canary, [canary]: 'x' });
    await put('db', { value: canary }, { options: { cas: canary } });
    await get('db');
    await ask(node, 'patch', 'shared/data/db', { data: { more: canary } });
    fails('put', () => new AwsError('unknown', 'no'));
    await put('db', { value: canary });
    expect(JSON.stringify(place.auditLines())).not.toContain(canary);
    expect(JSON.stringify(place.log)).not.toContain(canary);
  });

  it('threat 19: values and names that look like code or templates are text', async () => {
    await configured();
    const words = [
      '{{ identity.entity.id }}',
      '{% raw %}',
      `\${process.exit(1)}`,
      '$(id)',
      '#{7*7}',
      '../../x',
    ];
    for (const [index, word] of words.entries()) {
      await put(`t${index}`, { value: word, [word]: word });
      expect((await get(`t${index}`)).data['data']).toEqual({ value: word, [word]: word });
    }
    expect(await put('{{name}}', { value: 'x' })).toMatchObject({ status: 200 });
    expect((await ask(node, 'list', 'shared/metadata/')).data['keys']).toContain('{{name}}');
  });
});
