import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countedUserpass } from '../../../test/fakes/cheap-userpass.ts';
import {
  type Asked,
  ask,
  expiryOf,
  finishDuties,
  keysOf,
  makePlace,
  makeToken,
  type Place,
  tokenOf,
  writePolicy,
} from '../../../test/fakes/client.ts';
import { leasedType, Outside } from '../../../test/fakes/leased-engine.ts';
import { faultyStorage } from '../../../test/fault/storage-fault.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
let outside: Outside;

beforeEach(async () => {
  outside = new Outside();
  place = await makePlace({ engines: [leasedType(outside)], authMethods: [countedUserpass().type] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
});
afterEach(() => place.remove());

const move = (from: string, to: string, at: CofferNode = node) =>
  ask(at, 'update', 'sys/remount', { from, to });
const outcome = ({ status, errors }: Asked) => [status, ...errors];
const mounted = async (at: CofferNode = node) => Object.keys((await ask(at, 'read', 'sys/mounts')).data);
const lease = async (path = 'leased/creds/app') => (await ask(node, 'read', path)).lease?.id ?? '';
const leaseKeys = () => keysOf(place.storage, 'core/lease/');

describe('moving a mount', () => {
  it('takes its secrets along, at once and on every node, and says so', async () => {
    const second = await place.node();
    await ask(second, 'read', 'sys/mounts');
    await ask(node, 'update', 'secret/data/app', { data: { a: 1 } });
    const before = (await ask(node, 'read', 'sys/mounts/secret')).data;
    const moved = await move('secret', 'teams/blue/kv/');
    expect(moved.status).toBe(200);
    expect(moved.warnings).toHaveLength(1);
    for (const each of [node, second]) {
      expect((await ask(each, 'read', 'teams/blue/kv/data/app')).data).toMatchObject({ data: { a: 1 } });
      expect((await ask(each, 'read', 'secret/data/app')).status).toBe(404);
      expect(await mounted(each)).toEqual(['cubbyhole/', 'leased/', 'sys/', 'teams/blue/kv/']);
    }
    expect((await ask(node, 'read', 'sys/mounts/teams/blue/kv')).data).toEqual(before);
    const id = String(moved.data['migration_id']);
    const status = { source_mount: 'secret/', target_mount: 'teams/blue/kv/', status: 'success' };
    expect((await ask(second, 'read', `sys/remount/status/${id}`)).data).toEqual({
      migration_id: id,
      migration_info: status,
    });
  });

  it('is on record for a week, among the other jobs', async () => {
    const id = String((await move('leased', 'other')).data['migration_id']);
    expect((await ask(node, 'read', `sys/jobs/${id}`)).data).toMatchObject({
      type: 'remount',
      subject: 'leased/ to other/',
      status: 'done',
    });
    place.clock.jump(7 * 86_400 + 1);
    await finishDuties(node, place.clock);
    expect((await ask(node, 'read', `sys/remount/status/${id}`)).status).toBe(404);
    expect((await ask(node, 'read', 'sys/remount/status/no-such-id')).status).toBe(404);
  });

  it.each([
    ['nowhere', 'x', 'no matching mount at "nowhere/"'],
    ['auth/nowhere', 'auth/x', 'no matching mount at "auth/nowhere/"'],
    ['leased/creds', 'x', 'no matching mount at "leased/creds/"'],
    ['leased', 'secret', 'path is already in use at secret/'],
    ['leased', 'secret/below', 'path is already in use at secret/'],
    ['leased', 'leased', 'path is already in use at leased/'],
    ['leased', 'leased/below', 'path is already in use at leased/'],
    ['sys', 'x', 'cannot remount "sys/"'],
    ['cubbyhole', 'x', 'cannot remount "cubbyhole/"'],
    ['identity', 'x', 'cannot remount "identity/"'],
    ['auth/token', 'auth/x', 'cannot remount "auth/token/"'],
    ['leased', 'sys', 'cannot remount to destination "sys/"'],
    ['leased', 'sys/x', 'cannot remount to destination "sys/x/"'],
    ['leased', 'cubbyhole/x', 'cannot remount to destination "cubbyhole/x/"'],
    ['leased', 'identity', 'cannot remount to destination "identity/"'],
    ['auth/people', 'auth/token/x', 'cannot remount to destination "auth/token/x/"'],
    ['leased', 'auth/x', 'cannot remount non-auth mount to auth mount "auth/x/"'],
    ['auth/people', 'x', 'cannot remount auth mount to non-auth mount "x/"'],
    ['leased', 'auth', 'cannot remount to destination "auth/"'],
    ['leased', '../x', 'from and to are mount paths: letters, digits and . _ ~ @ - between slashes'],
    ['leased', '', 'from and to are mount paths: letters, digits and . _ ~ @ - between slashes'],
    ['leased', 'a//b', 'from and to are mount paths: letters, digits and . _ ~ @ - between slashes'],
  ])('of %s to %s is refused', async (from, to, reason) => {
    await ask(node, 'update', 'sys/auth/people', { type: 'userpass' });
    const before = await mounted();
    expect(outcome(await move(from, to))).toEqual([400, reason]);
    expect(await mounted()).toEqual(before);
    expect(await keysOf(place.storage, 'core/job/')).toEqual([]);
  });

  it('to above another mount is refused', async () => {
    await ask(node, 'update', 'sys/mounts/a/b', { type: 'kv' });
    expect(outcome(await move('leased', 'a'))).toEqual([400, 'path is already in use at a/b/']);
  });

  it('wants sudo', async () => {
    await writePolicy(node, 'mover', 'path "sys/remount" { capabilities = ["update"] }');
    const token = await makeToken(node, { policies: ['mover'] });
    const answer = await ask(node, 'update', 'sys/remount', { from: 'leased', to: 'x' }, token);
    expect(answer.status).toBe(403);
  });

  it('of two at once to one place succeeds once', async () => {
    await ask(node, 'update', 'sys/mounts/b', { type: 'kv' });
    const second = await place.node();
    const answers = await Promise.all([move('leased', 'x'), move('b', 'x', second), move('secret', 'x')]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400, 400]);
    expect((await mounted()).filter((path) => path === 'x/')).toHaveLength(1);
    expect(await mounted()).toHaveLength(5);
  });

  it('is done or not after a death at any call to the store', async () => {
    for (let target = 1; target <= 24; target++) {
      let calls = 0;
      let counting = false;
      const storage = faultyStorage(place.storage, () =>
        counting && ++calls >= target
          ? { kind: target % 2 === 0 && calls === target ? 'after' : 'before' }
          : undefined,
      );
      const dying = await place.node(storage);
      await ask(dying, 'read', 'sys/mounts');
      counting = true;
      const from = (await mounted()).includes('leased/') ? 'leased' : 'moved';
      const to = from === 'leased' ? 'moved' : 'leased';
      await move(from, to, dying);
      const now = (await mounted()).filter((path) => path === 'leased/' || path === 'moved/');
      expect(now, `fault at call ${target}`).toHaveLength(1);
      expect((await ask(node, 'read', `${now[0]}creds/app`)).status).toBe(200);
      await dying.state.drop().catch(() => undefined);
    }
  });
});

describe('leases of a mount that was moved', () => {
  it('keep their names, and are looked up, renewed and ended as before', async () => {
    const [first, second] = [await lease(), await lease()];
    await move('leased', 'moved');
    expect(first).toMatch(/^leased\/creds\/app\//);
    const shown = await ask(node, 'update', 'sys/leases/lookup', { lease_id: first });
    expect(shown.data).toMatchObject({ id: first, path: 'leased/creds/app' });
    const renewed = await ask(node, 'update', 'sys/leases/renew', { lease_id: first, increment: 60 });
    expect(renewed.lease).toMatchObject({ id: first, duration: 60 });
    expect((await ask(node, 'update', 'sys/leases/revoke', { lease_id: second })).status).toBe(204);
    expect(outside.working).toHaveLength(1);
    place.clock.jump(61);
    await finishDuties(node, place.clock);
    expect(outside.working).toEqual([]);
    expect(await leaseKeys()).toEqual([]);
  });

  it('are listed below the path of then, of which the path of now tells', async () => {
    await lease();
    await move('leased', 'moved');
    const list = (prefix: string) => ask(node, 'list', `sys/leases/lookup/${prefix}`);
    expect((await list('leased/creds/app/')).data['keys']).toHaveLength(1);
    expect((await list('moved/creds/app/')).status).toBe(404);
    await lease('moved/creds/app');
    const listed = await list('moved/creds/app/');
    expect(listed.data['keys']).toHaveLength(1);
    expect(listed.warnings).toEqual([
      'a mount here was moved: leases made before are listed below leased/creds/app/',
    ]);
  });

  it.each([
    ['the path of now', 'moved', []],
    ['a path below it', 'moved/creds/app', ['outside-password-2', 'outside-password-4']],
    ['a path above it', 'deep', []],
    ['the path of then', 'leased', ['outside-password-3', 'outside-password-4']],
  ])('end with all below %s', async (_name, prefix, working) => {
    const to = prefix === 'deep' ? 'deep/moved' : 'moved';
    for (const name of ['app', 'web']) await lease(`leased/creds/${name}`);
    await move('leased', to);
    for (const name of ['app', 'web']) await lease(`${to}/creds/${name}`);
    expect((await ask(node, 'update', `sys/leases/revoke-prefix/${prefix}`)).status).toBe(204);
    expect(outside.working).toEqual(working);
  });

  it('are not those of another that came to the old path', async () => {
    await lease();
    await move('leased', 'moved');
    await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
    await lease();
    await ask(node, 'update', 'sys/leases/revoke-prefix/moved');
    expect(outside.working).toEqual(['outside-password-2']);
  });

  it('threat 18: end when it is disabled, wherever it was before', async () => {
    const made: string[] = [];
    for (const [from, to] of [
      ['leased', 'b'],
      ['b', 'c'],
      ['c', 'leased'],
      ['leased', 'd'],
    ] as const) {
      made.push(await lease(`${from}/creds/app`));
      await move(from, to);
    }
    await ask(node, 'delete', 'sys/mounts/d');
    await finishDuties(node, place.clock);
    expect(made).toHaveLength(4);
    expect(outside.made).toHaveLength(4);
    expect(outside.working).toEqual([]);
    expect(await leaseKeys()).toEqual([]);
  });

  it('that are being made while it moves end with it too', async () => {
    outside.beforeMake = async () => {
      outside.beforeMake = undefined;
      await move('leased', 'moved');
      place.clock.jump(80);
      await move('moved', 'again');
    };
    const made = await ask(node, 'read', 'leased/creds/app');
    expect(made.status).toBe(200);
    await ask(node, 'update', 'sys/leases/revoke-prefix/again');
    expect(outside.working).toEqual([]);
  });

  it('threat 15: bound how many paths of the past it has, and set it free again when they end', async () => {
    const names = Array.from({ length: 34 }, (_, at) => `p${at}`);
    await move('leased', 'p0');
    let refused: Asked | undefined;
    for (let at = 0; at + 1 < names.length && refused === undefined; at++) {
      await lease(`p${at}/creds/app`);
      const answer = await move(`p${at}`, `p${at + 1}`);
      if (answer.status !== 200) refused = answer;
    }
    expect(refused?.errors[0]).toMatch(/leases of 32 earlier paths/);
    const now = (await mounted()).find((path) => /^p\d+\/$/.test(path)) ?? '';
    await ask(node, 'update', `sys/leases/revoke-prefix/${now}`);
    expect(outside.working).toEqual([]);
    place.clock.jump(3_601);
    expect((await move(now, 'free')).status).toBe(200);
  });
});

describe('tokens of an auth method that was moved', () => {
  it('go on, are renewed, and end with it', async () => {
    await ask(node, 'update', 'sys/auth/people', { type: 'userpass' });
    const user = { password: 'a long enough password', token_policies: ['default'] };
    await ask(node, 'update', 'auth/people/users/anna', user);
    const login = (path: string) =>
      ask(node, 'update', `auth/${path}/login/anna`, { password: user.password }, null);
    const token = tokenOf(await login('people'));
    expect((await move('auth/people', 'auth/staff')).status).toBe(200);
    expect(Object.keys((await ask(node, 'read', 'sys/auth')).data)).toEqual(['staff/', 'token/']);
    expect((await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status).toBe(200);
    expect((await ask(node, 'update', 'auth/token/renew-self', {}, token)).status).toBe(200);
    expect((await login('people')).status).not.toBe(200);
    tokenOf(await login('staff'));
    await ask(node, 'delete', 'sys/auth/staff');
    expect((await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status).toBe(403);
    await expiryOf(node).run();
  });
});
