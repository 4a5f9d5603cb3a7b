import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CofferNode } from '../../src/main/node.ts';
import { ask, makePlace, makeToken, type Place, storedText } from '../fakes/client.ts';
import { everyOperation } from '../fakes/every-endpoint.ts';
import { leasedType, Outside } from '../fakes/leased-engine.ts';

let place: Place;
let node: CofferNode;
const outside = new Outside();

beforeAll(async () => {
  place = await makePlace({ engines: [leasedType(outside)] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
  await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
  await ask(node, 'update', 'auth/approle/role/sample', {});
  await ask(node, 'update', 'sys/auth/userpass', { type: 'userpass' });
  await ask(node, 'update', 'auth/userpass/users/sample', { password: 'sample' });
  await ask(node, 'update', 'sys/auth/app-id', { type: 'app-id' });
  await ask(node, 'update', 'auth/app-id/map/app-id/sample', { value: 'sample' });
  await ask(node, 'update', 'auth/app-id/map/user-id/sample', { value: 'sample' });
  await ask(node, 'update', 'sys/auth/cert', { type: 'cert' });
  for (const type of ['jwt', 'oidc', 'kubernetes', 'totp'])
    await ask(node, 'update', `sys/auth/${type}`, { type });
  await ask(node, 'update', 'sys/mounts/role-secrets', { type: 'role-secrets' });
  await ask(node, 'update', 'sys/mounts/service-users', { type: 'service-users' });
  await ask(node, 'update', 'role-secrets/data/sample', { value: 'a', roles: ['userpass/sample'] });
  await ask(node, 'update', 'secret/data/sample', { data: { a: 1 } });
});
afterAll(() => place.remove());

describe('threat 14: what anybody may do without a token', () => {
  it('changes nothing but by init, unseal, logins, and with the nonce of an operation on keys; some read by POST', () => {
    const open = everyOperation(node).filter(({ spec }) => spec.login === true);
    const changing = open.filter(({ operation }) => operation !== 'read' && operation !== 'list');
    expect(changing.map(({ name, operation }) => `${operation} ${name}`).toSorted()).toEqual([
      'delete sys/generate-root/attempt',
      'delete sys/rekey/init',
      'delete sys/rekey/verify',
      'update auth/app-id/login',
      'update auth/app-id/login/:app_id',
      'update auth/approle/login',
      'update auth/cert/login',
      'update auth/jwt/login',
      'update auth/jwt/oidc/auth_url',
      'update auth/jwt/oidc/callback',
      'update auth/kubernetes/login',
      'update auth/oidc/login',
      'update auth/oidc/oidc/auth_url',
      'update auth/oidc/oidc/callback',
      // With an invitation, a recovery code, or codes as of a login.
      'update auth/totp/enroll/finish',
      'update auth/totp/enroll/invite',
      'update auth/totp/enroll/recover',
      'update auth/totp/enroll/start',
      'update auth/totp/login',
      'update auth/userpass/login/:name',
      // By what an application was given: its client's secret, and its user's password.
      'update service-users/oauth2/access_token',
      'update service-users/oauth2/introspect',
      'update service-users/oauth2/revoke',
      'update sys/generate-root/attempt',
      'update sys/generate-root/update',
      'update sys/init',
      'update sys/internal/specs/openapi',
      // The second step of a login, by who has the id of the first.
      'update sys/mfa/validate',
      'update sys/rekey/init',
      'update sys/rekey/update',
      'update sys/rekey/verify',
      'update sys/unseal',
      // Reads, by a method that keeps the token out of URLs.
      'update sys/wrapping/lookup',
    ]);
    expect(
      open
        .filter(({ operation }) => operation === 'read' || operation === 'list')
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual([
      // A login, which a browser's return brings by GET.
      'auth/jwt/oidc/callback',
      'auth/oidc/oidc/callback',
      'identity/oidc/.well-known/keys',
      'identity/oidc/.well-known/openid-configuration',
      'service-users/oauth2/keys',
      'service-users/oauth2/metadata',
      'sys/alive',
      'sys/generate-root/attempt',
      'sys/health',
      'sys/init',
      'sys/internal/specs/openapi',
      'sys/internal/ui/mounts',
      'sys/leader',
      'sys/rekey/init',
      'sys/rekey/verify',
      'sys/seal-status',
      'sys/wrapping/lookup',
    ]);
  });

  it('does not begin, carry on or end an operation on keys without its nonce', async () => {
    const wanted = { secret_shares: 1, secret_threshold: 1 };
    const before = await storedText(place.storage);
    for (const [operation, path, data] of [
      ['update', 'sys/generate-root/attempt', {}],
      ['update', 'sys/rekey/init', wanted],
      ['delete', 'sys/generate-root/attempt', {}],
      ['delete', 'sys/rekey/init', { nonce: '' }],
      ['delete', 'sys/rekey/verify', {}],
    ] as const) {
      expect((await ask(node, operation, path, data, null)).status, `${operation} ${path}`).toBe(403);
    }
    await ask(node, 'update', 'sys/generate-root/attempt');
    await ask(node, 'update', 'sys/rekey/init', wanted);
    for (const path of ['sys/generate-root/update', 'sys/rekey/update', 'sys/rekey/verify']) {
      const asked = await ask(node, 'update', path, { key: place.keys[0] ?? '' }, null);
      expect(asked.status, path).toBe(400);
    }
    expect((await ask(node, 'read', 'sys/generate-root/attempt')).data).toMatchObject({
      started: true,
      progress: 0,
    });
    expect((await ask(node, 'read', 'sys/rekey/init')).data).toMatchObject({ started: true, progress: 0 });
    expect(await storedText(place.storage)).toBe(before);
  });

  it('is, while sealed, only what tells the state and unseals', () => {
    const sealed = everyOperation(node).filter(({ spec }) => spec.whileSealed === true);
    expect(sealed.map(({ name, operation }) => `${operation} ${name}`).toSorted()).toEqual([
      'read sys/alive',
      'read sys/health',
      'read sys/init',
      'read sys/leader',
      'read sys/seal-status',
      'update sys/init',
      'update sys/unseal',
    ]);
  });

  it('does not grow by what engines decide, which takes a token of somebody proven', () => {
    const own = everyOperation(node).filter(({ spec }) => spec.ownDecision === true);
    expect(own.every(({ name }) => name.startsWith('role-secrets/'))).toBe(true);
    expect(own.map(({ name }) => name)).not.toContain('role-secrets/config');
  });

  it('does not grow by what is declared to decide by itself', () => {
    const exempt = everyOperation(node).filter(({ spec }) => spec.useExempt === true);
    expect(exempt.map(({ name, operation }) => `${operation} ${name}`).toSorted()).toEqual([
      'read sys/internal/specs/openapi',
      'read sys/internal/ui/mounts',
      'read sys/internal/ui/mounts/:path*',
      'update sys/internal/specs/openapi',
    ]);
  });
});

describe('threat 05: every other endpoint', () => {
  async function badTokens(): Promise<Readonly<Record<string, string | null>>> {
    const expired = await makeToken(node, { policies: ['root'], ttl: 1 });
    const revoked = await makeToken(node, { policies: ['root'] });
    await ask(node, 'update', 'auth/token/revoke', { token: revoked });
    const used = await makeToken(node, { policies: ['root'], num_uses: 1 });
    await ask(node, 'read', 'sys/mounts', {}, used);
    const parent = await makeToken(node, { policies: ['root'] });
    const orphaned = await makeToken(node, {}, parent);
    await ask(node, 'update', 'auth/token/revoke', { token: parent });
    const powerless = await makeToken(node, { policies: ['no-such-policy'], no_default_policy: true });
    place.clock.jump(1);
    return { none: null, empty: '', unknown: 'unknown', expired, revoked, used, orphaned, powerless };
  }

  it('refuses whoever has no living token with a policy for it, and does nothing', async () => {
    const tokens = await badTokens();
    const closed = everyOperation(node).filter(({ spec }) => spec.login !== true);
    expect(closed.length).toBeGreaterThan(50);
    const before = await storedText(place.storage);
    for (const { operation, path, name, spec } of closed) {
      for (const [kind, token] of Object.entries(tokens)) {
        const answer = await ask(node, operation, path, { data: { a: 2 }, type: 'kv' }, token);
        // Whoever unwraps twice is told 400, as the contract has it.
        const own = kind !== 'powerless' && spec.refusal !== undefined;
        expect([answer.status, answer.hasData], `${operation} ${name} with ${kind} token`).toEqual([
          own ? 400 : 403,
          false,
        ]);
        const text = own
          ? /wrapping token is not valid/
          : spec.useExempt === true
            ? /preflight|permission denied/
            : /permission denied/;
        expect(answer.errors.join()).toMatch(text);
      }
    }
    expect(await storedText(place.storage)).toBe(before);
    expect(outside.made).toEqual([]);
  });

  it('refuses a path that is declared nowhere in the same way', async () => {
    const { powerless, none } = await badTokens();
    for (const path of ['sys/nothing', 'nowhere/x', 'secret', 'auth/x', 'sys', '', 'auth']) {
      for (const token of [powerless ?? null, none ?? null]) {
        expect((await ask(node, 'read', path, {}, token)).status).toBe(403);
      }
    }
  });
});
