import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, auditText, makePlace, type Place, storedText } from '../../../test/fakes/client.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { CofferNode } from '../../main/node.ts';
import type { OpenProvider, ProviderSettings, ProviderType } from '../../service-user/provider.ts';
import type { EngineEnvironment } from '../engine.ts';
import { type Application, applicationPath, encodeApplication } from './application.ts';
import { encodeSettings, settingsPath, standardSettings } from './mount-config.ts';
import type { ServiceUsersParts } from './parts.ts';
import { expectProvider, Providers } from './providers.ts';
import { serviceUsers } from './service-users.ts';

interface Opened {
  readonly settings: ProviderSettings;
  closed: boolean;
}

/** Opens to nothing, and remembers it. */
function kind(type: string, opened: Opened[], secret?: string): ProviderType {
  return {
    type,
    summary: 'for tests',
    ...(secret === undefined ? {} : { secret }),
    open(settings) {
      if ('wrong' in settings.options) throw new CofferError('invalid_request', 'there is no option wrong');
      const one: Opened = { settings, closed: false };
      opened.push(one);
      const provider = {
        close: () => {
          one.closed = true;
        },
      };
      return provider as OpenProvider;
    },
  };
}

let place: Place;
let node: CofferNode;
let opened: Opened[];
let view: View;
let parts: ServiceUsersParts;
beforeEach(async () => {
  opened = [];
  const kinds = [kind('builtin', opened), kind('remote', opened, 'a token')];
  const providers = new Map(kinds.map((one) => [one.type, one]));
  const usual = serviceUsers({ targets: new Map(), providers });
  // The engine as it is, and a look at what it is handed.
  const engine = {
    ...usual,
    create: (environment: EngineEnvironment) => {
      parts = { environment, clock: environment.clock, targets: new Map(), providers };
      const made = usual.create(environment);
      const endpoints = made.endpoints.map((one) =>
        one.pattern === 'providers'
          ? {
              ...one,
              operations: {
                list: {
                  summary: '',
                  handle: async (call: { readonly view: View }) => {
                    view = call.view;
                    return one.operations.list?.handle(call as never);
                  },
                },
              },
            }
          : one,
      );
      return { ...made, endpoints };
    },
  };
  place = await makePlace({ engines: [engine] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/su', { type: 'service-users' });
  await list();
});
afterEach(() => place.remove());

const write = (name: string, data: Record<string, string | Record<string, string>>) =>
  ask(node, 'update', `su/providers/${name}`, data);
const read = (name: string) => ask(node, 'read', `su/providers/${name}`);
const remove = (name: string) => ask(node, 'delete', `su/providers/${name}`);
const list = async (wish = {}) => (await ask(node, 'list', 'su/providers', wish)).data['keys'];
const use = (id: string, provider: string) =>
  view.commit([{ path: applicationPath(id), value: encodeApplication({ id, provider } as Application) }]);

describe('configured providers', () => {
  it('have one that needs no configuration', async () => {
    expect(await list()).toEqual(['builtin']);
    expect((await read('builtin')).data).toEqual({ type: 'builtin', options: {}, has_secret: false });
    await write('builtin', { type: 'builtin', options: { issuer: 'https://a' } });
    await write('corp', { type: 'remote' });
    await write('a', { type: 'remote' });
    expect(await list()).toEqual(['a', 'builtin', 'corp']);
    expect(await list({ after: 'a', limit: 1 })).toEqual(['builtin']);
    expect(await list({ after: 'builtin' })).toEqual(['corp']);
    expect(await list({ limit: 2 })).toEqual(['a', 'builtin']);
    expect((await remove('builtin')).status).toBe(204);
    expect((await read('builtin')).data).toMatchObject({ options: {} });
    expect((await remove('builtin')).status).toBe(204);
  });

  it('threat 16: show no secret, not in the audit log either', async () => {
    expect(
      (await write('corp', { type: 'remote', options: { url: 'https://x' }, secret: 'hush-hush' })).status,
    ).toBe(204);
    const shown = await read('corp');
    expect(shown.data).toEqual({ type: 'remote', options: { url: 'https://x' }, has_secret: true });
    await write('corp', { options: { password: 'hush-hush', wrong: '' }, secret: 'hush-hush' });
    expect(auditText(place.auditDirectory)).not.toContain('hush-hush');
    expect(await storedText(place.storage)).not.toContain('hush-hush');
  });

  it('threat 21: send a secret to no other place for whoever does not know it', async () => {
    await write('corp', { type: 'remote', options: { url: 'https://x' }, secret: 'hush' });
    const elsewhere = await write('corp', { options: { url: 'https://evil' } });
    expect(elsewhere).toMatchObject({ status: 400, errors: [expect.stringContaining('send it along')] });
    expect((await read('corp')).data).toMatchObject({ options: { url: 'https://x' } });
    // The same again is no change.
    expect((await write('corp', { options: { url: 'https://x' } })).status).toBe(204);
    expect((await write('corp', { options: { url: 'https://y' }, secret: 'hush' })).status).toBe(204);
    expect((await write('corp', { options: { url: 'https://z' }, secret: '' })).status).toBe(204);
    expect((await read('corp')).data).toMatchObject({ has_secret: false });
  });

  it.each([
    ['corp', {}, 'missing field "type"'],
    ['corp', { type: 'none' }, 'a provider’s type is one of builtin, remote, not "none"'],
    ['corp', { type: 'builtin' }, 'the name builtin is for'],
    ['builtin', { type: 'remote' }, 'provider "builtin" is of type builtin'],
    ['builtin', { type: 'builtin', secret: 'x' }, 'takes no secret'],
    ['corp', { type: 'remote', options: { wrong: '1' } }, 'there is no option wrong'],
    ['Corp', { type: 'remote' }, 'a provider’s name has'],
    ['corp', { type: 'remote', secret: 'x'.repeat(40_000) }, 'secret is text of at most'],
    ['corp', { type: 'remote', options: { ['x'.repeat(80)]: '' } }, 'options are at most'],
  ])('refuse %s %o', async (name, data, words) => {
    const answer = await write(name, data as never);
    expect(answer).toMatchObject({ status: 400, errors: [expect.stringContaining(words)] });
    expect(await list()).toEqual(['builtin']);
  });

  it('stay of one type', async () => {
    await write('corp', { type: 'remote' });
    expect((await write('corp', { type: 'builtin' })).errors[0]).toContain('is of type remote');
  });

  it('are not deleted while an application or config names them', async () => {
    await write('corp', { type: 'remote' });
    await use('shop', 'corp');
    expect(await remove('corp')).toMatchObject({
      status: 400,
      errors: ['provider "corp" is used by application "shop"'],
    });
    expect(await expectProvider(parts, view, 'corp')).toHaveLength(1);
    await view.commit([
      { path: applicationPath('shop'), value: null },
      { path: settingsPath, value: encodeSettings({ ...standardSettings, defaultProvider: 'corp' }) },
    ]);
    expect((await remove('corp')).errors[0]).toContain('default_provider');
    await view.commit([{ path: settingsPath, value: null }]);
    expect((await remove('corp')).status).toBe(204);
    expect(await list()).toEqual(['builtin']);
    expect((await remove('corp')).status).toBe(204);
  });

  it('let nothing be registered with one that is being deleted', async () => {
    await write('corp', { type: 'remote' });
    const expected = await expectProvider(parts, view, 'corp');
    await remove('corp');
    const late = view.commit([{ path: applicationPath('late'), value: Buffer.from('{}') }], expected);
    await expect(late).rejects.toMatchObject({ code: 'conflict' });
    await expect(expectProvider(parts, view, 'corp')).rejects.toThrow('there is no provider "corp"');
    expect(await expectProvider(parts, view, 'builtin')).toEqual([]);
  });
});

describe('open providers', () => {
  it('are opened once for each revision, and closed when another comes', async () => {
    await write('corp', { type: 'remote', options: { n: '1' } });
    opened.length = 0;
    const providers = new Providers(parts);
    const first = await providers.of(view, 'corp');
    expect(await providers.of(view, 'corp')).toBe(first);
    expect(opened).toHaveLength(1);
    await write('corp', { options: { n: '2' } });
    opened.splice(1);
    expect(await providers.of(view, 'corp')).not.toBe(first);
    expect(opened.map(({ closed, settings }) => [closed, settings.options['n']])).toEqual([
      [true, '1'],
      [false, '2'],
    ]);
    providers.close();
    expect(opened.every(({ closed }) => closed)).toBe(true);
    // Who still asks is answered, by one that nobody has to close.
    await providers.of(view, 'corp');
    expect(opened.at(-1)?.closed).toBe(true);
  });

  it('are closed when their record goes', async () => {
    await write('corp', { type: 'remote' });
    opened.length = 0;
    const providers = new Providers(parts);
    await providers.of(view, 'corp');
    await remove('corp');
    await expect(providers.of(view, 'corp')).rejects.toMatchObject({ code: 'invalid_request' });
    expect(opened[0]?.closed).toBe(true);
    await expect(providers.of(view, '../x')).rejects.toMatchObject({ code: 'invalid_request' });
    const own = await providers.of(view, 'builtin');
    expect(await providers.of(view, 'builtin')).toBe(own);
    providers.close();
  });
});
