import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  auditText,
  keysOf,
  makePlace,
  type Place,
  storedText,
  writePolicy,
} from '../../../test/fakes/client.ts';
import { addDevice, Device, logIn, makeAccount } from '../../../test/fakes/totp-place.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
  await ask(node, 'update', 'sys/auth/totp', { type: 'totp' });
});
afterEach(() => place.remove());

describe('an account', () => {
  const path = 'auth/totp/accounts/acme/bob';
  it('is written, shown, checked and set, and deleted with all that is its', async () => {
    const fields = {
      roles: ['A', 'B', 'A'],
      authorizers: 'ann,cid',
      second: 'person',
      notify: ['mail'],
      token_policies: ['p'],
      token_ttl: '10m',
    };
    expect((await ask(node, 'update', path, { ...fields, cas: 1 })).status).toBe(400);
    expect((await ask(node, 'update', path, { ...fields, cas: 0 })).status).toBe(204);
    expect((await ask(node, 'update', path, { cas: 0 })).status).toBe(400);
    expect((await ask(node, 'read', path)).data).toMatchObject({
      roles: ['A', 'B'],
      authorizers: ['ann', 'cid'],
      second: 'person',
      disabled: false,
      notify: ['mail'],
      token_policies: ['p'],
      token_ttl: 600,
      devices: [],
      recovery_codes_left: 0,
      invited: false,
      version: 1,
    });
    expect((await ask(node, 'update', path, { disabled: true, cas: 1 })).status).toBe(204);
    expect((await ask(node, 'read', path)).data).toMatchObject({
      disabled: true,
      version: 2,
      roles: ['A', 'B'],
    });
    const before = (await keysOf(place.storage)).length;
    await ask(node, 'update', 'auth/totp/accounts/acme/cid');
    await addDevice(node, 'acme/cid', 'phone', new Device(place.clock));
    await ask(node, 'update', 'auth/totp/invite/acme/cid');
    await logIn(node, 'cid', '123456');
    await ask(node, 'delete', 'auth/totp/accounts/acme/cid');
    await ask(node, 'delete', 'auth/totp/accounts/acme/cid');
    // What is left is when to look for the invitation.
    const left = (await keysOf(place.storage)).slice();
    expect(left.length - before).toBe(1);
    expect((await ask(node, 'read', 'auth/totp/accounts/acme/cid')).status).toBe(404);
  });

  it.each([
    ['second', 'both'],
    ['roles', ['a\nb']],
    ['roles', ['a'.repeat(577)]],
    ['roles', Array.from({ length: 201 }, (_, index) => `r${index}`)],
    ['authorizers', ['a/b']],
    ['notify', ['a b']],
    ['token_policies', ['root']],
    ['token_ttl', '-1s'],
  ] as const)('refuses %s %j', async (name, value) => {
    expect((await ask(node, 'update', path, { [name]: value })).status).toBe(400);
    expect((await ask(node, 'read', path)).status).toBe(404);
  });

  it('does not approve itself', async () => {
    for (const authorizers of [[], ['bob']]) {
      expect((await ask(node, 'update', path, { second: 'person', authorizers })).status).toBe(400);
    }
  });

  it('is locked and unlocked by its two names', async () => {
    const phone = await makeAccount(node, place.clock, 'b:ö b');
    for (let guess = 0; guess < 5; guess++) await logIn(node, 'b:ö b', phone.wrong());
    expect((await logIn(node, 'b:ö b', phone.code())).status).toBe(403);
    const { keys } = (await ask(node, 'list', 'sys/locked-users/')).data;
    const [locked = ''] = keys as string[];
    expect(locked).toMatch(/^auth_totp_[0-9a-f]{8}\/acme\/b:ö b$/);
    const [mount, ...name] = locked.split('/');
    const unlock = (text: string) => ask(node, 'update', `sys/locked-users/${mount}/unlock/${text}`);
    expect((await unlock('acme')).status).toBe(400);
    expect((await unlock('acme/B:Ö B')).status).toBe(204);
    expect((await logIn(node, 'b:ö b', phone.code())).status).toBe(403);
    expect((await unlock(name.join('/'))).status).toBe(204);
    expect((await logIn(node, 'b:ö b', phone.code())).status).toBe(200);
  });

  it('is listed as a holder of its policies', async () => {
    await writePolicy(node, 'p', 'path "secret/data/x" { capabilities = ["read"] }');
    await ask(node, 'update', path, { token_policies: 'p' });
    const asked = { path: 'secret/data/x', operation: 'read' };
    const { data } = await ask(node, 'update', 'sys/policies/who-can', asked);
    expect(data['roles']).toEqual([expect.objectContaining({ type: 'totp', name: 'acme/bob' })]);
  });
});

describe('threat 09: names', () => {
  it('are exact, and none that looks like another’s can be made', async () => {
    await makeAccount(node, place.clock, 'bob');
    const make = (issuer: string, name: string) =>
      ask(node, 'update', `auth/totp/accounts/${issuer}/${name}`, {});
    for (const name of ['Bob', 'BOB', 'ｂob', 'b\u200bob', 'bob ', ' bob', 'b ob/x']) {
      const { status } = await make('acme', name);
      expect([400, 404], name).toContain(status);
    }
    expect((await make('ACME', 'bob')).errors[0]).toMatch(/looks like this one/);
    expect((await make('acme', 'e\u0301va')).errors[0]).toMatch(/composed form/);
    expect((await make('acme', '\u202ebob')).status).toBe(400);
    for (const name of [
      'éva',
      '日本',
      'a:b',
      'c:d:e',
      'with space',
      '*',
      '+',
      '{{x}}',
      "o'neil",
      'x'.repeat(200),
    ]) {
      expect((await make('Ünï:cøde', name)).status, name).toBe(204);
      const { data } = await ask(node, 'list', 'auth/totp/accounts/Ünï:cøde');
      expect(data['keys']).toContain(name);
    }
    expect((await make('acme', 'x'.repeat(201))).status).toBe(400);
    expect((await ask(node, 'list', 'auth/totp/accounts')).data['keys']).toEqual(['acme/', 'Ünï:cøde/']);
  });

  it('of two that look alike and are made at once, one is', async () => {
    const names = ['Eve', 'eve', 'EVE', 'ｅve'];
    const made = await Promise.all(
      names.map((name) => ask(node, 'update', `auth/totp/accounts/acme/${name}`)),
    );
    expect(made.filter(({ status }) => status === 204)).toHaveLength(1);
    const [kept = ''] = (await ask(node, 'list', 'auth/totp/accounts/acme')).data['keys'] as string[];
    await ask(node, 'delete', `auth/totp/accounts/acme/${kept}`);
    expect((await ask(node, 'update', 'auth/totp/accounts/acme/eve')).status).toBe(204);
  });
});

describe('a device that comes with a URL', () => {
  it('refuses what is no secret of a device, and never says anything of it', async () => {
    await ask(node, 'update', 'auth/totp/accounts/acme/bob');
    const put = (url: string, id = 'phone') =>
      ask(node, 'update', `auth/totp/accounts/acme/bob/devices/${id}`, { url });
    const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
    const bad = [
      '',
      'otpauth://totp/a:b',
      'otpauth://totp/a:b?secret=',
      'otpauth://totp/a:b?secret=GEZDGNBVGY3TQOJQ',
      'otpauth://totp/a:b?secret=GEZDGNBVGY3TQOJQGEZDGNBVG1',
      'otpauth://totp/a:b?secret=!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!',
      `otpauth://hotp/a:b?secret=${secret}&counter=0`,
      `https://totp/a:b?secret=${secret}`,
      `otpauth://totp/a:b?secret=${secret}&secret=${secret}`,
      `otpauth://totp/a:b?secret=${secret}&digits=7`,
      `otpauth://totp/a:b?secret=${secret}&digits=6.0`,
      `otpauth://totp/a:b?secret=${secret}&period=0`,
      `otpauth://totp/a:b?secret=${secret}&period=86400`,
      `otpauth://totp/a:b?secret=${secret}&algorithm=MD5`,
      `otpauth://totp/a:b?secret=${'A'.repeat(5_000)}`,
    ];
    for (const url of bad) {
      const answer = await put(url);
      expect(answer.status, url).toBe(400);
      expect(answer.errors.join()).not.toContain(secret);
    }
    for (const id of ['a b', '-a', 'a'.repeat(65), 'ä', '*']) {
      expect((await put(`otpauth://totp/a:b?secret=${secret}`, id)).status, id).toBe(400);
    }
    const good = `otpauth://totp/Ünï%20c:ö:d:e?secret=${secret.toLowerCase()}====&issuer=%C3%9Cn%C3%AF`;
    expect((await put(good)).status).toBe(204);
    // The same again is done already; another one takes the place of nothing.
    expect((await put(good)).status).toBe(204);
    expect((await put(`otpauth://totp/a:b?secret=${secret}&digits=8`)).status).toBe(400);
    expect((await put(new Device(place.clock).url)).status).toBe(400);
    expect((await ask(node, 'update', 'auth/totp/accounts/acme/none/devices/a', { url: good })).status).toBe(
      400,
    );
    const shown = await ask(node, 'read', 'auth/totp/accounts/acme/bob/devices/phone');
    expect(JSON.stringify(shown)).not.toContain(secret);
    const everywhere = (await storedText(place.storage)) + auditText(place.auditDirectory);
    expect(everywhere.toUpperCase()).not.toContain(secret);
  });
});
