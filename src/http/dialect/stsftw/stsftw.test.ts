import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, type Place } from '../../../../test/fakes/client.ts';
import { addDevice, Device, makeAccount } from '../../../../test/fakes/totp-place.ts';
import { endpoint } from '../../../core/endpoint.ts';
import type { EngineType } from '../../../engine/engine.ts';
import { CofferError } from '../../../errors.ts';
import type { CofferNode } from '../../../main/node.ts';
import { openTestListener, type RawAnswer, requestBytes, type TestListener } from '../../listener.fixture.ts';
import { stsftw } from './stsftw.ts';

/** In place of AWS: credentials are named for the role, and one role has no secret. */
const credentials: EngineType = {
  type: 'aws',
  summary: 'for tests',
  parseOptions: (options) => options,
  create: () => ({
    endpoints: [
      endpoint({
        pattern: 'sts/:name',
        help: 'Makes credentials.',
        fields: {},
        operations: {
          update: {
            summary: 'Make credentials',
            handle: async ({ params: { name = '' } }) => {
              if (name === 'Away') throw new CofferError('unavailable', 'AWS cannot be asked');
              const half = name === 'Half' ? '' : `secret/${name}`;
              return { data: { access_key: `ASIA${name}`, secret_key: half, security_token: 'token+/=' } };
            },
          },
        },
      }),
    ],
  }),
};

const policy = 'path "aws/sts/{{token.metadata.role}}" { capabilities = ["read", "update"] }';

let place: Place;
let node: CofferNode;
let served: TestListener;
let alice: Device;
let bob: Device;

beforeEach(async () => {
  place = await makePlace({ engines: [credentials] });
  node = await place.node();
  await ask(node, 'update', 'sys/auth/totp', { type: 'totp' });
  await ask(node, 'update', 'sys/mounts/aws', { type: 'aws' });
  await ask(node, 'update', 'sys/policies/acl/sts', { policy });
  const token_policies = ['sts'];
  alice = await makeAccount(node, place.clock, 'alice', { roles: ['Admin', 'Away', 'Half'], token_policies });
  bob = await makeAccount(node, place.clock, 'bob', { token_policies });
  await makeAccount(node, place.clock, 'carol', {
    roles: ['Root'],
    authorizers: ['bob'],
    second: 'person',
    token_policies,
  });
  served = await openTestListener({
    dialect: stsftw.open({}),
    handle: (request) => node.road.handle(request),
  });
});
afterEach(async () => {
  await served[Symbol.asyncDispose]();
  await place.remove();
});

function challenge(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    Issuer: 'acme',
    AccountName: 'alice',
    TOTPCode: alice.code(),
    SecondaryAccountName: '',
    SecondaryTOTPCode: '',
    Role: 'Admin',
    ...more,
  };
}

async function post(body: unknown, line = 'POST /'): Promise<RawAnswer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return served.ask(requestBytes(line, ['Content-Type: application/json'], text));
}

/** What the old program does with a body: an object or null is credentials to it, whatever is in it. */
function takenForCredentials(body: string): boolean {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && !Array.isArray(value);
  } catch {
    return false;
  }
}

async function refused(body: unknown, status: number): Promise<void> {
  const answer = await post(body);
  expect(answer.status).toBe(status);
  expect(takenForCredentials(answer.body)).toBe(false);
  expect(answer.headers.get('location')).toBeUndefined();
}

/** Tokens that there are, besides the root's. */
async function tokens(): Promise<number> {
  const { data } = await ask(node, 'list', 'auth/token/accessors');
  return ((data?.['keys'] ?? []) as readonly unknown[]).length - 1;
}

describe('codes for credentials', () => {
  it('are traded in one request, at any path, and leave no token', async () => {
    const answer = await post(challenge(), 'POST /prod/anything?x=y');
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      200,
      { AccessKeyId: 'ASIAAdmin', SecretAccessKey: 'secret/Admin', SessionToken: 'token+/=' },
    ]);
    expect(await tokens()).toBe(0);
  });

  it('are read as Go reads them: names in any case, what is not known left alone, codes trimmed', async () => {
    const body = {
      issuer: 'acme',
      ACCOUNTNAME: 'alice',
      role: 'Admin',
      totpCode: ` ${alice.code()}\n`,
      Else: [1],
    };
    expect((await post(body)).status).toBe(200);
  });

  it('threat 04: are taken once, and only as digits', async () => {
    const body = challenge();
    expect((await post(body)).status).toBe(200);
    await refused(body, 403);
    place.clock.advance(30);
    const code = alice.code();
    const wide = [...code].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join('');
    for (const TOTPCode of [wide, `${code}0`, `+${code.slice(1)}`, '', code.slice(1)])
      await refused(challenge({ TOTPCode }), 403);
  });

  it('of two at the same time one wins', async () => {
    const body = challenge();
    const answers = await Promise.all([post(body), post(body), post(body)]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 403, 403]);
  });
});

describe('a second person', () => {
  const asCarol = (carol: Device, more: Readonly<Record<string, unknown>>) =>
    challenge({ AccountName: 'carol', Role: 'Root', TOTPCode: carol.code(), ...more });

  it('threat 06: is somebody else of the list, with a code of their own', async () => {
    const carol = new Device(place.clock);
    await addDevice(node, 'acme/carol', 'second', carol);
    const attempts: readonly (() => Record<string, unknown>)[] = [
      () => ({}),
      () => ({ SecondaryAccountName: 'bob' }),
      () => ({ SecondaryAccountName: 'alice', SecondaryTOTPCode: alice.code() }),
      () => ({ SecondaryAccountName: 'carol', SecondaryTOTPCode: carol.code() }),
      () => ({ SecondaryAccountName: 'nobody', SecondaryTOTPCode: '328482' }),
      () => ({ SecondaryAccountName: 'bob', SecondaryTOTPCode: bob.wrong() }),
    ];
    for (const attempt of attempts) {
      await refused(asCarol(carol, attempt()), 403);
      place.clock.advance(3_600);
    }
    const SecondaryTOTPCode = bob.code();
    const answer = await post(asCarol(carol, { SecondaryAccountName: 'bob', SecondaryTOTPCode }));
    expect([answer.status, await tokens()]).toEqual([200, 0]);
  });
});

describe('failures', () => {
  it('threat 08: look the same whoever asks for whatever', async () => {
    const shown = async (more: Readonly<Record<string, unknown>>) => {
      const { status, body, headers } = await post(challenge(more));
      return [status, body, headers.get('content-type'), headers.get('content-length')];
    };
    const wrong = await shown({ TOTPCode: alice.wrong() });
    expect(wrong[0]).toBe(403);
    for (const more of [
      { AccountName: 'nobody' },
      { Issuer: 'other' },
      { Role: 'Root' },
      { Role: 'admin' },
      { Role: 'Admin/../Root' },
      { AccountName: 'a/b' },
      { AccountName: 'x'.repeat(5_000) },
      { Role: 'x'.repeat(5_000) },
    ])
      expect(await shown(more), JSON.stringify(more).slice(0, 40)).toEqual(wrong);
    expect(await tokens()).toBe(0);
  });

  it('are no JSON and no redirect where nothing was asked for', async () => {
    const bodies = [
      '',
      'null',
      '{}',
      '[]',
      '"x"',
      '{"Issuer":1}',
      '{',
      `${'['.repeat(500)}`,
      '{"Issuer":"acme"}',
    ];
    for (const body of bodies) await refused(body, 400);
    await refused(challenge({ TOTPCode: 123456 }), 400);
    await refused(challenge({ Role: null }), 400);
    const got = await served.ask(requestBytes('GET /', []));
    expect([got.status, takenForCredentials(got.body)]).toEqual([400, false]);
  });

  it('threat 18: behind the codes leave neither token nor half of the credentials', async () => {
    await refused(challenge({ Role: 'Away' }), 503);
    place.clock.advance(30);
    await refused(challenge({ Role: 'Half' }), 502);
    expect(await tokens()).toBe(0);
  });

  it('of the server are no credentials either', async () => {
    await node.state.drop();
    await refused(challenge(), 503);
  });

  it('threat 16: neither codes nor credentials are in the audit log', async () => {
    const TOTPCode = alice.code();
    expect((await post(challenge({ TOTPCode }))).status).toBe(200);
    await refused(challenge({ TOTPCode: '7654321' }), 403);
    const lines = JSON.stringify(place.auditLines());
    expect(lines).toContain('auth/totp/login');
    expect(lines).toContain('aws/sts/Admin');
    for (const secret of [TOTPCode, '7654321', 'secret/Admin', 'token+/='])
      expect(lines).not.toContain(secret);
  });
});

it('options say where codes are taken and credentials made', () => {
  expect(() => stsftw.open({ auth: 'team/totp', engine: 'aws-prod' })).not.toThrow();
  for (const wrong of [{ mount: 'x' }, { auth: '/x' }, { engine: '' }, { engine: 'a b' }])
    expect(() => stsftw.open(wrong as Record<string, string>)).toThrow(CofferError);
});
