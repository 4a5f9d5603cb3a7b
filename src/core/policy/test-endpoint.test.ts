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

const test = (data: JsonObject, token?: string) => ask(node, 'update', 'sys/policies/test', data, token);
const policy =
  'path "secret/data/web/*" { capabilities = ["read", "update"] denied_parameters = { "x" = ["1"] } }';
const one = { path: 'a', allow: true };

describe('testing policies', () => {
  it('decides each case as the road would, and stores nothing', async () => {
    const before = (await ask(node, 'list', 'sys/policies/acl')).data;
    const { data } = await test({
      policy,
      cases: [
        { path: 'secret/data/web/db', allow: true },
        { path: 'secret/data/web/db', operation: 'delete', allow: false },
        { path: 'secret/data/web/db', operation: 'update', parameters: { x: '1' }, allow: true },
        { path: 'secret/data/other', allow: true },
      ],
    });
    expect(data).toMatchObject({ passed: 2, failed: 2 });
    expect(data['results']).toMatchObject([
      { passed: true, decision: 'allow', expected: 'allow', operation: 'read' },
      { passed: true, decision: 'deny', expected: 'deny' },
      { passed: false, decision: 'deny', reason: expect.stringContaining('parameter "x"') },
      { passed: false, reason: 'denied: no rule matches this path' },
    ]);
    expect((await ask(node, 'list', 'sys/policies/acl')).data).toEqual(before);
  });

  it('takes several policies, JSON, and stored ones beside them', async () => {
    await writePolicy(node, 'no', 'path "secret/data/web/*" { capabilities = ["deny"] }');
    const cases = [
      { path: 'secret/data/web/db', allow: true },
      { path: 'cubbyhole/a', allow: true },
    ];
    const policies = { a: policy, b: { path: { 'cubbyhole/*': { capabilities: ['read'] } } } };
    expect((await test({ policies, cases })).data).toMatchObject({ passed: 2 });
    expect((await test({ policies, with: ['no'], cases })).data).toMatchObject({ passed: 1, failed: 1 });
  });

  it.each([
    [{ cases: [one] }, /policy or policies is missing/],
    [{ policy: 'path "a" {', cases: [one] }, /line 1/],
    [{ policy, cases: [] }, /1 to 1000/],
    [{ policy, cases: [one, { path: 'a' }] }, /case 2: allow/],
    [{ policy, cases: [{ ...one, capabilites: 'read' }] }, /case 1: it has other keys/],
    [{ policy, cases: [{ ...one, operation: 'write' }] }, /case 1: operation is one of/],
    [{ policy, cases: ['x'] }, /case 1: it is not an object/],
    [{ policy, with: ['gone'], cases: [one] }, /no policy gone/],
    [{ policies: { root: policy }, cases: [one] }, /root/],
    [{ policies: { a: 3 }, cases: [one] }, /text or an object/],
  ])('refuses %j', async (data, message) => {
    const { status, errors } = await test(data);
    expect(status).toBe(400);
    expect(errors.join()).toMatch(message);
  });

  it('threat 15: refuses more cases than it takes', async () => {
    const cases = Array.from({ length: 1_001 }, () => one);
    expect(await test({ policy, cases })).toMatchObject({ status: 400 });
  });

  it('threat 05: needs sudo', async () => {
    await writePolicy(node, 'almost', 'path "sys/policies/*" { capabilities = ["update"] }');
    const token = await makeToken(node, { policies: ['almost'] });
    expect((await test({ policy, cases: [one] }, token)).status).toBe(403);
  });

  it('threat 16: cases stand in the audit log as digests', async () => {
    const canary = 'canary-in-a-case';
    await test({ policy, cases: [{ ...one, parameters: { password: canary } }] });
    expect(auditText(place.auditDirectory)).not.toContain(canary);
  });
});
