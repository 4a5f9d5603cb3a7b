/** What somebody with no token, or with one that may do next to nothing, can use up or get around. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DutyLock } from '../../src/core/duty/lock.ts';
import { parseApiPath } from '../../src/core/path.ts';
import { defaultLimits } from '../../src/core/quota/limits.ts';
import type { CofferNode } from '../../src/main/node.ts';
import { ask, keysOf, makePlace, makeToken, type Place, tokenOf, writePolicy } from '../fakes/client.ts';

const limits = { ...defaultLimits };
let place: Place;
let node: CofferNode;
beforeEach(async () => {
  Object.assign(limits, { ...defaultLimits, requestsPerSecond: 1, burst: 5, tokensPerIdentity: 6 });
  place = await makePlace({ limits: () => limits });
  node = await place.node();
});
afterEach(() => place.remove());

async function logIn(): Promise<string> {
  await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
  await ask(node, 'update', 'auth/approle/role/app', { token_policies: 'app' });
  const { role_id } = (await ask(node, 'read', 'auth/approle/role/app/role-id')).data;
  const { secret_id } = (await ask(node, 'update', 'auth/approle/role/app/secret-id')).data;
  const proof = { role_id: String(role_id), secret_id: String(secret_id) };
  return tokenOf(await ask(node, 'update', 'auth/approle/login', proof, null));
}

describe('threat 15: wrapping', () => {
  it.each([null, 'no such token'])(
    'writes nothing for who has no token (%s), and is counted',
    async (token) => {
      const from = '198.51.100.1';
      const { wrap } = await ask(node, 'update', 'sys/wrapping/wrap', { a: 1 }, undefined, { wrapTtl: 60 });
      const before = await keysOf(place.storage);
      const asks = [
        () => ask(node, 'read', 'sys/internal/ui/mounts', {}, token, { from, wrapTtl: 60 }),
        () =>
          ask(node, 'update', 'sys/wrapping/lookup', { token: wrap?.token ?? '' }, token, {
            from,
            wrapTtl: 60,
          }),
      ];
      for (const one of asks) {
        const answer = await one();
        expect([answer.status, answer.hasData, answer.wrap]).toEqual([400, false, undefined]);
      }
      expect(await keysOf(place.storage)).toEqual(before);
      for (let count = 0; count < 5; count++) await asks[0]?.();
      expect(node.road.admit?.(parseApiPath('sys/health'), from, false)).toMatchObject({ admitted: false });
    },
  );

  it('counts against what an identity may hold, and gives back what it ended', async () => {
    const token = await logIn();
    const wrap = () => ask(node, 'update', 'sys/wrapping/wrap', { a: 1 }, token, { wrapTtl: 60 });
    const made = [];
    for (let count = 0; count < 8; count++) made.push(await wrap());
    expect(made.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429, 429, 429]);
    const before = await keysOf(place.storage, 'core/token/id/');
    expect((await wrap()).status).toBe(429);
    expect(await keysOf(place.storage, 'core/token/id/')).toEqual(before);
    await ask(node, 'update', 'sys/wrapping/unwrap', {}, made[0]?.wrap?.token ?? '');
    place.clock.jump(2);
    expect((await wrap()).status).toBe(200);
  });

  it('counts too when all come at once', async () => {
    const token = await logIn();
    place.clock.jump(61);
    const wrap = () => ask(node, 'update', 'sys/wrapping/wrap', { a: 1 }, token, { wrapTtl: 60 });
    const asked = await Promise.all(Array.from({ length: 30 }, wrap));
    expect(asked.filter(({ status }) => status === 200)).toHaveLength(5);
  });

  it('also by those who log in for it', async () => {
    await logIn();
    const { role_id } = (await ask(node, 'read', 'auth/approle/role/app/role-id')).data;
    const { secret_id } = (await ask(node, 'update', 'auth/approle/role/app/secret-id')).data;
    const proof = { role_id: String(role_id), secret_id: String(secret_id) };
    const { wrap } = await ask(node, 'update', 'auth/approle/login', proof, null, { wrapTtl: 60 });
    expect(wrap?.token).toMatch(/^hvs\./);
    const ofIdentity = await keysOf(place.storage, 'core/token/of/');
    expect(ofIdentity).toHaveLength(3);
  });

  it('for longer than a token may live is refused before anything is done', async () => {
    const asked = await ask(node, 'update', 'secret/data/a', { data: { a: 1 } }, undefined, {
      wrapTtl: 2_764_801,
    });
    expect(asked.status).toBe(400);
    expect((await ask(node, 'read', 'secret/data/a')).status).toBe(404);
  });
});

it('threat 15: while sealed a token that is made up is no way around the limit of strangers', async () => {
  const sealed = place.sealedNode();
  await sealed.state.start();
  const from = '198.51.100.1';
  for (let count = 0; count < 5; count++) {
    await ask(sealed, 'update', 'sys/unseal', { key: 'no key' }, 'made up', { from });
  }
  const path = parseApiPath('sys/unseal');
  expect(sealed.road.admit?.(path, from, true)).toMatchObject({ admitted: false });
  expect(sealed.road.admit?.(path, '198.51.100.2', true)).toBeUndefined();
});

it('threat 15: one caller’s jobs leave room for those of others', async () => {
  await place.remove();
  place = await makePlace();
  node = await place.node();
  const { core } = node.state;
  if (core === undefined) throw new Error('sealed');
  const begin = (token: string | null, identity?: string) =>
    core.jobs.begin({ type: 'idle', state: {}, subject: 'nothing' }, { token, identity, displayName: 'x' });
  for (let count = 0; count < 20; count++) await begin(`child-${count}`, 'one');
  await expect(begin('another-child', 'one')).rejects.toMatchObject({ code: 'rate_limited' });
  await begin('a', 'two');
  for (let count = 0; count < 20; count++) await begin('without-identity');
  await expect(begin('without-identity')).rejects.toMatchObject({ code: 'rate_limited' });
  for (const identity of ['three', 'four', 'five', 'six']) {
    for (let count = 0; count < 20; count++) await begin('a', identity).catch(() => undefined);
  }
  await expect(begin('a', 'seven')).rejects.toMatchObject({ code: 'rate_limited' });
  // What the server needs done for itself is never shut out.
  await begin(null);
});

it('threat 15: nor do jobs that are asked for at once get around that, and quick ones are no burden', async () => {
  const { core } = node.state;
  if (core === undefined) throw new Error('sealed');
  const ask = () =>
    core.jobs
      .begin({ type: 'idle', state: {}, subject: 'nothing' }, { token: 'a', displayName: 'x' })
      .catch(() => undefined);
  const ids = await Promise.all(Array.from({ length: 60 }, ask));
  const begun = ids.filter((id) => id !== undefined);
  expect(begun.length).toBeGreaterThan(0);
  expect(begun.length).toBeLessThanOrEqual(20);
  for (const id of begun) await core.jobs.cancel(id);
  for (let count = 0; count < 60; count++) {
    const id = await ask();
    expect(id).toBeDefined();
    await core.jobs.cancel(id ?? '');
  }
});

describe('threat 18: a token with a number of uses', () => {
  it('ends nobody’s wrapping token once its uses are spent', async () => {
    const made = [];
    for (let count = 0; count < 4; count++) {
      made.push(await ask(node, 'update', 'sys/wrapping/wrap', { count }, undefined, { wrapTtl: 60 }));
    }
    const wrapped = made.map(({ wrap }) => wrap?.token ?? '');
    const reader = await makeToken(node, { policies: ['root'], num_uses: 1 });
    const asked = await Promise.all(
      wrapped.map((token, index) =>
        ask(node, 'update', `sys/wrapping/${index % 2 === 0 ? 'unwrap' : 'rewrap'}`, { token }, reader),
      ),
    );
    expect(asked.filter(({ status }) => status === 200)).toHaveLength(1);
    const alive = await Promise.all(
      wrapped.map((token) => ask(node, 'update', 'sys/wrapping/lookup', { token }, null)),
    );
    expect(alive.filter(({ status }) => status === 200)).toHaveLength(3);
  });

  it('begins and cancels no more key operations than it has uses', async () => {
    const token = await makeToken(node, { policies: ['root'], num_uses: 1 });
    expect((await ask(node, 'update', 'sys/generate-root/attempt', {}, token)).status).toBe(200);
    expect((await ask(node, 'delete', 'sys/generate-root/attempt', {}, token)).status).toBe(403);
    const wish = { secret_shares: 1, secret_threshold: 1 };
    expect((await ask(node, 'update', 'sys/rekey/init', wish, token)).status).toBe(403);
    expect((await ask(node, 'read', 'sys/generate-root/attempt')).data['started']).toBe(true);
  });
});

it('threat 05: a job asked for with a trailing slash ends with the rule that denies the endpoint', async () => {
  for (const name of ['a', 'b']) await ask(node, 'update', `secret/data/x/${name}`, { data: { name } });
  const rules = (more: string) =>
    `path "secret/*" { capabilities = ["create", "read", "update", "delete", "list"] }
     path "sys/secrets/*" { capabilities = ["update"] }
     ${more}`;
  await writePolicy(node, 'mover', rules(''));
  const token = await makeToken(node, { policies: ['mover'], no_default_policy: true });
  const task = { from: 'secret/x', to: 'secret/y', recursive: true };
  const { core } = node.state;
  if (core === undefined) throw new Error('sealed');
  // Another node is to work on it, and has not begun yet.
  const lock = await new DutyLock(core.store, place.clock, 'jobs', 'another node').acquire();
  const begun = await ask(node, 'update', 'sys/secrets/move/', task, token);
  expect(begun.status).toBe(200);
  await writePolicy(node, 'mover', rules('path "sys/secrets/move" { capabilities = ["deny"] }'));
  await core.jobDuty.settled();
  await lock?.release();
  await core.jobDuty.run();
  const job = await ask(node, 'read', `sys/jobs/${String(begun.data['job_id'])}`);
  expect(job.data).toMatchObject({ status: 'failed' });
  expect((await ask(node, 'read', 'secret/data/x/a')).status).toBe(200);
});

describe('threat 15: tokens of others', () => {
  it('leave no entity behind where the maker holds as many tokens as it may', async () => {
    await ask(node, 'update', 'auth/token/roles/any', { allowed_entity_aliases: '*', allowed_policies: 'a' });
    await writePolicy(node, 'app', 'path "auth/token/create/any" { capabilities = ["update"] }');
    const token = await logIn();
    const statuses = [];
    for (let count = 0; count < 9; count++) {
      const made = await ask(node, 'update', 'auth/token/create/any', { entity_alias: `n${count}` }, token);
      statuses.push(made.status);
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429, 429, 429]);
    // Those of the tokens, and the maker's own.
    expect(await keysOf(place.storage, 'core/identity/entity/id/')).toHaveLength(6);
  });
});
