import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Asked,
  ask,
  finishDuties,
  keysOf,
  makeToken,
  rootToken,
  storedText,
  writePolicy,
} from '../../../test/fakes/client.ts';
import { makeRolePlace, ownAccount, type RolePlace } from '../../../test/fakes/role-place.ts';
import type { JsonObject } from '../../json.ts';

let at: RolePlace;
beforeEach(async () => {
  at = await makeRolePlace();
});
afterEach(() => at.place.remove());

function put(name: string, fields: JsonObject, token: string = rootToken): Promise<Asked> {
  return ask(at.node, 'update', `roles/data/${name}`, fields, token);
}

function get(name: string, token: string = rootToken, fields: JsonObject = {}): Promise<Asked> {
  return ask(at.node, 'read', `roles/data/${name}`, fields, token);
}

/** As policies refuse, too. */
const refusal = [403, ['1 error occurred:\n\t* permission denied\n\n'], false];
const told = ({ status, errors, hasData }: Asked) => [status, errors, hasData];

async function list(token: string, folder = '', fields: JsonObject = {}): Promise<unknown> {
  const { status, data } = await ask(at.node, 'list', `roles/metadata/${folder}`, fields, token);
  return status === 200 ? data['keys'] : status;
}

describe('reading', () => {
  it('is for who is on the list, without any policy', async () => {
    const { status, data } = await put('db', { data: { user: 'a', password: 'b' }, roles: ['app'] });
    expect([status, data['version']]).toEqual([200, 1]);
    const read = await get('db', await at.role('app'));
    expect(read.data).toMatchObject({
      data: { user: 'a', password: 'b' },
      metadata: { version: 1, destroyed: false, deletion_time: '' },
    });
  });

  it('threat 08: is refused to everybody else in one way, whether the secret is there or not', async () => {
    await put('db', { value: 'x', roles: ['app'] });
    const stranger = await at.role('web');
    for (const name of ['db', 'nothing']) {
      expect(told(await get(name, stranger))).toEqual(refusal);
      expect(told(await get(name, stranger, { version: 1 }))).toEqual(refusal);
      for (const path of ['metadata', 'roles']) {
        expect(told(await ask(at.node, 'read', `roles/${path}/${name}`, {}, stranger))).toEqual(refusal);
      }
      for (const path of ['data', 'metadata']) {
        expect(told(await ask(at.node, 'delete', `roles/${path}/${name}`, {}, stranger))).toEqual(refusal);
      }
      for (const path of ['delete', 'undelete', 'destroy']) {
        const sent = { versions: [1] };
        expect(told(await ask(at.node, 'update', `roles/${path}/${name}`, sent, stranger))).toEqual(refusal);
      }
      expect(told(await put(name, { value: 'y', roles: ['web'] }, stranger))).toEqual(refusal);
    }
  });

  it('is for nobody where the list is empty, and a new name needs a list', async () => {
    expect((await put('a', { value: 'x' })).errors.join()).toMatch(/roles is missing/);
    expect((await put('a', { value: 'x', roles: [] })).status).toBe(200);
    expect(told(await get('a', await at.role('app')))).toEqual(refusal);
  });

  it('takes a place on the list of administrators too, and tells them what is not there', async () => {
    await put('db', { value: 'x', roles: ['app'] });
    const admin = await at.role('dssssadmin');
    for (const token of [admin, rootToken]) {
      expect(told(await get('db', token))).toEqual(refusal);
      expect((await get('nothing', token)).status).toBe(404);
    }
    const added = await ask(at.node, 'update', 'roles/roles/db', { add: ['dssssadmin'] }, admin);
    expect(added.data['roles']).toEqual([`aws/${ownAccount}:role/app`, `aws/${ownAccount}:role/dssssadmin`]);
    expect((await get('db', admin)).data['data']).toEqual({ value: 'x' });
    const line = JSON.stringify(at.place.auditLines());
    expect(line).toContain('"add":["dssssadmin"]');
  });
});

describe('threat 02: who is on a list is nobody else', () => {
  const role = `${ownAccount}:role/app`;

  it.each([
    ['another account', '444455556666:role/app', 'aws'],
    ['another path', `${ownAccount}:role/team/app`, 'aws'],
    ['another case', `${ownAccount}:role/App`, 'aws'],
    ['a user', `${ownAccount}:user/app`, 'aws'],
    ['the bare name at the same mount', 'app', 'aws'],
    ['another mount of the same type', role, 'others'],
    ['another method', role, 'people'],
    ['another method, by the bare name', 'app', 'people'],
    ['the magic word of old', `${ownAccount}:role/DistinguishedRoles`, 'aws'],
  ])('%s', async (_what, name, mount) => {
    await put('db', { value: 'x', roles: ['app'] });
    expect(told(await get('db', await at.logIn(name, mount)))).toEqual(refusal);
  });

  it('AppRole and userpass with an account of that name', async () => {
    for (const type of ['approle', 'userpass']) await ask(at.node, 'update', `sys/auth/${type}`, { type });
    await ask(at.node, 'update', 'auth/approle/role/app', { role_id: 'app' });
    const made = await ask(at.node, 'update', 'auth/approle/role/app/secret-id');
    const sent = { role_id: 'app', secret_id: made.data['secret_id'] ?? '' };
    const machine = await ask(at.node, 'update', 'auth/approle/login', sent, null);
    await ask(at.node, 'update', 'auth/userpass/users/app', { password: 'a-long-password' });
    const person = await ask(
      at.node,
      'update',
      'auth/userpass/login/app',
      { password: 'a-long-password' },
      null,
    );
    await put('db', { value: 'x', roles: ['app'] });
    const tokens = [machine, person].map(({ auth }) => auth?.clientToken ?? '');
    for (const token of tokens) expect(told(await get('db', token))).toEqual(refusal);
    await ask(at.node, 'update', 'roles/roles/db', { add: ['userpass/app', 'approle/app'] });
    for (const token of tokens) expect((await get('db', token)).status).toBe(200);
  });

  it('a mount that was disabled and enabled again', async () => {
    await put('db', { value: 'x', roles: ['people/ann'] });
    expect((await get('db', await at.logIn('ann', 'people'))).status).toBe(200);
    await ask(at.node, 'delete', 'sys/auth/people');
    await ask(at.node, 'update', 'sys/auth/people', { type: 'aliased' });
    expect(told(await get('db', await at.logIn('ann', 'people')))).toEqual(refusal);
    const shown = (await ask(at.node, 'read', 'roles/roles/db')).data['roles'];
    expect(shown).toEqual([expect.stringMatching(/^uuid:[0-9a-f-]{36}\/ann$/)]);
    const removed = await ask(at.node, 'update', 'roles/roles/db', { remove: shown as string[] });
    expect(removed.data['roles']).toEqual([]);
  });

  it('the mount of roles, disabled and enabled again: it makes no administrators', async () => {
    await ask(at.node, 'delete', 'sys/auth/aws');
    await ask(at.node, 'update', 'sys/auth/aws', { type: 'aws' });
    const admin = await at.role('dssssadmin');
    expect(told(await put('db', { value: 'x', roles: [] }, admin))).toEqual(refusal);
    expect((await put('db', { value: 'x', roles: ['app'] })).errors.join()).toMatch(/there no more/);
    await ask(at.node, 'update', 'roles/config', { role_mount: 'aws' });
    expect((await put('db', { value: 'x', roles: [] }, admin)).status).toBe(200);
  });

  it('a child token, a token of root’s, and root itself', async () => {
    await writePolicy(at.node, 'makes', 'path "auth/token/create" { capabilities = ["update"] }');
    await put('db', { value: 'x', roles: ['app'] });
    const parent = await at.role('app', ['makes']);
    const child = await makeToken(at.node, { policies: ['default'] }, parent);
    for (const token of [child, await makeToken(at.node, { policies: ['default'] }), rootToken]) {
      expect(told(await get('db', token))).toEqual(refusal);
    }
    expect(await list(child)).toBe(403);
  });

  it('whoever has policies for everything', async () => {
    const all = '["create", "read", "update", "delete", "list", "sudo"]';
    await writePolicy(at.node, 'all', `path "roles/*" { capabilities = ${all} }`);
    await put('db', { value: 'x', roles: ['app'] });
    const token = await at.role('web', ['all']);
    expect(told(await get('db', token))).toEqual(refusal);
    expect(told(await put('db', { value: 'y' }, token))).toEqual(refusal);
    expect(await list(token)).toBe(404);
  });
});

describe('threat 10: no name makes an administrator', () => {
  it.each([
    ['root', 'people'],
    ['dssssadmin', 'people'],
    ['dssssadmin', 'aws'],
    [`${ownAccount}:role/root`, 'aws'],
    [`${ownAccount}:role/DSSSSADMIN`, 'aws'],
    [`${ownAccount}:role/team/dssssadmin`, 'aws'],
    [`${ownAccount}:user/dssssadmin`, 'aws'],
    ['444455556666:role/dssssadmin', 'aws'],
    [`${ownAccount}:role/dssssadmin`, 'others'],
    [`${ownAccount}:role/DistinguishedRoles`, 'aws'],
  ])('%s at %s/', async (name, mount) => {
    await put('db', { value: 'x', roles: [] });
    const token = await at.logIn(name, mount, ['Root', 'roots', 'root-like']);
    for (const each of ['db', 'new']) {
      expect(told(await put(each, { value: 'y', roles: [] }, token))).toEqual(refusal);
      const changed = await ask(at.node, 'update', `roles/roles/${each}`, { add: ['app'] }, token);
      expect(told(changed)).toEqual(refusal);
    }
    expect(await list(token)).toBe(404);
  });
});

describe('threat 11: policies narrow what a list gives', () => {
  it.each([
    ['a deny', 'path "roles/data/db" { capabilities = ["deny"] }'],
    ['a rule for something else', 'path "roles/*" { capabilities = ["list"] }'],
  ])('%s', async (_what, text) => {
    await writePolicy(at.node, 'narrow', text);
    await put('db', { value: 'x', roles: ['app'] });
    const token = await at.role('app', ['narrow']);
    expect(told(await get('db', token))).toEqual(refusal);
    expect(told(await get('db', token, { version: 1 }))).toEqual(refusal);
    expect((await get('db', await at.role('app'))).status).toBe(200);
  });
});

describe('who may create', () => {
  it('is who administers, unless the config says more', async () => {
    const app = await at.role('app');
    expect(told(await put('new', { value: 'x', roles: ['app'] }, app))).toEqual(refusal);
    await ask(at.node, 'update', 'roles/config', { writers: ['*account'] });
    expect((await put('new', { value: 'x', roles: ['app'] }, app)).status).toBe(200);
    for (const [name, mount] of [
      ['444455556666:role/app', 'aws'],
      [`${ownAccount}:user/ann`, 'aws'],
      [`${ownAccount}:role/app`, 'others'],
    ]) {
      const token = await at.logIn(name ?? '', mount);
      expect(told(await put('another', { value: 'x', roles: [] }, token))).toEqual(refusal);
    }
  });

  it('threat 13: never overwrites with it, nor takes a name that was removed', async () => {
    await ask(at.node, 'update', 'roles/config', { writers: ['*account'] });
    const app = await at.role('app');
    await put('db', { value: 'x', roles: ['app'] }, app);
    for (const cas of [undefined, 0, 1]) {
      const sent = { value: 'y', roles: ['app'], ...(cas === undefined ? {} : { cas }) };
      expect(told(await put('db', sent, app))).toEqual(refusal);
    }
    expect((await get('db', app)).data['data']).toEqual({ value: 'x' });
    expect((await ask(at.node, 'delete', 'roles/metadata/db')).status).toBe(204);
    expect(told(await put('db', { value: 'mine', roles: ['app'] }, app))).toEqual(refusal);
    expect(told(await get('db', app))).toEqual(refusal);
    const again = await put('db', { value: 'z', roles: ['app'], cas: 0 });
    expect(again.data['version']).toBe(2);
    expect((await get('db', app, { version: 1 })).status).toBe(404);
  });

  it('may be asked by who may anything', async () => {
    await ask(at.node, 'update', 'roles/config', { writers: ['app'], listers: ['lister'] });
    const rights = async (token?: string) => (await ask(at.node, 'read', 'roles/rights', {}, token)).data;
    const none = { administer: false, create: false, list_all: false };
    expect(await rights(await at.role('app'))).toEqual({ ...none, create: true });
    expect(await rights(await at.role('lister'))).toEqual({ ...none, list_all: true });
    const stranger = await at.logIn(`${ownAccount}:role/app`, 'others');
    expect(told(await ask(at.node, 'read', 'roles/rights', {}, stranger))).toEqual(refusal);
    const all = { administer: true, create: true, list_all: true };
    expect([await rights(await at.role('dssssadmin')), await rights()]).toEqual([all, all]);
    await writePolicy(at.node, 'narrow', 'path "roles/rights" { capabilities = ["deny"] }');
    const narrow = await ask(at.node, 'read', 'roles/rights', {}, await at.role('app', ['narrow']));
    expect(narrow.status).toBe(403);
  });

  it('is one of many who come at once', async () => {
    await ask(at.node, 'update', 'roles/config', { writers: ['*account'] });
    const tokens = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => at.role(name)));
    const answers = await Promise.all(
      tokens.map((token, index) => put('race', { value: String(index), roles: ['a'] }, token)),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 403, 403, 403, 403]);
  });
});

describe('lists', () => {
  beforeEach(async () => {
    await put('a', { value: 'x', roles: ['app'] });
    await put('team/x/one', { value: 'x', roles: ['app', 'web'] });
    await put('team/y/two', { value: 'x', roles: ['web'] });
  });

  it('threat 08: show what the caller may read, and folders only above that', async () => {
    const app = await at.role('app');
    expect(await list(app)).toEqual(['a', 'team/']);
    expect(await list(app, 'team/')).toEqual(['x/']);
    expect(await list(app, 'team/y/')).toBe(404);
    expect(await list(await at.role('nobody'))).toBe(404);
    expect(await list(rootToken, 'team/')).toEqual(['x/', 'y/']);
  });

  it('follow each change of a list, and removal', async () => {
    await ask(at.node, 'update', 'roles/roles/team/x/one', { remove: ['app'] });
    const app = await at.role('app');
    expect(await list(app)).toEqual(['a']);
    await put('a', { value: 'y', roles: ['web'] });
    expect(await list(app)).toBe(404);
    await ask(at.node, 'delete', 'roles/metadata/a');
    expect(await list(rootToken)).toEqual(['team/']);
    expect(await list(await at.role('web'))).toEqual(['team/']);
  });

  it('keep every change of one list, made at once', async () => {
    await Promise.all(
      ['b', 'c', 'd', 'e'].map((name) => ask(at.node, 'update', 'roles/roles/a', { add: [name] })),
    );
    const { data } = await ask(at.node, 'update', 'roles/roles/a', { remove: ['app', 'nobody'] });
    expect([...(data['roles'] as string[])].toSorted()).toEqual(
      ['b', 'c', 'd', 'e'].map((name) => `aws/${ownAccount}:role/${name}`),
    );
    for (const name of ['b', 'e']) expect(await list(await at.role(name))).toEqual(['a']);
  });

  it('are of all names for listers, in pages', async () => {
    await ask(at.node, 'update', 'roles/config', { listers: ['people/ann'] });
    const ann = await at.logIn('ann', 'people');
    expect(await list(ann, '', { limit: 1 })).toEqual(['a']);
    expect(await list(ann, '', { limit: 1, after: 'a' })).toEqual(['team/']);
    expect(told(await get('a', ann))).toEqual(refusal);
  });
});

describe('versions', () => {
  it('are kept with the list that they had', async () => {
    await put('db', { value: 'one', roles: ['app'] });
    await put('db', { value: 'two', roles: ['app', 'web'], cas: 1 });
    const [app, web] = [await at.role('app'), await at.role('web')];
    expect((await get('db', web)).data['data']).toEqual({ value: 'two' });
    expect(told(await get('db', web, { version: 1 }))).toEqual(refusal);
    expect((await get('db', app, { version: 1 })).data['data']).toEqual({ value: 'one' });
    await ask(at.node, 'update', 'roles/roles/db', { remove: ['app'] });
    expect(told(await get('db', app, { version: 1 }))).toEqual(refusal);
  });

  it('are written under a check', async () => {
    expect((await put('db', { value: 'x', roles: [], cas: 1 })).status).toBe(400);
    await put('db', { value: 'x', roles: [], options: { cas: 0 } });
    const late = await put('db', { value: 'y', cas: 0 });
    expect([late.status, late.errors.join()]).toEqual([400, expect.stringMatching(/check-and-set/)]);
    expect((await put('db', { value: 'y', options: { cas: '1' } })).data['version']).toBe(2);
  });

  it('are deleted, restored, destroyed', async () => {
    const app = await at.role('app');
    await put('db', { value: 'one', roles: ['app'] });
    await put('db', { value: 'two' });
    await ask(at.node, 'delete', 'roles/data/db');
    const deleted = await get('db', app);
    expect([deleted.status, deleted.data['data']]).toEqual([404, null]);
    await ask(at.node, 'update', 'roles/undelete/db', { versions: [2, 9] });
    expect((await get('db', app)).data['data']).toEqual({ value: 'two' });
    await ask(at.node, 'update', 'roles/destroy/db', { versions: [1, 2] });
    await ask(at.node, 'update', 'roles/undelete/db', { versions: [1, 2] });
    for (const version of [1, 2]) expect((await get('db', app, { version })).status).toBe(404);
    expect((await put('db', { value: 'three' })).data['version']).toBe(3);
    const history = await ask(at.node, 'read', 'roles/metadata/db', {}, app);
    expect(history.data).toMatchObject({
      current_version: 3,
      versions: { '1': { destroyed: true }, '3': { destroyed: false } },
    });
  });

  it('are kept up to a number', async () => {
    await ask(at.node, 'update', 'roles/config', { max_versions: 4 });
    for (let count = 0; count < 8; count++) await put('db', { value: String(count), roles: ['app'] });
    await ask(at.node, 'update', 'roles/config', { max_versions: 1 });
    for (let count = 0; count < 2; count++) await put('db', { value: String(count) });
    const { versions } = (await ask(at.node, 'read', 'roles/metadata/db')).data;
    expect(Object.keys(versions as JsonObject)).toEqual(['10']);
    expect((await keysOf(at.place.storage)).filter((key) => key.includes('/version/'))).toEqual([]);
  });

  it('end by themselves, and leave nothing', async () => {
    const app = await at.role('app');
    await put('db', { value: 'one', roles: ['app'] });
    await put('db', { value: 'two', ttl: '1m' });
    await put('db', { value: 'three', expires_at: new Date(at.place.clock.now() + 120_000).toISOString() });
    expect((await get('db', app)).data['data']).toEqual({ value: 'three' });
    at.place.clock.jump(60);
    expect((await get('db', app, { version: 2 })).status).toBe(404);
    at.place.clock.jump(60);
    expect((await get('db', app)).status).toBe(404);
    expect((await get('db', app, { version: 1 })).data['data']).toEqual({ value: 'one' });
    await finishDuties(at.node, at.place.clock);
    const rests = (await keysOf(at.place.storage)).filter((key) => key.includes('/version/'));
    expect(rests.map((key) => key.slice(-2))).toEqual(['/1']);
    await ask(at.node, 'update', 'roles/undelete/db', { versions: [2, 3] });
    expect((await get('db', app)).status).toBe(404);
  });

  it('all go with the name, however many', async () => {
    await ask(at.node, 'update', 'roles/config', { max_versions: 100 });
    const roles = Array.from({ length: 32 }, (_, index) => `r${index}`);
    for (let count = 0; count < 60; count++) await put('db', { value: String(count), roles });
    await ask(at.node, 'delete', 'roles/metadata/db');
    await finishDuties(at.node, at.place.clock);
    const keys = await keysOf(at.place.storage);
    expect(keys.filter((key) => /\/(version|reader|name)\//.test(key))).toEqual([]);
    expect((await ask(at.node, 'read', 'roles/metadata/db')).status).toBe(404);
  });
});

describe('what is sent', () => {
  it.each<[string, JsonObject, RegExp]>([
    ['nothing', {}, /either data/],
    ['both forms', { value: 'x', data: { a: 1 } }, /either data/],
    ['no field', { data: {} }, /at least one field/],
    ['a mount that is not', { roles: ['nowhere/x'] }, /begins with the path of no auth mount/],
    ['a name that is none', { roles: ['a b'] }, /neither the name of an IAM role/],
    ['half a role', { roles: ['aws/app'] }, /must look like aws\/123456789012:role\/NAME/],
    ['a mount alone', { roles: ['people/'] }, /1 to 600 bytes/],
    ['a name too long', { roles: [`people/${'x'.repeat(601)}`] }, /1 to 600 bytes/],
    ['too many', { roles: Array.from({ length: 33 }, (_, index) => `r${index}`) }, /at most 32/],
    ['two ends', { ttl: 1, expires_at: '2030-01-01T00:00:00Z' }, /either ttl or expires_at/],
    ['no life', { ttl: 0 }, /longer than 0/],
    ['an end that was', { expires_at: '2001-01-01T00:00:00Z' }, /a time to come/],
    ['no date', { expires_at: 'tomorrow' }, /a time to come/],
    ['a date too far', { expires_at: '9999-01-01T00:00:00Z' }, /a time to come/],
    ['a wrong check', { options: { cas: 'x' } }, /options.cas/],
  ])('%s is refused, and nothing changed', async (what, sent, text) => {
    const before = await storedText(at.place.storage);
    const value = what === 'nothing' || 'data' in sent ? {} : { value: 'x' };
    const answer = await put('db', { roles: ['app'], ...value, ...sent });
    expect([answer.status, answer.errors.join()]).toEqual([400, expect.stringMatching(text)]);
    expect(await storedText(at.place.storage)).toBe(before);
  });

  it('threat 15: is bounded, and all within the bounds fits', async () => {
    await ask(at.node, 'update', 'roles/config', { max_versions: 100 });
    const lists = ['a', 'b'].map((word) =>
      Array.from({ length: 32 }, (_, index) => `people/${word}${index}${'"'.repeat(590)}`),
    );
    const [roles = [], others = []] = lists;
    const name = 'n'.repeat(680);
    expect((await put(name, { value: 'x'.repeat(102_000), roles })).status).toBe(200);
    const swapped = await put(name, { value: 'z', roles: others });
    expect([swapped.status, swapped.errors.join()]).toEqual([400, expect.stringMatching(/do it in two/)]);
    const most = [...roles.slice(18), ...others.slice(0, 18)];
    expect((await put(name, { value: 'y'.repeat(102_000), roles: most, ttl: 60 })).status).toBe(200);
    expect((await put('bigger', { value: 'x'.repeat(103_000), roles: [] })).status).toBe(413);
  });

  it('threat 12: names are the paths that were asked for', async () => {
    const app = await at.role('app');
    await put('ünïcode/ключ', { value: 'x', roles: ['app'] });
    expect((await get('ünïcode/ключ', app)).data['data']).toEqual({ value: 'x' });
    for (const name of ['ünïcode/КЛЮЧ', 'ünïcode', 'u\u0308nïcode/ключ'])
      expect(told(await get(name, app))).toEqual(refusal);
    expect((await put('folder/', { value: 'x', roles: [] })).status).toBe(400);
    expect((await get('ünïcode/ключ/', app)).status).toBe(400);
  });

  it('comes back as it was sent', async () => {
    const app = await at.role('app');
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), async (data) => {
        const sent = JSON.parse(JSON.stringify(data)) as JsonObject;
        await put('any', { data: sent, roles: ['app'] });
        expect((await get('any', app)).data['data']).toEqual(sent);
      }),
      { numRuns: 40 },
    );
  });
});

describe('config', () => {
  it('refuses bare names before it names an account', async () => {
    await ask(at.node, 'update', 'sys/mounts/plain', { type: 'role-secrets' });
    const sent = { value: 'x', roles: ['app'] };
    const bare = await ask(at.node, 'update', 'plain/data/a', sent);
    expect([bare.status, bare.errors.join()]).toEqual([400, expect.stringMatching(/set account/)]);
    const admin = await at.role('dssssadmin');
    expect((await ask(at.node, 'update', 'plain/data/a', { value: 'x', roles: [] }, admin)).status).toBe(403);
    expect((await ask(at.node, 'read', 'plain/config')).data).toEqual({
      account: '',
      role_mount: '',
      distinguished: [],
      writers: [],
      listers: [],
      max_versions: 10,
    });
  });

  it('is for policies, and not for who is distinguished', async () => {
    const admin = await at.role('dssssadmin');
    for (const operation of ['read', 'update'] as const) {
      expect((await ask(at.node, operation, 'roles/config', {}, admin)).status).toBe(403);
    }
  });

  it('names administrators in place of the usual one', async () => {
    await ask(at.node, 'update', 'roles/config', { distinguished: ['ops', 'people/ann'] });
    expect((await ask(at.node, 'read', 'roles/config')).data).toMatchObject({
      account: ownAccount,
      role_mount: 'aws/',
      distinguished: [`aws/${ownAccount}:role/ops`, 'people/ann'],
    });
    for (const token of [await at.role('ops'), await at.logIn('ann', 'people')]) {
      expect((await put('db', { value: 'x', roles: [] }, token)).status).toBe(200);
    }
    for (const token of [await at.role('dssssadmin'), await at.logIn('ops', 'people')]) {
      expect(told(await put('db', { value: 'x' }, token))).toEqual(refusal);
    }
  });

  it.each<[JsonObject, RegExp]>([
    [{ account: '12' }, /12 digits/],
    [{ role_mount: 'people/' }, /of type aws/],
    [{ max_versions: 0 }, /1 to 100/],
    [{ writers: ['nowhere/x'] }, /no auth mount/],
    [{ distinguished: ['*account'] }, /neither/],
    [{ listers: Array.from({ length: 65 }, (_, index) => `r${index}`) }, /at most 64/],
  ])('refuses %j', async (sent, text) => {
    const before = (await ask(at.node, 'read', 'roles/config')).data;
    const answer = await ask(at.node, 'update', 'roles/config', sent);
    expect([answer.status, answer.errors.join()]).toEqual([400, expect.stringMatching(text)]);
    expect((await ask(at.node, 'read', 'roles/config')).data).toEqual(before);
  });

  it('needs an account for role_mount and *account', async () => {
    await ask(at.node, 'update', 'sys/mounts/plain', { type: 'role-secrets' });
    for (const sent of [{ role_mount: 'aws' }, { writers: ['*account'] }]) {
      expect((await ask(at.node, 'update', 'plain/config', sent)).errors.join()).toMatch(/account/);
    }
  });

  it('lets clients of kv ask what the mount is, who have no policy for it', async () => {
    const path = 'sys/internal/ui/mounts/roles/data/x';
    const asked = await ask(at.node, 'read', path, {}, await at.role('app'));
    expect(asked.data).toMatchObject({ type: 'role-secrets', options: { version: '2' }, path: 'roles/' });
    expect(
      (await ask(at.node, 'read', 'sys/internal/ui/mounts/secret/x', {}, await at.role('app'))).status,
    ).toBe(403);
    const nobody = await makeToken(at.node, { policies: ['default'] });
    expect((await ask(at.node, 'read', path, {}, nobody)).status).toBe(403);
  });

  it('takes no options at the mount', async () => {
    const sent = { type: 'role-secrets', options: { account: ownAccount } };
    expect((await ask(at.node, 'update', 'sys/mounts/more', sent)).errors.join()).toMatch(/no options/);
  });
});

describe('threat 25: who can write the store', () => {
  /** Copies what rests at the first key that matches to the first that matches the other. */
  async function copy(from: RegExp, to: RegExp): Promise<void> {
    const keys = await keysOf(at.place.storage);
    const [source, goal] = [from, to].map((each) => keys.find((key) => each.test(key)));
    if (source === undefined || goal === undefined) throw new Error('no such records');
    const record = await at.place.storage.read(source as never);
    await at.place.storage.commit([{ key: goal as never, value: record?.value ?? null }]);
  }

  it('can’t give a value another name, version or list', async () => {
    const app = await at.role('app');
    await put('mine', { value: 'mine', roles: ['app'] });
    await put('theirs', { value: 'theirs', roles: ['web'] });
    await put('mine', { value: 'newer' });
    await put('mine', { value: 'newest' });
    await copy(/\/secret\/theirs$/, /\/secret\/mine$/);
    expect((await get('mine', app)).status).toBe(500);
    await copy(/\/version\/.*\/1$/, /\/version\/.*\/2$/);
    await put('other', { value: 'x', roles: ['app'] });
    await copy(/\/secret\/other$/, /\/secret\/theirs$/);
    expect((await get('theirs', app)).status).toBe(500);
  });

  it('can’t renumber versions', async () => {
    const app = await at.role('app');
    for (const value of ['one', 'two', 'three']) await put('mine', { value, roles: ['app'] });
    await copy(/\/version\/.*\/1$/, /\/version\/.*\/2$/);
    expect((await get('mine', app, { version: 2 })).status).toBe(500);
    expect((await get('mine', app, { version: 1 })).data['data']).toEqual({ value: 'one' });
  });

  it('gets with an earlier list no later value', async () => {
    const app = await at.role('app');
    await put('db', { value: 'one', roles: ['app'] });
    const key = (await keysOf(at.place.storage)).find((each) => each.endsWith('/secret/db'));
    const earlier = await at.place.storage.read(key as never);
    await put('db', { value: 'two', roles: ['web'] });
    expect(told(await get('db', app))).toEqual(refusal);
    await at.place.storage.commit([{ key: key as never, value: earlier?.value ?? null }]);
    expect((await get('db', app)).data['data']).toEqual({ value: 'one' });
    for (const version of [2, 3]) expect((await get('db', app, { version })).status).toBe(404);
  });
});
