import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../../../test/fakes/certificate.ts';
import {
  ask,
  auditText,
  expiryOf,
  finishDuties,
  keysOf,
  makeToken,
  storedText,
  writePolicy,
} from '../../../test/fakes/client.ts';
import {
  credentials,
  type DatabaseMount,
  databaseMount,
  roleOf,
  written,
} from '../../../test/fakes/database-mount.ts';
import { type DatabasePlace, databasePlace } from '../../../test/setup/database-place.ts';

describe.each(['postgresql', 'mariadb'] as const)('on %s', async (kind) => {
  const found = await databasePlace(kind);
  describe.skipIf(found === undefined)('the database engine', () => {
    if (found !== undefined) describeEngine(found);
  });
});

function describeEngine(place: DatabasePlace): void {
  let mount: DatabaseMount;
  const read = (path: string) => ask(mount.node, 'read', path);
  const write = (path: string, data = {}) => ask(mount.node, 'update', path, data);
  const seconds = (count: number) => mount.store.clock.jump(count);

  beforeEach(async () => {
    mount = await databaseMount(place);
  });
  afterEach(() => mount.remove());
  afterAll(() => place.close());

  describe('a lease', () => {
    it('comes with a user that works until the lease is revoked', async () => {
      const { username, password, lease } = await credentials(mount.node);
      expect(await place.whoAmI(username, password)).toBe(username);
      expect(password).toMatch(/^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*-)[\w-]{20}$/);
      expect(
        await keysOf(mount.store.storage, 'mount/').then((keys) =>
          keys.filter((key) => key.includes('/intent/')),
        ),
      ).toEqual([]);
      expect((await write('sys/leases/renew', { lease_id: lease, increment: '2h' })).lease?.duration).toBe(
        7_200,
      );
      expect((await write('sys/leases/revoke', { lease_id: lease })).status).toBe(204);
      expect(await mount.users()).toEqual([]);
      await expect(place.whoAmI(username, password)).rejects.toThrow();
    });

    it('threat 18: ends its user when its time has come, and not later than max_ttl however often it is renewed', async () => {
      const { lease } = await credentials(mount.node);
      for (let hour = 0; hour < 23; hour++) {
        seconds(3_000);
        expect((await write('sys/leases/renew', { lease_id: lease })).status).toBe(200);
        await expiryOf(mount.node).run();
      }
      expect(await mount.users()).toHaveLength(1);
      seconds(86_400 - 23 * 3_000);
      await finishDuties(mount.node, mount.store.clock);
      expect(await mount.users()).toEqual([]);
      expect((await write('sys/leases/renew', { lease_id: lease })).status).toBe(400);
    });

    it('of a token ends with the token', async () => {
      const token = await makeToken(mount.node, { policies: ['root'] });
      await ask(mount.node, 'read', 'db/creds/app', {}, token);
      expect(await mount.users()).toHaveLength(1);
      await write('auth/token/revoke', { token });
      await finishDuties(mount.node, mount.store.clock);
      expect(await mount.users()).toEqual([]);
    });

    it('cannot be had with the last use of a token, and leaves no user', async () => {
      const token = await makeToken(mount.node, { policies: ['root'], num_uses: 1 });
      const answer = await ask(mount.node, 'read', 'db/creds/app', {}, token);
      expect(answer.status).toBe(400);
      expect(await mount.users()).toEqual([]);
    });

    it('all of them end with the mount', async () => {
      for (let made = 0; made < 3; made++) await credentials(mount.node);
      expect(await mount.users()).toHaveLength(3);
      await ask(mount.node, 'delete', 'sys/mounts/db');
      await finishDuties(mount.node, mount.store.clock);
      expect(await mount.users()).toEqual([]);
      expect((await keysOf(mount.store.storage, 'mount/')).filter((key) => key.includes('/config/'))).toEqual(
        [],
      );
    });

    it('many at once are many users', async () => {
      const made = await Promise.all(Array.from({ length: 24 }, () => credentials(mount.node)));
      expect(new Set(made.map(({ username }) => username)).size).toBe(24);
      expect(await mount.users()).toHaveLength(24);
      await write('sys/leases/revoke-prefix/db/creds');
      expect(await mount.users()).toEqual([]);
    });
  });

  it('has passwords by a password policy, where its connection names one', async () => {
    const policy = 'length = 30\nrule "charset" { charset = "0123456789" }';
    await ask(mount.node, 'update', 'sys/policies/password/digits', { policy });
    const named = { ...mount.config, password_policy: 'digits' };
    expect((await ask(mount.node, 'update', 'db/config/main', named)).status).toBe(204);
    const { data } = await ask(mount.node, 'read', 'db/creds/app');
    expect(data['password']).toMatch(/^\d{30}$/);
  });

  describe('a role', () => {
    it('is shown as it was written, listed, changed in part and deleted', async () => {
      expect((await read('db/roles/app')).data).toEqual({
        ...roleOf(place),
        creation_statements: [roleOf(place)['creation_statements']],
        revocation_statements: [],
        rollback_statements: [],
        renew_statements: [],
        default_ttl: 3_600,
        max_ttl: 86_400,
        credential_type: 'password',
        credential_config: {},
      });
      await written(mount.node, 'db/roles/app', { default_ttl: 60 });
      expect((await read('db/roles/app')).data).toMatchObject({
        default_ttl: 60,
        max_ttl: 86_400,
        db_name: 'main',
      });
      expect((await ask(mount.node, 'list', 'db/roles')).data).toEqual({ keys: ['app'] });
      expect((await ask(mount.node, 'delete', 'db/roles/app')).status).toBe(204);
      expect((await read('db/roles/app')).status).toBe(404);
      expect((await read('db/creds/app')).errors).toEqual(['unknown role: app']);
    });

    it('takes statements as text, list, JSON and base64', async () => {
      const statements = ['ONE, {{name}}', 'TWO'];
      const json = JSON.stringify(statements);
      for (const sent of [statements, json, Buffer.from(json).toString('base64')]) {
        await written(mount.node, 'db/roles/other', { db_name: 'main', creation_statements: sent });
        expect((await read('db/roles/other')).data['creation_statements']).toEqual(statements);
      }
    });

    it.each([
      [{ db_name: '' }],
      [{ creation_statements: '' }],
      [{ creation_statements: 'CREATE {{nmae}}' }],
      [{ creation_statements: 'a\0b' }],
      [{ creation_statements: [['x']] }],
      [{ creation_statements: 'x'.repeat(20_000) }],
      [{ credential_type: 'rsa_private_key' }],
      [{ credential_config: { password_policy: 'x' } }],
      [{ default_ttl: '2h', max_ttl: '1h' }],
      [{ default_ttl: -1 }],
    ])('is refused with %j, and nothing is changed', async (data) => {
      expect((await write('db/roles/app', { ...roleOf(place), ...data })).status).toBe(400);
      expect((await write('db/roles/new', { ...roleOf(place), ...data })).status).toBe(400);
      expect((await read('db/roles/app')).data).toMatchObject({ default_ttl: 3_600 });
      expect((await ask(mount.node, 'list', 'db/roles')).data).toEqual({ keys: ['app'] });
    });

    it('threat 27: that the connection does not name gets nothing', async () => {
      for (const allowed of [[], ['other'], ['ap'], ['app2'], ['*2'], ['app?']]) {
        await written(mount.node, 'db/config/main', { allowed_roles: allowed });
        const { status, errors } = await read('db/creds/app');
        expect([status, errors]).toEqual([400, ['"app" is not an allowed role']]);
      }
      for (const allowed of [['app'], ['x', 'a*'], ['*p'], ['*']]) {
        await written(mount.node, 'db/config/main', { allowed_roles: allowed });
        expect((await read('db/creds/app')).status).toBe(200);
      }
      const silent = { ...mount.config };
      delete silent['allowed_roles'];
      await written(mount.node, 'db/config/silent', silent);
      await written(mount.node, 'db/roles/app', { db_name: 'silent' });
      expect((await read('db/creds/app')).status).toBe(400);
    });

    it('whose statements fail gives nothing and leaves nothing', async () => {
      const creation = [String(roleOf(place)['creation_statements']), 'NO STATEMENT'];
      await written(mount.node, 'db/roles/app', { creation_statements: creation });
      const answer = await read('db/creds/app');
      expect([answer.status, answer.lease]).toEqual([400, null]);
      expect(await mount.users()).toEqual([]);
      expect(
        (await keysOf(mount.store.storage)).filter(
          (key) => /intent\/|core\/lease/.test(key) && !key.startsWith('due/'),
        ),
      ).toEqual([]);
    });

    it('threat 18: whose statements fail behind a commit of their own leaves nothing for long', async () => {
      const postgres = place.kind === 'postgresql';
      const half = `\`${place.name}\`.half_way`;
      if (!postgres) {
        await place.sql(
          `CREATE PROCEDURE ${half}(IN n VARCHAR(80)) BEGIN EXECUTE IMMEDIATE CONCAT("CREATE USER '", n, "'@'%'"); SIGNAL SQLSTATE '45000'; END`,
        );
      }
      const creation = postgres
        ? ['BEGIN', 'CREATE ROLE "{{name}}" LOGIN', 'COMMIT', 'SELECT 1/0']
        : [`CALL ${half}('{{name}}')`];
      await written(mount.node, 'db/roles/app', { creation_statements: creation });
      expect((await read('db/creds/app')).status).toBe(400);
      seconds(130);
      await finishDuties(mount.node, mount.store.clock);
      expect(await mount.users()).toEqual([]);
    });

    it('may have ways of its own to end a user', async () => {
      const gone =
        place.kind === 'postgresql'
          ? 'ALTER ROLE "{{name}}" NOLOGIN'
          : `ALTER USER '{{name}}'@'%' ACCOUNT LOCK`;
      await written(mount.node, 'db/roles/app', { revocation_statements: [gone] });
      const { username, password, lease } = await credentials(mount.node);
      expect((await write('sys/leases/revoke', { lease_id: lease })).status).toBe(204);
      expect(await mount.users()).toEqual([username]);
      await expect(place.whoAmI(username, password)).rejects.toThrow();
    });

    it('threat 22: of a hostile caller’s name makes a harmless user', async () => {
      await written(mount.node, 'db/config/main', {
        username_template: `${mount.prefix}-{{.DisplayName | truncate 8}}-{{ random 10 }}`,
      });
      const token = await makeToken(mount.node, { policies: ['root'], display_name: `'";\\DROP ü\`--` });
      const answer = await ask(mount.node, 'read', 'db/creds/app', {}, token);
      expect(answer.status).toBe(200);
      expect(answer.data['username']).toMatch(/^[\w.-]+$/);
      expect(await mount.users()).toEqual([answer.data['username']]);
    });
  });

  describe('a connection', () => {
    it('is shown without its password, listed and deleted', async () => {
      const { data } = await read('db/config/main');
      expect(data).toMatchObject({
        plugin_name: place.plugin,
        allowed_roles: ['*'],
        root_credentials_rotate_statements: [],
        connection_details: { connection_url: place.url, username: place.name, max_open_connections: 4 },
      });
      expect(JSON.stringify(data)).not.toContain(place.password);
      expect((await ask(mount.node, 'list', 'db/config')).data).toEqual({ keys: ['main'] });
      expect((await write('db/reset/main')).status).toBe(204);
      expect((await read('db/creds/app')).status).toBe(200);
      expect((await ask(mount.node, 'delete', 'db/config/main')).status).toBe(204);
      expect((await read('db/config/main')).status).toBe(404);
      expect((await read('db/creds/app')).errors).toEqual(['there is no database connection "main"']);
    });

    it('threat 16: with a password in its URL is told of, and the password is not shown', async () => {
      const url = place.url.replace('{{username}}', place.name).replace('{{password}}', place.password);
      const answer = await write('db/config/literal', {
        ...mount.config,
        connection_url: url,
        username: '',
        password: '',
      });
      expect([answer.status, answer.warnings.length]).toEqual([200, 1]);
      expect(JSON.stringify((await read('db/config/literal')).data)).not.toContain(place.password);
      expect((await write('db/rotate-root/literal')).status).toBe(400);
    });

    it('threat 16: shows certificates, and no key that came with them', async () => {
      const { certificate, key } = makeCertificate('client');
      for (const name of ['tls_certificate_key', 'tls_certificate', 'tls_ca']) {
        await written(mount.node, 'db/config/second', {
          ...mount.config,
          [name]: `${key}${certificate}`,
          verify_connection: false,
        });
        const { data } = await read('db/config/second');
        expect(JSON.stringify(data)).not.toContain('PRIVATE KEY');
        const shown = name === 'tls_ca' ? 'tls_ca' : 'tls_certificate';
        expect(data['connection_details']).toMatchObject({ [shown]: certificate });
      }
    });

    it('that does not work is refused, unless nobody is to look', async () => {
      for (const wrong of [{ password: 'Canary-9x' }, { connection_url: place.url.replace(/:\d+/, ':1') }]) {
        const { status, errors } = await write('db/config/wrong', { ...mount.config, ...wrong });
        expect(status).toBe(400);
        expect(errors.join()).toMatch(/^error verifying connection: /);
        expect(errors.join()).not.toContain('Canary-9x');
        expect((await read('db/config/wrong')).status).toBe(404);
        await written(mount.node, 'db/config/wrong', { ...mount.config, ...wrong, verify_connection: false });
        await written(mount.node, 'db/roles/lost', { ...roleOf(place), db_name: 'wrong' });
        expect((await read('db/creds/lost')).status).toBe(503);
        await ask(mount.node, 'delete', 'db/config/wrong');
      }
    });

    it.each([
      [{ plugin_name: 'oracle-database-plugin' }],
      [{ plugin_name: '' }],
      [{ plugin_version: 'v1' }],
      [{ connection_url: '' }],
      [{ connection_url: 'gopher://x' }],
      [{ password_policy: 'strong' }],
      [{ password_authentication: 'none' }],
      [{ username_template: 'always-the-same' }],
      [{ username_template: '{{ random 20 | truncate 3 }}' }],
      [{ username_template: '{{ env "HOME" }}' }],
      [{ username_template: '{{ random 90 }}' }],
      [{ max_open_connections: 100_000 }],
      [{ root_rotation_statements: '{{secret}}' }],
      [{ username: 'a\0b' }],
    ])('is refused with %j, and nothing is changed', async (data) => {
      expect((await write('db/config/main', { ...mount.config, ...data })).status).toBe(400);
      expect((await write('db/config/new', { ...mount.config, ...data })).status).toBe(400);
      expect((await ask(mount.node, 'list', 'db/config')).data).toEqual({ keys: ['main'] });
      expect((await read('db/creds/app')).status).toBe(200);
    });

    it('may hand the database hashes in place of passwords, where that takes them', async () => {
      const wanted = { password_authentication: 'scram-sha-256' };
      const { status } = await write('db/config/main', wanted);
      expect(status).toBe(place.kind === 'postgresql' ? 204 : 400);
      const { username, password } = await credentials(mount.node);
      expect(password).toHaveLength(20);
      expect(await place.whoAmI(username, password)).toBe(username);
    });

    it('counts what is open', async () => {
      await written(mount.node, 'db/config/main', { max_open_connections: 2 });
      await Promise.all(Array.from({ length: 12 }, () => credentials(mount.node)));
      const open = async () => {
        const [row] = await place.sql(
          place.kind === 'postgresql'
            ? `SELECT count(*)::int AS count FROM pg_stat_activity WHERE usename = '${place.name}'`
            : `SELECT COUNT(*) AS count FROM information_schema.PROCESSLIST WHERE USER = '${place.name}'`,
        );
        return Number(row?.['count']);
      };
      // Those that were closed before are on their way out.
      await expect.poll(open, { timeout: 10_000 }).toBe(2);
    });

    it('is not reached by whoever may only use a role', async () => {
      await writePolicy(mount.node, 'user', 'path "db/creds/app" { capabilities = ["read"] }');
      const token = await makeToken(mount.node, { policies: ['user'] });
      expect((await ask(mount.node, 'read', 'db/creds/app', {}, token)).status).toBe(200);
      for (const path of ['config/main', 'roles/app', 'rotate-root/main', 'reset/main', 'static-roles/x']) {
        expect((await ask(mount.node, 'update', `db/${path}`, {}, token)).status).toBe(403);
        expect((await ask(mount.node, 'read', `db/${path}`, {}, token)).status).toBe(403);
      }
    });
  });

  describe('the login of a connection', () => {
    /** A user who may make others, of this test's own. */
    const administrator = async () => {
      const name = `${mount.prefix}-root`;
      const words =
        place.kind === 'postgresql'
          ? [`CREATE ROLE "${name}" LOGIN SUPERUSER PASSWORD 'first'`]
          : [
              `CREATE USER '${name}'@'%' IDENTIFIED BY 'first'`,
              `GRANT ALL PRIVILEGES ON *.* TO '${name}'@'%' WITH GRANT OPTION`,
            ];
      for (const word of words) await place.sql(word);
      await written(mount.node, 'db/config/main', { username: name, password: 'first' });
      return name;
    };
    afterEach(async () => {
      const name = `${mount.prefix}-root`;
      await place.sql(
        place.kind === 'postgresql' ? `DROP ROLE IF EXISTS "${name}"` : `DROP USER IF EXISTS '${name}'@'%'`,
      );
    });

    it('is changed to one that nobody knows', async () => {
      const name = await administrator();
      await credentials(mount.node);
      expect((await write('db/rotate-root/main')).status).toBe(204);
      await expect(place.whoAmI(name, 'first')).rejects.toThrow();
      await credentials(mount.node);
      expect((await write('db/rotate-root/main')).status).toBe(204);
      await written(mount.node, 'db/reset/main');
      await credentials(mount.node);
      await write('sys/leases/revoke-prefix/db/creds');
      expect(await mount.users()).toEqual([name]);
    });

    it('that the database does not change stays', async () => {
      const name = await administrator();
      await written(mount.node, 'db/config/main', { root_rotation_statements: 'NO STATEMENT' });
      expect((await write('db/rotate-root/main')).status).toBe(400);
      expect(await place.whoAmI(name, 'first')).toBe(name);
      await written(mount.node, 'db/config/main', { root_rotation_statements: [] });
      expect((await write('db/rotate-root/main')).status).toBe(204);
    });

    it('threat 18: whose statements fail behind one that changed it is not lost', async () => {
      const name = await administrator();
      const statements =
        place.kind === 'postgresql'
          ? ['BEGIN', `ALTER ROLE "{{name}}" PASSWORD '{{password}}'`, 'COMMIT', 'SELECT 1/0']
          : [`ALTER USER '{{name}}'@'%' IDENTIFIED BY '{{password}}'`, 'NO STATEMENT'];
      await written(mount.node, 'db/config/main', { root_rotation_statements: statements });
      expect((await write('db/rotate-root/main')).status).toBe(503);
      await expect(place.whoAmI(name, 'first')).rejects.toThrow();
      seconds(130);
      await finishDuties(mount.node, mount.store.clock);
      await credentials(mount.node);
      await write('sys/leases/revoke-prefix/db/creds');
      expect(await mount.users()).toEqual([name]);
    });
  });

  describe('a static role', () => {
    let name = '';
    beforeEach(async () => {
      name = `${mount.prefix}-fixed`;
      await place.sql(
        place.kind === 'postgresql'
          ? `CREATE ROLE "${name}" LOGIN PASSWORD 'first'`
          : `CREATE USER '${name}'@'%' IDENTIFIED BY 'first'`,
      );
      await written(mount.node, 'db/static-roles/job', {
        db_name: 'main',
        username: name,
        rotation_period: '1h',
      });
    });
    afterEach(async () => {
      await place.sql(place.kind === 'postgresql' ? `DROP ROLE "${name}"` : `DROP USER '${name}'@'%'`);
    });
    const password = async () => String((await read('db/static-creds/job')).data['password']);

    it('has its password changed at once, by the hour and by hand', async () => {
      await expect(place.whoAmI(name, 'first')).rejects.toThrow();
      const seen = [await password()];
      expect((await read('db/static-creds/job')).data).toMatchObject({
        username: name,
        ttl: 3_600,
        rotation_period: 3_600,
      });
      for (let hour = 0; hour < 3; hour++) {
        seconds(3_599);
        await expiryOf(mount.node).run();
        expect(await password()).toBe(seen.at(-1));
        expect((await read('db/static-creds/job')).data['ttl']).toBe(1);
        seconds(1);
        await expiryOf(mount.node).run();
        seen.push(await password());
      }
      expect((await write('db/rotate-role/job')).status).toBe(204);
      seen.push(await password());
      expect(new Set(seen).size).toBe(5);
      expect(await place.whoAmI(name, seen[4] ?? '')).toBe(name);
      await expect(place.whoAmI(name, seen[3] ?? '')).rejects.toThrow();
    });

    it('leaves few entries of what is due, however often it is rotated', async () => {
      for (let times = 0; times < 12; times++) {
        await written(mount.node, 'db/rotate-role/job');
        seconds(1);
      }
      const due = (await keysOf(mount.store.storage, 'due/')).filter((key) => key.includes('static-role'));
      expect(due.length).toBeLessThanOrEqual(3);
      seconds(4_000);
      await expiryOf(mount.node).run();
      seconds(1);
      await expiryOf(mount.node).run();
      expect(await place.whoAmI(name, await password())).toBe(name);
      expect(
        (await keysOf(mount.store.storage, 'due/')).filter((key) => key.includes('static-role')),
      ).toHaveLength(1);
    });

    it('is shown, listed and deleted, and then the user keeps its last password', async () => {
      const { data } = await read('db/static-roles/job');
      expect(data).toMatchObject({
        db_name: 'main',
        username: name,
        rotation_period: 3_600,
        rotation_statements: [],
      });
      expect((await ask(mount.node, 'list', 'db/static-roles')).data).toEqual({ keys: ['job'] });
      const last = await password();
      expect((await ask(mount.node, 'delete', 'db/static-roles/job')).status).toBe(204);
      expect((await read('db/static-creds/job')).status).toBe(400);
      seconds(7_200);
      await finishDuties(mount.node, mount.store.clock);
      expect(await place.whoAmI(name, last)).toBe(name);
    });

    it('may rotate by statements of its own', async () => {
      const own =
        place.kind === 'postgresql'
          ? `ALTER USER "{{username}}" PASSWORD '{{password}}'`
          : `SET PASSWORD FOR '{{username}}'@'%' = PASSWORD('{{password}}')`;
      await written(mount.node, 'db/static-roles/job', { rotation_statements: own });
      await written(mount.node, 'db/rotate-role/job');
      expect(await place.whoAmI(name, await password())).toBe(name);
    });

    it.each([
      [{ username: 'other' }],
      [{ rotation_period: 4 }],
      [{ rotation_schedule: '0 * * * *' }],
      [{ db_name: 'other' }],
      [{ credential_type: 'client_certificate' }],
    ])('is refused with %j, and nothing is changed', async (data) => {
      const before = (await read('db/static-creds/job')).data;
      expect((await write('db/static-roles/job', data)).status).toBe(400);
      expect((await read('db/static-creds/job')).data).toEqual(before);
    });

    it('for a user that is not there is none', async () => {
      const role = { db_name: 'main', username: 'nobody-of-this-name', rotation_period: '1h' };
      expect((await write('db/static-roles/none', role)).status).toBe(400);
      expect((await read('db/static-roles/none')).status).toBe(404);
      expect((await write('db/static-roles/none', { ...role, db_name: 'nowhere' })).status).toBe(400);
      expect((await read('db/static-roles/none')).status).toBe(404);
    });

    it('threat 27: that the connection does not name is neither read nor rotated', async () => {
      const before = await password();
      await written(mount.node, 'db/config/main', { allowed_roles: 'app' });
      expect((await read('db/static-creds/job')).status).toBe(400);
      expect((await write('db/rotate-role/job')).status).toBe(400);
      expect(await place.whoAmI(name, before)).toBe(name);
    });
  });

  it('threat 16: leaves no password in the store, the log or the audit log in the clear', async () => {
    const { password } = await credentials(mount.node);
    await write('db/config/wrong', {
      ...mount.config,
      password: 'Canary-1a2b',
      connection_url: `${place.url}?bad=Canary-1a2b`,
    });
    await written(mount.node, 'db/roles/broken', {
      ...roleOf(place),
      creation_statements: `BAD '{{password}}'`,
    });
    await read('db/creds/broken');
    const seen = [
      await storedText(mount.store.storage),
      auditText(mount.store.auditDirectory),
      JSON.stringify(mount.store.log),
    ].join('\n');
    for (const secret of [password, place.password, 'Canary-1a2b']) expect(seen).not.toContain(secret);
  });
}
