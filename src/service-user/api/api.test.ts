import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { mountView } from '../../../test/fakes/mount-view.ts';
import { type ApiManner, FakeServiceUserApi } from '../../../test/fakes/service-user-api.ts';
import { systemRandom } from '../../crypto/random.ts';
import { asCofferError } from '../../errors.ts';
import { describeProvider, type ProviderPlace, serviceUser } from '../provider.contract.ts';
import { type OpenProvider, type ProviderTurn, RateLimited } from '../provider.ts';
import { serviceUserApi } from './api.ts';

const clock = new HandClock();
const surroundings = {
  clock,
  random: systemRandom,
  mountPath: 'service-users/',
  digest: (text: string) => text,
};

function opened(options: Record<string, string>, secret: string): OpenProvider {
  return serviceUserApi.open({ options, secret }, surroundings);
}

async function placeOf(
  manner: ApiManner,
  optionsOf: (api: FakeServiceUserApi) => {
    readonly options: Record<string, string>;
    readonly secret: string;
  },
): Promise<ProviderPlace> {
  const api = await new FakeServiceUserApi(clock, manner).open();
  const { options, secret } = optionsOf(api);
  return {
    open: () => opened(options, secret),
    turn: { view: await mountView(), signal: new AbortController().signal },
    works: async (user, credential) => api.works(user, credential),
    settle: () => clock.jump(600),
    close: () => api.close(),
  };
}

const skips = {
  orphans: 'the API ends them with the next commit, and in no other way',
  disabled: 'the API knows no disabled users',
};

describeProvider(
  'service-user-api with a fixed token and transactions',
  () => placeOf({}, (api) => ({ options: { url: api.url }, secret: api.token })),
  {
    kinds: { password: { oldEndsAt: 'commit' }, client: { oldEndsAt: 'commit' } },
    most: 2,
    disablingLoses: true,
  },
  { ...skips, verify: 'without verify_url there is no way to try' },
);

describeProvider(
  'service-user-api with a token of its own, and clients committed by id',
  () =>
    placeOf({ clientCommit: 'id', forgets: false }, (api) => ({
      options: {
        url: `${api.url}/`,
        token_url: `${api.url}/token`,
        client_id: api.ownClient.id,
        verify_url: `${api.url}/token`,
        password_grace: '5m',
      },
      secret: api.ownClient.secret,
    })),
  {
    kinds: { password: { oldEndsAt: 'retire' }, client: { oldEndsAt: 'commit' } },
    most: 2,
    disablingLoses: true,
  },
  { ...skips, verify: 'tried below: old passwords are good for a while after their commit' },
);

describe('the Service User API', () => {
  let api: FakeServiceUserApi;
  let provider: OpenProvider;
  let turn: ProviderTurn;
  beforeAll(async () => {
    api = await new FakeServiceUserApi(clock).open();
  });
  afterAll(() => api.close());
  beforeEach(async () => {
    turn = { view: await mountView(), signal: new AbortController().signal };
    provider = opened({ url: api.url, verify_url: `${api.url}/token` }, api.token);
    api.heard.length = 0;
  });
  afterEach(() => {
    api.faults.length = 0;
  });

  it('is told of a user as mint tells it', async () => {
    const scopes = [
      { resourceType: 'application', id: 'write' },
      { resourceType: '', id: 'plain' },
    ];
    const user = serviceUser({ scopes, redirectUrl: 'https://a.example.com/', subtitle: 'sub' });
    await provider.ensure(user, turn);
    expect(api.heard.at(-1)).toMatchObject({ method: 'PUT', path: `/services/${user.username}` });
    expect(JSON.parse(api.heard.at(-1)?.body ?? '')).toEqual({
      id: user.username,
      name: user.name,
      owner: 'web',
      subtitle: 'sub',
      client_config: {
        redirect_urls: ['https://a.example.com/'],
        confidential: true,
        scopes: [
          { realm: 'employees', scopes: ['uid'] },
          { realm: 'services', scopes: ['uid', 'application.write', 'plain'] },
        ],
      },
      user_config: { scopes: ['application.write', 'plain'] },
    });
  });

  it('threat 17: hears no header but what is meant for it', async () => {
    await provider.ensure(serviceUser(), turn);
    const { headers } = api.heard.at(-1) ?? {};
    expect(Object.keys(headers ?? {}).toSorted()).toEqual([
      'accept',
      'accept-encoding',
      'authorization',
      'connection',
      'content-length',
      'content-type',
      'host',
    ]);
  });

  it('tells by verify_url which clients are taken', async () => {
    const user = serviceUser();
    await provider.ensure(user, turn);
    const staged = await provider.stage(user, { kind: 'client', generation: 1, proposed: 'x' }, turn);
    expect(await provider.verify(user, staged, turn)).toBe('accepted');
    expect(await provider.verify(user, { ...staged, secret: 'not it' }, turn)).toBe('refused');
    // Nobody may ask for a user's token here: that says nothing of the password.
    const password = await provider.stage(user, { kind: 'password', generation: 1, proposed: 'x' }, turn);
    expect(await provider.verify(user, password, turn)).toBe('unknown');
    const own = {
      url: api.url,
      token_url: `${api.url}/token`,
      client_id: 'coffer',
      verify_url: `${api.url}/token`,
    };
    const asking = opened(own, api.ownClient.secret);
    expect(await asking.verify(user, password, turn)).toBe('accepted');
    expect(await asking.verify(user, { ...password, secret: 'not it' }, turn)).toBe('refused');
  });

  it('gets a token again when the old one is refused or over', async () => {
    const options = { url: api.url, token_url: `${api.url}/token`, client_id: 'coffer' };
    const own = opened(options, api.ownClient.secret);
    const asked = () => api.heard.filter(({ path }) => path === '/token').length;
    await own.list('x', undefined, turn);
    await own.list('x', undefined, turn);
    expect(asked()).toBe(1);
    for (const token of api.tokens) if (token !== api.token) api.tokens.delete(token);
    await own.list('x', undefined, turn);
    expect(asked()).toBe(2);
    clock.jump(3_600);
    await own.list('x', undefined, turn);
    expect(asked()).toBe(3);
    const wrong = opened(options, 'another-secret');
    await expect(wrong.list('x', undefined, turn)).rejects.toMatchObject({ code: 'permission_denied' });
  });

  it('takes back that it is to wait, and for how long', async () => {
    const pauseOf = async (headers: Record<string, string>, status = 429) => {
      api.faults.push({ kind: 'status', status, headers });
      const error = await provider.ensure(serviceUser(), turn).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(RateLimited);
      return (error as RateLimited).pause;
    };
    expect(await pauseOf({ 'Retry-After': '90' })).toBe(90_000);
    expect(await pauseOf({ 'Retry-After': new Date(clock.now() + 60_000).toUTCString() })).toBe(60_000);
    expect(await pauseOf({})).toBeUndefined();
    expect(await pauseOf({ 'Retry-After': 'soon' })).toBeUndefined();
    expect(await pauseOf({ 'Retry-After': '99999999' })).toBe(3_600_000);
    expect(await pauseOf({ 'Retry-After': '5' }, 503)).toBe(5_000);
  });

  it.each([
    [500, 'unavailable'],
    [502, 'unavailable'],
    [503, 'unavailable'],
    [408, 'unavailable'],
    [301, 'unavailable'],
    [200, 'unavailable'],
    [400, 'invalid_request'],
    [404, 'invalid_request'],
    [418, 'invalid_request'],
    [401, 'permission_denied'],
    [403, 'permission_denied'],
  ])(
    'threat 16: that answers %i with a page of its own is told of as %s, without a word of it',
    async (status, code) => {
      const headers: Record<string, string> = status === 301 ? { Location: 'http://169.254.169.254/' } : {};
      const user = serviceUser();
      api.faults.push({ kind: 'status', status, headers });
      const error = asCofferError(await provider.ensure(user, turn).catch((thrown: unknown) => thrown));
      expect(error.code).toBe(code);
      expect(error.message).toContain(new URL(api.url).host);
      const text = `${error.message} ${String(error.cause)}`;
      expect(text).not.toMatch(/s3cret|html|169\.254/);
      expect(text).not.toContain(api.token);
      expect(api.services.has(user.username)).toBe(false);
    },
  );

  it.each(['{', '[]', '"x"', 'null', '{"txid":1,"password":"p"}', '{"txid":"t"}', '{"password":""}'])(
    'that answers %s where a password was to come is not believed',
    async (body) => {
      const user = serviceUser();
      await provider.ensure(user, turn);
      const headers = { 'Content-Type': 'application/json' };
      api.faults.push({ kind: 'status', status: 200, headers, body });
      const staging = { kind: 'password', generation: 1, proposed: 'x' } as const;
      await expect(provider.stage(user, staging, turn)).rejects.toMatchObject({ code: 'unavailable' });
    },
  );

  it('that does a thing and says that it failed is asked again, and no harm is done', async () => {
    const user = serviceUser();
    const again = async <T>(action: () => Promise<T>): Promise<T> => {
      api.faults.push({ kind: 'after', status: 500 });
      await expect(action()).rejects.toMatchObject({ code: 'unavailable' });
      return action();
    };
    await again(() => provider.ensure(user, turn));
    for (const kind of ['password', 'client'] as const) {
      const staged = await again(() => provider.stage(user, { kind, generation: 1, proposed: 'x' }, turn));
      await again(() => provider.commit(user, staged, turn));
      expect(api.works(user, staged)).toBe(true);
    }
    await again(() => provider.delete(user.username, turn));
    expect(api.services.has(user.username)).toBe(false);
  });

  it('that does not know a transaction is not taken to have committed it', async () => {
    const user = serviceUser();
    await provider.ensure(user, turn);
    for (const kind of ['password', 'client'] as const) {
      const staged = await provider.stage(user, { kind, generation: 1, proposed: 'x' }, turn);
      api.services.get(user.username)?.pending.clear();
      await expect(provider.commit(user, staged, turn)).rejects.toThrow(/does not know/);
    }
  });

  it('commits clients as it is told to', async () => {
    const strict = await new FakeServiceUserApi(clock, { clientCommit: 'id' }).open();
    try {
      const user = serviceUser();
      const byId = opened({ url: strict.url, client_commit: 'id' }, strict.token);
      await byId.ensure(user, turn);
      const staged = await byId.stage(user, { kind: 'client', generation: 1, proposed: 'x' }, turn);
      // A service that has transactions and yet wants the other form.
      const withTransaction = { ...staged, reference: 'some-transaction' };
      await byId.commit(user, withTransaction, turn);
      const either = opened({ url: strict.url }, strict.token);
      await either.commit(user, withTransaction, turn);
      const only = opened({ url: strict.url, client_commit: 'txid' }, strict.token);
      await expect(only.commit(user, withTransaction, turn)).rejects.toMatchObject({
        code: 'invalid_request',
      });
    } finally {
      await strict.close();
    }
  });

  it('that keeps silent is left when the turn ends; one that answers twice is heard once', async () => {
    const own = new AbortController();
    api.faults.push({ kind: 'hang' });
    const asked = provider.ensure(serviceUser(), { ...turn, signal: own.signal });
    own.abort();
    await expect(asked).rejects.toMatchObject({ code: 'unavailable' });
    api.faults.length = 0;
    api.faults.push({ kind: 'twice' });
    const user = serviceUser();
    await provider.ensure(user, turn);
    expect(api.services.has(user.username)).toBe(true);
  });

  it('threat 12: is asked for no other path than that of the user', async () => {
    for (const username of ['..', '.', '']) {
      await expect(provider.delete(username, turn)).rejects.toMatchObject({ code: 'invalid_request' });
    }
    await provider.delete('a/../../b?c#d e', turn);
    expect(api.heard.at(-1)?.path).toBe('/services/a%2F..%2F..%2Fb%3Fc%23d%20e');
  });
});

describe('settings of service-user-api', () => {
  it.each([
    [{}, 't', 'the option url is needed'],
    [{ url: 'http://idp.example.com' }, 't', 'must begin with https://'],
    [{ url: 'https://a:b@idp.example.com' }, 't', 'must not hold a user name'],
    [{ url: 'https://idp.example.com?token=x' }, 't', 'must not have a query'],
    [{ url: 'https://x', verify_url: 'ftp://x' }, 't', 'verify_url must begin with https://'],
    [{ url: 'https://x', token_url: 'https://x' }, 't', 'client_id is needed'],
    [{ url: 'https://x', client_id: 'x' }, 't', 'go with token_url'],
    [{ url: 'https://x', client_commit: 'maybe' }, 't', 'txid or id or either'],
    [{ url: 'https://x', password_grace: 'long' }, 't', 'is a duration'],
    [{ url: 'https://x', concurrency: '0' }, 't', 'whole number from 1 to 64'],
    [{ url: 'https://x', ca: '-----BEGIN PRIVATE KEY-----' }, 't', 'certificates in PEM'],
    [{ url: 'https://x', tokn: '1' }, 't', 'has no option "tokn"'],
    [{ url: 'https://x' }, '', 'secret is needed'],
    [{ url: 'https://x' }, 'a\r\nX: y', 'secret is needed'],
  ])('threat 21: are refused: %o', (options, secret, words) => {
    expect(() => opened(options as Record<string, string>, secret)).toThrow(words);
  });

  it('threat 21: lead to no address that is never asked', async () => {
    const turn = { view: await mountView(), signal: new AbortController().signal };
    const provider = opened({ url: 'https://169.254.169.254' }, 't');
    await expect(provider.list('', undefined, turn)).rejects.toThrow('never asked');
  });
});
