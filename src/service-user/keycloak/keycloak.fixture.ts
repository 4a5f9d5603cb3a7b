/** What tests of Keycloak do, whether it is the real one or a fake. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { mountView } from '../../../test/fakes/mount-view.ts';
import { systemRandom } from '../../crypto/random.ts';
import { describeProvider, type ProviderPlace, serviceUser } from '../provider.contract.ts';
import type { Credential, OpenProvider, ProviderTraits, ProviderTurn, ServiceUser } from '../provider.ts';
import { keycloak } from './keycloak.ts';

/** A realm, and as whom a provider asks there. */
export interface Realm {
  readonly url: string;
  readonly realm: string;
  readonly options: Readonly<Record<string, string>>;
  readonly secret: string;
  close(): Promise<void>;
}

export const keycloakTraits: ProviderTraits = {
  kinds: { password: { oldEndsAt: 'retire' }, client: { oldEndsAt: 'retire' } },
  most: 2,
};

const clock = new HandClock();

export function opened(
  { url, realm, options, secret }: Realm,
  more: Record<string, string> = {},
): OpenProvider {
  return keycloak.open(
    { options: { url, realm, ...options, ...more }, secret },
    { clock, random: systemRandom, mountPath: 'service-users/', digest: (text) => text },
  );
}

async function realmPlace(realm: Realm): Promise<ProviderPlace> {
  return {
    open: () => opened(realm),
    turn: { view: await mountView(), signal: new AbortController().signal },
    works: (_user, credential) => getsIn(realm, credential),
    close: () => realm.close(),
  };
}

/** Of an application that gets in, as it does so by a request of its own; undefined where it is refused. */
async function tokensOf(
  { url, realm }: Realm,
  form: Readonly<Record<string, string>>,
): Promise<Record<string, string> | undefined> {
  const answer = await fetch(`${url}/realms/${realm}/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
  });
  const json = (await answer.json()) as Record<string, string>;
  if (answer.status === 200) return json;
  if (answer.status === 400 || answer.status === 401) return undefined;
  throw new Error(`Keycloak answered ${answer.status}`);
}

async function getsIn(realm: Realm, { kind, id, secret }: Credential): Promise<boolean> {
  if (secret === null) return true;
  const form =
    kind === 'password'
      ? { grant_type: 'password', client_id: 'admin-cli', username: id, password: secret }
      : { grant_type: 'client_credentials', client_id: id, client_secret: secret };
  return (await tokensOf(realm, form)) !== undefined;
}

/** @param make a realm with nothing in it */
export function describeKeycloak(name: string, make: () => Promise<Realm>): void {
  describeProvider(name, async () => realmPlace(await make()), keycloakTraits);

  describe(`users and clients of ${name}`, () => {
    let realm: Realm;
    let turn: ProviderTurn;
    let provider: OpenProvider;
    let token: string;
    beforeAll(async () => {
      realm = await make();
      turn = { view: await mountView(), signal: new AbortController().signal };
      provider = opened(realm);
      const form = { grant_type: 'client_credentials', client_id: realm.options['client_id'] ?? '' };
      token = (await tokensOf(realm, { ...form, client_secret: realm.secret }))?.['access_token'] ?? '';
    });
    afterAll(() => realm.close());

    const admin = async (
      method: string,
      path: string,
      body?: object,
    ): Promise<readonly Record<string, unknown>[]> => {
      const answer = await fetch(`${realm.url}/admin/realms/${realm.realm}/${path}`, {
        method,
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
      const text = await answer.text();
      return text === '' ? [] : (JSON.parse(text) as readonly Record<string, unknown>[]);
    };
    const stage = (
      user: ServiceUser,
      kind: 'password' | 'client',
      generation: number,
      current?: Credential,
    ) =>
      provider.stage(
        user,
        { kind, generation, proposed: systemRandom.bytes(24).toString('base64url'), current },
        turn,
      );

    it('take turns', async () => {
      const user = serviceUser();
      await provider.ensure(user, turn);
      for (const kind of ['password', 'client'] as const) {
        const first = await stage(user, kind, 1);
        const second = await stage(user, kind, 2, first);
        expect([first.id, second.id]).toEqual([`${user.username}-a`, `${user.username}-b`]);
        expect((await stage(user, kind, 3, second)).id).toBe(first.id);
      }
    });

    it('stay retired when their application is disabled and enabled again', async () => {
      const user = serviceUser();
      await provider.ensure(user, turn);
      for (const kind of ['password', 'client'] as const) {
        const first = await stage(user, kind, 1);
        const second = await stage(user, kind, 2, first);
        await provider.retireOthers(user, kind, [second], turn);
        await provider.disable(user.username, turn);
        expect(await getsIn(realm, second)).toBe(false);
        await provider.ensure(user, turn);
        expect(await getsIn(realm, first)).toBe(false);
        expect(await getsIn(realm, second)).toBe(true);
      }
    });

    it('have their sessions ended', async () => {
      const user = serviceUser();
      await provider.ensure(user, turn);
      const { id, secret } = await stage(user, 'password', 1);
      const login = { grant_type: 'password', client_id: 'admin-cli', username: id, password: secret ?? '' };
      const { refresh_token: refresh = '' } = (await tokensOf(realm, login)) ?? {};
      const again = { grant_type: 'refresh_token', client_id: 'admin-cli', refresh_token: refresh };
      expect(await tokensOf(realm, again)).toBeDefined();
      await provider.revokeSessions?.(user, turn);
      expect(await tokensOf(realm, again)).toBeUndefined();
    });

    it('threat 13: that are somebody else’s are left alone', async () => {
      const user = serviceUser();
      await admin('POST', 'users', { username: `${user.username}-a`, enabled: true, email: 'a@example.com' });
      const half = serviceUser();
      await provider.ensure(half, turn);
      await admin('POST', 'clients', { clientId: `${half.username}-a`, enabled: true, publicClient: true });
      const calls: (() => Promise<unknown>)[] = [
        () => provider.ensure(user, turn),
        () => provider.disable(user.username, turn),
        () => provider.delete(user.username, turn),
        () => stage(user, 'password', 1),
        () => provider.retireOthers(user, 'password', [], turn),
        () => stage(half, 'client', 1),
        () => provider.ensure(half, turn),
        () => provider.delete(half.username, turn),
        () => provider.retireOthers(half, 'client', [], turn),
      ];
      for (const call of calls) await expect(call()).rejects.toThrow(/not one of this provider/);
      expect((await provider.list(user.username, undefined, turn)).users).toEqual([]);
      expect(await admin('GET', `users?username=${user.username}-a&exact=true`)).toMatchObject([
        { enabled: true },
      ]);
      expect(await admin('GET', `clients?clientId=${half.username}-a`)).toMatchObject([{ enabled: true }]);
    });

    it('threat 27: have the client scopes of the prefix that their scopes stand for, and no others', async () => {
      for (const name of ['x.sales.read', 'x.sales.write', 'sales.read'])
        await admin('POST', 'client-scopes', { name, protocol: 'openid-connect' });
      const scopesOf = async ({ id }: Credential) => {
        const [client] = await admin('GET', `clients?clientId=${id}`);
        const scopes = await admin('GET', `clients/${String(client?.['id'])}/default-client-scopes`);
        return scopes.map(({ name }) => String(name)).filter((name) => /sales|offline/.test(name));
      };
      const user = serviceUser({ scopes: [{ resourceType: 'sales', id: 'read' }] });
      const scoped = opened(realm, { scope_prefix: 'x.' });
      await scoped.ensure(user, turn);
      const staging = { kind: 'client', generation: 1, proposed: 'p'.repeat(24) } as const;
      const staged = await scoped.stage(user, staging, turn);
      expect(await scopesOf(staged)).toEqual(['x.sales.read']);
      await scoped.ensure({ ...user, scopes: [{ resourceType: 'sales', id: 'write' }] }, turn);
      expect(await scopesOf(staged)).toEqual(['x.sales.write']);
      const wide = { ...user, scopes: [{ resourceType: '', id: 'offline_access' }] };
      await expect(scoped.ensure(wide, turn)).rejects.toThrow('no client scope "x.offline_access"');
      await provider.ensure(wide, turn);
      expect(await scopesOf(staged)).toEqual([]);
    });
  });
}
