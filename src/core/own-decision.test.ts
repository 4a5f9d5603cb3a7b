import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aliasedType } from '../../test/fakes/aliased-method.ts';
import { type Asked, ask, makePlace, makeToken, type Place, tokenOf } from '../../test/fakes/client.ts';
import { owned } from '../../test/fakes/owned-engine.ts';
import type { CofferNode } from '../main/node.ts';

let place: Place;
let node: CofferNode;
beforeEach(async () => {
  place = await makePlace({ engines: [owned], authMethods: [aliasedType] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/owned', { type: 'owned' });
  await ask(node, 'update', 'sys/auth/people', { type: 'aliased' });
});
afterEach(() => place.remove());

function logIn(alias: string, policies: readonly string[] = []): Promise<Asked> {
  return ask(node, 'update', 'auth/people/login', { alias, policies }, null);
}

async function policy(name: string, text: string): Promise<void> {
  await ask(node, 'update', `sys/policies/acl/${name}`, { policy: text });
}

describe('an operation that the engine decides', () => {
  it('is reached by whoever has a living token, and told who that is', async () => {
    const answer = await ask(node, 'read', 'owned/who/x', {}, tokenOf(await logIn('ann')));
    expect([answer.status, answer.data]).toEqual([200, { name: 'ann', mount: 'aliased at people/' }]);
  });

  it('is reached by nobody else', async () => {
    for (const token of [null, 'hvs.unknown']) {
      expect((await ask(node, 'read', 'owned/who/x', {}, token)).status).toBe(403);
    }
    const token = tokenOf(await logIn('ann'));
    await ask(node, 'update', 'auth/token/revoke-self', {}, token);
    expect((await ask(node, 'read', 'owned/who/x', {}, token)).status).toBe(403);
  });

  it('leaves other operations of the same path to policies', async () => {
    expect((await ask(node, 'update', 'owned/who/x', {}, tokenOf(await logIn('ann')))).status).toBe(403);
  });

  it.each([
    ['says deny', 'path "owned/who/x" { capabilities = ["deny"] }'],
    ['grants something else', 'path "owned/who/*" { capabilities = ["list"] }'],
    ['denies the form that is handled', 'path "owned/who/x" { capabilities = ["deny"] }', 'owned/who/X'],
  ])('threat 11: is refused where a rule %s', async (_what, text, path = 'owned/who/x') => {
    await policy('narrow', text);
    const token = tokenOf(await logIn('ann', ['narrow']));
    expect((await ask(node, 'read', path, {}, token)).status).toBe(403);
  });

  it('is told of no principal for tokens that other tokens made', async () => {
    await policy('makes', 'path "auth/token/create" { capabilities = ["update"] }');
    const parent = tokenOf(await logIn('ann', ['makes']));
    const children = [
      tokenOf(await ask(node, 'update', 'auth/token/create', { policies: ['default'] }, parent)),
      await makeToken(node, { policies: ['default'] }),
    ];
    for (const child of children) {
      const { data } = await ask(node, 'read', 'owned/who/x', {}, child);
      expect(data).toEqual({ name: null, mount: null });
    }
  });

  it('is told of batch tokens’ principals too', async () => {
    await ask(node, 'update', 'sys/auth/people/tune', { token_type: 'batch' });
    const { data } = await ask(node, 'read', 'owned/who/x', {}, tokenOf(await logIn('ann')));
    expect(data).toMatchObject({ name: 'ann' });
  });

  it('finds auth mounts by path, and engines by none', async () => {
    const token = tokenOf(await logIn('ann'));
    const at = async (name: string) =>
      (await ask(node, 'read', `owned/mount/${name}`, {}, token)).data['mount'];
    expect([await at('people'), await at('owned'), await at('nowhere')]).toEqual([
      'aliased at people/',
      null,
      null,
    ]);
  });
});
