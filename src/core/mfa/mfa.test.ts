import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aliasedType } from '../../../test/fakes/aliased-method.ts';
import { countedUserpass } from '../../../test/fakes/cheap-userpass.ts';
import {
  type Asked,
  ask,
  finishDuties,
  keysOf,
  makePlace,
  type Place,
  storedText,
  tokenOf,
} from '../../../test/fakes/client.ts';
import { decodeBase32 } from '../../crypto/base32.ts';
import { codeAt, stepAt } from '../../crypto/one-time-code.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

const settings = { algorithm: 'SHA1', digits: 6, period: 30 } as const;

let place: Place;
let node: CofferNode;
let method: string;
beforeEach(async () => {
  place = await makePlace({ authMethods: [aliasedType, countedUserpass().type] });
  node = await place.node();
  await ask(node, 'update', 'sys/auth/who', { type: 'aliased' });
  method = await makeMethod({ method_name: 'phone' });
});
afterEach(() => place.remove());

async function makeMethod(fields: JsonObject = {}): Promise<string> {
  const { data, errors } = await ask(node, 'update', 'identity/mfa/method/totp', {
    issuer: 'Coffer',
    ...fields,
  });
  if (typeof data['method_id'] !== 'string') throw new Error(errors.join());
  return data['method_id'];
}

interface LoginOptions {
  readonly fields?: JsonObject;
  readonly mfa?: readonly string[];
  readonly wrapTtl?: number;
  readonly on?: CofferNode;
}

const login = (alias: string, { fields = {}, mfa, wrapTtl = 0, on = node }: LoginOptions = {}) =>
  ask(on, 'update', 'auth/who/login', { alias, ...fields }, null, { request: { mfa }, wrapTtl });

/** Who logs in before anything is enforced. */
async function entityOf(alias: string): Promise<string> {
  return (await login(alias)).auth?.entityId ?? '';
}

const enforce = (fields: JsonObject, name = 'all') =>
  ask(node, 'update', `identity/mfa/login-enforcement/${name}`, { mfa_method_ids: [method], ...fields });

/** A code of the secret at this time, or some steps from it. */
type Codes = (steps?: number) => string;

async function enroll(entity: string, id = method): Promise<Codes> {
  const { data } = await ask(node, 'update', 'identity/mfa/method/totp/admin-generate', {
    method_id: id,
    entity_id: entity,
  });
  const secret = decodeBase32(new URL(String(data['url'])).searchParams.get('secret') ?? '');
  if (secret === undefined) throw new Error('no secret');
  return (steps = 0) => codeAt(secret, stepAt(place.clock.now(), settings) + steps, settings);
}

const requestIdOf = ({ auth }: Asked) => auth?.mfaRequirement?.requestId ?? '';

const validate = (requestId: string, code: string, { on = node, wrapTtl = 0, by = method } = {}) =>
  ask(on, 'update', 'sys/mfa/validate', { mfa_request_id: requestId, mfa_payload: { [by]: [code] } }, null, {
    wrapTtl,
  });

/** A code that is not right now, nor a step away. */
const wrongCode = (codes: Codes) =>
  ['000000', '111111', '222222', '333333'].find((code) => ![-1, 0, 1].map(codes).includes(code)) ?? '';

const tokens = async () => (await keysOf(place.storage, 'core/token/id/')).length;
const waiting = () => keysOf(place.storage, 'core/mfa/pending/');

describe('a login that needs a second factor', () => {
  it('has no token until its code is validated, on any node', async () => {
    const other = await place.node();
    const codes = await enroll(await entityOf('ann'));
    await enforce({ auth_method_types: ['aliased'] });
    const before = await tokens();
    const first = await login('ann', { fields: { policies: ['a'] }, on: other });
    expect(first.auth).toMatchObject({
      clientToken: '',
      accessor: '',
      policies: [],
      entityId: '',
      mfaRequirement: {
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        constraints: [{ enforcement: 'all', methods: [{ type: 'totp', id: method, name: 'phone' }] }],
      },
    });
    expect(await tokens()).toBe(before);
    const second = await validate(requestIdOf(first), codes());
    expect(second.auth).toMatchObject({ policies: ['a', 'default'], renewable: true });
    const { data } = await ask(other, 'read', 'auth/token/lookup-self', {}, tokenOf(second));
    expect(data).toMatchObject({ path: 'auth/who/login', display_name: 'who-ann' });
    expect(await tokens()).toBe(before + 1);
    expect(await waiting()).toEqual([]);
  });

  it('may bring its code along, by the method’s id or name', async () => {
    const codes = await enroll(await entityOf('ann'));
    await enforce({ auth_method_types: ['aliased'] });
    expect((await login('ann', { mfa: [`${method}:${codes()}`] })).auth?.policies).toEqual(['default']);
    place.clock.jump(30);
    expect((await login('ann', { mfa: [`phone:${codes()}`] })).status).toBe(200);
    for (const mfa of [['phone'], ['phone:'], [`other:${codes(1)}`], [`phone: ${codes(1)}`]]) {
      expect((await login('ann', { mfa })).status).toBe(403);
    }
    for (const mfa of [
      [''],
      [':1'],
      ['phone:1', 'phone:2'],
      Array.from({ length: 11 }, (_, at) => `m${at}:1`),
    ]) {
      expect((await login('ann', { mfa })).status).toBe(400);
    }
    expect(await waiting()).toEqual([]);
  });

  it('is meant by its mount, its type, and its entity', async () => {
    const entity = await entityOf('ann');
    const codes = await enroll(entity);
    const mounts = (await ask(node, 'read', 'sys/auth')).data as Record<string, JsonObject>;
    const accessor = String(mounts['who/']?.['accessor']);
    for (const fields of [
      { auth_method_accessors: [accessor] },
      { auth_method_types: 'aliased' },
      { identity_entity_ids: [entity] },
    ]) {
      expect((await enforce(fields)).status).toBe(204);
      const asked = await login('ann');
      expect(asked.auth?.mfaRequirement).toBeDefined();
      expect(asked.auth?.clientToken).toBe('');
      expect((await validate(requestIdOf(asked), codes())).status).toBe(200);
      place.clock.jump(60);
      await ask(node, 'delete', 'identity/mfa/login-enforcement/all');
      expect((await login('ann')).auth?.mfaRequirement).toBeUndefined();
    }
    await enforce({ identity_entity_ids: [entity] });
    expect(tokenOf(await login('bob'))).not.toBe('');
  });

  it('is meant by groups of its entity, those above as well, and by what the entity was before it was merged', async () => {
    const ann = await entityOf('ann');
    const made = async (fields: JsonObject) =>
      String((await ask(node, 'update', 'identity/group', fields)).data['id']);
    const group = await made({ name: 'group', member_entity_ids: [ann] });
    const above = await made({ name: 'above', member_group_ids: [group] });
    const wants = async () => (await login('ann')).auth?.mfaRequirement !== undefined;
    for (const id of [group, above]) {
      expect((await enforce({ identity_group_ids: [id] }, 'groups')).status).toBe(204);
      expect(await wants()).toBe(true);
      await ask(node, 'delete', 'identity/mfa/login-enforcement/groups');
      expect(await wants()).toBe(false);
    }
    const other = await ask(node, 'update', 'identity/entity', { name: 'other' });
    await enforce({ identity_entity_ids: [ann] }, 'ann');
    const merge = { from_entity_ids: [ann], to_entity_id: String(other.data['id']) };
    expect((await ask(node, 'update', 'identity/entity/merge', merge)).status).toBeLessThan(300);
    expect(await wants()).toBe(true);
    const codes = await enroll(String(other.data['id']));
    const id = requestIdOf(await login('ann'));
    expect((await validate(id, codes())).auth?.entityId).toBe(other.data['id']);
  });

  it('is not gone around by leaving a group, being disabled or merged while it waits', async () => {
    const ann = await entityOf('ann');
    const codes = await enroll(ann);
    await enforce({ auth_method_types: ['aliased'] });
    const id = requestIdOf(await login('ann'));
    await ask(node, 'update', `identity/entity/id/${ann}`, { disabled: true });
    expect((await validate(id, codes())).status).toBe(403);
    await ask(node, 'update', `identity/entity/id/${ann}`, { disabled: false });
    const other = String((await ask(node, 'update', 'identity/entity', { name: 'other' })).data['id']);
    await ask(node, 'update', 'identity/entity/merge', { from_entity_ids: [ann], to_entity_id: other });
    // The codes were the other entity's, which has ended.
    expect((await validate(id, codes())).status).toBe(403);
    await ask(node, 'delete', `identity/entity/id/${other}`);
    expect((await validate(id, codes())).status).toBe(403);
  });

  it('needs all that enforcements want, and of each any one', async () => {
    const entity = await entityOf('ann');
    const otherMethod = await makeMethod();
    const codes = await enroll(entity);
    const otherCodes = await enroll(entity, otherMethod);
    await enforce({ auth_method_types: ['aliased'] }, 'one');
    await enforce({ auth_method_types: ['aliased'], mfa_method_ids: [method, otherMethod] }, 'any');
    // A code of one method serves both.
    expect((await login('ann', { mfa: [`phone:${codes()}`] })).status).toBe(200);
    place.clock.jump(60);
    expect((await login('ann', { mfa: [`${otherMethod}:${otherCodes()}`] })).status).toBe(403);
    const both = [`phone:${codes()}`, `${otherMethod}:${otherCodes()}`];
    expect((await login('ann', { mfa: both })).status).toBe(200);
    place.clock.jump(60);
    expect(
      (await login('ann', { mfa: [`phone:${codes()}`, `${otherMethod}:${wrongCode(otherCodes)}`] })).status,
    ).toBe(403);
    // What was right in a login that failed is not used up.
    expect((await login('ann', { mfa: [`phone:${codes()}`] })).status).toBe(200);
  });

  it('is told by an audit line that holds neither request id nor code', async () => {
    const codes = await enroll(await entityOf('ann'));
    await enforce({ auth_method_types: ['aliased'] });
    const id = requestIdOf(await login('ann'));
    const code = codes();
    await validate(id, code);
    const text = JSON.stringify(place.auditLines());
    expect(text).toContain('"mfa_required":true');
    expect(text).not.toContain(id);
    expect(text).not.toContain(`"${code}"`);
    expect(await storedText(place.storage)).not.toContain(id);
  });

  it('keeps a wrapped answer wrapped', async () => {
    const codes = await enroll(await entityOf('ann'));
    await enforce({ auth_method_types: ['aliased'] });
    const first = await login('ann', { wrapTtl: 60 });
    expect([first.wrap, first.auth?.clientToken]).toEqual([null, '']);
    const plain = await validate(requestIdOf(first), codes());
    expect([plain.status, plain.auth, plain.errors[0]]).toEqual([
      400,
      null,
      expect.stringMatching(/wrapped/),
    ]);
    const wrapped = await validate(requestIdOf(first), codes(), { wrapTtl: 60 });
    expect(wrapped.auth).toBeNull();
    const opened = await ask(node, 'update', 'sys/wrapping/unwrap', { token: wrapped.wrap?.token ?? '' });
    expect(opened.text).toContain('"client_token":"hvs.');
  });
});

describe('threat 04: a code', () => {
  it('is good for one login, whatever way it comes again', async () => {
    const codes = await enroll(await entityOf('ann'));
    await enforce({ auth_method_types: ['aliased'] });
    const code = codes();
    expect((await login('ann', { mfa: [`phone:${code}`] })).status).toBe(200);
    expect((await login('ann', { mfa: [`phone:${code}`] })).status).toBe(403);
    expect((await validate(requestIdOf(await login('ann')), code)).status).toBe(403);
    // Nor is one of before.
    expect((await validate(requestIdOf(await login('ann')), codes(-1))).status).toBe(403);
    place.clock.jump(30);
    expect((await validate(requestIdOf(await login('ann')), codes())).status).toBe(200);
  });

  it('is six or eight ASCII digits and nothing else', async () => {
    const codes = await enroll(await entityOf('ann'));
    await enforce({ auth_method_types: ['aliased'] });
    const code = codes();
    const wide = [...code].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join('');
    const id = requestIdOf(await login('ann'));
    for (const text of [` ${code}`, `${code}\n`, `${code}\u00a0`, wide, `0${code}`]) {
      expect((await validate(id, text)).status).toBe(403);
    }
    place.clock.jump(30);
    expect((await validate(id, codes())).status).toBe(200);
  });

  it('of another time, or another entity, is wrong', async () => {
    const codes = await enroll(await entityOf('ann'));
    const others = await enroll(await entityOf('bob'));
    await enforce({ auth_method_types: ['aliased'] });
    expect((await login('ann', { mfa: [`phone:${codes(2)}`] })).status).toBe(403);
    expect((await login('ann', { mfa: [`phone:${codes(-2)}`] })).status).toBe(403);
    expect((await login('ann', { mfa: [`phone:${others()}`] })).status).toBe(403);
    expect((await login('ann', { mfa: [`phone:${codes(1)}`] })).status).toBe(200);
  });

  it('is guessed a few times only, on all nodes and by both ways together, and then for longer and longer not', async () => {
    const other = await place.node();
    const codes = await enroll(await entityOf('ann'));
    await enforce({ auth_method_types: ['aliased'] });
    const id = requestIdOf(await login('ann'));
    const statuses: number[] = [];
    for (let guess = 0; guess < 8; guess++) {
      const on = guess % 2 === 0 ? node : other;
      const wrong = wrongCode(codes);
      const answer =
        guess % 3 === 0
          ? await login('ann', { mfa: [`phone:${wrong}`], on })
          : await validate(id, wrong, { on });
      statuses.push(answer.status);
    }
    expect(statuses).toEqual([403, 403, 403, 403, 403, 429, 429, 429]);
    // The right one, too, until the time is over.
    expect((await validate(id, codes())).status).toBe(429);
    place.clock.jump(30);
    for (let guess = 0; guess < 5; guess++) expect((await validate(id, wrongCode(codes))).status).toBe(403);
    place.clock.jump(59);
    expect((await validate(id, codes())).status).toBe(429);
    place.clock.jump(1);
    expect((await validate(id, codes())).status).toBe(200);
    // A right one begins anew.
    for (let guess = 0; guess < 5; guess++) {
      expect((await login('ann', { mfa: [`phone:${wrongCode(codes)}`] })).status).toBe(403);
    }
    place.clock.jump(30);
    expect((await login('ann', { mfa: [`phone:${codes()}`] })).status).toBe(200);
  });

  it('guessed many times at once is judged no more often', async () => {
    const codes = await enroll(await entityOf('ann'));
    await enforce({ auth_method_types: ['aliased'] });
    const wrong = wrongCode(codes);
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => login('ann', { mfa: [`phone:${wrong}`] })),
    );
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(25);
  });
});

async function entity(alias: string): Promise<string> {
  const { data } = await ask(node, 'list', 'identity/mfa/method/');
  expect(data['keys']).toEqual([method]);
  const core = node.state.core;
  const mount = core?.mounts.table.at('auth/who/')?.entry.uuid ?? '';
  return (await core?.identities.aliasByName(mount, alias))?.pointer?.entity ?? '';
}

describe('a request id', () => {
  it('is good once, however many come at once on any nodes', async () => {
    const other = await place.node();
    const codes = await enroll(await entityOf('ann'));
    await enforce({ auth_method_types: ['aliased'] });
    const before = await tokens();
    const id = requestIdOf(await login('ann'));
    const code = codes();
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, at) => validate(id, code, { on: at % 2 === 0 ? node : other })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await tokens()).toBe(before + 1);
    place.clock.jump(30);
    expect((await validate(id, codes())).status).toBe(403);
  });

  it('is good once, also by codes of several methods at once', async () => {
    const ann = await entityOf('ann');
    const second = await makeMethod();
    const codes = await enroll(ann);
    const others = await enroll(ann, second);
    await enforce({ auth_method_types: ['aliased'], mfa_method_ids: [method, second] });
    const before = await tokens();
    const id = requestIdOf(await login('ann'));
    const answers = await Promise.all([validate(id, codes()), validate(id, others(), { by: second })]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 403]);
    expect(await tokens()).toBe(before + 1);
  });

  it('lives for five minutes, and leaves nothing behind', async () => {
    const codes = await enroll(await entityOf('ann'));
    await enforce({ auth_method_types: ['aliased'] });
    const id = requestIdOf(await login('ann'));
    place.clock.jump(299);
    const late = requestIdOf(await login('ann'));
    place.clock.jump(1);
    expect((await validate(id, codes())).status).toBe(403);
    await finishDuties(node, place.clock);
    expect(await waiting()).toHaveLength(1);
    expect((await validate(late, codes())).status).toBe(200);
    expect(await keysOf(place.storage, 'core/mfa/pending')).toEqual([]);
  });

  it('is one of a few of an entity', async () => {
    await enroll(await entityOf('ann'));
    await enforce({ auth_method_types: ['aliased'] });
    for (let count = 0; count < 20; count++) expect((await login('ann')).status).toBe(200);
    expect((await login('ann')).status).toBe(429);
    expect((await login('bob')).status).toBe(200);
  });

  it('gets one answer where it is none', async () => {
    const codes = await enroll(await entityOf('ann'));
    await enforce({ auth_method_types: ['aliased'] });
    const id = requestIdOf(await login('ann'));
    const body = async (text: string) => ({ ...(await validate(text, codes())), requestId: '' });
    const refused = await body('00000000-0000-4000-8000-000000000000');
    expect(refused.status).toBe(403);
    for (const text of ['x', `${id} `, id.toUpperCase(), '../', 'x'.repeat(10_000)])
      expect(await body(text)).toEqual(refused);
    for (const mfa_payload of [{ [method]: ['1', '2'] }, { [method]: [1] }, { [method]: {} }]) {
      const asked = await ask(node, 'update', 'sys/mfa/validate', { mfa_request_id: id, mfa_payload }, null);
      expect(asked.status).toBe(400);
    }
    expect(
      (await ask(node, 'update', 'sys/mfa/validate', { mfa_request_id: id, mfa_payload: {} }, null)).status,
    ).toBe(403);
  });
});

describe('threat 05: enforcement', () => {
  it('holds for what changed since the login began', async () => {
    const id = await entityOf('ann');
    const codes = await enroll(id);
    await enforce({ auth_method_types: ['aliased'] });
    const waits = requestIdOf(await login('ann'));
    const stricter = await makeMethod();
    await enforce({ identity_entity_ids: [id], mfa_method_ids: [stricter] }, 'stricter');
    expect((await validate(waits, codes())).status).toBe(403);
    const more = await enroll(id, stricter);
    const payload = { [method]: [codes()], [stricter]: [more()] };
    const asked = await ask(
      node,
      'update',
      'sys/mfa/validate',
      { mfa_request_id: waits, mfa_payload: payload },
      null,
    );
    expect(asked.status).toBe(200);
  });

  it('gives tokens from before nothing of a login that waits, or that fails', async () => {
    const { data } = await ask(node, 'read', 'sys/auth');
    const { accessor } = data['who/'] as { readonly accessor: string };
    const group = await ask(node, 'update', 'identity/group', { type: 'external', policies: ['strong'] });
    const id = String(group.data['id']);
    const alias = { name: 'admins', canonical_id: id, mount_accessor: accessor };
    await ask(node, 'update', 'identity/group-alias', alias);
    const early = tokenOf(await login('ann', { fields: { groups: [] } }));
    const codes = await enroll(await entityOf('ann'));
    await enforce({ identity_group_ids: [id] });
    const rights = async () =>
      (await ask(node, 'read', 'auth/token/lookup-self', {}, early)).data['identity_policies'];
    const fields = { groups: ['admins'], about: { team: 'x' } };
    const waits = await login('ann', { fields });
    expect(waits.auth?.clientToken).toBe('');
    expect(await rights()).toBeUndefined();
    expect((await login('ann', { fields, mfa: [`phone:${wrongCode(codes)}`] })).status).toBe(403);
    expect((await validate(requestIdOf(waits), wrongCode(codes))).status).toBe(403);
    expect(await rights()).toBeUndefined();
    const done = await validate(requestIdOf(waits), codes());
    expect(done.auth?.identityPolicies).toEqual(['strong']);
    expect(await rights()).toEqual(['strong']);
    place.clock.jump(30);
    expect((await login('ann', { fields: { groups: [] } })).auth?.identityPolicies).toBeUndefined();
    const again = await login('ann', { fields, mfa: [`phone:${codes()}`] });
    expect(again.auth?.identityPolicies).toEqual(['strong']);
  });

  it('does not let an entity log in by an alias that is gone or somebody else’s by then', async () => {
    const id = await entityOf('ann');
    const codes = await enroll(id);
    const other = await ask(node, 'update', 'identity/entity', { name: 'other' });
    await enforce({ auth_method_types: ['aliased'] });
    const { data } = await ask(node, 'read', `identity/entity/id/${id}`);
    const [alias] = data['aliases'] as readonly { readonly id: string }[];
    const path = `identity/entity-alias/id/${alias?.id}`;
    const moved = requestIdOf(await login('ann'));
    const ended = requestIdOf(await login('ann'));
    await ask(node, 'update', path, { canonical_id: String(other.data['id']) });
    expect((await validate(moved, codes())).status).toBe(403);
    await ask(node, 'update', path, { canonical_id: id });
    await ask(node, 'delete', path);
    place.clock.jump(30);
    expect((await validate(ended, codes())).status).toBe(403);
  });

  it('does not let a mount, user or entity log in that is gone by then', async () => {
    const codes = await enroll(await entityOf('ann'));
    await ask(node, 'update', 'sys/auth/people', { type: 'userpass' });
    await ask(node, 'update', 'auth/people/users/eve', { password: 'p' });
    const person = () => ask(node, 'update', 'auth/people/login/eve', { password: 'p' }, null);
    const eve = await enroll((await person()).auth?.entityId ?? '');
    await enforce({ auth_method_types: ['aliased', 'userpass'] });
    const user = requestIdOf(await person());
    await ask(node, 'delete', 'auth/people/users/eve');
    expect((await validate(user, eve())).status).toBe(400);
    const mount = requestIdOf(await login('ann'));
    await ask(node, 'delete', 'sys/auth/who');
    expect((await validate(mount, codes())).status).toBe(403);
  });

  it('refuses whoever has no way to show a second factor', async () => {
    const { status } = await login('', { fields: { policies: ['a'] } });
    expect(status).toBe(200);
    await entityOf('ann');
    await enforce({ auth_method_types: ['aliased'] });
    expect(await login('')).toMatchObject({ status: 403, auth: null });
    // Somebody without a secret is asked, and has no answer.
    const id = requestIdOf(await login('ann'));
    expect((await validate(id, '123456')).status).toBe(403);
    expect((await login('ann', { mfa: ['phone:123456'] })).status).toBe(403);
  });

  it('is not gone around by another mount of the type, and leaves renewals and children of tokens as they are', async () => {
    const codes = await enroll(await entityOf('ann'));
    await enforce({ auth_method_types: ['aliased'] });
    await ask(node, 'update', 'sys/auth/another', { type: 'aliased' });
    const elsewhere = await ask(node, 'update', 'auth/another/login', { alias: 'ann' }, null);
    expect([elsewhere.auth?.clientToken, elsewhere.auth?.mfaRequirement === undefined]).toEqual(['', false]);
    const token = tokenOf(
      await login('ann', { mfa: [`phone:${codes()}`], fields: { policies: ['root-like'] } }),
    );
    expect((await ask(node, 'update', 'auth/token/renew-self', {}, token)).status).toBe(200);
    // A header is worth nothing where no login is.
    const header = { request: { mfa: [`phone:${codes(1)}`] } };
    expect((await ask(node, 'update', 'auth/token/create', {}, token, header)).status).toBe(403);
    // What waits for its second factor is no token: neither its id nor nothing opens anything.
    const id = requestIdOf(await login('ann'));
    for (const text of [id, ''])
      expect((await ask(node, 'read', 'auth/token/lookup-self', {}, text || null)).status).toBe(403);
    expect((await ask(node, 'update', 'sys/wrapping/unwrap', { token: id }, null)).status).not.toBe(200);
  });

  it('holds for batch tokens, of which nothing is kept', async () => {
    const codes = await enroll(await entityOf('ann'));
    await enforce({ auth_method_types: ['aliased'] });
    await ask(node, 'update', 'sys/auth/who/tune', { token_type: 'batch' });
    const first = await login('ann');
    expect(first.auth).toMatchObject({ clientToken: '', accessor: '' });
    expect((await validate(requestIdOf(first), wrongCode(codes))).auth).toBeNull();
    const second = await validate(requestIdOf(first), codes());
    expect(second.auth).toMatchObject({ tokenType: 'batch', clientToken: expect.stringMatching(/^hvb\./) });
    expect((await validate(requestIdOf(first), codes(1))).status).toBe(403);
  });

  it('holds on another node from the next login on', async () => {
    const other = await place.node();
    await entityOf('ann');
    expect(tokenOf(await login('ann', { on: other }))).not.toBe('');
    await enforce({ auth_method_types: ['aliased'] });
    expect((await login('ann', { on: other })).auth?.mfaRequirement).toBeDefined();
    await ask(other, 'delete', 'identity/mfa/login-enforcement/all');
    expect((await login('ann')).auth?.mfaRequirement).toBeUndefined();
  });
});

describe('methods', () => {
  it('are made, shown, listed, changed and deleted', async () => {
    const path = `identity/mfa/method/totp/${method}`;
    const expected = {
      id: method,
      name: 'phone',
      type: 'totp',
      issuer: 'Coffer',
      period: 30,
      digits: 6,
      skew: 1,
      max_validation_attempts: 5,
    };
    for (const at of [path, `identity/mfa/method/${method}`, 'identity/mfa/method/totp/phone']) {
      expect((await ask(node, 'read', at)).data).toMatchObject(expected);
    }
    await ask(node, 'update', path, { issuer: 'Else', digits: '8', max_validation_attempts: 2 });
    expect((await ask(node, 'read', path)).data).toMatchObject({
      ...expected,
      issuer: 'Else',
      digits: 8,
      max_validation_attempts: 2,
    });
    for (const list of ['identity/mfa/method/', 'identity/mfa/method/totp/']) {
      expect((await ask(node, 'list', list)).data).toMatchObject({
        keys: [method],
        key_info: { [method]: { name: 'phone' } },
      });
    }
    expect((await enforce({ auth_method_types: ['aliased'] })).status).toBe(204);
    expect((await ask(node, 'delete', path)).errors).toEqual([
      'methodID is still used by an enforcement configuration',
    ]);
    await ask(node, 'delete', 'identity/mfa/login-enforcement/all');
    expect((await ask(node, 'delete', path)).status).toBe(204);
    expect((await ask(node, 'delete', path)).status).toBe(204);
    expect((await ask(node, 'read', path)).status).toBe(404);
    expect((await ask(node, 'list', 'identity/mfa/method/')).status).toBe(404);
  });

  it.each([
    [{ issuer: '' }, /issuer/],
    [{ issuer: 'a:b' }, /colon/],
    [{ digits: 7 }, /digits/],
    [{ skew: 2 }, /skew/],
    [{ algorithm: 'MD5' }, /algorithm/],
    [{ period: 5 }, /period/],
    [{ key_size: 8 }, /key_size/],
    [{ max_validation_attempts: 99 }, /max_validation_attempts/],
    [{ method_name: 'phone' }, /another method/],
    [{ method_name: 'a b' }, /method_name/],
    [{ method_name: '00000000-0000-4000-8000-000000000000' }, /method_name/],
  ])('are refused for %j', async (fields, why) => {
    const { status, errors } = await ask(node, 'update', 'identity/mfa/method/totp', {
      issuer: 'a',
      ...fields,
    });
    expect([status, errors[0]]).toEqual([400, expect.stringMatching(why)]);
  });

  it.each(['duo', 'okta', 'pingid'])('of %s are refused clearly', async (type) => {
    for (const path of [`identity/mfa/method/${type}`, `identity/mfa/method/${type}/x`]) {
      const { status, errors } = await ask(node, 'update', path, { issuer: 'a' });
      expect([status, errors[0]]).toEqual([400, expect.stringMatching(/not supported: use totp/)]);
    }
  });

  it('give a secret once, to the caller or by an administrator', async () => {
    const token = tokenOf(await login('ann', { fields: { policies: ['root-like'] } }));
    const id = await entity('ann');
    const rule = 'path "identity/mfa/method/totp/generate" { capabilities = ["update"] }';
    await ask(node, 'update', 'sys/policies/acl/root-like', { policy: rule });
    const own = () => ask(node, 'update', 'identity/mfa/method/totp/generate', { method_id: method }, token);
    const first = await own();
    expect(String(first.data['url'])).toMatch(/^otpauth:\/\/totp\/Coffer:entity_[0-9a-f]+\?/);
    const again = await own();
    expect([again.hasData, again.warnings[0]]).toEqual([
      false,
      expect.stringMatching(/already has a secret/),
    ]);
    const admin = { method_id: method, entity_id: id };
    expect((await ask(node, 'update', 'identity/mfa/method/totp/admin-generate', admin)).hasData).toBe(false);
    expect((await ask(node, 'update', 'identity/mfa/method/totp/admin-destroy', admin)).status).toBe(204);
    expect(
      (await ask(node, 'update', 'identity/mfa/method/totp/admin-generate', admin)).data['url'],
    ).not.toBe(first.data['url']);
    expect(
      (await ask(node, 'update', 'identity/mfa/method/totp/generate', { method_id: method })).status,
    ).toBe(400);
    for (const wrong of [
      { ...admin, entity_id: 'x' },
      { ...admin, method_id: 'x' },
    ]) {
      expect((await ask(node, 'update', 'identity/mfa/method/totp/admin-generate', wrong)).status).toBe(400);
      expect((await ask(node, 'update', 'identity/mfa/method/totp/admin-destroy', wrong)).status).toBe(400);
    }
  });
});

describe('enforcements', () => {
  it('are shown, listed, changed in part and deleted', async () => {
    expect((await enforce({ auth_method_types: 'aliased', mfa_method_ids: 'phone' }, 'a')).status).toBe(204);
    const read = async () => (await ask(node, 'read', 'identity/mfa/login-enforcement/a')).data;
    expect(await read()).toMatchObject({
      name: 'a',
      mfa_method_ids: [method],
      auth_method_types: ['aliased'],
      identity_group_ids: [],
    });
    const entityId = await entityOf('ann').then(() => entity('ann'));
    await ask(node, 'update', 'identity/mfa/login-enforcement/a', { identity_entity_ids: entityId });
    expect(await read()).toMatchObject({ auth_method_types: ['aliased'], identity_entity_ids: [entityId] });
    expect((await ask(node, 'list', 'identity/mfa/login-enforcement/')).data).toEqual({ keys: ['a'] });
    await ask(node, 'delete', 'identity/mfa/login-enforcement/a');
    expect((await ask(node, 'read', 'identity/mfa/login-enforcement/a')).status).toBe(404);
    expect((await ask(node, 'delete', 'identity/mfa/login-enforcement/a')).status).toBe(204);
  });

  it.each([
    [{}, /must be specified/],
    [{ mfa_method_ids: [], auth_method_types: 'aliased' }, /missing method ids/],
    [{ mfa_method_ids: ['nothing'], auth_method_types: 'aliased' }, /method ids does not exist/],
    [{ auth_method_types: 'token' }, /types supplied is invalid/],
    [{ auth_method_types: 'nothing' }, /types supplied is invalid/],
    [{ auth_method_accessors: 'nothing' }, /accessors supplied is invalid/],
    [{ identity_entity_ids: 'nothing' }, /entity ids does not exist/],
    [{ identity_group_ids: 'nothing' }, /group ids does not exist/],
  ])('are refused for %j', async (fields, why) => {
    const { status, errors } = await enforce(fields);
    expect([status, errors[0]]).toEqual([400, expect.stringMatching(why)]);
    expect((await ask(node, 'read', 'identity/mfa/login-enforcement/all')).status).toBe(404);
  });
});
