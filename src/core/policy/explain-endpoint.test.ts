import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, auditText, makePlace, makeToken, type Place, writePolicy } from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
beforeAll(async () => {
  place = await makePlace();
  node = await place.node();
});
afterAll(() => place.remove());

const explain = (data: JsonObject, token?: string) =>
  ask(node, 'update', 'sys/policies/explain', data, token);

describe('explaining a decision', () => {
  it('names the rule that decides, those that lost, and what it would take', async () => {
    await writePolicy(
      node,
      'web',
      `path "secret/data/web/*" { capabilities = ["read"] }
       path "secret/data/+/db" { capabilities = ["read", "list"] }
       path "secret/*" { capabilities = ["deny"] }`,
    );
    await writePolicy(node, 'ops', 'path "secret/data/web/*" { capabilities = ["read"] }');
    const { data } = await explain({
      path: '/v1/secret/data/web/db',
      operation: 'update',
      policies: ['web', 'ops', 'gone'],
    });
    expect(data).toMatchObject({
      path: 'secret/data/web/db',
      decision: 'deny',
      reason: 'denied: path "secret/data/web/*" of policies ops, web does not grant this operation',
      rule: 'secret/data/web/*',
      needed: ['update'],
      policies: ['gone', 'ops', 'web'],
      unknown_policies: ['gone'],
    });
    expect(data['rules']).toEqual([
      expect.objectContaining({
        pattern: 'secret/data/web/*',
        policies: ['ops', 'web'],
        decides: true,
        why: '',
      }),
      expect.objectContaining({ pattern: 'secret/data/+/db', why: 'its first wildcard comes earlier' }),
      expect.objectContaining({ pattern: 'secret/*', capabilities: ['deny'], decides: false }),
    ]);
    expect(data['advice']).toContain('capabilities "update" in path "secret/data/web/*"');
  });

  it.each([
    ['sys/auth/new', 'update', 'path "sys/auth/*" { capabilities = ["update"] }', /needs sudo/],
    [
      'sys/policies/acl/WEB',
      'read',
      'path "sys/policies/acl/WEB" { capabilities = ["read"] }\npath "sys/policies/acl/web" { capabilities = ["deny"] }',
      /lower case/,
    ],
    [
      'secret/data/a/',
      'read',
      'path "secret/data/a/" { capabilities = ["read"] }\npath "secret/data/a" { capabilities = ["deny"] }',
      /"\/" at the end/,
    ],
    ['nowhere/x', 'read', 'path "x" { capabilities = ["read"] }', /nothing is enabled/],
    ['secret/data/a', 'create', 'path "x" { capabilities = ["read"] }', /create while nothing is stored/],
  ])('tells the road’s own rules: %s %s', async (path, operation, text, note) => {
    await writePolicy(node, 'roads', text);
    const { data } = await explain({ path, operation, policies: 'roads' });
    expect(data['decision']).toBe('deny');
    expect((data['notes'] as string[]).join('\n')).toMatch(note);
  });

  it('answers as the road does', async () => {
    await writePolicy(
      node,
      'some',
      `path "secret/data/a" { capabilities = ["create", "read"] }
       path "sys/policies/acl/Some" { capabilities = ["read"] }
       path "sys/policies/acl/some" { capabilities = ["deny"] }
       path "sys/mounts" { capabilities = ["read"] }
       path "sys/auth/x" { capabilities = ["update"] }
       path "secret/data/p" { capabilities = ["update"] required_parameters = ["data"] }`,
    );
    const token = await makeToken(node, { policies: ['some'] });
    const asked: readonly (readonly [string, 'read' | 'update' | 'list' | 'delete', JsonObject])[] = [
      ['secret/data/a', 'read', {}],
      ['secret/data/a/', 'read', {}],
      ['secret/data/b', 'read', {}],
      ['secret/metadata/', 'list', {}],
      ['sys/policies/acl/Some', 'read', {}],
      ['sys/mounts', 'read', {}],
      ['sys/auth/x', 'update', { type: 'approle' }],
      ['sys/health', 'read', {}],
      ['auth/token/lookup-self', 'read', {}],
      ['sys/internal/ui/mounts/secret', 'read', {}],
    ];
    for (const [path, operation, parameters] of asked) {
      const { data } = await explain({ path, operation, parameters }, token);
      const { status } = await ask(node, operation, path, parameters, token);
      expect([path, data['decision']]).toEqual([path, status === 403 ? 'deny' : 'allow']);
    }
    expect((await explain({ path: 'secret/data/p', operation: 'update' }, token)).data).toMatchObject({
      decision: 'deny',
      reason: expect.stringContaining('parameter "data"'),
    });
  });

  it('threat 05: asked for others it needs sudo, and without it tells nothing of what exists', async () => {
    const own = await makeToken(node, { policies: ['default'] });
    const other = await makeToken(node, { policies: ['web'] });
    const { data: facts } = await ask(node, 'update', 'auth/token/lookup', { token: other });
    const question = { path: 'secret/data/web/db', operation: 'read' };
    const refused = await Promise.all(
      [
        { token: other },
        { token: 'hvs.nothing' },
        { accessor: facts['accessor'] ?? '' },
        { accessor: 'nothing' },
        { policies: ['web'] },
        { policies: ['gone'] },
      ].map((whose) => explain({ ...question, ...whose }, own)),
    );
    for (const { status, errors } of refused) {
      expect({ status, errors }).toEqual({ status: 403, errors: refused[0]?.errors });
    }
    expect((await explain({ ...question, token: own }, own)).data['decision']).toBe('deny');
    expect((await explain({ ...question, token: other })).data['decision']).toBe('allow');
    expect((await explain({ ...question, accessor: facts['accessor'] ?? '' })).data['decision']).toBe(
      'allow',
    );
  });

  it('threat 05: tells nobody of mounts that their rules do not reach', async () => {
    const own = await makeToken(node, { policies: ['default'] });
    const there = await explain({ path: 'secret/x', operation: 'read' }, own);
    const nowhere = await explain({ path: 'nowhere/x', operation: 'read' }, own);
    const { path: _a, advice: _b, ...one } = there.data;
    const { path: _c, advice: _d, ...other } = nowhere.data;
    expect(one).toEqual(other);
  });

  it('threat 13: a wrapping token or one of root is explained like any other', async () => {
    expect((await explain({ path: 'a/b', operation: 'read' })).data).toMatchObject({
      decision: 'allow',
      reason: 'allowed by path "*" of policy root',
      rules: [],
      unknown_policies: [],
    });
  });

  it('threat 16: parameters and tokens stand in the audit log as digests', async () => {
    const token = await makeToken(node, { policies: ['default'] });
    const canary = 'canary-in-a-parameter';
    await explain({ path: 'a', operation: 'update', parameters: { password: canary }, token });
    const text = auditText(place.auditDirectory);
    expect(text).not.toContain(canary);
    expect(text).not.toContain(token);
  });

  it.each([
    [{ path: '../x', operation: 'read' }, /segment/],
    [{ path: 'a', operation: 'write' }, /operation is one of/],
    [{ operation: 'read' }, /path/],
    [{ path: 'a', operation: 'read', policies: [] }, /empty/],
    [{ path: 'a', operation: 'read', policies: ['a'], accessor: 'b' }, /one of token/],
    [
      { path: 'a', operation: 'read', policies: Array.from({ length: 101 }, (_, i) => `p${i}`) },
      /at most 100/,
    ],
  ])('refuses %j', async (data, message) => {
    const { status, errors } = await explain(data);
    expect(status).toBe(400);
    expect(errors.join()).toMatch(message);
  });
});
