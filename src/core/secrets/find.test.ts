import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, makeToken, type Place, writePolicy } from '../../../test/fakes/client.ts';
import type { EngineType } from '../../engine/engine.ts';
import type { CofferNode } from '../../main/node.ts';
import { endpoint } from '../endpoint.ts';
import { parseNamePattern } from './name-pattern.ts';
import { names, put, secrets } from './secrets.fixture.ts';

/** Answers every scan with the same names, as an engine does that knows nothing of policies. */
const listed = ['a', 'x/b', 'x/y/c', 'x/y', 'z/', 'z/d'];
const scanner: EngineType = {
  type: 'scanner',
  summary: 'for tests',
  parseOptions: (options) => options,
  create: () => ({
    endpoints: [
      endpoint({
        pattern: ':path*',
        help: 'for tests',
        fields: {},
        operations: {
          scan: {
            summary: 'Scan',
            response: { keys: { type: 'list' }, '*': { type: 'any' } },
            handle: async () => ({
              data: { keys: listed, key_info: Object.fromEntries(listed.map((key) => [key, { key }])) },
            }),
          },
        },
      }),
    ],
  }),
};

let place: Place;
let node: CofferNode;
beforeEach(async () => {
  place = await makePlace({ engines: [scanner] });
  node = await place.node();
});
afterEach(() => place.remove());

async function tokenWith(text: string): Promise<string> {
  await writePolicy(node, 'finder', text);
  return makeToken(node, { policies: ['finder'] });
}

async function find(name: string, path = 'secret', token?: string): Promise<unknown> {
  return (await secrets(node, 'find', { path, name }, token)).data['keys'];
}

describe('finding', () => {
  beforeEach(async () => {
    for (const path of ['db', 'app/db', 'app/db-old', 'app/db/inner', 'App/Db', 'web/üñí', 'web/a[b]']) {
      await put(node, `secret/${path}`, { path });
    }
  });

  it.each([
    ['', ['App/Db', 'app/db', 'app/db-old', 'app/db/inner', 'db', 'web/a[b]', 'web/üñí']],
    ['db', ['app/db', 'app/db-old', 'db']],
    ['db*', ['app/db', 'app/db-old', 'db']],
    ['*db', ['app/db', 'db']],
    ['?b', ['App/Db', 'app/db', 'db']],
    ['app/', ['app/db', 'app/db-old', 'app/db/inner']],
    ['app/*', ['app/db', 'app/db-old', 'app/db/inner']],
    ['*/inner', ['app/db/inner']],
    ['üñ', ['web/üñí']],
    ['[b]', ['web/a[b]']],
    ['none', []],
  ])('by %j', async (name, found) => {
    // In the order of the storage's keys, where a folder's contents come where its `/` sorts.
    expect(((await find(name)) as string[]).toSorted()).toEqual(
      found.map((path) => `secret/${path}`).toSorted(),
    );
  });

  it('looks below a folder, and takes its path with and without the last slash', async () => {
    expect(await find('', 'secret/app')).toEqual(await find('', 'secret/app/'));
    expect(await find('inner', 'secret/app/db')).toEqual(['secret/app/db/inner']);
    expect(await find('', 'secret/none')).toEqual([]);
  });

  it('answers a GET too, and refuses what is no path, pattern or page', async () => {
    const { data } = await ask(node, 'read', 'sys/secrets/find', { path: 'secret', name: 'inner' });
    expect(data).toEqual({ keys: ['secret/app/db/inner'] });
    for (const [fields, status] of [
      [{}, 400],
      [{ path: 'secret/../x' }, 400],
      [{ path: 'nowhere' }, 404],
      [{ path: 'sys' }, 405],
      [{ path: 'secret', name: 'x'.repeat(201) }, 400],
      [{ path: 'secret', after: 'secret/app/db' }, 400],
      [{ path: 'secret', after: '%%%' }, 400],
    ] as const) {
      expect([fields, (await secrets(node, 'find', fields)).status]).toEqual([fields, status]);
    }
  });

  it('goes by pages, on any node, each for the folder it came from', async () => {
    const other = await place.node();
    const all = await names(node);
    for (const limit of [1, 2, 3]) {
      const found: string[] = [];
      let after: unknown = '';
      for (let page = 0; after !== undefined; page++) {
        const { data } = await secrets(page % 2 === 0 ? node : other, 'find', {
          path: 'secret',
          after: String(after),
          limit,
        });
        found.push(...(data['keys'] as string[]));
        after = data['next'];
      }
      expect(found).toEqual(all);
    }
    const { data } = await secrets(node, 'find', { path: 'secret', limit: 1 });
    expect((await secrets(node, 'find', { path: 'secret/app', after: data['next'] ?? '' })).status).toBe(400);
  });

  it('of one page looks at no more than its share', async () => {
    for (let n = 0; n < 5_100; n++) await put(node, `secret/many/${n}`, { n });
    const { data } = await secrets(node, 'find', { path: 'secret/many', name: 'nothing like this' });
    expect(data['keys']).toEqual([]);
    const rest = await secrets(node, 'find', {
      path: 'secret/many',
      name: 'nothing like this',
      after: data['next'] ?? '',
    });
    expect(rest.data).toEqual({ keys: [] });
  }, 60_000);
});

describe('threat 11: a search shows what the caller may list, without what is denied', () => {
  beforeEach(async () => {
    for (const path of ['a', 'app/db', 'app/hidden', 'app/sub/x', 'other/y'])
      await put(node, `secret/${path}`, { path });
  });

  it.each([
    [
      'path "secret/metadata/*" { capabilities = ["list"] }',
      'secret',
      ['a', 'app/db', 'app/hidden', 'app/sub/x', 'other/y'],
    ],
    [
      'path "secret/metadata/*" { capabilities = ["scan"] }',
      'secret/app',
      ['app/db', 'app/hidden', 'app/sub/x'],
    ],
    ['path "secret/metadata/app/" { capabilities = ["list"] }', 'secret/app', ['app/db', 'app/hidden']],
    [
      'path "secret/metadata/*" { capabilities = ["list"] } path "secret/data/app/hidden" { capabilities = ["deny"] }',
      'secret',
      ['a', 'app/db', 'app/sub/x', 'other/y'],
    ],
    [
      'path "secret/metadata/*" { capabilities = ["list"] } path "secret/metadata/app/hidden" { capabilities = ["deny"] }',
      'secret',
      ['a', 'app/db', 'app/sub/x', 'other/y'],
    ],
    [
      'path "secret/metadata/*" { capabilities = ["list"] } path "secret/metadata/app/*" { capabilities = ["deny"] }',
      'secret',
      ['a', 'other/y'],
    ],
    [
      'path "secret/metadata/*" { capabilities = ["list"] } path "secret/metadata/app" { capabilities = ["deny"] }',
      'secret',
      ['a', 'other/y'],
    ],
    [
      'path "secret/metadata/*" { capabilities = ["list"] } path "secret/metadata/app/*" { capabilities = ["read"] }',
      'secret',
      ['a', 'other/y'],
    ],
  ])('%s', async (policy, path, found) => {
    const token = await tokenWith(policy);
    expect(((await find('', path, token)) as string[]).toSorted()).toEqual(
      found.map((name) => `secret/${name}`),
    );
  });

  it('and refuses to look where nothing may be listed, whether there is anything or not', async () => {
    const token = await tokenWith(
      'path "secret/data/*" { capabilities = ["read"] } path "secret/metadata/app/*" { capabilities = ["list"] }',
    );
    for (const path of ['secret', 'secret/other', 'secret/none', 'nowhere', 'cubby', 'team/x']) {
      const { status, errors } = await secrets(node, 'find', { path }, token);
      expect({ path, status, errors }).toEqual({
        path,
        status: 403,
        errors: ['1 error occurred:\n\t* permission denied\n\n'],
      });
    }
  });

  it('and its pages do not tell the names that they end at', async () => {
    const token = await tokenWith(
      'path "secret/metadata/*" { capabilities = ["list"] } path "secret/data/app/*" { capabilities = ["deny"] }',
    );
    const { data } = await secrets(node, 'find', { path: 'secret', limit: 1 }, token);
    const next = String(data['next']);
    expect(Buffer.from(next, 'base64url').toString('latin1')).not.toMatch(/app|other|secret/);
    expect(next).toHaveLength(
      String((await secrets(node, 'find', { path: 'secret/app/sub', limit: 1 })).data['next']).length,
    );
  });
});

describe('threat 11: a scan shows nothing that a rule hides', () => {
  beforeEach(() => ask(node, 'update', 'sys/mounts/scan', { type: 'scanner' }));

  it.each([
    ['path "scan/*" { capabilities = ["scan"] }', listed],
    [
      'path "scan/*" { capabilities = ["scan"] } path "scan/x/*" { capabilities = ["deny"] }',
      ['a', 'z/', 'z/d'],
    ],
    [
      'path "scan/*" { capabilities = ["scan"] } path "scan/x/b" { capabilities = ["deny"] }',
      ['a', 'x/y/c', 'x/y', 'z/', 'z/d'],
    ],
    [
      'path "scan/*" { capabilities = ["scan"] } path "scan/x/y/*" { capabilities = ["read"] }',
      ['a', 'x/b', 'x/y', 'z/', 'z/d'],
    ],
    [
      'path "scan/*" { capabilities = ["scan"] } path "scan/+/y" { capabilities = ["deny"] }',
      ['a', 'x/b', 'z/', 'z/d'],
    ],
    ['path "scan/" { capabilities = ["scan"] }', ['a']],
  ])('%s', async (policy, shown) => {
    const token = await tokenWith(policy);
    const { status, data } = await ask(node, 'scan', 'scan/', {}, token);
    expect(status).toBe(200);
    expect(data['keys']).toEqual(shown);
    expect(Object.keys((data['key_info'] ?? {}) as object)).toEqual(shown);
  });

  it('and one that hides all answers as if there were nothing', async () => {
    const token = await tokenWith(
      'path "scan/" { capabilities = ["scan"] } path "scan/a" { capabilities = ["deny"] }',
    );
    const { status, hasData } = await ask(node, 'scan', 'scan/', {}, token);
    expect({ status, hasData }).toEqual({ status: 404, hasData: false });
    expect(
      (await ask(node, 'scan', 'scan/', {}, await makeToken(node, { policies: ['default'] }))).status,
    ).toBe(403);
  });
});

it('a pattern matches as its slow reading does', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '/'), maxLength: 8 });
  const slow = (pattern: string, text: string): boolean =>
    pattern === ''
      ? text === ''
      : pattern.startsWith('*')
        ? slow(pattern.slice(1), text) || (text !== '' && slow(pattern, text.slice(1)))
        : text !== '' &&
          (pattern[0] === '?' || pattern[0] === text[0]) &&
          slow(pattern.slice(1), text.slice(1));
  fc.assert(
    fc.property(letters, letters, (pattern, text) => {
      const part = pattern.includes('/') ? text : text.slice(text.lastIndexOf('/') + 1);
      const wanted = /[*?]/.test(pattern) ? slow(pattern, part) : part.includes(pattern);
      expect(parseNamePattern(pattern)(text)).toBe(wanted);
    }),
    { numRuns: 2_000 },
  );
});
