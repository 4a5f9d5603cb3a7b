import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CountedUserpass, countedUserpass } from '../../../test/fakes/cheap-userpass.ts';
import { type Asked, ask, keysOf, makePlace, type Place } from '../../../test/fakes/client.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
let userpass: CountedUserpass;

beforeEach(() => open(false));
afterEach(() => place.remove());

async function open(lmdb: boolean): Promise<void> {
  userpass = countedUserpass();
  place = await makePlace({ lmdb, authMethods: [userpass.type] });
  node = await place.node();
  await ask(node, 'update', 'sys/auth/userpass', { type: 'userpass' });
  await ask(node, 'update', 'auth/userpass/users/bob', { password: 'right' });
}

const home = '192.0.2.1';
const login = (name: string, password: string, from = home, at = node) =>
  ask(at, 'update', `auth/userpass/login/${name}`, { password }, null, { from });
const said = ({ status, errors }: Asked) => `${status} ${errors.join()}`;
const wrong = '400 invalid username or password';
const locked = '403 permission denied';
const accessor = async () => {
  const { data } = await ask(node, 'read', 'sys/auth');
  return String((data['userpass/'] as { accessor: string }).accessor);
};

async function fail(name: string, times: number, from = home): Promise<readonly string[]> {
  const answers = [];
  for (let i = 0; i < times; i++) answers.push(said(await login(name, 'wrong', from)));
  return answers;
}

describe('five failures', () => {
  it.each(['bob', 'nobody'])(
    'lock %s at that address for 15 minutes, without another derivation',
    async (name) => {
      expect(await fail(name, 7)).toEqual([wrong, wrong, wrong, wrong, wrong, locked, locked]);
      const derived = userpass.derived.length;
      expect(said(await login(name, 'right'))).toBe(locked);
      expect(userpass.derived).toHaveLength(derived);
      expect(said(await login(name, 'wrong', '198.51.100.1'))).toBe(wrong);
      place.clock.jump(15 * 60);
      expect(said(await login(name, 'wrong'))).toBe(wrong);
    },
  );

  it('do not keep the owner out at another address, and an own success clears them', async () => {
    await fail('bob', 4);
    expect((await login('bob', 'right')).status).toBe(200);
    expect(await fail('bob', 5)).toEqual([wrong, wrong, wrong, wrong, wrong]);
    expect((await login('bob', 'right', '198.51.100.1')).status).toBe(200);
  });

  it('hold over a restart and on every node', async () => {
    await fail('bob', 3);
    const second = await place.node();
    for (let i = 0; i < 2; i++) await login('bob', 'wrong', home, second);
    expect(said(await login('bob', 'right'))).toBe(locked);
    expect(said(await login('bob', 'right', home, second))).toBe(locked);
    expect(said(await login('bob', 'right', home, await place.node()))).toBe(locked);
  });

  it('from many addresses lock the name to strangers, never to where its owner has logged in before', async () => {
    expect((await login('bob', 'right')).status).toBe(200);
    for (let i = 0; i < 25; i++) expect(said(await login('bob', 'wrong', `198.51.100.${i}`))).toBe(wrong);
    expect(said(await login('bob', 'right', '203.0.113.1'))).toBe(locked);
    expect((await login('bob', 'right')).status).toBe(200);
    place.clock.jump(15 * 60);
    expect((await login('bob', 'right', '203.0.113.1')).status).toBe(200);
  });
});

describe('threat 07: one account has one counter', () => {
  it('whatever the spelling of its name that reaches it', async () => {
    const spelling = fc
      .tuple(...[...'bob'].map((letter) => fc.constantFrom(letter, letter.toUpperCase())))
      .map((letters) => letters.join(''));
    const around = fc.constantFrom('', '', '', '', ' ', '\u00a0', '\u200b', '/', '.');
    const input = fc.tuple(around, spelling, around).map((parts) => parts.join(''));
    let from = 0;
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(input, { minLength: 12, maxLength: 12 }), spelling, async (names, last) => {
        const address = `198.51.100.${++from}`;
        let reached = 0;
        for (const name of names) {
          // What does not reach the account says so by never logging in with its password.
          const asked = await login(name, 'right', '203.0.113.9').catch(() => undefined);
          if (asked?.status !== 200) continue;
          reached += 1;
          await login(name, 'wrong', address);
        }
        const outcome = said(await login(last, 'right', address)).slice(0, 3);
        expect(outcome).toBe(reached >= 5 ? '403' : '200');
        outcomes.add(outcome);
        await ask(node, 'update', `sys/locked-users/${await accessor()}/unlock/bob`);
      }),
      { numRuns: 25 },
    );
    expect(outcomes).toEqual(new Set(['200', '403']));
  });

  it.each([false, true])('also for guesses at once, on two nodes (LMDB: %s)', async (lmdb) => {
    await place.remove();
    await open(lmdb);
    const second = await place.node();
    const guesses = Array.from({ length: 60 }, (_, i) =>
      login('bob', `guess ${i}`, home, i % 2 ? node : second),
    );
    const answers = (await Promise.all(guesses)).map(said);
    expect(answers.filter((answer) => answer === wrong)).toHaveLength(5);
    expect(answers.filter((answer) => answer === locked)).toHaveLength(55);
    expect(said(await login('bob', 'right'))).toBe(locked);
  });

  it('and a name without an account has one too', async () => {
    const guesses = Array.from({ length: 60 }, (_, i) => login(i % 2 ? 'nobody' : 'NoBody', `guess ${i}`));
    const answers = (await Promise.all(guesses)).map(said);
    expect(answers.filter((answer) => answer === wrong)).toHaveLength(5);
  });
});

describe('the store', () => {
  it('threat 15: gets no record for names that nobody has', async () => {
    const before = await keysOf(place.storage, 'mount/');
    for (let i = 0; i < 50; i++) await login(`nobody-${i}`, 'wrong');
    expect(await keysOf(place.storage, 'mount/')).toEqual(before);
    await fail('bob', 9);
    expect(await keysOf(place.storage, 'mount/')).toHaveLength(before.length + 1);
  });

  it('keeps nothing of a user who is deleted, also when somebody is failing meanwhile', async () => {
    const before = (await keysOf(place.storage, 'mount/')).length;
    await fail('bob', 2);
    expect(await keysOf(place.storage, 'mount/')).toHaveLength(before + 1);
    const failing = Array.from({ length: 4 }, (_, i) => login('bob', 'wrong', `198.51.100.${i}`));
    await Promise.all([...failing, ask(node, 'delete', 'auth/userpass/users/bob')]);
    expect(await keysOf(place.storage, 'mount/')).toHaveLength(before - 1);
  });
});

describe('sys/locked-users', () => {
  it('shows locked names of existing users, and unlocks them', async () => {
    expect((await ask(node, 'read', 'sys/locked-users')).data).toEqual({ by_namespace: [], total: 0 });
    expect((await ask(node, 'list', 'sys/locked-users/')).status).toBe(404);
    await fail('Bob', 5);
    await fail('nobody', 5);
    const mount = await accessor();
    const listed = { mount_accessor: mount, counts: 1, alias_identifiers: ['bob'] };
    expect((await ask(node, 'read', 'sys/locked-users')).data).toEqual({
      by_namespace: [{ namespace_id: 'root', namespace_path: '', counts: 1, mount_accessors: [listed] }],
      total: 1,
    });
    expect((await ask(node, 'list', 'sys/locked-users/')).data).toEqual({ keys: [`${mount}/bob`] });
    const elsewhere = { mount_accessor: 'auth_userpass_00000000' };
    expect((await ask(node, 'read', 'sys/locked-users', elsewhere)).data['total']).toBe(0);
    expect((await ask(node, 'update', `sys/locked-users/${mount}/unlock/BOB`)).status).toBe(204);
    expect((await login('bob', 'right')).status).toBe(200);
    expect((await ask(node, 'update', `sys/locked-users/${mount}/unlock/nobody`)).status).toBe(204);
    expect(said(await login('nobody', 'wrong'))).toBe(wrong);
    expect((await ask(node, 'update', `sys/locked-users/${mount}/unlock/never-seen`)).status).toBe(204);
    expect((await ask(node, 'update', `sys/locked-users/${mount}/unlock/b b`)).status).toBe(400);
    expect((await ask(node, 'update', 'sys/locked-users/nothing/unlock/bob')).status).toBe(400);
  });

  it('threat 13: one method’s accessor does not unlock another’s name', async () => {
    await ask(node, 'update', 'sys/auth/people', { type: 'userpass' });
    await fail('bob', 5);
    const { data } = await ask(node, 'read', 'sys/auth');
    const other = String((data['people/'] as { accessor: string }).accessor);
    await ask(node, 'update', `sys/locked-users/${other}/unlock/bob`);
    expect(said(await login('bob', 'right'))).toBe(locked);
  });

  it('shows AppRole’s by role id', async () => {
    await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
    await ask(node, 'update', 'auth/approle/role/app', { role_id: 'a/b' });
    const attempt = (secret_id: string) =>
      ask(node, 'update', 'auth/approle/login', { role_id: 'a/b', secret_id }, null, { from: home });
    const right = String((await ask(node, 'update', 'auth/approle/role/app/secret-id')).data['secret_id']);
    for (let i = 0; i < 5; i++) expect((await attempt('wrong')).status).toBe(400);
    expect(said(await attempt(right))).toBe(locked);
    const { keys } = (await ask(node, 'list', 'sys/locked-users/')).data;
    expect(keys).toEqual([expect.stringMatching(/^auth_approle_[0-9a-f]{8}\/a\/b$/)]);
    const [key = ''] = keys as string[];
    const [mount, ...id] = key.split('/');
    expect((await ask(node, 'update', `sys/locked-users/${mount}/unlock/${id.join('/')}`)).status).toBe(204);
    expect((await attempt(right)).status).toBe(200);
  });
});
