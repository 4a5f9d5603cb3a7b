import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, finishDuties, keysOf } from '../../../test/fakes/client.ts';
import {
  credentials,
  type DatabaseMount,
  databaseMount,
  roleOf,
  written,
} from '../../../test/fakes/database-mount.ts';
import { Mortal } from '../../../test/fakes/mortal-database.ts';
import { type DatabasePlace, databasePlace } from '../../../test/setup/database-place.ts';
import type { CofferNode } from '../../main/node.ts';
import { database } from './database.ts';
import { mysql } from './mysql/mysql.ts';
import { postgresql } from './postgresql/postgresql.ts';

describe.each(['postgresql', 'mariadb'] as const)('on %s', async (kind) => {
  const found = await databasePlace(kind);
  describe.skipIf(found === undefined)('a process that ends at any step', () => {
    if (found !== undefined) describeCrashes(found);
  });
});

/** Steps that a test dies at: more than what it does has, so that the last of them are whole runs. */
const steps = Array.from({ length: 10 }, (_none, index) => index + 1);

function describeCrashes(place: DatabasePlace): void {
  const mortal = new Mortal();
  let mount: DatabaseMount;

  beforeEach(async () => {
    mortal.revive();
    mount = await databaseMount(place, {
      engines: [database([mortal.plugin(place.kind === 'postgresql' ? postgresql : mysql)])],
    });
  });
  afterEach(() => mount.remove());
  afterAll(() => place.close());

  const leases = async () => (await keysOf(mount.store.storage, 'core/lease/id/')).length;

  /** Does something on a node that dies at a step of it. Says whether it died. */
  async function dying(step: number, action: (node: CofferNode) => Promise<unknown>): Promise<boolean> {
    const node = await mount.store.node(mortal.storage(mount.store.storage));
    // What is opened and read for the first time is no part of what is tried.
    await ask(node, 'read', 'db/config/main');
    mortal.dieAt(step);
    await action(node).catch(() => undefined);
    const died = mortal.dead;
    await node.state.drop().catch(() => undefined);
    mortal.revive();
    return died;
  }

  /** Another node does what the dead one left, once its time has come. */
  async function recover(seconds = 130): Promise<void> {
    for (let minutes = 0; minutes < 3; minutes++) {
      mount.store.clock.jump(seconds);
      await finishDuties(mount.node, mount.store.clock);
    }
  }

  it('threat 18: of making a user leaves a user with a lease or neither', async () => {
    const seen = new Set<string>();
    for (const step of steps) {
      let answered = false;
      const died = await dying(step, async (node) => {
        answered = (await ask(node, 'read', 'db/creds/app')).status === 200;
      });
      await recover();
      const [users, leased] = [await mount.users(), await leases()];
      expect(users.length, `step ${step}`).toBe(leased);
      if (!died) expect(answered, `step ${step}`).toBe(true);
      if (answered) expect(users, `step ${step}`).toHaveLength(1);
      expect((await keysOf(mount.store.storage, 'mount/')).filter((key) => key.includes('intent/'))).toEqual(
        [],
      );
      seen.add(`${died} ${users.length}`);
      await written(mount.node, 'sys/leases/revoke-prefix/db/creds');
      expect(await mount.users()).toEqual([]);
    }
    // All three ends were come to: dead without, dead with, and alive.
    expect([...seen].toSorted()).toEqual(['false 1', 'true 0', 'true 1']);
  });

  it('of ending a user leaves none once the lease is over', async () => {
    for (const step of steps) {
      const { lease } = await credentials(mount.node);
      await dying(step, (node) => ask(node, 'update', 'sys/leases/revoke', { lease_id: lease }));
      mount.store.clock.jump(3_700);
      await recover();
      expect([await mount.users(), await leases()], `step ${step}`).toEqual([[], 0]);
    }
  });

  it('of making a user below a mount that is disabled afterwards leaves nothing', async () => {
    for (const step of steps) {
      await dying(step, (node) => ask(node, 'read', 'db/creds/app'));
      await ask(mount.node, 'delete', 'sys/mounts/db');
      await finishDuties(mount.node, mount.store.clock);
      await recover();
      expect([await mount.users(), await leases()], `step ${step}`).toEqual([[], 0]);
      await written(mount.node, 'sys/mounts/db', { type: 'database' });
      await written(mount.node, 'db/config/main', mount.config);
      await written(mount.node, 'db/roles/app', roleOf(place));
    }
  });

  it('of rotating a static role leaves a password that both sides have', async () => {
    const name = `${mount.prefix}-fixed`;
    const postgres = place.kind === 'postgresql';
    await place.sql(
      postgres
        ? `CREATE ROLE "${name}" LOGIN PASSWORD 'first'`
        : `CREATE USER '${name}'@'%' IDENTIFIED BY 'first'`,
    );
    const role = { db_name: 'main', username: name, rotation_period: '1h' };
    const works = async () => {
      const { data } = await ask(mount.node, 'read', 'db/static-creds/job');
      return place.whoAmI(name, String(data['password']));
    };
    try {
      await written(mount.node, 'db/static-roles/job', role);
      for (const step of steps) {
        await dying(step, (node) => ask(node, 'update', 'db/rotate-role/job'));
        await recover();
        expect(await works(), `step ${step}`).toBe(name);
        expect((await ask(mount.node, 'update', 'db/rotate-role/job')).status, `step ${step}`).toBe(204);
        expect(await works(), `step ${step}`).toBe(name);
      }
      for (const step of steps) {
        await ask(mount.node, 'delete', 'db/static-roles/job');
        await dying(step, (node) => ask(node, 'update', 'db/static-roles/job', role));
        await recover();
        // A first write that was cut off is there whole, or can be made again.
        await written(mount.node, 'db/static-roles/job', role);
        expect(await works(), `first write, step ${step}`).toBe(name);
      }
    } finally {
      await place.sql(postgres ? `DROP ROLE "${name}"` : `DROP USER '${name}'@'%'`);
    }
  });

  it('of rotating the login leaves one that works', async () => {
    const name = `${mount.prefix}-root`;
    const postgres = place.kind === 'postgresql';
    const drop = postgres ? `DROP ROLE IF EXISTS "${name}"` : `DROP USER IF EXISTS '${name}'@'%'`;
    try {
      for (const settledBy of ['duty', 'request']) {
        for (const step of steps) {
          await place.sql(drop);
          await place.sql(
            postgres
              ? `CREATE ROLE "${name}" LOGIN SUPERUSER PASSWORD 'first'`
              : `CREATE USER '${name}'@'%' IDENTIFIED BY 'first'`,
          );
          if (!postgres) await place.sql(`GRANT ALL PRIVILEGES ON *.* TO '${name}'@'%' WITH GRANT OPTION`);
          await written(mount.node, 'db/config/main', { username: name, password: 'first' });
          await dying(step, (node) => ask(node, 'update', 'db/rotate-root/main'));
          if (settledBy === 'duty') await recover();
          const { lease } = await credentials(mount.node);
          await written(mount.node, 'sys/leases/revoke', { lease_id: lease });
          await recover();
          expect((await ask(mount.node, 'update', 'db/rotate-root/main')).status, `step ${step}`).toBe(204);
          await written(mount.node, 'sys/leases/revoke', { lease_id: (await credentials(mount.node)).lease });
        }
      }
    } finally {
      await place.sql(drop);
    }
  });
}
