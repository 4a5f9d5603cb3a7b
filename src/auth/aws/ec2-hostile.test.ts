/** Instances that would like to be another one, and strangers who make the server ask AWS: how often it was asked is counted. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Asked, ask, finishDuties, makePlace, type Place, tokenOf } from '../../../test/fakes/client.ts';
import { FakeEc2 } from '../../../test/fakes/fake-ec2.ts';
import { FakeSts, type KnownCaller, signedLogin } from '../../../test/fakes/fake-sts.ts';
import { IdentityAuthority, type IdentityDocumentFields } from '../../../test/fakes/instance-identity.ts';
import { owned } from '../../../test/fakes/owned-engine.ts';
import { type WatchedMethod, watched } from '../../../test/fakes/watched-method.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { aws } from './aws.ts';

const authority = new IdentityAuthority();
const stranger = new IdentityAuthority('somebody else');
const account = '123456789012';
const elsewhere = '210987654321';
const region = 'eu-central-1';
const image = 'ami-0123456789abcdef0';
const id = idOf(1);
const other = idOf(2);

function idOf(number: number): string {
  return `i-${number.toString(16).padStart(17, '0')}`;
}

let ec2: FakeEc2;
let sts: FakeSts;
let place: Place;
let node: CofferNode;
let method: WatchedMethod;

beforeEach(async () => {
  ec2 = await new FakeEc2().open();
  sts = await new FakeSts().open();
  for (const each of [id, other]) ec2.add({ id: each, account, image, profile: 'app' });
  ec2.profiles.set('app', `arn:aws:iam::${account}:role/team/app`);
  const env = { ...ec2.env, AWS_ENDPOINT_URL_STS: sts.endpoint };
  method = watched(aws({ env, endpoints: [], profiles: [] }));
  place = await makePlace({ authMethods: [method.type], engines: [owned] });
  node = await place.node();
  await ask(node, 'update', 'sys/auth/aws', { type: 'aws' });
  const certificate = { aws_public_cert: authority.certificate, regions: region };
  await ask(node, 'update', 'auth/aws/config/certificate/pkcs7', certificate);
  await ask(node, 'update', 'auth/aws/config/certificate/beside', { ...certificate, type: 'identity' });
  await writeRole({ bound_account_id: account });
});
afterEach(async () => {
  await place.remove();
  await ec2.close();
  await sts.close();
});

function writeRole(fields: JsonObject, name = 'web'): Promise<Asked> {
  const usual = { auth_type: 'ec2', token_policies: name, token_ttl: '20m' };
  return ask(node, 'update', `auth/aws/role/${name}`, { ...usual, ...fields });
}

function document(change: Partial<IdentityDocumentFields> = {}): IdentityDocumentFields {
  const usual = { accountId: account, region, instanceId: id, imageId: image };
  return { ...usual, pendingTime: '2026-11-01T00:00:00Z', ...change };
}

function logIn(
  change: Partial<IdentityDocumentFields> = {},
  fields: JsonObject = {},
  from = '192.0.2.1',
): Promise<Asked> {
  const pkcs7 = authority.pkcs7(document(change));
  return ask(node, 'update', 'auth/aws/login', { role: 'web', pkcs7, ...fields }, null, { from });
}

async function refusal(answer: Asked | Promise<Asked>): Promise<string> {
  const { status, errors, auth } = await answer;
  expect([status, errors, auth]).toEqual([400, ['permission denied'], null]);
  return method.reason();
}

describe('a copied document', () => {
  it('threat 03: gets no nonce of its own by a role that needs none, for a role that does', async () => {
    await writeRole({ bound_account_id: account, ignore_nonce: true }, 'loose');
    expect((await logIn({}, { nonce: 'of the instance' })).status).toBe(200);
    expect((await logIn({}, { role: 'loose', nonce: 'of a thief' })).status).toBe(200);
    expect(await refusal(logIn({}, { nonce: 'of a thief' }))).toMatch(/nonce/);
    expect((await logIn({}, { nonce: 'of the instance' })).status).toBe(200);
  });

  it('threat 03: is no longer the first once any role has been told a nonce', async () => {
    await writeRole({ bound_account_id: account, ignore_nonce: true }, 'loose');
    expect((await logIn({}, { role: 'loose' })).status).toBe(200);
    expect((await logIn({}, { nonce: 'of the instance' })).status).toBe(200);
    expect((await logIn({}, { role: 'loose' })).status).toBe(200);
    expect(await refusal(logIn({}, { nonce: 'of a thief' }))).toMatch(/nonce/);
  });

  it('threat 03: does not go by the nonce of another instance', async () => {
    expect((await logIn({}, { nonce: 'one' })).status).toBe(200);
    expect((await logIn({ instanceId: other }, { nonce: 'two' })).status).toBe(200);
    expect(await refusal(logIn({ instanceId: other }, { nonce: 'one' }))).toMatch(/nonce/);
    expect(await refusal(logIn({}, { nonce: 'two' }))).toMatch(/nonce/);
  });

  it('threat 03: with the signature of another document, inside or beside it, is refused before AWS is asked', async () => {
    const content = Buffer.from(JSON.stringify(document({ instanceId: other })));
    const swapped = authority.pkcs7(document(), { content });
    expect(await refusal(logIn({}, { pkcs7: swapped }))).toMatch(/signature is not of a key/);
    const { identity } = authority.detached(document({ instanceId: other }));
    const { signature } = authority.detached(document());
    expect(await refusal(logIn({}, { pkcs7: '', identity, signature }))).toMatch(/signature is not of a key/);
    expect(ec2.asked).toEqual([]);
  });

  it('threat 03: comes too late to be the first where the role says for how long', async () => {
    await writeRole({ bound_account_id: account, first_login_within: '10m' });
    const started = new Date(place.clock.now() - 60_000).toISOString();
    const late = new Date(place.clock.now() - 601_000).toISOString();
    expect(await refusal(logIn({ pendingTime: late }, { nonce: 'a' }))).toMatch(/too long ago/);
    expect((await logIn({ pendingTime: started }, { nonce: 'a' })).status).toBe(200);
    place.clock.advance(3_600);
    expect((await logIn({ pendingTime: started }, { nonce: 'a' })).status).toBe(200);
    await ask(node, 'delete', `auth/aws/identity-accesslist/${id}`);
    expect(await refusal(logIn({ pendingTime: started }, { nonce: 'b' }))).toMatch(/too long ago/);
  });

  it('threat 03: in a form that is switched off is refused, also where it was believed before', async () => {
    const proof = authority.detached(document());
    const beside = () => logIn({}, { pkcs7: '', ...proof, nonce: 'a' });
    expect((await beside()).status).toBe(200);
    const refused = { refused_proofs: ['signature', 'pkcs7'] };
    expect((await ask(node, 'update', 'auth/aws/config/client', refused)).status).toBe(204);
    expect(await refusal(beside())).toMatch(/not taken here/);
    expect((await logIn({}, { nonce: 'a' })).status).toBe(200);
    const wrong = await ask(node, 'update', 'auth/aws/config/client', { refused_proofs: 'sha1' });
    expect(wrong.status).toBe(400);
  });

  it('threat 03: is believed no longer than the certificate of its key, however often it was before', async () => {
    for (let times = 0; times < 2; times += 1) expect((await logIn({}, { nonce: 'a' })).status).toBe(200);
    const path = 'auth/aws/config/certificate/pkcs7';
    await ask(node, 'update', path, { aws_public_cert: stranger.certificate, regions: region });
    expect(await refusal(logIn({}, { nonce: 'a' }))).toMatch(/signature is not of a key/);
    await ask(node, 'update', path, { aws_public_cert: authority.certificate, regions: region });
    expect((await logIn({}, { nonce: 'a' })).status).toBe(200);
    await ask(node, 'delete', path);
    expect(await refusal(logIn({}, { nonce: 'a' }))).toMatch(/signature is not of a key/);
  });

  it.each(['pending', 'stopping', 'stopped', 'shutting-down', 'terminated'])(
    'threat 03: of an instance that is %s is refused, and its token ends',
    async (state) => {
      const token = tokenOf(await logIn({}, { nonce: 'a' }));
      ec2.add({ id, account, image, profile: 'app', state });
      place.clock.advance(61);
      expect(await refusal(logIn({}, { nonce: 'a' }))).toMatch(/does not run/);
      expect((await ask(node, 'update', 'auth/token/renew-self', {}, token)).status).toBe(403);
    },
  );

  it('threat 03: of an instance that AWS does not know any more is refused', async () => {
    expect((await logIn({}, { nonce: 'a' })).status).toBe(200);
    ec2.instances.delete(id);
    place.clock.advance(61);
    expect(await refusal(logIn({}, { nonce: 'a' }))).toMatch(/no such instance/);
  });
});

describe('a token of an instance', () => {
  const renew = (token: string) => ask(node, 'update', 'auth/token/renew-self', {}, token);

  it('threat 18: is renewed while all of its login holds', async () => {
    await writeRole({ bound_iam_role_arn: `arn:aws:iam::${account}:role/team/app` });
    const token = tokenOf(await logIn());
    place.clock.advance(61);
    expect((await renew(token)).status).toBe(200);
  });

  it('threat 18: is not renewed once the instance has another role, though it runs', async () => {
    const token = tokenOf(await logIn());
    ec2.profiles.set('app', `arn:aws:iam::${account}:role/team/other`);
    place.clock.advance(61);
    const answer = await renew(token);
    expect([answer.status, answer.errors.join()]).toEqual([
      403,
      expect.stringMatching(/another role by now/),
    ]);
  });

  it('threat 18: is not renewed once the role is for others', async () => {
    const token = tokenOf(await logIn());
    await writeRole({ bound_ec2_instance_id: other });
    expect((await renew(token)).status).toBe(403);
  });
});

describe('a role tag that was denied', () => {
  const value = async () => String((await ask(node, 'update', 'auth/aws/role/web/tag')).data['tag_value']);
  const deny = (tag: string) =>
    ask(node, 'update', `auth/aws/roletag-denylist/${Buffer.from(tag).toString('base64url')}`);
  const denied = async () => (await ask(node, 'list', 'auth/aws/roletag-denylist/')).data['keys'];
  const tidied = async () => {
    place.clock.advance(40 * 86_400);
    await ask(node, 'update', 'auth/aws/tidy/roletag-denylist', { safety_buffer: '1h' });
    await finishDuties(node, place.clock);
  };

  it('threat 18: stays so for as long as its role is there', async () => {
    await writeRole({ bound_account_id: account, role_tag: 'coffer' });
    const tag = await value();
    ec2.add({ id, account, image, tags: { coffer: tag } });
    const token = tokenOf(await logIn({}, { nonce: 'a' }));
    const renewed = async () => (await ask(node, 'update', 'auth/token/renew-self', {}, token)).status;
    expect(await renewed()).toBe(200);
    await deny(tag);
    expect(await renewed()).toBe(403);
    expect(await refusal(logIn({}, { nonce: 'a' }))).toMatch(/denied/);
    await tidied();
    expect(await refusal(logIn({}, { nonce: 'a' }))).toMatch(/denied/);
  });

  it('is tidied away once it is none any more', async () => {
    await writeRole({ bound_account_id: account, role_tag: 'coffer' });
    await deny(await value());
    await deny('v1:of:r=nobody:d=false:m=false:none');
    await tidied();
    expect(await denied()).toHaveLength(1);
    await ask(node, 'delete', 'auth/aws/role/web');
    await writeRole({ bound_account_id: account, role_tag: 'coffer' });
    await tidied();
    expect(await denied()).toBeUndefined();
  });
});

describe('strangers', () => {
  const foreign = { accountId: elsewhere };

  it('threat 15: whose documents AWS did not sign make it ask nothing', async () => {
    for (let number = 0; number < 50; number += 1) {
      const pkcs7 = stranger.pkcs7(document({ instanceId: idOf(100 + number) }));
      expect(await refusal(logIn({}, { pkcs7 }))).toMatch(/signature is not of a key/);
    }
    expect(ec2.asked).toEqual([]);
  });

  it.each<[string, JsonObject]>([
    ['bound_account_id', {}],
    ['bound_iam_role_arn', { bound_iam_role_arn: `arn:aws:iam::${account}:role/*` }],
    [
      'bound_iam_instance_profile_arn',
      { bound_iam_instance_profile_arn: `arn:aws:iam::${account}:instance-profile/*` },
    ],
  ])(
    'threat 15: with signed documents of their own account make it ask nothing where %s is set',
    async (bind, fields) => {
      await writeRole({ bound_account_id: bind === 'bound_account_id' ? account : '', ...fields });
      expect(await refusal(logIn(foreign))).toContain(bind);
      expect(await refusal(logIn({ ...foreign, instanceId: idOf(9) }))).toContain(bind);
      expect(ec2.asked).toEqual([]);
    },
  );

  it('threat 15: with one document make it ask once in five seconds', async () => {
    await writeRole({ bound_account_id: '', bound_ami_id: image });
    for (let times = 0; times < 40; times += 1) {
      expect(await refusal(logIn(foreign))).toMatch(/no such instance/);
      place.clock.advance(0.2);
    }
    expect(ec2.asked).toHaveLength(2);
  });

  it('threat 15: with ever new instances wait, and nobody else does', async () => {
    await ask(node, 'update', 'auth/aws/config/client', { ec2_requests_per_second: 1_000 });
    await writeRole({ bound_account_id: '', bound_ami_id: image });
    const statuses: number[] = [];
    for (let number = 0; number < 110; number += 1)
      statuses.push((await logIn({ ...foreign, instanceId: idOf(100 + number) })).status);
    expect(statuses.filter((status) => status === 400)).toHaveLength(100);
    expect(statuses.slice(100)).toEqual(Array.from({ length: 10 }, () => 429));
    expect(ec2.asked).toHaveLength(100);
    expect((await logIn({}, {}, '198.51.100.1')).status).toBe(200);
  });

  it('threat 15: who name sessions like instances make it ask nothing about accounts that the role is not for', async () => {
    await writeRole(
      {
        auth_type: 'iam',
        inferred_entity_type: 'ec2_instance',
        inferred_aws_region: region,
        bound_account_id: account,
      },
      'inferred',
    );
    for (let number = 0; number < 10; number += 1) {
      const session = idOf(number);
      const caller: KnownCaller = {
        accessKey: 'ASIAELSEWHEREELSEWHE',
        secretKey: 'of a stranger',
        arn: `arn:aws:sts::${elsewhere}:assumed-role/app/${session}`,
        userId: `AROAELSEWHEREELSEWHE:${session}`,
        account: elsewhere,
      };
      sts.callers.splice(0, 1, caller);
      place.clock.advance(1);
      const signed = signedLogin(caller, { at: place.clock.now() });
      const answer = ask(node, 'update', 'auth/aws/login', { role: 'inferred', ...signed }, null);
      expect(await refusal(answer)).toMatch(/bound_account_id/);
    }
    expect(ec2.asked).toEqual([]);
  });

  it('threat 15: all at once ask in few questions, at the pace that the config says', async () => {
    await ask(node, 'update', 'auth/aws/config/client', { ec2_requests_per_second: 2 });
    const many = Array.from({ length: 500 }, (_, number) =>
      logIn({ instanceId: idOf(1_000 + number) }, { nonce: 'n' }),
    );
    for (let number = 0; number < 500; number += 1)
      if (number % 7 !== 0) ec2.add({ id: idOf(1_000 + number), account, image });
    let settled = false;
    const answers = Promise.all(many).finally(() => {
      settled = true;
    });
    let seconds = 0;
    while (!settled) {
      await expect.poll(() => settled || place.clock.pending > 0, { timeout: 20_000 }).toBe(true);
      place.clock.advance(0.5);
      seconds += 0.5;
    }
    const statuses = (await answers).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(428);
    expect(ec2.asked.length).toBeLessThanOrEqual(5);
    expect(ec2.asked.length).toBeLessThanOrEqual(2 + 2 * seconds);
  });
});
