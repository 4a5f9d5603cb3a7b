import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Asked,
  ask,
  makePlace,
  makeToken,
  type Place,
  writePolicy,
} from '../../../test/fakes/client.ts';
import { leasedType, Outside } from '../../../test/fakes/leased-engine.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace({ engines: [leasedType(new Outside())] });
  node = await place.node();
});
afterEach(() => place.remove());

const kv = { type: 'kv', options: { version: '2' } };
const enable = (path: string, fields: JsonObject = kv, at: CofferNode = node) =>
  ask(at, 'update', `sys/mounts/${path}`, fields);
const disable = (path: string) => ask(node, 'delete', `sys/mounts/${path}`);
const mounted = async (at: CofferNode = node) => Object.keys((await ask(at, 'read', 'sys/mounts')).data);
const outcome = ({ status, errors }: Asked) => [status, ...errors];

describe('a new store', () => {
  it('has its own mounts, with their paths ending in a slash', async () => {
    expect(await mounted()).toEqual(['cubbyhole/', 'identity/', 'secret/', 'sys/']);
    expect(Object.keys((await ask(node, 'read', 'sys/auth')).data)).toEqual(['token/']);
  });
});

describe('enabling', () => {
  it('makes a mount that is described as typed clients want it', async () => {
    const fields = {
      ...kv,
      description: 'of a team',
      config: { default_lease_ttl: '1h', max_lease_ttl: 7_200 },
    };
    expect(outcome(await enable('team/a', fields))).toEqual([204]);
    const { data } = await ask(node, 'read', 'sys/mounts/team/a');
    expect(data).toMatchObject({
      type: 'kv',
      description: 'of a team',
      options: { version: '2' },
      local: false,
      seal_wrap: false,
      external_entropy_access: false,
      config: { default_lease_ttl: 3_600, max_lease_ttl: 7_200, force_no_cache: false },
    });
    expect(data['accessor']).toMatch(/^kv_[0-9a-f]{8}$/);
    expect(data['uuid']).toMatch(/^[0-9a-f-]{36}$/);
    expect((await ask(node, 'update', 'team/a/data/x', { data: { a: 1 } })).status).toBe(200);
  });

  it.each(['x', 'x/', 'a/b/c', 'with-dash_and.dot~1', 'müller', 'sysadmin', 'authors'])(
    'takes %j',
    async (path) => {
      expect(outcome(await enable(path))).toEqual([204]);
      expect(await mounted()).toContain(`${path.replace(/\/$/, '')}/`);
    },
  );

  it.each([
    'sys',
    'sys/x',
    'cubbyhole',
    'cubbyhole/x',
    'identity',
    'identity/x',
    'auth',
    'auth/x',
    'audit',
    'audit/x',
  ])('refuses the protected %j', async (path) => {
    expect((await enable(path)).status).toBe(400);
    expect(await mounted()).toEqual(['cubbyhole/', 'identity/', 'secret/', 'sys/']);
  });

  it.each(['', 'a b', 'a*', 'a+', 'x'.repeat(201), 'a?b', 'a,b'])('refuses the path %j', async (path) => {
    expect((await enable(path)).status).toBe(400);
    expect(await mounted()).toHaveLength(4);
  });

  it.each(['secret', 'secret/', 'secret/below'])(
    'refuses %j, which conflicts with what is there',
    async (path) => {
      expect(outcome(await enable(path))).toEqual([400, 'path is already in use at secret/']);
    },
  );

  it('refuses a path above one in use', async () => {
    await enable('a/b/c');
    expect(outcome(await enable('a'))).toEqual([400, 'path is already in use at a/b/c/']);
    expect(outcome(await enable('a/b/d'))).toEqual([204]);
  });

  it.each([
    [{ type: 'nonsense' }, /plugin.*unknown/],
    [{}, /type/],
    [{ type: 'kv', options: { version: '3' } }, /"1" or "2"/],
    [{ type: 'kv', options: { version: 'v1' } }, /"1" or "2"/],
    [{ type: 'generic', options: { version: '1' } }, /no option/],
    [{ type: 'kv', options: { version: '2', other: 'x' } }, /no option "other"/],
    [{ ...kv, config: { default_lease_ttl: 'soon' } }, /duration/],
    [{ ...kv, config: { default_lease_ttl: '2h', max_lease_ttl: '1h' } }, /longer/],
    [{ ...kv, config: { listing_visibility: 'secretly' } }, /listing_visibility/],
    [{ ...kv, config: { token_type: 'batch' } }, /token_type/],
  ])('refuses %j', async (fields, message) => {
    const refused = await enable('x', fields);
    expect(refused.status).toBe(400);
    expect(refused.errors.join()).toMatch(message);
    expect(await mounted()).toHaveLength(4);
  });

  it('takes kv-v2 and options with numbers as clients send them', async () => {
    expect(outcome(await enable('a', { type: 'kv-v2' }))).toEqual([204]);
    expect(outcome(await enable('b', { type: 'kv', options: { version: 2 } }))).toEqual([204]);
    expect((await ask(node, 'read', 'sys/mounts/b')).data['options']).toEqual({ version: '2' });
  });

  it('of one path by many at once succeeds once', async () => {
    const second = await place.node();
    const asked = await Promise.all(
      Array.from({ length: 16 }, (_, index) => enable('wanted', kv, index % 2 === 0 ? node : second)),
    );
    expect(asked.filter(({ status }) => status === 204)).toHaveLength(1);
    expect(asked.filter(({ status }) => status === 400)).toHaveLength(15);
    expect((await mounted()).filter((path) => path === 'wanted/')).toHaveLength(1);
  });

  it('of different paths by many at once succeeds for all', async () => {
    const second = await place.node();
    await Promise.all(
      Array.from({ length: 16 }, (_, index) => enable(`m${index}`, kv, index % 2 === 0 ? node : second)),
    );
    expect(await mounted()).toHaveLength(20);
    expect(await mounted(second)).toHaveLength(20);
  });
});

describe('disabling', () => {
  it('answers 204 also for what is not there, and refuses the built-in mounts', async () => {
    expect(outcome(await disable('secret'))).toEqual([204]);
    expect(outcome(await disable('secret'))).toEqual([204]);
    expect((await disable('sys')).status).toBe(400);
    expect((await disable('cubbyhole')).status).toBe(400);
    expect((await ask(node, 'delete', 'sys/auth/token')).status).toBe(400);
    expect(await mounted()).toEqual(['cubbyhole/', 'identity/', 'sys/']);
  });

  it('does not bring the old secrets back when the path is enabled again', async () => {
    await ask(node, 'update', 'secret/data/x', { data: { a: 1 } });
    await disable('secret');
    expect((await ask(node, 'read', 'secret/data/x')).errors).toEqual([
      'no handler for route "secret/data/x". route entry not found.',
    ]);
    await enable('secret');
    expect((await ask(node, 'read', 'secret/data/x')).status).toBe(404);
    expect((await ask(node, 'list', 'secret/metadata/')).status).toBe(404);
  });
});

describe('a second node', () => {
  it('sees each change in its next request', async () => {
    const second = await place.node();
    await mounted(second);
    for (let round = 0; round < 5; round++) {
      await enable('fresh');
      expect((await ask(second, 'update', 'fresh/data/x', { data: { round } })).status).toBe(200);
      await disable('fresh');
      expect((await ask(second, 'read', 'fresh/data/x')).status).toBe(404);
      expect(await mounted(second)).not.toContain('fresh/');
    }
  });

  it('that has stood idle sees it as well', async () => {
    const second = await place.node();
    await enable('fresh');
    expect((await ask(second, 'update', 'fresh/data/x', { data: {} })).status).toBe(200);
  });
});

describe('auth methods', () => {
  it('are enabled, shown, tuned and disabled below sys/auth, with sudo', async () => {
    expect(outcome(await ask(node, 'update', 'sys/auth/machines', { type: 'approle' }))).toEqual([204]);
    const one = await ask(node, 'read', 'sys/auth/machines');
    expect(one.data).toMatchObject({ type: 'approle', config: { token_type: 'default-service' } });
    expect(one.data['accessor']).toMatch(/^auth_approle_[0-9a-f]{8}$/);
    const tune = await ask(node, 'read', 'sys/auth/machines/tune');
    expect(tune.data).toMatchObject({ default_lease_ttl: 2_764_800, max_lease_ttl: 2_764_800 });
    expect(Object.keys((await ask(node, 'read', 'sys/auth')).data)).toEqual(['machines/', 'token/']);
    await writePolicy(
      node,
      'plain',
      'path "sys/auth*" { capabilities = ["create", "read", "update", "delete"] }',
    );
    const token = await makeToken(node, { policies: ['plain'] });
    expect((await ask(node, 'update', 'sys/auth/other', { type: 'approle' }, token)).status).toBe(403);
    expect((await ask(node, 'delete', 'sys/auth/machines', {}, token)).status).toBe(403);
    expect((await ask(node, 'delete', 'sys/auth/machines')).status).toBe(204);
    expect((await ask(node, 'read', 'sys/auth/machines')).status).toBe(400);
  });

  it('and engines do not pass for each other', async () => {
    expect((await ask(node, 'update', 'sys/auth/x', { type: 'kv' })).status).toBe(400);
    expect((await enable('x', { type: 'approle' })).status).toBe(400);
    expect((await ask(node, 'update', 'sys/auth/token', { type: 'approle' })).errors).toEqual([
      'path is already in use at token/',
    ]);
  });
});

describe('what a caller may see of mounts', () => {
  it('is what its policies reach; without a token what is meant for everybody', async () => {
    await enable('open', { ...kv, config: { listing_visibility: 'unauth' } });
    await writePolicy(node, 'reader', 'path "secret/data/app/*" { capabilities = ["read"] }');
    const token = await makeToken(node, { policies: ['reader'], no_default_policy: true });
    const seen = async (by: string | null) =>
      (await ask(node, 'read', 'sys/internal/ui/mounts', {}, by)).data;
    expect(Object.keys((await seen(token))['secret'] as JsonObject)).toEqual(['secret/']);
    expect((await seen(null))['secret']).toEqual({
      'open/': { type: 'kv', description: '', options: { version: '2' } },
    });
    expect(await seen('unknown-token')).toEqual(await seen(null));
  });

  it('as kv clients ask it first: 200 where the policy reaches, else 403, never 404', async () => {
    await writePolicy(node, 'reader', 'path "secret/data/app/*" { capabilities = ["read"] }');
    await enable('other');
    const token = await makeToken(node, { policies: ['reader'] });
    const preflight = (path: string, by: string | null = token) =>
      ask(node, 'read', `sys/internal/ui/mounts/${path}`, {}, by);
    expect((await preflight('secret/app/x')).data).toMatchObject({
      path: 'secret/',
      type: 'kv',
      options: { version: '2' },
    });
    const refusals = [await preflight('other/x'), await preflight('nowhere/x')];
    expect(refusals.map(outcome)).toEqual(
      ['other/x', 'nowhere/x'].map((path) => [
        403,
        `preflight capability check returned 403, please ensure client's policies grant access to path "${path}/"`,
      ]),
    );
    expect((await preflight('secret/x', null)).status).toBe(403);
  });
});
