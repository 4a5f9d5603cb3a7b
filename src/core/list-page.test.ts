import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, makeToken, type Place } from '../../test/fakes/client.ts';
import type { CofferNode } from '../main/node.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
});
afterEach(() => place.remove());

async function listed(path: string, data: Readonly<Record<string, string | number>> = {}): Promise<unknown> {
  const answer = await ask(node, 'list', path, data);
  return answer.status === 404 ? [] : answer.data?.['keys'];
}

/** What a list answers in pieces of two is what it answers at once. */
async function expectPieces(path: string): Promise<readonly string[]> {
  const whole = (await listed(path)) as readonly string[];
  const pieces: string[] = [];
  for (;;) {
    const piece = (await listed(path, { after: pieces.at(-1) ?? '', limit: 2 })) as readonly string[];
    expect(piece.length).toBeLessThanOrEqual(2);
    if (piece.length === 0) break;
    pieces.push(...piece);
  }
  expect(pieces).toEqual(whole);
  return whole;
}

describe('lists in pieces', () => {
  it('of policies have every name once, the built-in ones among them', async () => {
    for (const name of ['able', 'quick', 'zebra', 'rook', 'root-like', 'folder/one', 'folder/two']) {
      await ask(node, 'update', `sys/policies/acl/${name}`, {
        policy: 'path "secret/*" { capabilities = ["read"] }',
      });
    }
    const names = await expectPieces('sys/policies/acl');
    expect(names).toContain('root');
    expect(names.toSorted()).toEqual(names);
    expect(await listed('sys/policies/acl', { after: 'rook', limit: 1 })).toEqual(['root']);
    expect(await listed('sys/policies/acl', { after: 'root', limit: 1 })).toEqual(['root-like']);
    expect(await expectPieces('sys/policy')).toEqual(names);
    const both = await ask(node, 'list', 'sys/policy', { limit: 1 });
    expect(both.data?.['policies']).toEqual(both.data?.['keys']);
  });

  it('of accessors, roles, secret ids and users', async () => {
    for (let made = 0; made < 5; made++) await makeToken(node, { policies: ['default'], ttl: '1h' });
    expect((await expectPieces('auth/token/accessors')).length).toBeGreaterThan(5);
    await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
    for (const role of ['a', 'b', 'c']) await ask(node, 'update', `auth/approle/role/${role}`, {});
    expect(await expectPieces('auth/approle/role')).toEqual(['a', 'b', 'c']);
    for (let made = 0; made < 3; made++) await ask(node, 'update', 'auth/approle/role/a/secret-id', {});
    expect(await expectPieces('auth/approle/role/a/secret-id')).toHaveLength(3);
    await ask(node, 'update', 'sys/auth/userpass', { type: 'userpass' });
    for (const user of ['ann', 'bob', 'cy']) {
      await ask(node, 'update', `auth/userpass/users/${user}`, { password: 'correct horse battery staple' });
    }
    expect(await expectPieces('auth/userpass/users')).toEqual(['ann', 'bob', 'cy']);
  });

  it.each([['x\0y'], ['n'.repeat(1_001)], ['\ud800']])(
    'refuse to go on after what is no name',
    async (after) => {
      const answer = await ask(node, 'list', 'sys/policies/acl', { after });
      expect(answer.status).toBe(400);
    },
  );

  it('take a name that is not there for a place in the order', async () => {
    expect(await listed('sys/policies/acl', { after: 'zzz' })).toEqual([]);
    expect(await listed('sys/policies/acl', { after: 'ro' })).toContain('root');
  });
});
