/** Roles on a real PostgreSQL server, as its superuser and as one who may only make roles. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { mountView } from '../../../test/fakes/mount-view.ts';
import { type DatabasePlace, databasePlace } from '../../../test/setup/database-place.ts';
import { systemRandom } from '../../crypto/random.ts';
import { asCofferError } from '../../errors.ts';
import { describeProvider, serviceUser } from '../provider.contract.ts';
import type { Credential, OpenProvider, ProviderTurn, ServiceUser } from '../provider.ts';
import { postgresRoles } from './postgres.ts';

const clock = new HandClock();
const surroundings = {
  clock,
  random: systemRandom,
  mountPath: 'service-users/',
  digest: (text: string) => text,
};
const place = await databasePlace('postgresql');

interface Asker {
  readonly username: string;
  readonly password: string;
}

function opened(
  at: DatabasePlace,
  { username, password }: Asker,
  options: Record<string, string> = {},
): OpenProvider {
  const { host, port } = at.server;
  const own = { host, port: String(port), database: at.name, username };
  return postgresRoles.open({ options: { ...own, ...options }, secret: password }, surroundings);
}

async function logsIn(at: DatabasePlace, { id, secret }: Credential): Promise<boolean> {
  return at.whoAmI(id, secret ?? '').then(
    () => true,
    () => false,
  );
}

/** Ends with everything that its tests made on the server, which others use as well. */
async function dropAll(at: DatabasePlace, prefix: string): Promise<void> {
  for (const name of (await at.users(prefix)).toReversed()) {
    await at.sql(`DROP OWNED BY "${name.replaceAll('"', '""')}" CASCADE`);
    await at.sql(`DROP ROLE "${name.replaceAll('"', '""')}"`);
  }
}

describe.skipIf(place === undefined)('on a server', () => {
  if (place === undefined) return;
  const owner = { username: place.name, password: place.password };
  const maker = { username: `maker_${place.name}`, password: randomBytes(12).toString('hex') };
  const traits = { kinds: { password: { oldEndsAt: 'retire' } }, most: 2 } as const;
  beforeAll(async () => {
    await place.sql(`CREATE ROLE ${maker.username} LOGIN CREATEROLE PASSWORD '${maker.password}'`);
  });
  afterAll(async () => {
    await dropAll(place, 'stups_shop-');
    await dropAll(place, 'many-');
    await place.close();
  });

  for (const [as, asker] of [
    ['a superuser', owner],
    ['a role that makes roles', maker],
  ] as const) {
    describeProvider(
      `postgres as ${as}`,
      async () => ({
        open: () => opened(place, asker),
        turn: { view: await mountView(), signal: new AbortController().signal },
        works: (_user, credential) => logsIn(place, credential),
        close: async () => {},
      }),
      traits,
    );
  }

  describe('roles of applications', () => {
    let turn: ProviderTurn;
    let provider: OpenProvider;
    beforeAll(async () => {
      turn = { view: await mountView(), signal: new AbortController().signal };
      provider = opened(place, maker);
    });
    afterAll(() => provider.close());

    const stage = (user: ServiceUser, generation: number, current?: Credential) =>
      provider.stage(
        user,
        { kind: 'password', generation, proposed: randomBytes(24).toString('base64url'), current },
        turn,
      );
    const rolesOf = ({ username }: ServiceUser) => place.users(username);

    it('take turns, and belong together', async () => {
      const user = serviceUser();
      await provider.ensure(user, turn);
      const first = await stage(user, 1);
      const second = await stage(user, 2, first);
      expect([first.id, second.id]).toEqual([`${user.username}_a`, `${user.username}_b`]);
      expect((await stage(user, 3, second)).id).toBe(first.id);
      // What one of them makes is the other's as well.
      await place.sql(`GRANT CREATE ON SCHEMA public TO "${user.username}"`);
      expect(await place.whoAmI(second.id, second.secret ?? '')).toBe(user.username);
    });

    it('threat 16: have passwords that the server is never told', async () => {
      const user = serviceUser();
      await provider.ensure(user, turn);
      const staged = await stage(user, 1);
      const [row] = await place.sql('SELECT rolpassword AS kept FROM pg_authid WHERE rolname = $1', [
        staged.id,
      ]);
      expect(String(row?.['kept'])).toMatch(/^SCRAM-SHA-256\$4096:/);
      expect(String(row?.['kept'])).not.toContain(staged.secret);
    });

    it('end their sessions with disabling and with revoking, and not with retiring', async () => {
      const user = serviceUser();
      await provider.ensure(user, turn);
      const first = await stage(user, 1);
      const { Client } = await import('pg');
      const { host, port } = place.server;
      const session = async () => {
        const client = new Client({
          host,
          port,
          user: first.id,
          password: first.secret ?? '',
          database: place.name,
        });
        client.on('error', () => undefined);
        await client.connect();
        return client;
      };
      const one = await session();
      const two = await stage(user, 2, first);
      await provider.retireOthers(user, 'password', [two], turn);
      await expect(session()).rejects.toThrow();
      await one.query('SELECT 1');
      await provider.revokeSessions?.(user, turn);
      await expect(one.query('SELECT 1')).rejects.toThrow();
      expect(await logsIn(place, two)).toBe(true);
      await one.end().catch(() => undefined);
    });

    it('stay retired when their user is disabled and enabled again', async () => {
      const user = serviceUser();
      await provider.ensure(user, turn);
      const first = await stage(user, 1);
      const second = await stage(user, 2, first);
      await provider.retireOthers(user, 'password', [second], turn);
      await provider.disable(user.username, turn);
      await provider.ensure(user, turn);
      const rows = await place.sql(
        'SELECT rolname::text AS name, rolcanlogin AS login FROM pg_roles WHERE rolname = ANY($1::name[])',
        [`{"${first.id}","${second.id}"}`],
      );
      expect(Object.fromEntries(rows.map(({ name, login }) => [name, login]))).toEqual({
        [first.id]: false,
        [second.id]: true,
      });
    });

    it('threat 27: are members of what the options name and what scopes of the prefix stand for, and of nothing else', async () => {
      const prefix = `scope_${randomBytes(3).toString('hex')}_`;
      for (const name of ['base', 'sales.read', 'sales.write']) {
        await place.sql(`CREATE ROLE "${prefix}${name}"`);
        // From PostgreSQL 16 on CREATEROLE alone passes on only what the login made.
        await place.sql(`GRANT "${prefix}${name}" TO ${maker.username} WITH ADMIN OPTION`);
      }
      const groups = async ({ username }: ServiceUser) =>
        (
          await place.sql(
            `SELECT g.rolname::text AS name FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
               JOIN pg_roles u ON u.oid = m.member WHERE u.rolname = $1 ORDER BY 1`,
            [username],
          )
        ).map(({ name }) => String(name).replace(prefix, ''));
      const user = serviceUser({ scopes: [{ resourceType: 'sales', id: 'read' }] });
      const scoped = opened(place, maker, { member_of: `${prefix}base`, scope_prefix: prefix });
      await scoped.ensure(user, turn);
      await scoped.ensure(user, turn);
      expect(await groups(user)).toEqual(['base', 'sales.read']);
      await scoped.ensure({ ...user, scopes: [{ resourceType: 'sales', id: 'write' }] }, turn);
      expect(await groups(user)).toEqual(['base', 'sales.write']);
      const plain = serviceUser({ scopes: [{ resourceType: '', id: 'pg_read_all_data' }] });
      await provider.ensure(plain, turn);
      expect(await groups(plain)).toEqual([]);
      await expect(scoped.ensure(plain, turn)).rejects.toMatchObject({ code: 'invalid_request' });
      scoped.close();
      await provider.delete(user.username, turn);
      await dropAll(place, prefix);
    });

    it('threat 13: that are somebody else’s are left alone', async () => {
      const user = serviceUser();
      await place.sql(`CREATE ROLE "${user.username}" LOGIN`);
      const half = serviceUser();
      await provider.ensure(half, turn);
      await place.sql(`CREATE ROLE "${half.username}_a" LOGIN PASSWORD 'of somebody'`);
      const calls: (() => Promise<unknown>)[] = [
        () => provider.ensure(user, turn),
        () => provider.disable(user.username, turn),
        () => provider.delete(user.username, turn),
        () => stage(half, 1),
        () => provider.delete(half.username, turn),
        () => provider.revokeSessions?.(half, turn) ?? Promise.resolve(),
        () => provider.retireOthers(half, 'password', [], turn),
      ];
      for (const call of calls) await expect(call()).rejects.toThrow(/not one of this provider/);
      expect(await rolesOf(user)).toEqual([user.username]);
      expect(await place.whoAmI(`${half.username}_a`, 'of somebody')).toBe(`${half.username}_a`);
      // One of ours, for another application.
      const ours = serviceUser();
      await provider.ensure(ours, turn);
      await expect(provider.ensure({ ...ours, application: 'another' }, turn)).rejects.toThrow(/not one of/);
      expect((await provider.list(user.username, undefined, turn)).users).toEqual([]);
    });

    it('are deleted with rights that they have, and not with what they own', async () => {
      const user = serviceUser();
      const table = `t_${randomBytes(4).toString('hex')}`;
      const whole = opened(place, owner);
      await whole.ensure(user, turn);
      const first = await whole.stage(
        user,
        { kind: 'password', generation: 1, proposed: 'x'.repeat(24) },
        turn,
      );
      await place.sql(`GRANT SELECT ON thing TO "${user.username}"`);
      await place.sql(`CREATE TABLE ${table} (id int)`);
      await place.sql(`ALTER TABLE ${table} OWNER TO "${user.username}"`);
      await expect(whole.delete(user.username, turn)).rejects.toThrow(/owns something/);
      expect(await logsIn(place, first)).toBe(false);
      await place.sql(`DROP TABLE ${table}`);
      await whole.delete(user.username, turn);
      expect(await rolesOf(user)).toEqual([]);
      whole.close();
    });

    it.each([`stups_shop-"; DROP ROLE x; --`, `stups_shop-'$1\\`, 'stups_shop-鍵 ü', 'stups_shop-a.b%_c'])(
      'threat 22: are called %s and nothing else happens',
      async (username) => {
        const user = serviceUser({
          username: `${username}${randomBytes(2).toString('hex')}`,
          application: `a'"\\$$`,
        });
        await provider.ensure(user, turn);
        const staged = await stage(user, 1);
        expect(await logsIn(place, staged)).toBe(true);
        expect((await provider.list(user.username, undefined, turn)).users).toHaveLength(1);
        await provider.disable(user.username, turn);
        await provider.ensure(user, turn);
        expect(await logsIn(place, staged)).toBe(true);
        await provider.delete(user.username, turn);
        expect(await rolesOf(user)).toEqual([]);
      },
    );

    it.each(['', 'pg_x', 'x'.repeat(62), 'a\0b', 'a\nb', '鍵'.repeat(21)])(
      'threat 22: are not called %j',
      async (username) => {
        const user = serviceUser({ username });
        await expect(provider.ensure(user, turn)).rejects.toMatchObject({ code: 'invalid_request' });
        await expect(provider.delete(username, turn)).rejects.toMatchObject({ code: 'invalid_request' });
      },
    );

    it('threat 16: that cannot be made say why by a code, and quote nothing', async () => {
      const weak = { username: `weak_${place.name}`, password: 'h4sh-hush' };
      await place.sql(`CREATE ROLE ${weak.username} LOGIN PASSWORD '${weak.password}'`);
      const errorOf = async (call: Promise<unknown>) =>
        asCofferError(await call.catch((thrown: unknown) => thrown));
      const denied = await errorOf(opened(place, weak).ensure(serviceUser(), turn));
      expect(denied).toMatchObject({
        code: 'permission_denied',
        message: expect.stringContaining('SQLSTATE 42501'),
      });
      const refused = await errorOf(
        opened(place, { ...weak, password: 'mistyped' }).ensure(serviceUser(), turn),
      );
      expect(refused).toMatchObject({
        code: 'permission_denied',
        message: expect.stringContaining('own login'),
      });
      const nowhere = await errorOf(
        opened(place, weak, { database: 'none_such' }).ensure(serviceUser(), turn),
      );
      expect(nowhere).toMatchObject({ code: 'invalid_request', message: expect.stringContaining('3D000') });
      const away = await errorOf(opened(place, weak, { port: '1' }).ensure(serviceUser(), turn));
      expect(away.code).toBe('unavailable');
      for (const { message, cause } of [denied, refused, nowhere, away])
        expect(`${message} ${String(cause)}`).not.toMatch(/h4sh|mistyped|stups_/);
      await place.sql(`DROP ROLE ${weak.username}`);
    });
  });
});

describe('settings of postgres', () => {
  const right = { host: 'db.example.com', database: 'app', username: 'coffer' };

  it.each([
    [{ ...right, host: '' }, 'x', 'host is needed'],
    [{ ...right, host: '/run/postgresql' }, 'x', 'host is the name'],
    [{ ...right, host: 'a b' }, 'x', 'host is the name'],
    [{ ...right, port: '70000' }, 'x', 'port is a whole number'],
    [{ ...right, database: '' }, 'x', 'database is needed'],
    [{ ...right, username: 'x'.repeat(64) }, 'x', 'username is a name'],
    [{ ...right, sslmode: 'prefer' }, 'x', 'disable or require or'],
    [{ ...right, ca: 'nonsense' }, 'x', 'certificates in PEM'],
    [{ ...right, passfile: '/root/.pgpass' }, 'x', 'no option "passfile"'],
    [right, '', 'secret is needed'],
  ])('threat 21: are refused: %o', (options, secret, words) => {
    expect(() =>
      postgresRoles.open({ options: options as Record<string, string>, secret }, surroundings),
    ).toThrow(words);
  });

  it.each(['169.254.169.254', 'fe80::1', '0.0.0.0'])('threat 21: lead never to %s', async (host) => {
    const provider = postgresRoles.open({ options: { ...right, host }, secret: 'x' }, surroundings);
    const turn = { view: await mountView(), signal: new AbortController().signal };
    await expect(provider.list('', undefined, turn)).rejects.toThrow('no address that may be asked');
  });
});
