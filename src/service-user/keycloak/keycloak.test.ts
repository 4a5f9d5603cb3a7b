import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FakeKeycloak } from '../../../test/fakes/keycloak.ts';
import { mountView } from '../../../test/fakes/mount-view.ts';
import { systemRandom } from '../../crypto/random.ts';
import { asCofferError } from '../../errors.ts';
import { serviceUser } from '../provider.contract.ts';
import type { ProviderTurn } from '../provider.ts';
import { describeKeycloak, opened, type Realm } from './keycloak.fixture.ts';
import { keycloak } from './keycloak.ts';

function realmOf(fake: FakeKeycloak): Realm {
  const { url, realm, admin } = fake;
  return { url, realm, options: { client_id: admin.id }, secret: admin.secret, close: () => fake.close() };
}

describeKeycloak('a fake Keycloak', async () => realmOf(await new FakeKeycloak().open()));

describe('a Keycloak that misbehaves', () => {
  let fake: FakeKeycloak;
  let turn: ProviderTurn;
  beforeAll(async () => {
    fake = await new FakeKeycloak().open();
    turn = { view: await mountView(), signal: new AbortController().signal };
  });
  afterEach(() => {
    fake.fault = () => undefined;
  });
  afterAll(() => fake.close());

  it.each([
    [500, 'unavailable'],
    [503, 'unavailable'],
    [429, 'rate_limited'],
    [403, 'permission_denied'],
    [400, 'invalid_request'],
  ])('threat 16: that answers %i is told of as %s, without a word of it', async (status, code) => {
    fake.fault = () => status;
    const error = asCofferError(
      await opened(realmOf(fake))
        .ensure(serviceUser(), turn)
        .catch((thrown: unknown) => thrown),
    );
    expect(error.code).toBe(code);
    expect(`${error.message} ${String(error.cause)}`).not.toMatch(/s3cret|unknown_error/);
    expect(error.message).not.toContain(fake.admin.secret);
  });

  it('that fails at any call of a rotation is asked again, until all is as it should be', async () => {
    let calls = 0;
    for (let failing = 0; failing <= calls; failing++) {
      calls = 0;
      fake.fault = () => (calls++ === failing ? 500 : undefined);
      const provider = opened(realmOf(fake));
      const user = serviceUser();
      const again = async <T>(action: () => Promise<T>): Promise<T> =>
        action().catch((error: unknown) => {
          expect(asCofferError(error).code).toBe('unavailable');
          return action();
        });
      await again(() => provider.ensure(user, turn));
      const staging = { kind: 'password', generation: 1, proposed: 'p'.repeat(20) } as const;
      const first = await again(() => provider.stage(user, staging, turn));
      const client = await again(() => provider.stage(user, { ...staging, kind: 'client' }, turn));
      expect(await provider.verify(user, first, turn)).toBe('accepted');
      await again(() => provider.retireOthers(user, 'password', [first], turn));
      await again(() => provider.retireOthers(user, 'client', [client], turn));
      await again(() => provider.disable(user.username, turn));
      expect(await provider.verify(user, first, turn)).toBe('refused');
      expect(await provider.verify(user, client, turn)).toBe('refused');
      await again(() => provider.delete(user.username, turn));
      const names = [...fake.users.values(), ...fake.clients.values()].map(({ body }) =>
        JSON.stringify(body),
      );
      expect(names.filter((name) => name.includes(user.username))).toEqual([]);
    }
    expect(calls).toBeGreaterThan(20);
  });

  it('threat 22: is asked about no name that it would take for another', async () => {
    const provider = opened(realmOf(fake));
    for (const username of ['', 'UPPER', 'a b', '../x', 'ä', 'x'.repeat(201)]) {
      const user = serviceUser({ username });
      await expect(provider.ensure(user, turn)).rejects.toMatchObject({ code: 'invalid_request' });
      await expect(provider.delete(username, turn)).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });

  it('threat 12: is asked below its own realm', () => {
    for (const realm of ['..', '.', 'a/b', 'a\nb']) {
      expect(() => opened({ ...realmOf(fake), realm })).toThrow(/the option realm is/);
    }
  });
});

describe('settings of keycloak', () => {
  const right = { url: 'https://idp.example.com', realm: 'apps', client_id: 'coffer' };

  it.each([
    [{ ...right, url: 'http://idp.example.com' }, 'x', 'must begin with https://'],
    [{ ...right, realm: '' }, 'x', 'realm is needed'],
    [{ ...right, client_id: '' }, 'x', 'client_id is needed'],
    [{ ...right, secret: 'x' }, 'x', 'no option "secret"'],
    [{ ...right, ca: 'x' }, 'x', 'certificates in PEM'],
    [right, '', 'secret is needed'],
  ])('threat 21: are refused: %o', (options, secret, words) => {
    const open = () =>
      keycloak.open(
        { options: options as Record<string, string>, secret },
        {
          clock: { now: () => 0, steady: () => 0, after: () => ({ [Symbol.dispose]: () => undefined }) },
          random: systemRandom,
          mountPath: '',
          digest: (text) => text,
        },
      );
    expect(open).toThrow(words);
  });
});
