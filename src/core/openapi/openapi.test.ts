import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, makePlace, makeToken, type Place, rootToken, writePolicy } from '../../../test/fakes/client.ts';
import { echoType } from '../../../test/fakes/echo-engine.ts';
import { everyOperation } from '../../../test/fakes/every-endpoint.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { openApiDocument } from './document.ts';

let place: Place;
let node: CofferNode;
beforeAll(async () => {
  place = await makePlace({ engines: [echoType] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/echo', { type: 'echo' });
  await ask(node, 'update', 'sys/mounts/team/kv', { type: 'kv', options: { version: '2' } });
  await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
  await writePolicy(node, 'one', 'path "echo/typed" { capabilities = ["read"] }');
});
afterAll(() => place.remove());

const where = 'sys/internal/specs/openapi';

interface PathItem {
  readonly parameters?: readonly { readonly name: string; readonly schema: JsonObject }[];
  readonly [method: string]: unknown;
}

async function document(token: string | null, fields: JsonObject = {}): Promise<JsonObject> {
  const { status, data } = await ask(node, 'read', where, fields, token);
  expect(status).toBe(200);
  return data;
}

function pathsOf(spec: JsonObject): Readonly<Record<string, PathItem>> {
  return spec['paths'] as unknown as Record<string, PathItem>;
}

/** What the validator finds wrong. */
async function problems(spec: JsonObject): Promise<unknown> {
  // It takes its argument apart.
  const { valid, errors } = await new Validator().validate(structuredClone(spec));
  return valid ? undefined : errors;
}

/** Ids of operations, which must be unique though no schema can say so. */
function idsOf(spec: JsonObject): readonly string[] {
  const items = Object.values(pathsOf(spec));
  return items.flatMap((item) =>
    ['get', 'post', 'patch', 'delete'].flatMap((method) => {
      const operation = item[method] as { operationId: string } | undefined;
      return operation === undefined ? [] : [operation.operationId];
    }),
  );
}

describe('the document', () => {
  it.each<[string, JsonObject]>([
    ['as it is', {}],
    ['with generic mount paths', { generic_mount_paths: true }],
    ['with a context', { context: 'my tool/"{}$' }],
  ])('is OpenAPI 3.0 %s, with a name of its own for each operation', async (_kind, fields) => {
    const spec = await document(rootToken, fields);
    expect(spec['openapi']).toBe('3.0.2');
    expect(await problems(spec)).toBeUndefined();
    const ids = idsOf(spec);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9-]+$/);
  });

  it('has every declared operation', async () => {
    const paths = pathsOf(await document(rootToken));
    for (const { name, operation } of everyOperation(node)) {
      const path = `/${name}`.replace(/:([a-z_]+)\*?/g, '{$1}').replace(/\/$/, '');
      const lists = operation === 'list' || operation === 'scan';
      const method = {
        read: 'get',
        list: 'get',
        scan: 'get',
        update: 'post',
        patch: 'patch',
        delete: 'delete',
      };
      expect(paths[lists ? `${path}/` : path]?.[method[operation]], `${operation} ${name}`).toBeDefined();
    }
    expect(await document(rootToken)).toEqual(await document(rootToken));
  });

  it('says what is sent and what comes back', async () => {
    const paths = pathsOf(await document(rootToken));
    expect(paths['/secret/data/{path}']).toMatchObject({
      'x-vault-createSupported': true,
      parameters: [{ name: 'path', in: 'path', required: true }],
      get: {
        parameters: [{ name: 'version', in: 'query', schema: { type: 'integer' } }],
        responses: { 200: { content: { 'application/json': { schema: { allOf: expect.any(Array) } } } } },
      },
      post: {
        requestBody: {
          content: {
            'application/json': {
              schema: {
                properties: { data: { type: 'object', 'x-vault-displayAttrs': { sensitive: true } } },
              },
            },
          },
        },
      },
    });
    expect(paths['/echo/tree/{path}/']).toMatchObject({
      get: {
        parameters: [
          { name: 'list', required: false },
          { name: 'scan', required: false },
        ],
      },
    });
    expect(paths['/echo/patched']).toMatchObject({
      patch: { requestBody: { content: { 'application/merge-patch+json': {} } } },
    });
    expect(paths['/sys/seal']).toMatchObject({ post: { 'x-vault-sudo': true } });
    expect(paths['/auth/approle/login']).toMatchObject({ post: { security: [] } });
    expect(paths['/sys/unseal']).toMatchObject({
      post: {
        responses: { 200: { content: { 'application/json': { schema: { required: expect.any(Array) } } } } },
      },
    });
  });

  it('puts no secret into a query, unless there is no other way', async () => {
    const paths = pathsOf(await document(rootToken));
    for (const [path, item] of Object.entries(paths)) {
      for (const method of ['get', 'delete']) {
        const { parameters = [] } = (item[method] ?? {}) as PathItem;
        const secret = parameters.filter(({ schema }) => schema?.['x-vault-displayAttrs'] !== undefined);
        if (secret.length > 0) expect(secret, path).toMatchObject(secret.map(() => ({ required: true })));
      }
    }
  });

  it('shows a parameter for each mount when asked to, and one mount of a type', async () => {
    const paths = pathsOf(await document(rootToken, { generic_mount_paths: 'true' }));
    const names = Object.keys(paths);
    expect(names).toContain('/{kv_mount_path}/data/{path}');
    expect(names).toContain('/auth/{approle_mount_path}/login');
    expect(names).toContain('/auth/token/lookup-self');
    expect(names.filter((name) => name.includes('secret/data') || name.includes('team'))).toEqual([]);
    expect(paths['/auth/{approle_mount_path}/login']?.parameters).toMatchObject([
      { name: 'approle_mount_path', schema: { default: 'approle' } },
    ]);
  });

  it('is answered to POST too, and spends no use', async () => {
    const token = await makeToken(node, { policies: ['default'], num_uses: 1 });
    expect((await ask(node, 'update', where, {}, token)).data['openapi']).toBe('3.0.2');
    expect((await ask(node, 'read', where, {}, token)).data['openapi']).toBe('3.0.2');
    expect((await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status).toBe(200);
  });

  it('threat 14: shows without a token only what of sys needs none', async () => {
    const bad = [null, 'nobody', await makeToken(node, { policies: ['none'], no_default_policy: true })];
    for (const token of bad.slice(0, 2)) {
      const spec = await document(token);
      expect(await problems(spec)).toBeUndefined();
      const paths = Object.keys(pathsOf(spec));
      expect(paths).toContain('/sys/unseal');
      expect(paths.filter((path) => !path.startsWith('/sys/'))).toEqual([]);
      expect(paths).not.toContain('/sys/seal');
      expect(paths).not.toContain('/sys/mounts');
      expect(JSON.stringify(spec)).not.toMatch(/team|approle|echo/);
    }
    expect(pathsOf(await document(bad[2] ?? ''))).toEqual({});
  });

  it('threat 11: shows a token the mounts that it has a rule for, and no others', async () => {
    const token = await makeToken(node, { policies: ['one'], no_default_policy: true });
    const spec = await document(token);
    expect(Object.keys(pathsOf(spec)).filter((path) => !path.startsWith('/echo/'))).toEqual([]);
    expect(Object.keys(pathsOf(spec))).toContain('/echo/typed');
    expect(JSON.stringify(await document(token, { generic_mount_paths: true }))).not.toContain('team');
  });

  it('follows the mounts', async () => {
    await ask(node, 'update', 'sys/mounts/late', { type: 'echo' });
    expect(Object.keys(pathsOf(await document(rootToken)))).toContain('/late/typed');
    await ask(node, 'delete', 'sys/mounts/late');
    expect(Object.keys(pathsOf(await document(rootToken)))).not.toContain('/late/typed');
  });
});

it('threat 15: does not grow with the number of mounts without end', () => {
  const mount = node.state.core?.mounts.table.at('secret/');
  if (mount === undefined) throw new Error('secret/ is not mounted');
  const many = Array.from({ length: 257 }, (_, index) => ({
    ...mount,
    entry: { ...mount.entry, path: `m${index}/` },
  }));
  const wish = { context: '', shown: () => true };
  expect(() => openApiDocument(many, { ...wish, genericMountPaths: false })).toThrow(
    'generic_mount_paths=true',
  );
  const one = openApiDocument(many.slice(0, 1), { ...wish, genericMountPaths: true });
  expect(openApiDocument(many, { ...wish, genericMountPaths: true })).toEqual(one);
});

describe('help', () => {
  it('describes the path it is asked of', async () => {
    for (const [path, described] of [
      ['secret/data/a', '/secret/data/{path}'],
      ['sys/unseal', '/sys/unseal'],
      ['auth/token/create', '/auth/token/create'],
    ] as const) {
      const { data } = await ask(node, 'help', path);
      const spec = data['openapi'] as JsonObject;
      expect(Object.keys(pathsOf(spec))).toContain(described);
      expect(Object.keys(pathsOf(spec)).length).toBeLessThan(3);
      expect(await problems(spec)).toBeUndefined();
    }
  });

  it('describes all of a mount where no endpoint is', async () => {
    const { data } = await ask(node, 'help', 'auth/token');
    const spec = data['openapi'] as JsonObject;
    expect(Object.keys(pathsOf(spec)).length).toBeGreaterThan(8);
    expect(await problems(spec)).toBeUndefined();
  });
});
