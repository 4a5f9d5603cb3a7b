import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countedUserpass } from '../../../test/fakes/cheap-userpass.ts';
import { type Asked, ask, makePlace, makeToken, type Place, tokenOf } from '../../../test/fakes/client.ts';
import { leasedType, Outside } from '../../../test/fakes/leased-engine.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace({ engines: [leasedType(new Outside())], authMethods: [countedUserpass().type] });
  node = await place.node();
  await ask(node, 'update', 'sys/auth/people', { type: 'userpass' });
});
afterEach(() => place.remove());

const tune = (path: string, fields: JsonObject) => ask(node, 'update', `sys/${path}/tune`, fields);
const settings = async (path: string) => (await ask(node, 'read', `sys/${path}/tune`)).data;
const info = async (path: string) => (await ask(node, 'read', `sys/${path}`)).data;
const outcome = ({ status, errors }: Asked) => [status, ...errors];

const everything = {
  description: 'of a team',
  default_lease_ttl: '1h',
  max_lease_ttl: 7_200,
  force_no_cache: true,
  listing_visibility: 'unauth',
  audit_non_hmac_request_keys: 'comment,owner',
  audit_non_hmac_response_keys: ['comment'],
  passthrough_request_headers: ['X-Forwarded-Proto'],
  allowed_response_headers: 'Content-Language',
} as const;

describe('tuning', () => {
  it('changes every setting, which both of its answers and the mount’s own then show', async () => {
    expect(outcome(await tune('mounts/secret', everything))).toEqual([204]);
    const shown = {
      force_no_cache: true,
      listing_visibility: 'unauth',
      audit_non_hmac_request_keys: ['comment', 'owner'],
      audit_non_hmac_response_keys: ['comment'],
      passthrough_request_headers: ['X-Forwarded-Proto'],
      allowed_response_headers: ['Content-Language'],
      default_lease_ttl: 3_600,
      max_lease_ttl: 7_200,
    };
    expect(await settings('mounts/secret')).toEqual({
      ...shown,
      description: 'of a team',
      external_entropy_access: false,
      options: { version: '2' },
    });
    expect(await info('mounts/secret')).toMatchObject({ description: 'of a team', config: shown });
  });

  it('leaves what is not sent, and takes empty lists as none', async () => {
    await tune('mounts/secret', everything);
    await tune('mounts/secret', {
      audit_non_hmac_request_keys: [],
      listing_visibility: '',
      force_no_cache: false,
    });
    const after = await settings('mounts/secret');
    expect(after).not.toHaveProperty('audit_non_hmac_request_keys');
    expect(after).not.toHaveProperty('listing_visibility');
    expect(after).toMatchObject({
      force_no_cache: false,
      audit_non_hmac_response_keys: ['comment'],
      max_lease_ttl: 7_200,
    });
    await tune('mounts/secret', { default_lease_ttl: 'system', max_lease_ttl: '' });
    expect(await settings('mounts/secret')).toMatchObject({
      default_lease_ttl: 2_764_800,
      max_lease_ttl: 2_764_800,
    });
  });

  it.each<[JsonObject, RegExp]>([
    [{ allowed_managed_keys: ['k'] }, /allowed_managed_keys is not supported/],
    [{ delegated_auth_accessors: 'a' }, /delegated_auth_accessors is not supported/],
    [{ identity_token_key: 'k' }, /identity_token_key is not supported/],
    [{ plugin_version: 'v1.2.3' }, /leave plugin_version empty/],
    [{ plugin_name: 'database' }, /plugin_name is "kv" here/],
    [{ token_type: 'batch' }, /can only be modified on auth mounts/],
    [{ user_lockout_config: { lockout_threshold: 3 } }, /locks no names/],
    [{ listing_visibility: 'all' }, /listing_visibility is/],
    [{ default_lease_ttl: '-1s' }, /is not a duration/],
    [{ default_lease_ttl: '2h', max_lease_ttl: '1h' }, /longer than max_lease_ttl/],
    [{ default_lease_ttl: 2_764_801 }, /longer than the system’s longest, 2764800 seconds/],
    [{ audit_non_hmac_request_keys: Array.from({ length: 129 }, (_, at) => `k${at}`) }, /at most 128/],
    [{ force_no_cache: 'perhaps' }, /is not true or false/],
    [{ passthrough_request_headers: { a: 1 } }, /is not a list of texts/],
  ])('refuses %j and changes nothing', async (fields, reason) => {
    const before = await settings('mounts/secret');
    const answer = await tune('mounts/secret', { description: 'changed', ...fields });
    expect(answer.status).toBe(400);
    expect(answer.errors[0]).toMatch(reason);
    expect(await settings('mounts/secret')).toEqual(before);
  });

  it.each(['mounts/sys', 'mounts/cubbyhole'])('is not for %s', async (path) => {
    const answer = await tune(path, { default_lease_ttl: '1h' });
    expect(outcome(answer)).toEqual([400, `tune of path "${path.slice('mounts/'.length)}/" denied`]);
    expect((await ask(node, 'read', `sys/${path}/tune`)).status).toBe(200);
  });

  it('of auth/token decides how long tokens live that are made from then on', async () => {
    expect(outcome(await tune('auth/token', { default_lease_ttl: '1h', max_lease_ttl: '2h' }))).toEqual([
      204,
    ]);
    const token = await makeToken(node, { policies: ['default'] });
    const life = async () => (await ask(node, 'read', 'auth/token/lookup-self', {}, token)).data['ttl'];
    expect(await life()).toBe(3_600);
    place.clock.jump(1_800);
    const renewed = await ask(node, 'update', 'auth/token/renew-self', { increment: '9h' }, token);
    expect(renewed.auth?.leaseDuration).toBe(5_400);
    expect(outcome(await tune('auth/token', { token_type: 'batch' }))).toEqual([
      400,
      "'token_type' cannot be set for 'token' auth mounts",
    ]);
  });

  it('of an auth method is found at both of its paths, and keeps its kind of token', async () => {
    expect(outcome(await tune('auth/people', { token_type: 'default-batch' }))).toEqual([204]);
    expect(await settings('mounts/auth/people')).toMatchObject({ token_type: 'default-batch' });
    expect(await info('auth/people')).toMatchObject({ config: { token_type: 'default-batch' } });
    expect((await tune('auth/people', { token_type: 'eternal' })).errors[0]).toMatch(/token_type is one of/);
  });
});

describe('enabling', () => {
  it('keeps what a client wants to see again, and refuses what could not be kept', async () => {
    const enable = (fields: JsonObject) => ask(node, 'update', 'sys/mounts/x', fields);
    for (const refused of [
      { type: 'kv', external_entropy_access: true },
      { type: 'kv', plugin_version: 'v0.1.0' },
      { type: 'kv', plugin_name: 'transit' },
      { type: 'kv', config: { plugin_name: 'transit' } },
      { type: 'kv', config: { plugin_version: 'v2' } },
      { type: 'plugin' },
      { type: 'kv', config: { allowed_managed_keys: 'a' } },
    ]) {
      expect((await enable(refused)).status, JSON.stringify(refused)).toBe(400);
    }
    for (const alike of [
      { type: 'kv-v2', plugin_name: 'kv' },
      { type: 'kv-v2', plugin_name: 'kv-v2' },
    ]) {
      expect(outcome(await enable(alike))).toEqual([204]);
      await ask(node, 'delete', 'sys/mounts/x');
    }
    const fields = { type: 'plugin', plugin_name: 'kv', local: true, seal_wrap: 'true', config: everything };
    expect(outcome(await enable(fields))).toEqual([204]);
    expect(await info('mounts/x')).toMatchObject({
      type: 'kv',
      local: true,
      seal_wrap: true,
      external_entropy_access: false,
      config: { default_lease_ttl: 3_600, audit_non_hmac_request_keys: ['comment', 'owner'] },
    });
  });
});

describe('user_lockout_config', () => {
  const login = (password: string) =>
    ask(node, 'update', 'auth/people/login/anna', { password }, null, { from: '198.51.100.7' });

  beforeEach(async () => {
    await ask(node, 'update', 'auth/people/users/anna', { password: 'a long enough password' });
  });

  it('says how soon a name is locked, and for how long', async () => {
    const config = { lockout_threshold: '2', lockout_duration: '1m', lockout_counter_reset: '30s' };
    expect(outcome(await tune('auth/people', { user_lockout_config: config }))).toEqual([204]);
    expect(await settings('auth/people')).toMatchObject({
      user_lockout_threshold: 2,
      user_lockout_duration: 60,
      user_lockout_counter_reset_duration: 30,
      user_lockout_disable: false,
    });
    expect((await login('wrong')).status).toBe(400);
    place.clock.jump(31);
    expect((await login('wrong')).status).toBe(400);
    expect((await login('wrong')).status).toBe(400);
    expect((await login('a long enough password')).status).toBe(403);
    place.clock.jump(61);
    tokenOf(await login('a long enough password'));
  });

  it('that disables locking opens what was locked, and nothing is counted from then on', async () => {
    for (let tries = 0; tries < 5; tries++) await login('wrong');
    expect((await login('a long enough password')).status).toBe(403);
    await tune('auth/people', { user_lockout_config: { lockout_disable: true } });
    for (let tries = 0; tries < 20; tries++) expect((await login('wrong')).status).toBe(400);
    tokenOf(await login('a long enough password'));
    expect((await ask(node, 'read', 'sys/locked-users')).data).toMatchObject({ total: 0 });
  });

  it('holds for approle too, and returns to the method’s own rules with 0', async () => {
    await ask(node, 'update', 'sys/auth/machines', {
      type: 'approle',
      config: { user_lockout_config: { lockout_threshold: 1 } },
    });
    await ask(node, 'update', 'auth/machines/role/ci');
    const { data } = await ask(node, 'read', 'auth/machines/role/ci/role-id');
    const attempt = () =>
      ask(node, 'update', 'auth/machines/login', { ...data, secret_id: 'wrong' }, null, {
        from: '198.51.100.7',
      });
    expect((await attempt()).status).toBe(400);
    expect((await attempt()).status).toBe(403);
    await tune('auth/machines', { user_lockout_config: { lockout_threshold: 0 } });
    expect(await settings('auth/machines')).not.toHaveProperty('user_lockout_threshold');
  });

  it.each<JsonObject>([
    { lockout_threshold: -1 },
    { lockout_threshold: 'many' },
    { lockout_duration: 'soon' },
    { lock_threshold: 3 },
  ])('refuses %j', async (config) => {
    expect((await tune('auth/people', { user_lockout_config: config })).status).toBe(400);
    expect(await settings('auth/people')).not.toHaveProperty('user_lockout_threshold');
  });
});

describe('threat 16: names that the audit log is to show', () => {
  it('are shown where they are data of the caller’s own, and never where they are declared as secret', async () => {
    await ask(node, 'update', 'sys/mounts/plain', { type: 'kv', options: { version: '1' } });
    const clear = {
      audit_non_hmac_request_keys: 'comment,password',
      audit_non_hmac_response_keys: 'comment',
    };
    await tune('mounts/plain', clear);
    await tune('auth/people', { audit_non_hmac_request_keys: 'password,username' });
    await ask(node, 'update', 'plain/a', { comment: 'harmless-comment', value: 'canary-value' });
    await ask(node, 'read', 'plain/a');
    await ask(node, 'update', 'auth/people/users/bert', { password: 'canary-password' });
    await ask(node, 'update', 'auth/people/login/bert', { password: 'canary-password' }, null);
    const lines = place.auditLines();
    const of = (type: string, path: string) =>
      lines.findLast((line) => line['type'] === type && line['path'] === path)?.['data'];
    expect(of('request', 'plain/a')).toEqual({});
    const write = lines.find((line) => line['type'] === 'request' && line['path'] === 'plain/a');
    expect(write?.['data']).toMatchObject({ comment: 'harmless-comment' });
    expect(of('response', 'plain/a')).toMatchObject({ comment: 'harmless-comment' });
    expect(JSON.stringify(lines)).not.toContain('canary');
  });
});
