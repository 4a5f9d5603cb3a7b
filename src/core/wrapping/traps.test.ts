/** What people and programs get wrong with wrapping tokens, and what somebody in the middle may try. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  type Asked,
  ask,
  makePlace,
  makeToken,
  type Place,
  writePolicy,
} from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

const notValid = [400, 'wrapping token is not valid or does not exist'];

let place: Place;
let node: CofferNode;
beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
  await ask(node, 'update', 'secret/data/a', { data: { word: 'kept' } });
});
afterEach(() => place.remove());

const outcome = ({ status, errors }: Asked) => [status, ...errors];
const wrapped = (path = 'secret/data/a', wrapTtl = 60) => ask(node, 'read', path, {}, undefined, { wrapTtl });
const tokenIn = async (asked: Promise<Asked>) => (await asked).wrap?.token ?? '';
const call = (name: string, data: JsonObject = {}, token?: string | null) =>
  ask(node, 'update', `sys/wrapping/${name}`, data, token);

it('threat 18: whoever takes an answer out cannot put it back as if nothing had been', async () => {
  const token = await tokenIn(wrapped());
  const taken = await call('unwrap', { token });
  const again = await ask(node, 'update', 'sys/wrapping/wrap', taken.data, undefined, { wrapTtl: 60 });
  const looked = async (each: string) => (await call('lookup', { token: each }, null)).data['creation_path'];
  expect(await looked(again.wrap?.token ?? '')).toBe('sys/wrapping/wrap');
  let fresh = await tokenIn(wrapped());
  for (let times = 0; times < 3; times++) fresh = (await call('rewrap', { token: fresh })).wrap?.token ?? '';
  expect(await looked(fresh)).toBe('secret/data/a');
});

it('a token that is no wrapping token is refused and not used up, whatever is asked of it', async () => {
  const limited = await makeToken(node, { policies: ['default'], num_uses: 2 });
  for (const name of ['unwrap', 'rewrap', 'lookup']) {
    expect(outcome(await call(name, { token: limited })), name).toEqual(notValid);
  }
  const self = await ask(node, 'read', 'auth/token/lookup-self', {}, limited);
  expect(self.data).toMatchObject({ num_uses: 1 });
});

it.each(['', 'hvs.', 'hvs.none', 'x'.repeat(10_000), 'ключ', 'a\0b', '../../a', '\ud800'])(
  'threat 15: %j is no wrapping token, and costs nobody anything',
  async (token) => {
    for (const name of ['unwrap', 'rewrap', 'lookup']) {
      const answer = await call(name, { token }, name === 'lookup' ? null : undefined);
      expect(outcome(answer), name).toEqual(notValid);
    }
  },
);

it('what is unwrapped is never wrapped again by a header, and nothing is lost by asking', async () => {
  const token = await tokenIn(wrapped());
  const refused = await ask(node, 'update', 'sys/wrapping/unwrap', { token }, undefined, { wrapTtl: 60 });
  expect(refused.status).toBe(400);
  expect(refused.errors[0]).toMatch(/sys\/wrapping\/rewrap/);
  expect((await call('unwrap', { token })).data).toMatchObject({ data: { word: 'kept' } });
});

it('threat 05: a token without the right to unwrap leaves what it names as it is', async () => {
  await writePolicy(node, 'other', 'path "secret/*" { capabilities = ["read"] }');
  const reader = await makeToken(node, { policies: ['other'], no_default_policy: true });
  const token = await tokenIn(wrapped());
  expect((await call('unwrap', { token }, reader)).status).toBe(403);
  expect((await call('rewrap', { token }, reader)).status).toBe(403);
  expect((await call('unwrap', { token })).status).toBe(200);
});

it('a caller with one use left gets the answer once, and then neither token opens anything', async () => {
  const caller = await makeToken(node, { policies: ['default'], num_uses: 1 });
  const [first, second] = [await tokenIn(wrapped()), await tokenIn(wrapped())];
  expect((await call('unwrap', { token: first }, caller)).data).toMatchObject({ data: { word: 'kept' } });
  expect(outcome(await call('unwrap', { token: second }, caller))).toEqual(notValid);
  expect((await call('unwrap', { token: second })).status).toBe(200);
});

it('a wrapping token is not renewed, and ends where its accessor is revoked', async () => {
  const { wrap } = await wrapped();
  const token = wrap?.token ?? '';
  expect((await ask(node, 'update', 'auth/token/renew', { token, increment: 3_600 })).status).toBe(400);
  expect(
    (await ask(node, 'update', 'auth/token/revoke-accessor', { accessor: wrap?.accessor ?? '' })).status,
  ).toBe(204);
  for (const name of ['unwrap', 'lookup', 'rewrap'])
    expect(outcome(await call(name, { token }))).toEqual(notValid);
});

it('a wrapping token and the answer in it end at the same second, also for a look', async () => {
  const token = await tokenIn(wrapped('secret/data/a', 60));
  place.clock.jump(59);
  expect((await call('lookup', { token }, null)).status).toBe(200);
  place.clock.jump(1);
  for (const name of ['lookup', 'unwrap', 'rewrap'])
    expect(outcome(await call(name, { token }))).toEqual(notValid);
  expect(outcome(await call('unwrap', {}, token))).toEqual(notValid);
});

it('lists, logins and statuses are wrapped or not as the contract has it', async () => {
  const list = await ask(node, 'list', 'secret/metadata/', {}, undefined, { wrapTtl: 60 });
  expect(list.hasData).toBe(false);
  expect((await call('unwrap', { token: list.wrap?.token ?? '' })).data).toEqual({ keys: ['a'] });
  for (const path of ['sys/health', 'sys/seal-status', 'sys/leader', 'sys/init']) {
    const plain = await ask(node, 'read', path, {}, null, { wrapTtl: 60 });
    expect([plain.status, plain.wrap ?? null, plain.hasData], path).toEqual([200, null, true]);
  }
  expect((await wrapped('secret/data/a', 2_764_800)).wrap?.ttl).toBe(2_764_800);
  expect((await wrapped('secret/data/a', 2_764_801)).status).toBe(400);
});

it('a look without any token says what it says of a wrong one', async () => {
  expect(outcome(await call('lookup', {}, null))).toEqual(notValid);
  expect(outcome(await call('unwrap', {}, null))).toEqual(notValid);
  expect(outcome(await call('unwrap', { token: await tokenIn(wrapped()) }, null))).toEqual(notValid);
});

it('threat 18: a mount that is disabled meanwhile does not keep a wrapped answer from its reader, nor bring it back', async () => {
  const token = await tokenIn(wrapped());
  await ask(node, 'delete', 'sys/mounts/secret');
  expect((await call('unwrap', { token })).data).toMatchObject({ data: { word: 'kept' } });
  expect(outcome(await call('unwrap', { token }))).toEqual(notValid);
});
