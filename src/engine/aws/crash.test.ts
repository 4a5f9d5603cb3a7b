import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AwsMount, awsMount, written } from '../../../test/fakes/aws-mount.ts';
import { ask, finishDuties, keysOf } from '../../../test/fakes/client.ts';
import { type FaultyQuery, startFaultyQuery } from '../../../test/fakes/faulty-query.ts';
import { Mortal } from '../../../test/fakes/mortal-database.ts';
import { resetMoto, startMoto } from '../../../test/setup/moto.ts';
import type { CofferNode } from '../../main/node.ts';

const moto = await startMoto();
const document = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'ec2:Describe*', Resource: '*' }],
};

/** Steps that a test dies at: more than what it does has, so that the last of them are whole runs. */
const steps = (count: number) => Array.from({ length: count }, (_none, index) => index + 1);

describe.skipIf(moto === undefined)('a process that ends at any step', { timeout: 120_000 }, () => {
  if (moto === undefined) return;
  const mortal = new Mortal();
  let faulty: FaultyQuery;
  let mount: AwsMount;
  beforeAll(async () => {
    faulty = await startFaultyQuery(moto.endpoint);
    faulty.around = (call) => mortal.step(call);
  });
  beforeEach(async () => {
    mortal.revive();
    await resetMoto(moto);
    mount = await rootMount();
    await written(mount.node, 'aws/roles/deploy', { credential_type: 'iam_user', policy_document: document });
  });
  afterEach(() => mount.remove());
  afterAll(async () => {
    await faulty.close();
    await moto.close();
  });

  async function rootMount(): Promise<AwsMount> {
    const made = await awsMount(faulty.endpoint, { silent: true });
    await written(made.node, 'aws/config/root', { max_retries: 0 });
    return made;
  }

  const users = () => mount.cloud.users('vault-');
  const leases = async () => (await keysOf(mount.store.storage, 'core/lease/id/')).length;

  /** Does something on a node that dies at a step of it. Says whether it died. */
  async function dying(step: number, action: (node: CofferNode) => Promise<unknown>): Promise<boolean> {
    const node = await mount.store.node(mortal.storage(mount.store.storage));
    // What is opened and read for the first time is no part of what is tried.
    await ask(node, 'read', 'aws/config/root');
    mortal.dieAt(step);
    await action(node).catch(() => undefined);
    const died = mortal.dead;
    await node.state.drop().catch(() => undefined);
    mortal.revive();
    return died;
  }

  /** Another node does what the dead one left, once its time has come. */
  async function recover(): Promise<void> {
    for (let rounds = 0; rounds < 2; rounds++) {
      mount.store.clock.jump(330);
      await finishDuties(mount.node, mount.store.clock);
    }
  }

  it('threat 18: of making a user leaves a user with a lease or neither', async () => {
    const seen = new Set<string>();
    for (const step of steps(14)) {
      let answered = false;
      const died = await dying(step, async (node) => {
        answered = (await ask(node, 'read', 'aws/creds/deploy')).status === 200;
      });
      await recover();
      const [left, leased] = [await users(), await leases()];
      expect(left.length, `step ${step}`).toBe(leased);
      if (!died) expect(answered, `step ${step}`).toBe(true);
      if (answered) expect(left, `step ${step}`).toHaveLength(1);
      const kept = await keysOf(mount.store.storage, 'mount/');
      expect(kept.filter((key) => key.includes('intent/'))).toEqual([]);
      seen.add(`${died} ${left.length}`);
      await written(mount.node, 'sys/leases/revoke-prefix/aws/creds');
      expect(await users()).toEqual([]);
    }
    // All three ends were come to: dead without, dead with, and alive.
    expect([...seen].toSorted()).toEqual(['false 1', 'true 0', 'true 1']);
  });

  it('of ending a user leaves none once the lease is over', async () => {
    await written(mount.node, 'aws/config/lease', { lease: '1h', lease_max: '1h' });
    for (const step of steps(16)) {
      const { lease } = await ask(mount.node, 'read', 'aws/creds/deploy');
      await dying(step, (node) => ask(node, 'update', 'sys/leases/revoke', { lease_id: lease?.id ?? '' }));
      mount.store.clock.jump(3_700);
      await recover();
      expect([await users(), await leases()], `step ${step}`).toEqual([[], 0]);
    }
  });

  it('threat 18: of making a user below a mount that is disabled afterwards leaves nothing', async () => {
    const { data: root } = await ask(mount.node, 'read', 'aws/config/root');
    for (const step of steps(14)) {
      await dying(step, (node) => ask(node, 'read', 'aws/creds/deploy'));
      await ask(mount.node, 'delete', 'sys/mounts/aws');
      await finishDuties(mount.node, mount.store.clock);
      await recover();
      expect([await users(), await leases()], `step ${step}`).toEqual([[], 0]);
      await written(mount.node, 'sys/mounts/aws', { type: 'aws' });
      await written(mount.node, 'aws/config/root', { ...root, secret_key: mount.root.secretKey });
      await written(mount.node, 'aws/roles/deploy', {
        credential_type: 'iam_user',
        policy_document: document,
      });
    }
  });

  it('of rotating the mount’s key leaves one key, that works', async () => {
    const seen = new Set<string>();
    for (const step of steps(20)) {
      // AWS has a clock of its own, which a key's age is told by.
      const { store, root } = mount;
      const died = await dying(step, (node) => ask(node, 'update', 'aws/config/rotate-root'));
      // In between as well the mount has a key of its user.
      const between = String((await ask(mount.node, 'read', 'aws/config/root')).data['access_key']);
      expect(await mount.cloud.keys(root.name), `step ${step}`).toContain(between);
      await recover();
      const key = String((await ask(mount.node, 'read', 'aws/config/root')).data['access_key']);
      expect(await mount.cloud.keys(root.name), `step ${step}`).toEqual([key]);
      seen.add(`${died} ${key === root.accessKey ? 'former' : 'new'}`);
      expect((await ask(mount.node, 'update', 'aws/config/rotate-root')).status, `step ${step}`).toBe(200);
      await store.remove();
      mount = await rootMount();
    }
    expect([...seen].toSorted()).toEqual(['false new', 'true former', 'true new']);
  });

  it('of rotating a static role leaves a key that both sides have', async () => {
    await mount.cloud.makeUser('fixed');
    const role = { username: 'fixed', rotation_period: '24h' };
    const key = async () =>
      String((await ask(mount.node, 'read', 'aws/static-creds/job')).data['access_key']);
    await written(mount.node, 'aws/static-roles/job', role);
    for (const step of steps(12)) {
      mount.store.clock.jump(86_401);
      await dying(step, (node) => finishDuties(node, mount.store.clock));
      await recover();
      expect(await mount.cloud.keys('fixed'), `step ${step}`).toContain(await key());
      expect((await mount.cloud.whoIs(await key())).endsWith(':user/fixed'), `step ${step}`).toBe(true);
    }
    for (const step of steps(12)) {
      await ask(mount.node, 'delete', 'aws/static-roles/job');
      const [first = ''] = await mount.cloud.keys('fixed');
      await mount.cloud.iam('DeleteAccessKey', { UserName: 'fixed', AccessKeyId: first });
      await dying(step, (node) => ask(node, 'update', 'aws/static-roles/job', role));
      await recover();
      // A first write that was cut off is there whole, or can be made again.
      await written(mount.node, 'aws/static-roles/job', role);
      expect(await mount.cloud.keys('fixed'), `first write, step ${step}`).toContain(await key());
    }
  });
});
