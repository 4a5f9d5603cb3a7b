import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  auditText,
  finishDuties,
  keysOf,
  makePlace,
  type Place,
  storedText,
} from '../../../test/fakes/client.ts';
import { Device, logIn, makeAccount } from '../../../test/fakes/totp-place.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
  await ask(node, 'update', 'sys/auth/totp', { type: 'totp' });
});
afterEach(() => place.remove());

const account = (fields: JsonObject = {}) => ask(node, 'update', 'auth/totp/accounts/acme/bob', fields);
const open = (what: string, sent: JsonObject) => ask(node, 'update', `auth/totp/enroll/${what}`, sent, null);
const invite = async (fields: JsonObject = {}) =>
  String((await ask(node, 'update', 'auth/totp/invite/acme/bob', fields)).data['invitation']);

/** Goes through an enrolment; answers the device and what the end of it showed. */
async function enroll(invitation: string): Promise<{ device: Device; id: string; recovery: string[] }> {
  const { data } = await open('start', { invitation });
  const device = Device.of(place.clock, String(data['url']));
  const code = device.code();
  place.clock.jump(30);
  const ended = await open('finish', { invitation, code, next_code: device.code() });
  expect(ended.errors).toEqual([]);
  return {
    device,
    id: String(ended.data['device']),
    recovery: ended.data['recovery_codes'] as string[],
  };
}

const badInvitation = expect.stringMatching(/^the invitation is not good/);

describe('an enrolment', () => {
  it('goes from an invitation to a device that logs in', async () => {
    await account();
    const made = await ask(node, 'update', 'auth/totp/invite/acme/bob', { device: 'phone', ttl: '1h' });
    expect(made.data).toMatchObject({
      issuer: 'acme',
      account: 'bob',
      expire_time: '2026-11-22T02:36:00.000Z',
    });
    const invitation = String(made.data['invitation']);
    const begun = await open('start', { invitation });
    expect(begun.data).toMatchObject({
      issuer: 'acme',
      account: 'bob',
      device: 'phone',
      digits: 6,
      period: 30,
    });
    expect(String(begun.data['url'])).toMatch(
      /^otpauth:\/\/totp\/acme:bob\?algorithm=SHA1&digits=6&issuer=acme&period=30&secret=[A-Z2-7]{32}$/,
    );
    expect(Buffer.from(String(begun.data['barcode']), 'base64').subarray(1, 4).toString()).toBe('PNG');
    const device = Device.of(place.clock, String(begun.data['url']));
    const code = device.code();
    place.clock.jump(30);
    const ended = await open('finish', { invitation, code, next_code: device.code() });
    expect(ended.data).toMatchObject({ device: 'phone', issuer: 'acme', account: 'bob' });
    expect(ended.data['recovery_codes']).toHaveLength(8);
    // Both codes are used up.
    expect((await logIn(node, 'bob', device.code())).status).toBe(400);
    place.clock.jump(30);
    expect((await logIn(node, 'bob', device.code())).status).toBe(200);
    const shown = (await ask(node, 'read', 'auth/totp/accounts/acme/bob')).data;
    expect(shown).toMatchObject({ devices: ['phone'], recovery_codes_left: 8, invited: false });
    const one = (await ask(node, 'read', 'auth/totp/accounts/acme/bob/devices/phone')).data;
    expect(one).toMatchObject({ source: 'enrolment', algorithm: 'SHA1', digits: 6, disabled: false });
  });

  it('makes what the mount is set to', async () => {
    const set = { algorithm: 'SHA256', digits: 8, period: 60, recovery_codes: 0 };
    await ask(node, 'update', 'auth/totp/config', set);
    await account();
    const invitation = await invite();
    const { data } = await open('start', { invitation, qr_size: 0 });
    expect(data).not.toHaveProperty('barcode');
    const device = Device.of(place.clock, String(data['url']));
    expect(device).toMatchObject({ algorithm: 'SHA256', digits: 8, period: 60 });
    const code = device.code();
    place.clock.jump(60);
    const ended = await open('finish', { invitation, code, next_code: device.code() });
    expect(ended.data['recovery_codes']).toEqual([]);
  });

  it('can be handed on wrapped', async () => {
    await account();
    const wrapped = await ask(node, 'update', 'auth/totp/invite/acme/bob', {}, undefined, { wrapTtl: 60 });
    expect(wrapped.data).toEqual({});
    const opened = await ask(node, 'update', 'sys/wrapping/unwrap', {}, wrapped.wrap?.token ?? '');
    await enroll(String(opened.data['invitation']));
  });

  it('is begun once, ended once, and not after its time', async () => {
    await account();
    const invitation = await invite();
    expect((await open('finish', { invitation, code: '123456', next_code: '654321' })).errors).toEqual([
      'the enrolment was not begun yet',
    ]);
    await open('start', { invitation });
    expect((await open('start', { invitation })).errors).toEqual([badInvitation]);
    const late = await invite({ ttl: '1m' });
    expect((await open('start', { invitation })).errors).toEqual([badInvitation]);
    place.clock.jump(61);
    expect((await open('start', { invitation: late })).errors).toEqual([badInvitation]);
    const good = await invite();
    await enroll(good);
    expect((await open('start', { invitation: good })).errors).toEqual([badInvitation]);
    for (const odd of ['x', '🗝', good.slice(1), `${good} `, 'a'.repeat(100_000)]) {
      expect((await open('start', { invitation: odd })).errors, odd.slice(0, 9)).toEqual([badInvitation]);
    }
    expect((await open('start', {})).errors).toEqual(['missing invitation']);
  });

  it('ends by being taken back, and with its account', async () => {
    await account();
    const back = await invite();
    await ask(node, 'delete', 'auth/totp/invite/acme/bob');
    expect((await open('start', { invitation: back })).errors).toEqual([badInvitation]);
    const disabled = await invite();
    await account({ disabled: true });
    expect((await open('start', { invitation: disabled })).errors).toEqual([badInvitation]);
    expect((await ask(node, 'update', 'auth/totp/invite/acme/bob')).status).toBe(400);
    await account({ disabled: false });
    const orphan = await invite();
    await ask(node, 'delete', 'auth/totp/accounts/acme/bob');
    await account();
    expect((await open('start', { invitation: orphan })).errors).toEqual([badInvitation]);
  });

  it('wants two codes in a row that are not the same, and ends after ten wrong pairs', async () => {
    await account();
    const invitation = await invite();
    const { data } = await open('start', { invitation });
    const device = Device.of(place.clock, String(data['url']));
    place.clock.jump(60);
    const code = device.code();
    const pairs: readonly (readonly [string, string])[] = [
      [device.code(-30), device.code(30)],
      [code, device.code(-30)],
      [code, device.wrong()],
      [device.wrong(), code],
      [device.code(-120), device.code(-90)],
      [device.code(60), device.code(90)],
    ];
    for (const [one, two] of pairs) {
      const answer = await open('finish', { invitation, code: one, next_code: two });
      expect(answer.errors).toEqual([expect.stringMatching(/^these are not two codes in a row/)]);
    }
    const same = await open('finish', { invitation, code, next_code: code });
    expect(same.errors).toEqual(['the two codes are the same: wait for the next one']);
    for (const odd of ['12345', '1234567', '１２３４５６', ' 12345', '12 456', '+12345', '']) {
      expect((await open('finish', { invitation, code: odd, next_code: code })).status).toBe(400);
    }
    for (let more = pairs.length; more < 10; more++) {
      await open('finish', { invitation, code: device.wrong(), next_code: code });
    }
    const right = { invitation, code: device.code(-30), next_code: code };
    expect((await open('finish', right)).errors).toEqual([badInvitation]);
  });

  it('takes a code and the one before it too, for whoever is slow', async () => {
    await account();
    const invitation = await invite();
    const { data } = await open('start', { invitation });
    const device = Device.of(place.clock, String(data['url']));
    const sent = { invitation, code: device.code(-60), next_code: device.code(-30) };
    expect((await open('finish', sent)).status).toBe(200);
  });

  it('leaves nothing behind when nobody comes', async () => {
    await account();
    await invite({ ttl: '1m' });
    const stays = () =>
      keysOf(place.storage).then((keys) => keys.filter((key) => key.includes('/invitation/')));
    expect((await stays()).filter((key) => !key.startsWith('due/'))).toHaveLength(1);
    place.clock.jump(60);
    await finishDuties(node, place.clock);
    expect(await stays()).toEqual([]);
    expect((await ask(node, 'read', 'auth/totp/accounts/acme/bob')).data['invited']).toBe(false);
  });

  it('threat 18: of two that end one enrolment at once, one does', async () => {
    await account();
    const invitation = await invite();
    const starts = await Promise.all([1, 2, 3].map(() => open('start', { invitation })));
    const begun = starts.filter(({ status }) => status === 200);
    expect(begun).toHaveLength(1);
    const device = Device.of(place.clock, String(begun[0]?.data['url']));
    const code = device.code();
    place.clock.jump(30);
    const sent = { invitation, code, next_code: device.code() };
    const ends = await Promise.all([1, 2, 3].map(() => open('finish', sent)));
    expect(ends.filter(({ status }) => status === 200)).toHaveLength(1);
    expect((await ask(node, 'list', 'auth/totp/accounts/acme/bob/devices')).data['keys']).toHaveLength(1);
  });
});

describe('another device', () => {
  it('comes by a code of one that is there, beside it or in its place', async () => {
    const phone = await makeAccount(node, place.clock, 'bob');
    const asked = { issuer: 'acme', account: 'bob' };
    const wrong = await open('invite', { ...asked, code: phone.wrong() });
    expect(wrong.errors).toEqual(['invalid account or code']);
    const code = phone.code();
    const beside = await open('invite', { ...asked, code, device: 'watch' });
    expect((await open('invite', { ...asked, code })).status).toBe(400);
    expect((await logIn(node, 'bob', code)).status).toBe(400);
    const watch = await enroll(String(beside.data['invitation']));
    expect(watch.id).toBe('watch');
    const instead = await open('invite', { ...asked, code: phone.code(), replaces: 'phone' });
    const fresh = await enroll(String(instead.data['invitation']));
    expect(fresh.id).toBe('phone');
    place.clock.jump(30);
    expect((await logIn(node, 'bob', phone.code(), {}, '192.0.2.50')).status).toBe(400);
    expect((await logIn(node, 'bob', fresh.device.code())).status).toBe(200);
    expect((await logIn(node, 'bob', watch.device.code())).status).toBe(200);
    expect((await ask(node, 'list', 'auth/totp/accounts/acme/bob/devices')).data['keys']).toEqual([
      'phone',
      'watch',
    ]);
  });

  it('threat 05: wants of an account what its logins want', async () => {
    const phone = await makeAccount(node, place.clock, 'bob', { second: 'device' });
    const asked = { issuer: 'acme', account: 'bob' };
    expect((await open('invite', { ...asked, code: phone.code() })).status).toBe(400);
    const watch = new Device(place.clock);
    const path = 'auth/totp/accounts/acme/bob/devices/watch';
    await ask(node, 'update', path, { url: watch.url });
    const both = { code: phone.code(), second_code: watch.code() };
    expect((await open('invite', { ...asked, ...both })).status).toBe(200);
    await account({ disabled: true });
    place.clock.jump(30);
    const later = { code: phone.code(), second_code: watch.code() };
    expect((await open('invite', { ...asked, ...later })).status).toBe(400);
  });

  it('has a place, and an id of its own', async () => {
    await account();
    for (const id of ['a', 'b', 'c']) await enroll(await invite({ device: id }));
    expect((await ask(node, 'update', 'auth/totp/invite/acme/bob', { device: 'a' })).status).toBe(400);
    expect((await ask(node, 'update', 'auth/totp/invite/acme/bob', { replaces: 'z' })).status).toBe(400);
    await enroll(await invite({ device: 'd' }));
    const full = await ask(node, 'update', 'auth/totp/invite/acme/bob');
    expect(full.errors).toEqual(['an account has at most 4 devices: say which one to replace']);
    await enroll(await invite({ replaces: 'b', device: 'e' }));
    expect((await ask(node, 'list', 'auth/totp/accounts/acme/bob/devices')).data['keys']).toEqual([
      'a',
      'c',
      'd',
      'e',
    ]);
  });
});

describe('a recovery code', () => {
  it('opens one enrolment, and no login', async () => {
    await account();
    const { recovery } = await enroll(await invite({ device: 'phone' }));
    const [first = '', second = ''] = recovery;
    expect(first).toMatch(/^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/);
    const asked = { issuer: 'acme', account: 'bob' };
    const good = await open('recover', { ...asked, recovery_code: first, replaces: 'phone' });
    expect((await open('recover', { ...asked, recovery_code: first })).errors).toEqual([
      'invalid account or code',
    ]);
    expect((await logIn(node, 'bob', second)).status).toBe(400);
    const { recovery: more } = await enroll(String(good.data['invitation']));
    expect(more).toEqual([]);
    expect((await ask(node, 'read', 'auth/totp/accounts/acme/bob')).data['recovery_codes_left']).toBe(7);
    const typed = ` ${second.toUpperCase().replaceAll('-', ' ')}`;
    expect((await open('recover', { ...asked, recovery_code: typed, device: 'x' })).status).toBe(200);
    await ask(node, 'delete', 'auth/totp/accounts/acme/bob/recovery');
    expect((await open('recover', { ...asked, recovery_code: recovery[2] ?? '' })).status).toBe(400);
  });

  it('threat 04: is spent by one of many at once', async () => {
    await account();
    const { recovery } = await enroll(await invite());
    const sent = { issuer: 'acme', account: 'bob', recovery_code: recovery[0] ?? '' };
    const answers = await Promise.all([1, 2, 3, 4].map(() => open('recover', sent)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('threat 08: is refused in one way, and locked as codes are', async () => {
    await account();
    await enroll(await invite());
    await ask(node, 'update', 'auth/totp/accounts/acme/empty');
    const sent = { issuer: 'acme', recovery_code: 'abcd-abcd-abcd-abcd' };
    const from = (at: number) => ({ from: `192.0.2.${at}` });
    const recover = async (name: string, at: number) => {
      const all = { ...sent, account: name };
      const answer = await ask(node, 'update', 'auth/totp/enroll/recover', all, null, from(at));
      return { ...answer, requestId: '' };
    };
    const known = await recover('bob', 1);
    expect(known).toMatchObject({ status: 400, errors: ['invalid account or code'] });
    for (const [index, name] of ['nobody', 'empty', 'BOB'].entries()) {
      expect(await recover(name, index + 2)).toEqual(known);
    }
    for (let more = 0; more < 4; more++) await recover('bob', 1);
    expect((await recover('bob', 1)).status).toBe(403);
    for (let more = 0; more < 4; more++) await recover('nobody', 2);
    expect((await recover('nobody', 2)).status).toBe(403);
  });
});

it('threat 16: no secret of an enrolment is in the store, the log or an administrator’s answer', async () => {
  await account();
  const invitation = await invite();
  const { data } = await open('start', { invitation });
  const device = Device.of(place.clock, String(data['url']));
  const code = device.code();
  place.clock.jump(30);
  const { data: ended } = await open('finish', { invitation, code, next_code: device.code() });
  place.clock.jump(30);
  const login = device.code();
  await logIn(node, 'bob', login);
  const shown = await Promise.all(
    ['config', 'accounts/acme/bob', `accounts/acme/bob/devices/${String(ended['device'])}`].map((path) =>
      ask(node, 'read', `auth/totp/${path}`),
    ),
  );
  const secret = String(new URL(String(data['url'])).searchParams.get('secret'));
  const all = [
    await storedText(place.storage),
    auditText(place.auditDirectory),
    JSON.stringify(shown),
    JSON.stringify(place.log),
  ].join('\n');
  const recovery = (ended['recovery_codes'] as string[])[0] ?? '';
  for (const canary of [secret, device.key.toString('base64'), invitation, recovery]) {
    expect(canary.length).toBeGreaterThan(15);
    expect(all).not.toContain(canary);
  }
  const audited = auditText(place.auditDirectory);
  expect(audited).toContain('enroll/finish');
  for (const canary of [`"${code}"`, `"${login}"`]) expect(audited).not.toContain(canary);
});
