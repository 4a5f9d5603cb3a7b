import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CofferNode } from '../../src/main/node.ts';
import { ask, makePlace, makeToken, type Place, writePolicy } from '../fakes/client.ts';
import { leasedType, Outside } from '../fakes/leased-engine.ts';

const all = 'capabilities = ["create", "read", "update", "delete", "list", "sudo"]';

let place: Place;
let node: CofferNode;
const outside = new Outside();

beforeAll(async () => {
  place = await makePlace({ engines: [leasedType(outside)] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
  await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
  for (const role of ['plain', 'guarded']) await ask(node, 'update', `auth/approle/role/${role}`, {});
});
afterAll(() => place.remove());

/** A token that may do everything below `open`, and nothing at `shut`. */
async function barred(open: string, shut: string): Promise<string> {
  await writePolicy(node, 'barred', `path "${open}" { ${all} }\npath "${shut}" { capabilities = ["deny"] }`);
  return makeToken(node, { policies: ['barred'] });
}

describe('threat 12: a trailing slash', () => {
  it.each([
    ['read', 'auth/*', 'auth/approle/role/guarded/role-id'],
    ['read', 'auth/*', 'auth/approle/role/+/role-id'],
    ['delete', 'auth/*', 'auth/approle/role/guarded'],
    ['read', 'sys/*', 'sys/mounts'],
    ['read', 'sys/*', 'sys/mounts/secret'],
    ['read', 'sys/*', 'sys/mounts/+'],
    ['delete', 'sys/*', 'sys/mounts/leased'],
  ] as const)(
    'does not lead a %s that %s grants around what is denied at %s',
    async (operation, open, shut) => {
      const token = await barred(open, shut);
      const path = shut.endsWith('/+') ? 'sys/mounts/secret' : shut.replace('+', 'guarded');
      expect((await ask(node, operation, path, {}, token)).status).toBe(403);
      expect((await ask(node, operation, `${path}/`, {}, token)).status).toBe(403);
    },
  );

  it('does not add to what a rule for the path without it grants', async () => {
    await writePolicy(
      node,
      'barred',
      `path "sys/*" { ${all} }\npath "sys/mounts/leased" { capabilities = ["read"] }`,
    );
    const token = await makeToken(node, { policies: ['barred'] });
    expect((await ask(node, 'delete', 'sys/mounts/leased/', {}, token)).status).toBe(403);
    expect((await ask(node, 'read', 'sys/mounts/leased/', {}, token)).status).toBe(200);
  });

  it('is served where only the path with it is granted', async () => {
    await writePolicy(node, 'barred', `path "sys/mounts/secret/" { ${all} }`);
    const token = await makeToken(node, { policies: ['barred'] });
    expect((await ask(node, 'read', 'sys/mounts/secret/', {}, token)).status).toBe(200);
    expect((await ask(node, 'read', 'sys/mounts/secret', {}, token)).status).toBe(403);
  });
});

describe('threat 12: a name that is folded to lower case', () => {
  it.each([
    ['read', 'auth/approle/role/Guarded', 'auth/approle/role/guarded'],
    ['read', 'auth/approle/role/GUARDED/role-id', 'auth/approle/role/guarded/role-id'],
    ['update', 'auth/approle/role/guardeD/secret-id', 'auth/approle/role/guarded/secret-id'],
    ['list', 'auth/approle/role/GUARDED/secret-id/', 'auth/approle/role/guarded/secret-id'],
    ['update', 'auth/approle/role/Guarded', 'auth/approle/role/guarded*'],
    ['delete', 'auth/approle/role/GUARDED/', 'auth/approle/role/guarded'],
    ['update', 'sys/policies/acl/ADMIN', 'sys/policies/acl/admin'],
    ['delete', 'sys/policies/acl/Admin', 'sys/policies/acl/admin'],
    ['update', 'sys/policy/aDMIN', 'sys/policy/admin'],
  ] as const)('does not lead a %s of %s around what is denied at %s', async (operation, path, shut) => {
    const token = await barred(`${path.slice(0, 4)}*`, shut);
    const policy = 'path "secret/*" { capabilities = ["read"] }';
    expect((await ask(node, operation, path, { policy }, token)).status).toBe(403);
  });

  it('is still taken as it is written where nothing is denied', async () => {
    await writePolicy(node, 'barred', `path "auth/approle/role/Plain" { ${all} }`);
    const token = await makeToken(node, { policies: ['barred'] });
    expect((await ask(node, 'read', 'auth/approle/role/Plain', {}, token)).status).toBe(200);
  });
});

describe('threat 05: ending a mount', () => {
  it('by the path of engines never ends an auth method, which needs sudo', async () => {
    await writePolicy(
      node,
      'engines',
      'path "sys/mounts/*" { capabilities = ["create", "read", "update", "delete"] }',
    );
    const token = await makeToken(node, { policies: ['engines'] });
    await ask(node, 'delete', 'sys/mounts/auth/approle', {}, token);
    expect((await ask(node, 'read', 'auth/approle/role/plain')).status).toBe(200);
  });
});

describe('threat 13: a lease named in the path', () => {
  it.each(['renew', 'revoke'])('is the one that is asked to %s, whatever the body says', async (verb) => {
    const own = await ask(node, 'read', 'leased/creds/own', { ttl: 60 });
    const other = await ask(node, 'read', 'leased/creds/other', { ttl: 60 });
    await writePolicy(node, 'own', `path "sys/leases/${verb}/leased/creds/own/*" { ${all} }`);
    const token = await makeToken(node, { policies: ['own'] });
    const ended = outside.attempts;
    const answer = await ask(
      node,
      'update',
      `sys/leases/${verb}/${own.lease?.id}`,
      { lease_id: other.lease?.id ?? '' },
      token,
    );
    expect(answer.status).toBe(400);
    expect(outside.attempts).toBe(ended);
    const same = { lease_id: own.lease?.id ?? '' };
    const path = `sys/leases/${verb}/${own.lease?.id}`;
    expect((await ask(node, 'update', path, same, token)).status).toBe(verb === 'renew' ? 200 : 204);
  });
});
