import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BuiltinPlace,
  clientFields,
  passwordGrant,
  type Registered,
} from '../../../test/fakes/builtin-place.ts';
import { ask, auditText } from '../../../test/fakes/client.ts';
import { openTestListener, type RawAnswer, requestBytes, type TestListener } from '../listener.fixture.ts';

let at: BuiltinPlace;
let shop: Registered;
let served: TestListener;
beforeAll(async () => {
  at = await BuiltinPlace.open();
  shop = await at.register('shop');
  served = await openTestListener({
    oauth2: 'service-users/',
    handle: (request) => at.node.road.handle(request),
  });
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await at[Symbol.asyncDispose]();
});

const form = 'Content-Type: application/x-www-form-urlencoded';

function basic(registered: Registered = shop, secret = registered.client.secret ?? ''): string {
  return `Authorization: Basic ${Buffer.from(`${registered.client.id}:${secret}`).toString('base64')}`;
}

function encoded(fields: Readonly<Record<string, string>>): string {
  return new URLSearchParams(fields).toString();
}

function post(
  path: string,
  body: string | Buffer = 'grant_type=client_credentials',
  headers: readonly string[] = [basic(), form],
): Promise<RawAnswer> {
  return served.ask(requestBytes(`POST ${path}`, headers, body));
}

function parsed({ body }: RawAnswer): Record<string, unknown> {
  return JSON.parse(body) as Record<string, unknown>;
}

describe('the token endpoint', () => {
  it('takes a client by Basic or in the form, and says that nobody may keep the answer', async () => {
    const { client_id, client_secret, ...grant } = passwordGrant(shop);
    const ways = [
      () => post('/oauth2/access_token', encoded({ ...grant, scope: 'cn uid' })),
      () => post('/oauth2/access_token', encoded({ ...grant, scope: 'cn uid', client_id })),
      () => post('/oauth2/access_token', encoded({ ...passwordGrant(shop), scope: 'cn uid' }), [form]),
      () => post('/oauth2/access_token?realm=/services', encoded({ ...grant, scope: 'cn uid', realm: 'x' })),
      () => post('/oauth2/access_token', encoded({ ...grant, scope: 'cn uid', unknown: 'dropped' })),
    ];
    for (const way of ways) {
      const answer = await way();
      expect(answer.status, answer.body).toBe(200);
      expect(parsed(answer)).toMatchObject({ token_type: 'Bearer', expires_in: 3_600, scope: 'cn uid' });
      expect([answer.headers.get('cache-control'), answer.headers.get('pragma')]).toEqual([
        'no-store',
        'no-cache',
      ]);
    }
    expect(client_secret).not.toBe('');
    expect(auditText(at.place.auditDirectory)).not.toContain('dropped');
  });

  it('refuses a client as RFC 6749 has it', async () => {
    const answer = await post('/oauth2/access_token', undefined, [basic(shop, 'wrong'), form]);
    expect([answer.status, parsed(answer)['error']]).toEqual([401, 'invalid_client']);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('threat 22: refuses what could be read in two ways, before anything is looked up', async () => {
    const secret = shop.client.secret ?? '';
    const grant = 'grant_type=client_credentials';
    const cases: readonly (readonly [string, string | Buffer, readonly string[]])[] = [
      ['a field twice', `${grant}&scope=uid&scope=cn`, [basic(), form]],
      ['a field twice, once empty', `${grant}&scope=uid&scope=`, [basic(), form]],
      ['a field twice, once escaped', `${grant}&%67rant_type=password`, [basic(), form]],
      ['two secrets', `${grant}&client_secret=${secret}`, [basic(), form]],
      ['two ids', `${grant}&client_id=stups_other`, [basic(), form]],
      ['two headers', grant, [basic(), basic(shop, 'wrong'), form]],
      ['two types', grant, [basic(), form, 'Content-Type: application/json']],
      ['a bearer token', grant, ['Authorization: Bearer hvs.x', form]],
      ['Basic without a colon', grant, [`Authorization: Basic ${Buffer.from('x').toString('base64')}`, form]],
      ['Basic that is no base64', grant, ['Authorization: Basic ::::', form]],
      [
        'Basic in Latin-1',
        grant,
        [`Authorization: Basic ${Buffer.from('x:\xe9', 'latin1').toString('base64')}`, form],
      ],
      [
        'JSON',
        JSON.stringify({ grant_type: 'client_credentials' }),
        [basic(), 'Content-Type: application/json'],
      ],
      ['JSON that says it is a form', JSON.stringify({ ...clientFields(shop) }), [form]],
      ['no type', grant, [basic()]],
      ['another charset', grant, [basic(), `${form}; charset=utf-16`]],
      ['bytes that are no text', Buffer.from(`${grant}&scope=\xff`, 'latin1'), [basic(), form]],
      ['escapes that are no text', `${grant}&scope=%ff`, [basic(), form]],
      ['half an escape', `${grant}&scope=%2`, [basic(), form]],
      [
        'a hundred fields',
        `${grant}&${Array.from({ length: 100 }, (_, at) => `n${at}=`).join('&')}`,
        [basic(), form],
      ],
      ['nothing', '', [basic(), form]],
    ];
    for (const [what, body, headers] of cases) {
      const answer = await post('/oauth2/access_token', body, headers);
      expect([answer.status, parsed(answer)['error']], what).toEqual([400, 'invalid_request']);
      expect(parsed(answer)['error_description'], what).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
      expect(answer.body).not.toContain(secret);
    }
  });

  it('threat 16: refuses secrets in the query, and tells nobody of them', async () => {
    const answer = await post(`/oauth2/access_token?${encoded(passwordGrant(shop))}`, '');
    expect([answer.status, parsed(answer)['error']]).toEqual([400, 'invalid_request']);
    const said = [answer.text, served.logged.join('\n'), auditText(at.place.auditDirectory)];
    for (const text of said) {
      expect(text).not.toContain(shop.password.secret);
      expect(text).not.toContain(shop.client.secret);
    }
  });

  it('refuses a form that is larger than any form, whole or in pieces', async () => {
    const body = `grant_type=client_credentials&scope=${'a'.repeat(70_000)}`;
    expect((await post('/oauth2/access_token', body)).status).toBe(413);
    const chunks = [requestBytes('POST /oauth2/access_token', [basic(), form, 'Transfer-Encoding: chunked'])];
    for (let i = 0; i < 9; i++) chunks.push(Buffer.from(`2000\r\n${'a'.repeat(8_192)}\r\n`));
    expect((await served.ask(Buffer.concat(chunks))).status).toBe(413);
  });

  it('says which method is right', async () => {
    for (const [method, path, allowed] of [
      ['GET', '/oauth2/access_token', 'POST'],
      ['PUT', '/oauth2/access_token', 'POST'],
      ['LIST', '/oauth2/introspect', 'POST'],
      ['POST', '/oauth2/keys', 'GET'],
    ]) {
      const answer = await served.ask(
        requestBytes(`${method} ${path}`, [], method === 'GET' ? undefined : ''),
      );
      expect([answer.status, answer.headers.get('allow')], `${method} ${path}`).toEqual([405, allowed]);
    }
  });
});

describe('the others', () => {
  it('introspect and revoke', async () => {
    const token = String(parsed(await post('/oauth2/access_token'))['access_token']);
    const told = await post('/oauth2/introspect', encoded({ token, token_type_hint: 'access_token' }));
    expect(parsed(told)).toMatchObject({ active: true, username: 'stups_shop' });
    const revoked = await post('/oauth2/revoke', encoded({ token }));
    expect([revoked.status, revoked.body]).toEqual([200, '{}']);
    expect(parsed(await post('/oauth2/introspect', encoded({ token })))).toEqual({ active: false });
    const nobody = await post('/oauth2/introspect', encoded({ token }), [form]);
    expect([nobody.status, nobody.headers.has('www-authenticate')]).toEqual([401, true]);
  });

  it('threat 21: publish keys and addresses, whatever host a request names', async () => {
    const evil = ['X-Forwarded-Host: evil.example', 'Forwarded: host=evil.example'];
    for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
      const answer = await served.ask(
        Buffer.from(`GET ${path} HTTP/1.1\r\nHost: evil.example\r\n${evil.join('\r\n')}\r\n\r\n`),
      );
      expect([answer.status, answer.text.includes('evil')]).toEqual([200, false]);
      expect(parsed(answer)).toMatchObject({
        issuer: 'https://coffer.example',
        token_endpoint: 'https://coffer.example/oauth2/access_token',
        jwks_uri: 'https://coffer.example/oauth2/keys',
      });
    }
    const keys = parsed(await served.ask(requestBytes('GET /oauth2/keys')));
    const [key] = keys['keys'] as readonly Record<string, unknown>[];
    expect(Object.keys(key ?? {}).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  });

  it('threat 12: are at these paths and no other spelling of them', async () => {
    const unknown = await served.ask(requestBytes('GET /oauth2/nothing'));
    expect(unknown.status).toBe(404);
    for (const path of [
      '/oauth2/access_token/',
      '/oauth2//access_token',
      '/oauth2/./access_token',
      '/OAUTH2/access_token',
      '/oauth2/%61ccess_token',
      '/oauth2/access_token%3frealm=x',
      '/v1/oauth2/access_token',
    ]) {
      expect((await post(path)).status, path).not.toBe(200);
    }
  });
});

it('nothing of it is there without a mount that has it, or on a listener that says none', async () => {
  await ask(at.node, 'update', 'sys/mounts/a-store', { type: 'kv' });
  const handle: Parameters<typeof openTestListener>[0] = {
    handle: (request) => at.node.road.handle(request),
  };
  await using none = await openTestListener(handle);
  await using elsewhere = await openTestListener({ ...handle, oauth2: 'nowhere/' });
  await using store = await openTestListener({ ...handle, oauth2: 'a-store/' });
  const unknown = await none.ask(requestBytes('GET /nothing'));
  for (const listener of [none, elsewhere, store]) {
    const requests = [
      requestBytes('POST /oauth2/access_token', [basic(), form], 'grant_type=client_credentials'),
      requestBytes('POST /oauth2/access_token', [basic(), form], 'a=1&a=2'),
      requestBytes('GET /oauth2/access_token'),
      requestBytes('GET /oauth2/keys'),
      requestBytes('GET /.well-known/openid-configuration'),
    ];
    for (const bytes of requests) {
      const answer = await listener.ask(bytes);
      expect([answer.status, answer.body]).toEqual([404, unknown.body]);
    }
  }
});

it('what the server itself refuses is in the same words', async () => {
  await using sealed = await openTestListener({
    oauth2: 'service-users/',
    handle: async () => ({
      kind: 'error',
      status: 503,
      code: 'sealed',
      requestId: 'r',
      errors: ['Vault is “sealed”'],
    }),
  });
  const bytes = requestBytes('POST /oauth2/access_token', [basic(), form], 'grant_type=client_credentials');
  const answer = await sealed.ask(bytes);
  expect([answer.status, parsed(answer)]).toEqual([
    503,
    { error: 'temporarily_unavailable', error_description: 'Vault is ?sealed?' },
  ]);
});
