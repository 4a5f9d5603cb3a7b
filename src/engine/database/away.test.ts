import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, expiryOf, finishDuties, keysOf } from '../../../test/fakes/client.ts';
import {
  credentials,
  type DatabaseMount,
  databaseMount,
  roleOf,
  written,
} from '../../../test/fakes/database-mount.ts';
import { type DatabasePlace, databasePlace } from '../../../test/setup/database-place.ts';
import { database } from './database.ts';
import { mysql } from './mysql/mysql.ts';
import type { DatabasePlugin } from './plugin.ts';
import { postgresql } from './postgresql/postgresql.ts';

/** A server that takes connections and may then say nothing at all. */
async function silentServer(): Promise<{ readonly port: number; readonly server: Server; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    port,
    server,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe.each(['postgresql', 'mariadb'] as const)('%s that is away', async (kind) => {
  const found = await databasePlace(kind);
  describe.skipIf(found === undefined)('or slow', () => {
    if (found !== undefined) describeAway(found);
  });
});

function describeAway(place: DatabasePlace): void {
  let mount: DatabaseMount;
  beforeEach(async () => {
    const limits = { connect: 300, statement: 1_000 };
    mount = await databaseMount(place, { engines: [database([postgresql, mysql], limits)] });
  });
  afterEach(() => mount.remove());
  afterAll(() => place.close());
  const elsewhere = (port: number) =>
    String(mount.config['connection_url']).replace(/:\d+([/)])/, `:${port}$1`);
  const leave = (port = 1) =>
    written(mount.node, 'db/config/main', { connection_url: elsewhere(port), verify_connection: false });
  const comeBack = () => written(mount.node, 'db/config/main', { connection_url: place.url });

  it('when a lease ends is tried again later, and then shown to a person', async () => {
    const { lease } = await credentials(mount.node);
    await leave();
    mount.store.clock.jump(3_600);
    await expiryOf(mount.node).run();
    expect(await mount.users()).toHaveLength(1);
    for (const pause of [10, 20, 40, 80, 160]) {
      mount.store.clock.jump(pause);
      await expiryOf(mount.node).run();
    }
    const given = await ask(mount.node, 'read', 'sys/leases', { type: 'irrevocable' });
    expect(given.data['leases']).toEqual([expect.objectContaining({ lease_id: lease })]);
    expect((await ask(mount.node, 'update', 'sys/leases/revoke', { lease_id: lease })).status).toBe(503);
    await comeBack();
    expect((await ask(mount.node, 'update', 'sys/leases/revoke', { lease_id: lease })).status).toBe(204);
    expect(await mount.users()).toEqual([]);
  });

  it('for good is forgotten by force', async () => {
    const { username } = await credentials(mount.node);
    await leave();
    expect((await ask(mount.node, 'update', 'sys/leases/revoke-prefix/db/creds')).status).toBe(503);
    expect((await ask(mount.node, 'update', 'sys/leases/revoke-force/db/creds')).status).toBe(204);
    expect(await keysOf(mount.store.storage, 'core/lease/id/')).toEqual([]);
    expect(await mount.users()).toEqual([username]);
  });

  it('when a user is wanted says so, and leaves nothing', async () => {
    const mounted = async () => (await keysOf(mount.store.storage, 'mount/')).length;
    const before = await mounted();
    await leave();
    const answer = await ask(mount.node, 'read', 'db/creds/app');
    expect([answer.status, answer.lease]).toEqual([503, null]);
    expect(answer.errors.join()).not.toContain(place.password);
    expect(await mounted()).toBe(before);
    await comeBack();
    await credentials(mount.node);
  });

  it('when a static role is due has it rotated later', async () => {
    const name = `${mount.prefix}-fixed`;
    const postgres = place.kind === 'postgresql';
    await place.sql(postgres ? `CREATE ROLE "${name}" LOGIN` : `CREATE USER '${name}'@'%'`);
    try {
      await written(mount.node, 'db/static-roles/job', {
        db_name: 'main',
        username: name,
        rotation_period: 60,
      });
      const password = async () =>
        String((await ask(mount.node, 'read', 'db/static-creds/job')).data['password']);
      const first = await password();
      await leave();
      mount.store.clock.jump(60);
      await expiryOf(mount.node).run();
      expect(await password()).toBe(first);
      expect((await ask(mount.node, 'update', 'db/rotate-role/job')).status).toBe(503);
      await comeBack();
      mount.store.clock.jump(15);
      await finishDuties(mount.node, mount.store.clock);
      expect(await password()).not.toBe(first);
      expect(await place.whoAmI(name, await password())).toBe(name);
    } finally {
      await place.sql(postgres ? `DROP ROLE "${name}"` : `DROP USER '${name}'@'%'`);
    }
  });

  it('threat 15: that takes a connection and says nothing holds nobody up', async () => {
    const silent = await silentServer();
    try {
      await leave(silent.port);
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => ask(mount.node, 'read', 'db/creds/app')),
      );
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 503));
      const config = { ...mount.config, connection_url: elsewhere(silent.port) };
      expect((await ask(mount.node, 'update', 'db/config/other', config)).status).toBe(400);
    } finally {
      silent.close();
    }
  });

  it('threat 15: that is slow with a statement is left, and what it may still do is undone', async () => {
    const slow = place.kind === 'postgresql' ? 'SELECT pg_sleep(3)' : 'SELECT SLEEP(3)';
    const creation = String(roleOf(place)['creation_statements']);
    await written(mount.node, 'db/roles/slow', { ...roleOf(place), creation_statements: [creation, slow] });
    const answer = await ask(mount.node, 'read', 'db/creds/slow');
    expect([answer.status, answer.lease]).toEqual([503, null]);
    for (let minutes = 0; minutes < 3; minutes++) {
      mount.store.clock.jump(130);
      await finishDuties(mount.node, mount.store.clock);
    }
    expect(await mount.users()).toEqual([]);
    expect((await keysOf(mount.store.storage, 'mount/')).filter((key) => key.includes('intent/'))).toEqual(
      [],
    );
  });

  if (place.kind === 'postgresql') {
    it('threat 18: goes on with no transaction whose client has gone, which would make a user that nobody drops', async () => {
      const slow = Array.from({ length: 8 }, () => 'SELECT pg_sleep(0.9)');
      const creation = String(roleOf(place)['creation_statements']);
      await written(mount.node, 'db/roles/slow', {
        ...roleOf(place),
        creation_statements: [...slow, creation],
      });
      expect((await ask(mount.node, 'read', 'db/creds/slow')).status).toBe(503);
      mount.store.clock.jump(130);
      await finishDuties(mount.node, mount.store.clock);
      const working = `SELECT 1 FROM pg_stat_activity WHERE application_name = 'coffer' AND state = 'active' AND datname = $1`;
      while ((await place.sql(working, [place.name])).length > 0);
      expect(await mount.users()).toEqual([]);
    });
  }

  it('when a user that nobody got is to be dropped is tried until it is back', async () => {
    const slow = place.kind === 'postgresql' ? 'SELECT pg_sleep(3)' : 'SELECT SLEEP(3)';
    const creation = String(roleOf(place)['creation_statements']);
    await written(mount.node, 'db/roles/slow', { ...roleOf(place), creation_statements: [creation, slow] });
    await ask(mount.node, 'read', 'db/creds/slow');
    await leave();
    for (let tries = 0; tries < 12; tries++) {
      mount.store.clock.jump(3_600);
      await expiryOf(mount.node).run();
    }
    const intents = async () =>
      (await keysOf(mount.store.storage, 'mount/')).filter((key) => key.includes('intent/'));
    expect(await intents()).toHaveLength(1);
    await comeBack();
    mount.store.clock.jump(3_600);
    await finishDuties(mount.node, mount.store.clock);
    expect([await intents(), await mount.users()]).toEqual([[], []]);
    mount.store.clock.jump(3_600);
    await finishDuties(mount.node, mount.store.clock);
    expect((await keysOf(mount.store.storage, 'due/')).filter((key) => key.includes('intent/'))).toEqual([]);
  });

  if (place.kind === 'postgresql') {
    it('threat 18: that stands for another one settles no rotation of its login by what it takes', async () => {
      await mount.remove();
      // Somebody else's server: it takes every password but the one that is right at ours.
      const elsewhere: DatabasePlugin = {
        ...postgresql,
        async login(target, limits) {
          if (target.database !== 'elsewhere') return postgresql.login(target, limits);
          if (target.password === place.password) return { kind: 'login-refused' };
          return postgresql.login({ ...target, database: place.name, password: place.password }, limits);
        },
      };
      mount = await databaseMount(place, { engines: [database([elsewhere])] });
      await written(mount.node, 'db/config/main', { root_rotation_statements: ['SELECT 1/0', 'COMMIT'] });
      expect((await ask(mount.node, 'update', 'db/rotate-root/main')).status).toBe(503);
      const other = place.url.replace(/\/[^/]*$/, '/elsewhere?sslmode=disable');
      await ask(mount.node, 'update', 'db/config/main', { connection_url: other });
      await comeBack();
      mount.store.clock.jump(130);
      await finishDuties(mount.node, mount.store.clock);
      await credentials(mount.node);
      await written(mount.node, 'sys/leases/revoke-prefix/db/creds');
    });
  }
}
