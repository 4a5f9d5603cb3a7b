import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, makePlace, makeToken, type Place, writePolicy } from '../../../test/fakes/client.ts';
import type { JsonObject, JsonValue } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
const tokens: string[] = [];
beforeAll(async () => {
  place = await makePlace();
  node = await place.node();
  await writePolicy(node, 'reads', 'path "secret/data/*" { capabilities = ["read"] }');
  await writePolicy(node, 'never', 'path "secret/data/*" { capabilities = ["deny"] }');
  await writePolicy(node, 'writes', 'path "secret/data/x" { capabilities = ["update"] }');
  await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
  await ask(node, 'update', 'sys/auth/people', { type: 'userpass' });
  for (const [name, policies] of [
    ['app', 'reads'],
    ['both', 'reads,never'],
    ['other', 'writes'],
  ] as const) {
    await ask(node, 'update', `auth/approle/role/${name}`, { token_policies: policies });
  }
  await ask(node, 'update', 'auth/people/users/ann', { password: 'p', token_policies: 'reads' });
  await ask(node, 'update', 'auth/people/users/bob', {
    password: 'p',
    token_policies: 'reads',
    token_no_default_policy: true,
  });
  for (let index = 0; index < 5; index++) tokens.push(await makeToken(node, { policies: ['reads'] }));
  tokens.push(await makeToken(node, { policies: ['reads', 'never'] }));
});
afterAll(() => place.remove());

const ask1 = (data: JsonObject = {}, token?: string) =>
  ask(node, 'update', 'sys/policies/who-can', { path: 'secret/data/db', operation: 'read', ...data }, token);

function names(value: JsonValue | undefined, key: string): readonly string[] {
  return (value as readonly JsonObject[]).map((item) => String(item[key]));
}

describe('who can', () => {
  it('finds policies, roles and users, and tokens, each judged by all its policies', async () => {
    const { data } = await ask1();
    expect(data['policies']).toEqual([
      { name: 'root', rule: '*', needs_approval: false },
      { name: 'reads', rule: 'secret/data/*', needs_approval: false },
    ]);
    expect(data['roles']).toEqual([
      {
        mount: 'auth/approle/',
        type: 'approle',
        name: 'app',
        policies: ['default', 'reads'],
        rule: 'secret/data/*',
        needs_approval: false,
      },
      {
        mount: 'auth/people/',
        type: 'userpass',
        name: 'ann',
        policies: ['default', 'reads'],
        rule: 'secret/data/*',
        needs_approval: false,
      },
      {
        mount: 'auth/people/',
        type: 'userpass',
        name: 'bob',
        policies: ['reads'],
        rule: 'secret/data/*',
        needs_approval: false,
      },
    ]);
    // Five that read, and the root token.
    expect(data['tokens']).toHaveLength(6);
    expect(data['next']).toBeNull();
  });

  it('comes to the same in many small steps', async () => {
    const { data: whole } = await ask1();
    for (const limit of [1, 2, 3]) {
      const gathered: Record<string, JsonValue[]> = { policies: [], roles: [], tokens: [] };
      let after: JsonValue | undefined;
      let steps = 0;
      do {
        const { data } = await ask1({ limit, ...(after === undefined ? {} : { after }) });
        for (const [key, list] of Object.entries(gathered)) list.push(...(data[key] as JsonValue[]));
        after = data['next'] ?? undefined;
      } while (after !== undefined && ++steps < 100);
      expect({ ...gathered, next: null }).toEqual(whole);
    }
  });

  it('looks only where it is told to', async () => {
    const { data } = await ask1({ include: ['roles'] });
    expect(data).toMatchObject({ policies: [], tokens: [] });
    expect(names(data['roles'], 'name')).toEqual(['app', 'ann', 'bob']);
  });

  it('knows that endpoints may need sudo', async () => {
    await writePolicy(node, 'sys', 'path "sys/*" { capabilities = ["update"] }');
    const { data } = await ask1({ path: 'sys/auth/x', operation: 'update', include: ['policies'] });
    expect(names(data['policies'], 'name')).toEqual(['root']);
  });

  it('threat 05: needs sudo', async () => {
    await writePolicy(node, 'almost', 'path "sys/policies/*" { capabilities = ["update"] }');
    expect((await ask1({}, await makeToken(node, { policies: ['almost'] }))).status).toBe(403);
  });

  it('threat 16: never answers with a token', async () => {
    const { data } = await ask1();
    for (const token of tokens) expect(JSON.stringify(data)).not.toContain(token);
  });

  it('goes on behind a mount that is gone meanwhile', async () => {
    const after = Buffer.from(JSON.stringify(['roles', 'auth/gone/', 'x'])).toString('base64url');
    expect(names((await ask1({ after })).data['roles'], 'name')).toEqual(['ann', 'bob']);
  });

  it.each([
    [{ limit: 0 }, /limit/],
    [{ limit: 1_001 }, /limit/],
    [{ include: ['leases'] }, /include/],
    [{ after: 'x' }, /after/],
    [{ after: Buffer.from('["tokens","",{}]').toString('base64url') }, /after/],
    [{ operation: 'help' }, /operation/],
  ])('refuses %j', async (data, message) => {
    const { status, errors } = await ask1(data);
    expect(status).toBe(400);
    expect(errors.join()).toMatch(message);
  });
});
