import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, type Place } from '../../../test/fakes/client.ts';
import { Device, logIn, makeAccount } from '../../../test/fakes/totp-place.ts';
import type { Notice } from '../../core/notices.ts';
import type { AuthMethodType } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import type { CofferNode } from '../../main/node.ts';
import { totp } from './totp.ts';

let place: Place;
let node: CofferNode;
/** In the order in which they came. */
const told: { how: 'post' | 'demand'; notice: Notice; notifiers: readonly string[] }[] = [];
let refusing: string[] = [];

/** Accepts everything but what `refusing` names. */
const recording: AuthMethodType = {
  ...totp,
  create: (environment) =>
    totp.create({
      ...environment,
      notices: {
        async post(notice) {
          told.push({ how: 'post', notice, notifiers: [] });
          if (refusing.includes('outbox')) throw new CofferError('unavailable', 'the outbox is full');
        },
        async demand(notice, notifiers) {
          told.push({ how: 'demand', notice, notifiers });
          if (notifiers.some((name) => refusing.includes(name)))
            throw new CofferError('unavailable', 'a notifier did not accept it');
        },
      },
    }),
};

beforeEach(async () => {
  told.length = 0;
  refusing = [];
  place = await makePlace({ authMethods: [recording] });
  node = await place.node();
  await ask(node, 'update', 'sys/auth/totp', { type: 'totp' });
});
afterEach(() => place.remove());

const outcomes = () => told.map(({ how, notice }) => `${how} ${notice.kind} ${notice.fields['outcome']}`);

describe('people are told', () => {
  it('of each login', async () => {
    const ann = await makeAccount(node, place.clock, 'ann');
    const bob = await makeAccount(node, place.clock, 'bob', {
      roles: ['Admin'],
      second: 'person',
      authorizers: ['ann'],
    });
    const code = bob.code();
    const more = { role: 'Admin', second_account: 'ann', second_code: ann.code() };
    await logIn(node, 'bob', code, more);
    expect(told).toEqual([
      {
        how: 'post',
        notifiers: [],
        notice: {
          kind: 'login.totp',
          subject: 'Login of acme/bob by one-time code: granted',
          fields: {
            issuer: 'acme',
            account: 'bob',
            role: 'Admin',
            second_party: 'ann',
            remote_address: '192.0.2.1',
            time: new Date(place.clock.now()).toISOString(),
            outcome: 'granted',
          },
        },
      },
    ]);
    expect(JSON.stringify(told)).not.toContain(code);
  });

  it('of each refusal of somebody who has an account, by whatever way, and never in a caller’s words', async () => {
    const bob = await makeAccount(node, place.clock, 'bob', { roles: ['Admin'] });
    await logIn(node, 'bob', bob.wrong(), { role: '<b>pay here</b>', second_account: 'evil' });
    await logIn(node, 'nobody', '123456');
    await logIn(node, 'bob', '12345');
    const own = { issuer: 'acme', account: 'bob', code: bob.wrong() };
    await ask(node, 'update', 'auth/totp/enroll/invite', own, null);
    expect(outcomes()).toEqual(['post login.totp.refused refused', 'post login.totp.refused refused']);
    expect(told[0]?.notice.fields).toMatchObject({ role: '', second_party: '' });
  });

  it('of invitations that nobody with a token made, and of new devices', async () => {
    const bob = await makeAccount(node, place.clock, 'bob');
    const own = { issuer: 'acme', account: 'bob', code: bob.code() };
    const { data } = await ask(node, 'update', 'auth/totp/enroll/invite', own, null);
    const { invitation = '' } = data;
    const begun = await ask(node, 'update', 'auth/totp/enroll/start', { invitation }, null);
    const device = Device.of(place.clock, String(begun.data['url']));
    const code = device.code();
    place.clock.jump(30);
    const sent = { invitation, code, next_code: device.code() };
    const ended = await ask(node, 'update', 'auth/totp/enroll/finish', sent, null);
    const [recovery_code = ''] = ended.data['recovery_codes'] as string[];
    const recover = { issuer: 'acme', account: 'bob', recovery_code };
    await ask(node, 'update', 'auth/totp/enroll/recover', recover, null);
    expect(outcomes()).toEqual([
      'post enrolment.totp invited by codes',
      'post enrolment.totp device enrolled',
      'post enrolment.totp invited by a recovery code',
    ]);
  });
});

it('nobody logs in untold: where a notice cannot be kept, its token ends', async () => {
  const bob = await makeAccount(node, place.clock, 'bob');
  const tokens = async () => (await ask(node, 'list', 'auth/token/accessors')).data['keys'] as string[];
  const before = await tokens();
  refusing = ['outbox'];
  expect((await logIn(node, 'bob', bob.code())).status).toBe(503);
  expect(await tokens()).toEqual(before);
  // Refusals wait for nobody.
  expect((await logIn(node, 'bob', bob.wrong())).status).toBe(400);
  refusing = [];
  place.clock.jump(30);
  expect((await logIn(node, 'bob', bob.code())).status).toBe(200);
});

describe('an account whose logins have to be told of', () => {
  it('gets nothing until its notifiers have accepted', async () => {
    const bob = await makeAccount(node, place.clock, 'bob', { notify: ['mail', 'sns'] });
    refusing = ['sns'];
    const tokens = async () => (await ask(node, 'list', 'auth/token/accessors')).data['keys'] as string[];
    const before = await tokens();
    const code = bob.code();
    const answer = await logIn(node, 'bob', code);
    expect(answer).toMatchObject({ status: 503, auth: null });
    expect(answer.errors[0]).toMatch(/nothing was handed out/);
    expect(await tokens()).toEqual(before);
    refusing = [];
    // It was shown to people as used, and it is.
    expect((await logIn(node, 'bob', code)).status).toBe(400);
    place.clock.jump(30);
    expect((await logIn(node, 'bob', bob.code())).status).toBe(200);
    expect(outcomes()).toEqual([
      'demand login.totp granted',
      'post login.totp.refused refused',
      'demand login.totp granted',
    ]);
    expect(told[0]?.notifiers).toEqual(['mail', 'sns']);
  });

  it('is told of once, of one code that is sent many times', async () => {
    const bob = await makeAccount(node, place.clock, 'bob', { notify: ['mail'] });
    const code = bob.code();
    const all = await Promise.all([1, 2, 3, 4].map((at) => logIn(node, 'bob', code, {}, `192.0.2.${at}`)));
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(outcomes().filter((one) => one.startsWith('demand'))).toHaveLength(1);
  });

  it('makes itself no invitation untold either', async () => {
    const bob = await makeAccount(node, place.clock, 'bob', { notify: ['mail'] });
    refusing = ['mail'];
    const own = { issuer: 'acme', account: 'bob', code: bob.code() };
    expect((await ask(node, 'update', 'auth/totp/enroll/invite', own, null)).status).toBe(503);
    expect((await ask(node, 'read', 'auth/totp/accounts/acme/bob')).data['invited']).toBe(false);
  });

  it('gets nothing where nobody can be told', async () => {
    const silent: AuthMethodType = {
      ...totp,
      create: ({ notices: _, ...environment }) => totp.create(environment),
    };
    const other = await makePlace({ authMethods: [silent] });
    const at = await other.node();
    await ask(at, 'update', 'sys/auth/totp', { type: 'totp' });
    const bob = await makeAccount(at, other.clock, 'bob', { notify: ['mail'] });
    expect((await logIn(at, 'bob', bob.code())).status).toBe(503);
    await other.remove();
  });
});
