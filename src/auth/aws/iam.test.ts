import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Asked,
  ask,
  finishDuties,
  keysOf,
  makePlace,
  type Place,
  tokenOf,
} from '../../../test/fakes/client.ts';
import { FakeSts, type KnownCaller, signedLogin, xml } from '../../../test/fakes/fake-sts.ts';
import { owned } from '../../../test/fakes/owned-engine.ts';
import { type WatchedMethod, watched } from '../../../test/fakes/watched-method.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { aws } from './aws.ts';

const account = '123456789012';
const elsewhere = '210987654321';

function sessionOf(role: string, id: string, of = account): KnownCaller {
  return {
    accessKey: `ASIA${id}`,
    secretKey: `secret of ${role} ${id}`,
    token: `session of ${role}`,
    arn: `arn:aws:sts::${of}:assumed-role/${role}/one`,
    userId: `${id}:one`,
    account: of,
  };
}

const app = sessionOf('app', 'AROAAPPAPPAPPAPPAPPA');
const namesake = sessionOf('app', 'AROAELSEWHEREELSEWHE', elsewhere);
const bob: KnownCaller = {
  accessKey: 'AKIABOBBOBBOBBOBBOBB',
  secretKey: 'secret of bob',
  arn: `arn:aws:iam::${account}:user/people/bob`,
  userId: 'AIDABOBBOBBOBBOBBOBB',
  account,
};
const appArn = `arn:aws:iam::${account}:role/team/app`;

let sts: FakeSts;
let place: Place;
let node: CofferNode;
let method: WatchedMethod;

beforeEach(async () => {
  sts = await new FakeSts().open();
  sts.callers.push(app, namesake, bob);
  sts.roles.set('app', { arn: appArn, id: 'AROAAPPAPPAPPAPPAPPA' });
  const keys = { AWS_ACCESS_KEY_ID: 'AKIAOFTHESERVER00000', AWS_SECRET_ACCESS_KEY: 'test' };
  method = watched(aws({ env: { ...keys, AWS_ENDPOINT_URL: sts.endpoint }, endpoints: [], profiles: [] }));
  place = await makePlace({ authMethods: [method.type], engines: [owned] });
  node = await place.node();
  await ask(node, 'update', 'sys/auth/aws', { type: 'aws' });
  await ask(node, 'update', 'sys/mounts/owned', { type: 'owned' });
  await writeRole({ bound_iam_principal_arn: appArn });
});
afterEach(async () => {
  await place.remove();
  await sts.close();
});

function writeRole(fields: JsonObject, name = 'app'): Promise<Asked> {
  return ask(node, 'update', `auth/aws/role/${name}`, { auth_type: 'iam', token_policies: 'web', ...fields });
}

function logIn(caller: KnownCaller, fields: JsonObject = {}, from = '192.0.2.1'): Promise<Asked> {
  // Each signature is of a time of its own.
  place.clock.advance(1);
  return send({ ...signedLogin(caller, { at: place.clock.now() }), ...fields }, from);
}

function send(fields: JsonObject, from = '192.0.2.1', on = node): Promise<Asked> {
  return ask(on, 'update', 'auth/aws/login', { ...fields }, null, { from });
}

async function refusal(answer: Asked | Promise<Asked>): Promise<string> {
  const { status, errors, auth } = await answer;
  expect([status, errors, auth]).toEqual([400, ['permission denied'], null]);
  return method.reason();
}

async function nameOf(answer: Asked): Promise<unknown> {
  return (await ask(node, 'read', 'owned/who/x', {}, tokenOf(answer))).data['name'];
}

describe('logins of principals', () => {
  it('are by the role of their name where none is named, and prove who they are with their path', async () => {
    const answer = await logIn(app);
    expect(answer.auth).toMatchObject({ policies: ['default', 'web'] });
    const { data } = await ask(node, 'read', 'auth/aws/role/app');
    expect(answer.auth?.metadata).toEqual({
      account_id: account,
      auth_type: 'iam',
      role_id: data['role_id'],
    });
    expect(await nameOf(answer)).toBe(`${account}:role/team/app`);
    const about = await ask(node, 'read', 'auth/token/lookup-self', {}, tokenOf(answer));
    expect(about.data['display_name']).toBe('aws-app');
  });

  it('tell what config/identity says, and are known by it', async () => {
    await ask(node, 'update', 'auth/aws/config/identity', {
      iam_alias: 'unique_id',
      iam_metadata: 'default,canonical_arn,client_arn,client_user_id',
    });
    const { auth } = await logIn(app);
    expect(auth?.metadata).toMatchObject({
      canonical_arn: `arn:aws:iam::${account}:role/app`,
      client_arn: app.arn,
      client_user_id: app.userId,
    });
    const entity = await ask(node, 'read', `identity/entity/id/${auth?.entityId}`);
    expect(entity.data['aliases']).toMatchObject([{ name: 'AROAAPPAPPAPPAPPAPPA' }]);
  });

  it('of users go by their whole ARN, and by a beginning of it', async () => {
    await writeRole({ bound_iam_principal_arn: bob.arn, resolve_aws_unique_ids: false }, 'bob');
    expect(await nameOf(await logIn(bob))).toBe(`${account}:user/people/bob`);
    await writeRole({ bound_iam_principal_arn: `arn:aws:iam::${account}:user/people/*` }, 'people');
    expect((await logIn(bob, { role: 'people' })).status).toBe(200);
    await writeRole({ bound_iam_principal_arn: `arn:aws:iam::${account}:user/others/*` }, 'others');
    expect(await refusal(logIn(bob, { role: 'others' }))).toMatch(/bound_iam_principal_arn/);
    // IAM is asked about roles only: of users STS says the path.
    expect(sts.askedRoles.filter((name) => name === 'bob')).toEqual([]);
  });

  it('have a name of their own where nobody may ask for the path', async () => {
    const plain = sessionOf('plain', 'AROAPLAINPLAINPLAINP');
    sts.callers.push(plain);
    const arn = `arn:aws:iam::${account}:role/plain`;
    await writeRole({ bound_iam_principal_arn: arn, resolve_aws_unique_ids: false }, 'plain');
    expect(await nameOf(await logIn(plain))).toBe(`${account}:assumed-role/plain`);
    await writeRole({ bound_iam_principal_arn: `arn:aws:iam::${account}:role/*` }, 'all');
    expect(await refusal(logIn(plain, { role: 'all' }))).toMatch(/path of the caller/);
  });

  it('threat 02: of a role that was made again by the same name are refused, by id and by pattern', async () => {
    const again = sessionOf('app', 'AROAAGAINAGAINAGAINA');
    sts.callers.push(again);
    expect(await refusal(logIn(again))).toMatch(/bound_iam_principal_arn/);
    await writeRole({ bound_iam_principal_arn: `arn:aws:iam::${account}:role/team/*` }, 'team');
    expect((await logIn(app, { role: 'team' })).status).toBe(200);
    // IAM's answer about the first one is known, and is not taken for the second.
    expect(await refusal(logIn(again, { role: 'team' }))).toMatch(/another principal/);
  });

  it('threat 02: of the same name in another account are refused, whatever is known already', async () => {
    await writeRole({ bound_iam_principal_arn: `arn:aws:iam::${account}:role/team/*` }, 'team');
    expect((await logIn(app, { role: 'team' })).status).toBe(200);
    const asked = sts.askedRoles.length;
    expect((await logIn(app, { role: 'team' })).status).toBe(200);
    expect(sts.askedRoles).toHaveLength(asked);
    expect(await refusal(logIn(namesake, { role: 'team' }))).toMatch(/bound_iam_principal_arn/);
    expect(await refusal(logIn(namesake, { role: 'app' }))).toMatch(/bound_iam_principal_arn/);
    await writeRole({ bound_iam_principal_arn: appArn, resolve_aws_unique_ids: false }, 'named');
    expect(await refusal(logIn(namesake, { role: 'named' }))).toMatch(/bound_iam_principal_arn/);
    // Nor does a pattern of the other account reach what IAM of the first one says.
    await writeRole({ bound_iam_principal_arn: `arn:aws:iam::${elsewhere}:role/team/*` }, 'other');
    expect(await refusal(logIn(namesake, { role: 'other' }))).toMatch(/path of the caller/);
    expect(await refusal(logIn(app, { role: 'other' }))).toMatch(/bound_iam_principal_arn/);
  });

  it('threat 02: by a name go by the path, where one is bound', async () => {
    const wrong = `arn:aws:iam::${account}:role/other/app`;
    await writeRole({ bound_iam_principal_arn: wrong, resolve_aws_unique_ids: false }, 'wrong');
    expect(await refusal(logIn(app, { role: 'wrong' }))).toMatch(/bound_iam_principal_arn/);
    await writeRole({ bound_iam_principal_arn: appArn, resolve_aws_unique_ids: false }, 'right');
    expect((await logIn(app, { role: 'right' })).status).toBe(200);
  });

  it('threat 01: of a role that is not for them, or is not there, ask nobody', async () => {
    await ask(node, 'update', 'auth/aws/role/ec2', { auth_type: 'ec2', bound_account_id: account });
    await writeRole({ bound_iam_principal_arn: appArn, token_bound_cidrs: '198.51.100.0/24' }, 'far');
    for (const [role, reason] of [
      ['ec2', /not for logins of principals/],
      ['none', /no such role/],
      ['../app', /no such role/],
      ['far', /not for this address/],
    ] as const)
      expect(await refusal(logIn(app, { role }))).toMatch(reason);
    expect(sts.seen).toEqual([]);
  });

  it('threat 01: with a signature that is not of the key ask AWS once', async () => {
    const forged = signedLogin({ ...app, secretKey: 'guessed' }, { at: place.clock.now() });
    expect(await refusal(send(forged))).toMatch(/STS answered 403/);
    expect(await refusal(send(forged))).toMatch(/same request/);
    expect(sts.seen).toHaveLength(1);
  });

  it('threat 01: that somebody bent before are no less right', async () => {
    const right = signedLogin(app, { at: place.clock.now() });
    const text = Buffer.from(right.iam_request_headers, 'base64').toString();
    const bent = Buffer.from(text.replace('session of app', 'session of apq')).toString('base64');
    expect(await refusal(send({ ...right, iam_request_headers: bent }, '198.51.100.1'))).toMatch(
      /STS answered/,
    );
    expect((await send(right)).status).toBe(200);
  });

  it('threat 01: are not said again from another address, on any node, until they are too old', async () => {
    const other = await place.node();
    const fields = signedLogin(app, { at: place.clock.now() });
    expect((await send(fields)).status).toBe(200);
    // Two programs of one machine may sign in the same second.
    expect((await send(fields, '192.0.2.1', other)).status).toBe(200);
    expect(await refusal(send(fields, '198.51.100.1'))).toMatch(/another address/);
    expect(await refusal(send(fields, '198.51.100.1', other))).toMatch(/another address/);
    place.clock.advance(14 * 60);
    expect(await refusal(send(fields, '198.51.100.1'))).toMatch(/another address/);
    place.clock.advance(2 * 60);
    expect(await refusal(send(fields))).toMatch(/too long ago/);
    const before = (await keysOf(place.storage)).length;
    place.clock.advance(3 * 60);
    await finishDuties(node, place.clock);
    expect((await keysOf(place.storage)).length).toBeLessThan(before);
  });

  it('at the same time by one signature from one address all log in, and from two addresses only those of one', async () => {
    const fields = signedLogin(app, { at: place.clock.now() });
    const all = await Promise.all(
      ['192.0.2.1', '192.0.2.1', '198.51.100.1', '198.51.100.1'].map((from) => send(fields, from)),
    );
    expect(all.map(({ status }) => status).toSorted()).toEqual([200, 200, 400, 400]);
    expect(all[0]?.status).toBe(all[1]?.status);
  });

  it('threat 15: that AWS refuses make their address wait, and no other', async () => {
    const forged = (second: number) =>
      send(signedLogin({ ...app, secretKey: 'guessed' }, { at: place.clock.now() - second * 1_000 }));
    for (let times = 0; times < 20; times += 1) expect((await forged(times)).status).toBe(400);
    const seen = sts.seen.length;
    expect((await forged(20)).status).toBe(429);
    expect(sts.seen).toHaveLength(seen);
    expect((await logIn(app, {}, '198.51.100.1')).status).toBe(200);
  });

  it('threat 15: that AWS refuses wait for their address also where all come at once', async () => {
    let open = () => {};
    sts.gate = new Promise((resolve) => {
      open = resolve;
    });
    const many = Array.from({ length: 100 }, (_, second) =>
      send(signedLogin({ ...app, secretKey: 'guessed' }, { at: place.clock.now() - second * 1_000 })),
    );
    await expect.poll(() => sts.seen.length, { timeout: 20_000 }).toBe(32);
    open();
    const statuses = (await Promise.all(many)).map(({ status }) => status);
    // Those that were under way already, and what the address may earn.
    expect(sts.seen.length).toBeLessThanOrEqual(32 + 20);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(48);
  });

  it('threat 15: are few at AWS at the same time, and all get their turn', async () => {
    let open = () => {};
    sts.gate = new Promise((resolve) => {
      open = resolve;
    });
    const many = Array.from({ length: 80 }, () => logIn(app));
    await expect.poll(() => sts.seen.length, { timeout: 20_000 }).toBe(32);
    open();
    const answers = await Promise.all(many);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(sts.mostAtOnce).toBe(32);
  });

  it('say that AWS cannot be asked, and not where', async () => {
    for (const [answer, status] of [
      [500, 503],
      [503, 429],
      [429, 429],
    ] as const) {
      sts.instead = (response) => xml(response, answer, '');
      const said = await logIn(app);
      expect([said.status, said.errors]).toEqual([
        status,
        ['AWS cannot be asked about this login now; try again'],
      ]);
    }
    await sts.close();
    expect((await logIn(app)).errors).toEqual(['AWS cannot be asked about this login now; try again']);
    sts = await new FakeSts().open();
  });

  it('threat 18: are renewed as long as the role means them', async () => {
    const token = tokenOf(await logIn(app));
    const renew = () => ask(node, 'update', 'auth/token/renew-self', {}, token);
    expect((await renew()).status).toBe(200);
    await writeRole({ bound_iam_principal_arn: bob.arn.replace('bob', '*') });
    expect((await renew()).status).toBe(403);
  });
});
