/** What somebody does who has no business here: guessing, sending again, looking around, and writing to the storage. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, keysOf, makePlace, makeToken, type Place, writePolicy } from '../../../test/fakes/client.ts';
import { addDevice, Device, logIn, makeAccount } from '../../../test/fakes/totp-place.ts';
import { codeAt } from '../../crypto/one-time-code.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { parseStorageKey, type Storage } from '../../storage/storage.ts';
import { totpWith } from './totp.ts';

let place: Place;
let node: CofferNode;
let derived = 0;
beforeEach(async () => {
  const counted = totpWith({
    derive: (key, step, settings) => {
      derived += 1;
      return codeAt(key, step, settings);
    },
  });
  place = await makePlace({ authMethods: [counted] });
  node = await place.node();
  await ask(node, 'update', 'sys/auth/totp', { type: 'totp' });
});
afterEach(() => place.remove());

const plain = ({ status, errors }: Awaited<ReturnType<typeof logIn>>) => ({ status, errors });
const refused = { status: 400, errors: ['invalid account or code'] };

describe('threat 04: a code', () => {
  it.each([false, true])('sent many times on two nodes is taken once (LMDB: %s)', async (lmdb) => {
    const shared = await makePlace({ lmdb });
    const nodes = [await shared.node(), await shared.node()];
    const [first, second] = nodes;
    if (first === undefined || second === undefined) return expect.unreachable();
    await ask(first, 'update', 'sys/auth/totp', { type: 'totp' });
    const ann = await makeAccount(first, shared.clock, 'ann');
    const people = { second: 'person', authorizers: ['ann'] };
    const bob = await makeAccount(first, shared.clock, 'bob', people);
    const cid = await makeAccount(first, shared.clock, 'cid', people);
    const send = (name: string, device: Device, more: JsonObject) => (_: unknown, index: number) =>
      logIn(index % 2 === 0 ? first : second, name, device.code(), more, `198.51.100.${index}`);
    const won = (answers: readonly { status: number }[]) =>
      answers.filter(({ status }) => status === 200).length;
    const alone = await Promise.all(Array.from({ length: 8 }, send('ann', ann, {})));
    expect(won(alone)).toBe(1);
    shared.clock.jump(30);
    // One code of a second person approves one login, whoever asks.
    const more = { second_account: 'ann', second_code: ann.code() };
    const both = await Promise.all([
      ...Array.from({ length: 4 }, send('bob', bob, more)),
      ...Array.from({ length: 4 }, send('cid', cid, more)),
    ]);
    expect(won(both)).toBe(1);
    await shared.remove();
  });

  it('is ASCII digits, as many as are wanted, and nothing else: told before anything is looked up', async () => {
    const phone = await makeAccount(node, place.clock, 'bob');
    const code = phone.code();
    const fullWidth = [...code].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join('');
    const arabic = [...code].map((digit) => String.fromCodePoint(0x660 + Number(digit))).join('');
    const odd = [
      ...[' ', '\u00a0', '\n', '\t', '\u200b', '\ufeff', '+', '-', '0', '\0', '.', '\u0301'].flatMap(
        (one) => [one + code, code + one, code.slice(0, 3) + one + code.slice(3)],
      ),
      ...[fullWidth, arabic, code.slice(1), `${code}1`, `${code}123`, `1e${code.slice(2)}`, `0x${code}`],
    ];
    const before = derived;
    for (const text of odd) {
      for (const sent of [{ code: text }, { code, second_account: 'ann', second_code: text }]) {
        const answer = await logIn(node, 'bob', code, sent);
        expect(answer.status, JSON.stringify(text)).toBe(400);
        expect(answer.errors[0]).toMatch(/has 6 or 8 digits and nothing else/);
      }
    }
    expect(derived).toBe(before);
    // Nothing was counted, and the code is good.
    expect((await logIn(node, 'bob', code)).status).toBe(200);
  });

  it('that is any other text at all opens nothing', async () => {
    const phone = await makeAccount(node, place.clock, 'bob');
    const code = phone.code();
    const near = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 12 }),
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.stringMatching(/^[\d\s+-]{1,10}$/),
      fc.tuple(fc.string({ maxLength: 3 }), fc.string({ maxLength: 3 })).map(([a, b]) => a + code + b),
    );
    await fc.assert(
      fc.asyncProperty(near, async (text) => {
        fc.pre(!/^(\d{6}|\d{8})$/.test(text));
        expect((await logIn(node, 'bob', text)).status).toBe(400);
      }),
      { numRuns: 200 },
    );
    expect((await logIn(node, 'bob', code)).status).toBe(200);
  });

  it('of eight digits is not shortened to six, and none is filled up', async () => {
    const eight = new Device(place.clock, { digits: 8 });
    await makeAccount(node, place.clock, 'bob', {}, eight);
    for (const code of [eight.code().slice(2), eight.code().slice(0, 6)]) {
      expect(plain(await logIn(node, 'bob', code))).toEqual(refused);
    }
    const six = await makeAccount(node, place.clock, 'cid');
    expect(plain(await logIn(node, 'cid', `00${six.code()}`))).toEqual(refused);
  });

  it('of two devices that make the same ones is used up for both', async () => {
    const phone = await makeAccount(node, place.clock, 'bob');
    await addDevice(node, 'acme/bob', 'copy', phone);
    const code = phone.code();
    expect((await logIn(node, 'bob', code)).status).toBe(200);
    expect(plain(await logIn(node, 'bob', code))).toEqual(refused);
  });
});

describe('threat 07: guessing', () => {
  it('is over after five codes at an address, and locks nobody out elsewhere', async () => {
    const phone = await makeAccount(node, place.clock, 'bob');
    expect((await logIn(node, 'bob', phone.code(), {}, '192.0.2.1')).status).toBe(200);
    for (let guess = 0; guess < 5; guess++) {
      expect(plain(await logIn(node, 'bob', phone.wrong(), {}, '203.0.113.9'))).toEqual(refused);
    }
    place.clock.jump(30);
    // Right or wrong is the same there now.
    expect((await logIn(node, 'bob', phone.code(), {}, '203.0.113.9')).status).toBe(403);
    expect((await logIn(node, 'bob', phone.wrong(), {}, '203.0.113.9')).status).toBe(403);
    expect((await logIn(node, 'bob', phone.code(), {}, '192.0.2.1')).status).toBe(200);
  });

  it('from everywhere ends for everywhere but where the owner was before, for longer each time', async () => {
    const phone = await makeAccount(node, place.clock, 'bob');
    expect((await logIn(node, 'bob', phone.code(), {}, '192.0.2.1')).status).toBe(200);
    let address = 0;
    const guess = async () => {
      address += 1;
      const from = `10.${address >> 8}.${address & 255}.1`;
      return (await logIn(node, 'bob', phone.wrong(), {}, from)).status;
    };
    const untilLocked = async () => {
      for (let guesses = 0; ; guesses++) if ((await guess()) === 403) return guesses;
    };
    const lockLasts = async () => {
      for (let minutes = 0; ; minutes += 15) {
        if ((await guess()) === 400) return minutes;
        place.clock.jump(15 * 60);
      }
    };
    expect(await untilLocked()).toBe(20);
    expect((await logIn(node, 'bob', phone.code(), {}, '198.51.100.1')).status).toBe(403);
    place.clock.jump(30);
    expect((await logIn(node, 'bob', phone.code(), {}, '192.0.2.1')).status).toBe(200);
    expect(await lockLasts()).toBe(15);
    expect(await untilLocked()).toBe(19);
    expect(await lockLasts()).toBe(30);
    expect(await untilLocked()).toBe(19);
    expect(await lockLasts()).toBe(60);
    expect((await logIn(node, 'bob', phone.code(), {}, '192.0.2.1')).status).toBe(200);
  });

  it('is the same guessing by way of an enrolment and a recovery', async () => {
    const phone = await makeAccount(node, place.clock, 'bob');
    const own = { issuer: 'acme', account: 'bob' };
    const open = (what: string, sent: JsonObject) =>
      ask(node, 'update', `auth/totp/enroll/${what}`, { ...own, ...sent }, null);
    for (let round = 0; round < 2; round++) {
      expect((await open('invite', { code: phone.wrong() })).status).toBe(400);
      expect((await open('recover', { recovery_code: 'abcd-abcd-abcd-abcd' })).status).toBe(400);
    }
    expect((await logIn(node, 'bob', phone.wrong())).status).toBe(400);
    expect((await open('invite', { code: phone.code() })).status).toBe(403);
    expect((await logIn(node, 'bob', phone.code())).status).toBe(403);
  });
});

/** A storage that counts what is asked of it. */
function counting(storage: Storage): { storage: Storage; counted: () => string } {
  let log: string[] = [];
  const storageOf = new Proxy(storage, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...given: readonly unknown[]) => {
        const [first] = given;
        log.push(`${String(name)} ${Array.isArray(first) ? first.length : ''}`);
        return (member as (...all: readonly unknown[]) => unknown).apply(target, [...given]);
      };
    },
  });
  return {
    storage: storageOf,
    counted: () => {
      const all = log.join(', ');
      log = [];
      return all;
    },
  };
}

describe('threat 08: who has an account', () => {
  it('shows neither in the answer nor in the work that is done for it', async () => {
    const watched = counting(place.storage);
    const at = await place.node(watched.storage);
    const phone = await makeAccount(at, place.clock, 'bob', { roles: ['r'] });
    await addDevice(at, 'acme/bob', 'watch', new Device(place.clock));
    await makeAccount(at, place.clock, 'off', { disabled: true }, phone);
    await makeAccount(at, place.clock, 'far', { token_bound_cidrs: '203.0.113.0/24' }, phone);
    await makeAccount(at, place.clock, 'two', { second: 'device' }, phone);
    await makeAccount(at, place.clock, 'ann');
    await makeAccount(at, place.clock, 'per', { second: 'person', authorizers: ['ann'] }, phone);
    await ask(at, 'update', 'auth/totp/accounts/acme/bare');
    let address = 0;
    const attempt = async (name: string, code: string, more: JsonObject = {}) => {
      address += 1;
      watched.counted();
      const before = derived;
      const answer = await logIn(at, name, code, more, `10.0.${address}.1`);
      return { ...answer, requestId: '', derived: derived - before, work: watched.counted() };
    };
    for (const more of [{}, { second_account: 'ann', second_code: '000000' }, { second_account: 'who' }]) {
      const nobody = await attempt('nobody', '000000', more);
      expect(nobody).toMatchObject({ ...refused, derived: Object.keys(more).length === 0 ? 12 : 24 });
      expect(nobody.work).toContain('commit');
      const tries: readonly (readonly [string, string, JsonObject?])[] = [
        ['bob', phone.wrong()],
        ['bob', phone.code(), { role: 'other' }],
        ['off', phone.code()],
        ['far', phone.code()],
        ['two', phone.code()],
        ['per', phone.code()],
        ['bare', phone.code()],
        ['Bob', phone.code()],
        ['bob\u0301', phone.code()],
      ];
      for (const [name, code, besides = {}] of tries) {
        const one = await attempt(name, code, { ...more, ...besides });
        expect(one, `${name} ${JSON.stringify(more)}`).toEqual(nobody);
      }
    }
    const locked = async (name: string) => {
      for (let guess = 0; guess < 5; guess++) await logIn(at, name, phone.wrong(), {}, '192.0.2.200');
      watched.counted();
      const before = derived;
      const answer = await logIn(at, name, phone.code(), {}, '192.0.2.200');
      return { ...answer, requestId: '', derived: derived - before, work: watched.counted() };
    };
    expect(await locked('bob')).toEqual(await locked('nobody'));
  });

  it('threat 15: names that nobody has leave a bounded number of records', async () => {
    const before = (await keysOf(place.storage)).length;
    for (let index = 0; index < 300; index++) {
      const more = { second_account: `b${index}`, second_code: '123456' };
      await logIn(node, `a${index}`, '123456', more, `10.1.${index % 200}.1`);
    }
    const keys = (await keysOf(place.storage)).filter((key) => key.includes('/decoy/'));
    expect(keys.length).toBeGreaterThan(60);
    expect((await keysOf(place.storage)).length - before).toBeLessThanOrEqual(128 + 8);
  });
});

describe('threat 25: records of devices', () => {
  it('open for their account and place, and nowhere else', async () => {
    const ann = await makeAccount(node, place.clock, 'ann');
    const bob = await makeAccount(node, place.clock, 'bob');
    const other = new Device(place.clock);
    await ask(node, 'update', 'auth/totp/accounts/other/ann');
    await addDevice(node, 'other/ann', 'phone', other);
    const spare = new Device(place.clock);
    await addDevice(node, 'acme/bob', 'spare', spare);
    const keys = (await keysOf(place.storage)).filter((key) => key.includes('/device/'));
    const keyOf = (end: string) => keys.find((key) => key.endsWith(`/device/${end}`)) ?? '';
    const bytes = new Map<string, Buffer>();
    for (const key of keys) {
      const record = await place.storage.read(parseStorageKey(key));
      if (record !== undefined) bytes.set(key, record.value);
    }
    const put = (key: string, value: Buffer | undefined) =>
      place.storage.commit([{ key: parseStorageKey(key), value: value ?? null }], []);
    expect(bytes.size).toBe(4);
    // Somebody who may write the storage wants to log in as bob with a device of their own.
    for (const [from, device] of [
      ['acme/ann/0', ann],
      ['other/ann/0', other],
      ['acme/bob/1', spare],
    ] as const) {
      await put(keyOf('acme/bob/0'), bytes.get(keyOf(from)));
      const answer = await logIn(node, 'bob', device.code(), {}, `10.9.${from.length}.${from.charCodeAt(0)}`);
      expect(answer.status, from).toBe(500);
      expect(answer.auth).toBeNull();
      await put(keyOf('acme/bob/0'), bytes.get(keyOf('acme/bob/0')));
    }
    expect((await logIn(node, 'bob', bob.code())).status).toBe(200);
  });

  it('of a device that is gone prove nothing when they are put back', async () => {
    const phone = await makeAccount(node, place.clock, 'bob');
    const key = (await keysOf(place.storage)).find((one) => one.includes('/device/')) ?? '';
    const record = await place.storage.read(parseStorageKey(key));
    await ask(node, 'delete', 'auth/totp/accounts/acme/bob/devices/phone');
    const again = new Device(place.clock);
    await addDevice(node, 'acme/bob', 'phone', again);
    await place.storage.commit([{ key: parseStorageKey(key), value: record?.value ?? null }], []);
    expect(plain(await logIn(node, 'bob', phone.code()))).toEqual(refused);
  });
});

describe('threat 05: administration', () => {
  it('takes a token with the right, and sudo for what brings a secret in', async () => {
    await makeAccount(node, place.clock, 'bob');
    const url = new Device(place.clock).url;
    const all: readonly (readonly [Parameters<typeof ask>[1], string, JsonObject])[] = [
      ['read', 'config', {}],
      ['update', 'config', { token_ttl: '1h' }],
      ['list', 'accounts', {}],
      ['list', 'accounts/acme', {}],
      ['read', 'accounts/acme/bob', {}],
      ['update', 'accounts/acme/bob', { disabled: true }],
      ['delete', 'accounts/acme/bob', {}],
      ['list', 'accounts/acme/bob/devices', {}],
      ['read', 'accounts/acme/bob/devices/phone', {}],
      ['update', 'accounts/acme/bob/devices/new', { url }],
      ['delete', 'accounts/acme/bob/devices/phone', {}],
      ['delete', 'accounts/acme/bob/recovery', {}],
      ['update', 'invite/acme/bob', {}],
      ['delete', 'invite/acme/bob', {}],
    ];
    const weak = await makeToken(node, { policies: ['default'] });
    for (const token of [null, weak]) {
      for (const [operation, path, sent] of all) {
        const answer = await ask(node, operation, `auth/totp/${path}`, sent, token);
        expect(answer.status, `${operation} ${path}`).toBe(403);
      }
    }
    const everything = ['create', 'read', 'update', 'delete', 'list'];
    await writePolicy(node, 'staff', `path "auth/totp/*" { capabilities = ${JSON.stringify(everything)} }`);
    const staff = await makeToken(node, { policies: ['staff'] });
    const path = 'auth/totp/accounts/acme/bob/devices/new';
    expect((await ask(node, 'update', path, { url }, staff)).status).toBe(403);
    expect((await ask(node, 'update', 'auth/totp/invite/acme/bob', {}, staff)).status).toBe(200);
  });
});
