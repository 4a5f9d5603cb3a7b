/** PATCH and SCAN of secrets that list who may read them: whoever may not read is not helped by either. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Asked, ask, rootToken, writePolicy } from '../../../test/fakes/client.ts';
import { makeRolePlace, type RolePlace } from '../../../test/fakes/role-place.ts';
import type { JsonObject } from '../../json.ts';

let at: RolePlace;
let app: string;
let admin: string;
beforeEach(async () => {
  at = await makeRolePlace();
  app = await at.role('app');
  admin = await at.role('dssssadmin');
});
afterEach(() => at.place.remove());

function put(name: string, fields: JsonObject): Promise<Asked> {
  return ask(at.node, 'update', `roles/data/${name}`, fields);
}

function patch(name: string, fields: JsonObject, token = admin): Promise<Asked> {
  return ask(at.node, 'patch', `roles/data/${name}`, fields, token);
}

async function read(name: string, token = app): Promise<unknown> {
  return (await ask(at.node, 'read', `roles/data/${name}`, {}, token)).data['data'];
}

/** As policies refuse, too. */
const refusal = [403, ['1 error occurred:\n\t* permission denied\n\n']];
const told = ({ status, errors }: Asked) => [status, errors];

describe('a patch', () => {
  beforeEach(() => put('db', { data: { user: 'a', password: 'b', more: { x: 1, y: 2 } }, roles: ['app'] }));

  it('merges into the current version, keeps the list, and tells nothing of the value', async () => {
    const answer = await patch('db', { data: { password: 'c', user: null, more: { x: null } } });
    expect(answer.status).toBe(200);
    expect(answer.data).toMatchObject({ version: 2, destroyed: false });
    expect(JSON.stringify(answer.data)).not.toContain('"c"');
    expect(await read('db')).toEqual({ password: 'c', more: { y: 2 } });
    expect((await ask(at.node, 'read', 'roles/data/db', { version: 1 }, app)).data['data']).toMatchObject({
      user: 'a',
    });
  });

  it('goes under a check, in both of its spellings', async () => {
    expect((await patch('db', { data: { a: 'x' }, cas: 2 })).status).toBe(400);
    expect((await patch('db', { data: { a: 'x' }, options: { cas: 0 } })).status).toBe(400);
    expect((await patch('db', { data: { a: 'x' }, options: { cas: 1 } })).data['version']).toBe(2);
    expect((await patch('db', { data: { a: 'y' }, cas: 2 })).data['version']).toBe(3);
  });

  it('of many at once are all merged', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const answers = await Promise.all(names.map((name) => patch('db', { data: { [name]: name } })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(await read('db')).toMatchObject({ a: 'a', b: 'b', c: 'c', d: 'd', user: 'a' });
  });

  it('threat 13: is for who may write versions, and for who reads or creates is refused as everything else', async () => {
    await ask(at.node, 'update', 'roles/config', { writers: ['*account'] });
    for (const token of [app, await at.role('nobody')]) {
      for (const name of ['db', 'nothing'])
        expect(told(await patch(name, { data: { a: 'x' } }, token))).toEqual(refusal);
      expect(told(await patch('db', {}, token))).toEqual(refusal);
    }
    expect((await patch('nothing', { data: { a: 'x' } })).status).toBe(404);
    expect(await read('db')).toMatchObject({ user: 'a' });
  });

  it('of a version that is deleted or over is answered as its reading', async () => {
    await ask(at.node, 'delete', 'roles/data/db');
    const deleted = await patch('db', { data: { a: 'x' } });
    expect([deleted.status, deleted.data['version']]).toEqual([404, 1]);
    await ask(at.node, 'update', 'roles/destroy/db', { versions: [1] });
    expect((await patch('db', { data: { a: 'x' } })).status).toBe(404);
    await put('brief', { data: { a: 'x' }, roles: ['app'], ttl: '1h' });
    at.place.clock.advance(3_601);
    expect((await patch('brief', { data: { a: 'y' } })).status).toBe(404);
  });

  it.each<[string, JsonObject, number]>([
    ['no fields', {}, 400],
    ['a bare value', { value: 'x' }, 400],
    ['both', { data: { a: 'x' }, value: 'x' }, 400],
    ['nothing that is left', { data: { user: null, password: null, more: null } }, 400],
    ['too much', { data: { a: 'x'.repeat(102_400) } }, 413],
    ['a name that nobody has', { data: { a: 'x' }, roles: ['no/body'] }, 400],
  ])('with %s changes nothing', async (_what, fields, status) => {
    expect((await patch('db', fields)).status).toBe(status);
    expect(await read('db')).toMatchObject({ user: 'a', password: 'b' });
    expect((await ask(at.node, 'read', 'roles/metadata/db', {}, app)).data['current_version']).toBe(1);
  });

  it('makes no member of the language, and leaves none', async () => {
    const hostile = JSON.parse('{"__proto__":{"polluted":true},"constructor":"x"}') as JsonObject;
    expect((await patch('db', { data: hostile })).status).toBe(200);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(await read('db')).toMatchObject({ constructor: 'x' });
  });
});

describe('a scan', () => {
  beforeEach(async () => {
    await put('a', { value: 'x', roles: ['app'] });
    await put('team/x/one', { value: 'x', roles: ['app', 'web'] });
    await put('team/y/two', { value: 'x', roles: ['web'] });
  });

  async function scan(token: string, folder = '', fields: JsonObject = {}): Promise<unknown> {
    const { status, data } = await ask(at.node, 'scan', `roles/metadata/${folder}`, fields, token);
    return status === 200 ? data['keys'] : status;
  }

  it('threat 08: shows what the caller may read in all folders, and nothing else', async () => {
    expect(await scan(app)).toEqual(['a', 'team/x/one']);
    expect(await scan(app, 'team/')).toEqual(['x/one']);
    expect(await scan(app, 'team/y/')).toBe(404);
    expect(await scan(await at.role('web'))).toEqual(['team/x/one', 'team/y/two']);
    expect(await scan(await at.role('nobody'))).toBe(404);
    expect(await scan(rootToken)).toEqual(['a', 'team/x/one', 'team/y/two']);
    expect(await scan(admin, '', { limit: 1, after: 'a' })).toEqual(['team/x/one']);
  });

  it('threat 11: shows nothing below a folder that a policy of the caller keeps shut', async () => {
    await writePolicy(at.node, 'shut', 'path "roles/metadata/team/*" { capabilities = ["deny"] }');
    expect(await scan(await at.role('app', ['shut']))).toEqual(['a']);
    expect(await scan(await at.role('dssssadmin', ['shut']))).toEqual(['a']);
  });
});
