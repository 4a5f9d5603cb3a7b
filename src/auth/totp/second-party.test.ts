import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, type Place, tokenOf } from '../../../test/fakes/client.ts';
import { addDevice, Device, logIn, makeAccount } from '../../../test/fakes/totp-place.ts';
import type { AuthMethodType } from '../../engine/engine.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { totp } from './totp.ts';

let place: Place;
let node: CofferNode;
let bob: Device;
let ann: Device;
beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
  await ask(node, 'update', 'sys/auth/totp', { type: 'totp' });
  ann = await makeAccount(node, place.clock, 'ann');
  bob = await makeAccount(node, place.clock, 'bob', { second: 'person', authorizers: ['ann', 'cid'] });
});
afterEach(() => place.remove());

let from = 0;
/** From an address that nothing was refused to yet. */
const attempt = async (name: string, code: string, more: JsonObject = {}) => {
  from += 1;
  const answer = await logIn(node, name, code, more, `198.51.100.${from % 250}`);
  return { status: answer.status, errors: answer.errors, metadata: answer.auth?.metadata };
};
const refused = { status: 400, errors: ['invalid account or code'], metadata: undefined };

/** Locks of earlier attempts end, and codes are new. */
async function later(...names: readonly string[]): Promise<void> {
  place.clock.jump(30);
  const mounts = (await ask(node, 'read', 'sys/auth')).data as Record<string, { accessor: string }>;
  for (const name of names) {
    await ask(node, 'update', `sys/locked-users/${mounts['totp/']?.accessor}/unlock/acme/${name}`);
  }
}

describe('a second person', () => {
  it('shows a code of their own, and the token says who it was', async () => {
    const answer = await attempt('bob', bob.code(), { second_account: 'ann', second_code: ann.code() });
    expect(answer).toEqual({
      status: 200,
      errors: [],
      metadata: { issuer: 'acme', account: 'bob', approved_by: 'ann' },
    });
    // Both codes are used up.
    place.clock.jump(1);
    expect(await attempt('ann', ann.code())).toEqual(refused);
    const again = { second_account: 'ann', second_code: ann.code(30) };
    expect(await attempt('bob', bob.code(), again)).toEqual(refused);
  });

  it('threat 04: is somebody else, who is on the list, there, and shows what is theirs', async () => {
    const eve = await makeAccount(node, place.clock, 'eve');
    const spare = new Device(place.clock);
    await addDevice(node, 'acme/bob', 'spare', spare);
    await ask(node, 'update', 'auth/totp/accounts/acme/cid', {});
    const wrong: readonly (() => JsonObject)[] = [
      () => ({}),
      () => ({ second_code: ann.code() }),
      () => ({ second_account: 'ann' }),
      () => ({ second_account: 'ann', second_code: ann.wrong() }),
      () => ({ second_account: 'eve', second_code: eve.code() }),
      () => ({ second_account: 'nobody', second_code: ann.code() }),
      () => ({ second_account: 'cid', second_code: ann.code() }),
      () => ({ second_account: 'bob', second_code: spare.code() }),
      () => ({ second_account: 'bob', second_code: bob.code() }),
      () => ({ second_account: 'ann', second_code: bob.code() }),
      () => ({ second_account: 'ann', second_code: spare.code() }),
      () => ({ second_account: 'Ann', second_code: ann.code() }),
      () => ({ second_account: 'ann ', second_code: ann.code() }),
      () => ({ second_account: 'other/ann', second_code: ann.code() }),
    ];
    for (const [index, more] of wrong.entries()) {
      expect(await attempt('bob', bob.code(), more()), String(index)).toEqual(refused);
      await later('bob', 'ann');
    }
    const good = { second_account: 'ann', second_code: ann.code() };
    expect((await attempt('bob', bob.code(), good)).status).toBe(200);
  });

  it('threat 04: a code that both devices show is no second one', async () => {
    await makeAccount(node, place.clock, 'twin', { second: 'person', authorizers: 'ann' }, ann);
    const code = ann.code();
    expect(await attempt('twin', code, { second_account: 'ann', second_code: code })).toEqual(refused);
  });

  it('is not the same entity by another name', async () => {
    // Identity has one alias of a mount for an entity: whatever else makes two names one entity is told by the seam.
    const entities = new Map([
      ['acme/ann', 'one'],
      ['acme/bob', 'one'],
    ]);
    const told: AuthMethodType = {
      ...totp,
      create: (environment) =>
        totp.create({
          ...environment,
          entityOf: async (alias) => ({ id: entities.get(alias) ?? '', disabled: false }),
        }),
    };
    const other = await makePlace({ authMethods: [told] });
    const at = await other.node();
    await ask(at, 'update', 'sys/auth/totp', { type: 'totp' });
    const one = await makeAccount(at, other.clock, 'ann');
    const two = await makeAccount(at, other.clock, 'bob', { second: 'person', authorizers: ['ann'] });
    const login = () => logIn(at, 'bob', two.code(), { second_account: 'ann', second_code: one.code() });
    const { status, errors } = await login();
    expect({ status, errors }).toEqual({ status: 400, errors: refused.errors });
    entities.set('acme/ann', 'another');
    expect((await login()).status).toBe(200);
    await other.remove();
  });

  it('is who their entity was merged into', async () => {
    const annId = (await logIn(node, 'ann', ann.code(), {}, '203.0.113.1')).auth?.entityId ?? '';
    await later('bob');
    const into = (await ask(node, 'update', 'identity/entity', { name: 'ann-at-work' })).data['id'] ?? '';
    await ask(node, 'update', 'identity/entity/merge', { to_entity_id: into, from_entity_ids: [annId] });
    const good = () => ({ second_account: 'ann', second_code: ann.code() });
    await ask(node, 'update', `identity/entity/id/${String(into)}`, { disabled: true });
    expect(await attempt('bob', bob.code(), good())).toEqual(refused);
    await ask(node, 'update', `identity/entity/id/${String(into)}`, { disabled: false });
    expect((await attempt('bob', bob.code(), good())).status).toBe(200);
  });

  it('is not disabled, as an account or as an entity', async () => {
    const good = () => ({ second_account: 'ann', second_code: ann.code() });
    await ask(node, 'update', 'auth/totp/accounts/acme/ann', { disabled: true });
    expect(await attempt('bob', bob.code(), good())).toEqual(refused);
    await ask(node, 'update', 'auth/totp/accounts/acme/ann', { disabled: false });
    const id = (await logIn(node, 'ann', ann.code())).auth?.entityId ?? '';
    await later('bob');
    await ask(node, 'update', `identity/entity/id/${id}`, { disabled: true });
    expect(await attempt('bob', bob.code(), good())).toEqual(refused);
    await ask(node, 'update', `identity/entity/id/${id}`, { disabled: false });
    await later('bob');
    expect((await attempt('bob', bob.code(), good())).status).toBe(200);
  });

  it('uses up nothing by a code that is wrong, whichever of the two it is', async () => {
    const [first, second] = [bob.code(), ann.code()];
    expect(await attempt('bob', first, { second_account: 'ann', second_code: ann.wrong() })).toEqual(refused);
    expect(await attempt('bob', bob.wrong(), { second_account: 'ann', second_code: second })).toEqual(
      refused,
    );
    const good = { second_account: 'ann', second_code: second };
    expect((await attempt('bob', first, good)).status).toBe(200);
  });

  it('threat 07: their code is not guessed by way of somebody who needs them', async () => {
    const guess = () =>
      logIn(node, 'bob', bob.code(), { second_account: 'ann', second_code: ann.wrong() }, '198.51.100.251');
    for (let failures = 0; failures < 5; failures++) expect((await guess()).status).toBe(400);
    // Both are locked there: bob says so, and ann's codes are not looked at even by way of others.
    expect((await guess()).status).toBe(403);
    expect((await logIn(node, 'ann', ann.code(), {}, '198.51.100.251')).status).toBe(403);
    expect((await logIn(node, 'ann', ann.code(), {}, '192.0.2.77')).status).toBe(200);
    await makeAccount(node, place.clock, 'dan', { second: 'person', authorizers: ['ann'] }).then(
      async (dan) => {
        place.clock.jump(30);
        const more = { second_account: 'ann', second_code: ann.code() };
        const there = await logIn(node, 'dan', dan.code(), more, '198.51.100.251');
        expect({ status: there.status, errors: there.errors }).toEqual({
          status: 400,
          errors: refused.errors,
        });
        expect((await logIn(node, 'dan', dan.code(), more, '192.0.2.77')).status).toBe(200);
      },
    );
  });

  it('is ignored where an account needs nobody', async () => {
    const answer = await attempt('ann', ann.code(), { second_account: 'bob', second_code: '000000' });
    expect(answer).toMatchObject({ status: 200, metadata: { issuer: 'acme', account: 'ann' } });
    expect(answer.metadata).not.toHaveProperty('approved_by');
  });
});

describe('a second device', () => {
  let phone: Device;
  let watch: Device;
  beforeEach(async () => {
    phone = await makeAccount(node, place.clock, 'dan', { second: 'device' });
    watch = new Device(place.clock);
    await addDevice(node, 'acme/dan', 'watch', watch);
  });

  it('is another one of the same person, in either order', async () => {
    expect((await attempt('dan', phone.code(), { second_code: watch.code() })).status).toBe(200);
    expect(await attempt('dan', phone.code(), { second_code: watch.code() })).toEqual(refused);
    place.clock.jump(30);
    const named = { second_account: 'dan', second_code: phone.code() };
    expect((await attempt('dan', watch.code(), named)).status).toBe(200);
  });

  it('threat 04: is not the same device twice, nor somebody else’s, nor one that is disabled', async () => {
    const wrong: readonly (() => [string, JsonObject])[] = [
      () => [phone.code(), {}],
      () => [phone.code(), { second_code: phone.code() }],
      () => [phone.code(), { second_code: phone.code(30) }],
      () => [phone.code(-30), { second_code: phone.code() }],
      () => [phone.code(), { second_code: ann.code() }],
      () => [phone.code(), { second_account: 'ann', second_code: ann.code() }],
      () => [phone.code(), { second_account: 'ann', second_code: watch.code() }],
    ];
    for (const [index, parts] of wrong.entries()) {
      const [code, more] = parts();
      expect(await attempt('dan', code, more), String(index)).toEqual(refused);
      await later('dan', 'ann');
    }
    await ask(node, 'update', 'auth/totp/accounts/acme/dan/devices/watch', { disabled: true });
    expect(await attempt('dan', phone.code(), { second_code: watch.code() })).toEqual(refused);
  });

  it('ends renewal when either device goes', async () => {
    const token = tokenOf(await logIn(node, 'dan', phone.code(), { second_code: watch.code() }));
    const renewed = async () => (await ask(node, 'update', 'auth/token/renew-self', {}, token)).status;
    expect(await renewed()).toBe(200);
    await ask(node, 'delete', 'auth/totp/accounts/acme/dan/devices/watch');
    expect(await renewed()).toBe(400);
  });
});
