import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../../../test/fakes/certificate.ts';
import {
  type Asked,
  ask,
  auditText,
  makePlace,
  type Place,
  storedText,
  tokenOf,
} from '../../../test/fakes/client.ts';
import { KubernetesApi } from '../../../test/fakes/kubernetes-api.ts';
import { makeSigningKey } from '../../../test/fakes/oidc-provider.ts';
import { type WatchedMethod, watched } from '../../../test/fakes/watched-method.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { outgoing } from '../../outgoing/https.ts';
import { kubernetesWith } from './kubernetes.ts';

const account = { namespace: 'shop', name: 'web', uid: 'uid-of-web' };

let place: Place;
let node: CofferNode;
let api: KubernetesApi;
let method: WatchedMethod;
let pod: string;
let reviewer: string;

beforeEach(async () => {
  pod = mkdtempSync(join(tmpdir(), 'coffer-pod-'));
  method = watched(kubernetesWith(outgoing, pod));
  place = await makePlace({ authMethods: [method.type] });
  node = await place.node();
  api = await new KubernetesApi(() => place.clock.now()).open();
  reviewer = await api.boundToken({ namespace: 'coffer', name: 'reviewer', uid: 'r' });
  api.reviewers.add(reviewer);
  await ask(node, 'update', 'sys/auth/kubernetes', { type: 'kubernetes' });
  await configure();
  await writeRole();
});
afterEach(async () => {
  await api.close();
  await place.remove();
  rmSync(pod, { recursive: true });
});

async function configure(fields: JsonObject = {}): Promise<Asked> {
  return ask(node, 'update', 'auth/kubernetes/config', {
    kubernetes_host: `${api.host}/`,
    kubernetes_ca_cert: api.certificate.certificate,
    token_reviewer_jwt: reviewer,
    ...fields,
  });
}

function writeRole(fields: JsonObject = {}): Promise<Asked> {
  return ask(node, 'update', 'auth/kubernetes/role/web', {
    bound_service_account_names: 'web',
    bound_service_account_namespaces: 'shop',
    token_policies: 'web',
    ...fields,
  });
}

function logIn(jwt: string, role = 'web', from?: string): Promise<Asked> {
  const options = from === undefined ? {} : { from };
  return ask(node, 'update', 'auth/kubernetes/login', { role, jwt }, null, options);
}

async function refusal(answer: Asked): Promise<string> {
  expect([answer.status, answer.errors, answer.auth]).toEqual([403, ['permission denied'], null]);
  return method.reason();
}

describe('the configuration', () => {
  it('is shown as it was set, without the reviewer’s token', async () => {
    expect((await ask(node, 'read', 'auth/kubernetes/config')).data).toEqual({
      kubernetes_host: api.host,
      kubernetes_ca_cert: api.certificate.certificate,
      pem_keys: [],
      issuer: '',
      disable_iss_validation: true,
      disable_local_ca_jwt: false,
      token_reviewer_jwt_set: true,
    });
    for (const text of [await storedText(place.storage), auditText(place.auditDirectory)]) {
      expect(text).not.toContain(reviewer.split('.')[2]);
    }
  });

  it.each<[string, JsonObject, RegExp]>([
    ['without host', { kubernetes_host: '' }, /no host provided/],
    ['with plain http', { kubernetes_host: 'http://10.0.0.1:6443' }, /must begin with https/],
    ['with a host that is no URL', { kubernetes_host: '10.0.0.1' }, /is not a URL/],
    ['with authorities that are none', { kubernetes_ca_cert: 'x' }, /kubernetes_ca_cert/],
    ['with a token that would be another header', { token_reviewer_jwt: 'a\r\nX: y' }, /token_reviewer_jwt/],
    ['with keys that are none', { pem_keys: 'x' }, /not a public key/],
    [
      'without authorities where the pod’s are not wanted',
      { kubernetes_ca_cert: '', disable_local_ca_jwt: true },
      /must be given/,
    ],
  ])('is refused %s', async (_what, fields, words) => {
    const answer = await configure(fields);
    expect([answer.status, words.test(answer.errors.join())]).toEqual([400, true]);
  });
});

describe('roles', () => {
  it('are written, changed in part, shown, listed and deleted', async () => {
    await writeRole({
      ttl: '20m',
      policies: 'a',
      audience: 'coffer',
      alias_name_source: 'serviceaccount_name',
    });
    await ask(node, 'update', 'auth/kubernetes/role/WEB', { bound_service_account_names: 'web,job-*' });
    expect((await ask(node, 'read', 'auth/kubernetes/role/web')).data).toMatchObject({
      bound_service_account_names: ['web', 'job-*'],
      bound_service_account_namespaces: ['shop'],
      bound_service_account_namespace_selector: '',
      audience: 'coffer',
      alias_name_source: 'serviceaccount_name',
      token_ttl: 1_200,
      ttl: 1_200,
    });
    expect((await ask(node, 'list', 'auth/kubernetes/role/')).data).toEqual({ keys: ['web'] });
    expect((await ask(node, 'delete', 'auth/kubernetes/role/web')).status).toBe(204);
    expect((await ask(node, 'read', 'auth/kubernetes/role/web')).status).toBe(404);
  });

  it.each<[string, JsonObject, RegExp]>([
    ['for no account', { bound_service_account_names: [] }, /can not be empty/],
    ['for no namespace', { bound_service_account_namespaces: '' }, /can not be empty/],
    [
      'for everybody',
      { bound_service_account_names: '*', bound_service_account_namespaces: '*' },
      /can not both be/,
    ],
    [
      'for everybody, said otherwise',
      { bound_service_account_names: '**', bound_service_account_namespaces: '*' },
      /can not both be/,
    ],
    ['with "*" among names', { bound_service_account_names: '*,web' }, /can not mix/],
    ['with a name that none has', { bound_service_account_names: 'Web' }, /holds names of/],
    ['with a selector', { bound_service_account_namespace_selector: '{}' }, /selector is not offered/],
    ['with another alias', { alias_name_source: 'pod' }, /alias_name_source/],
  ])('threat 27: are refused %s', async (_what, fields, words) => {
    const answer = await writeRole(fields);
    expect([answer.status, words.test(answer.errors.join())]).toEqual([400, true]);
  });
});

describe('a login', () => {
  it('asks the API server, and answers a token for the service account', async () => {
    const jwt = await api.boundToken(account);
    const answer = await logIn(jwt);
    expect(answer.auth).toMatchObject({
      policies: ['default', 'web'],
      metadata: {
        role: 'web',
        service_account_name: 'web',
        service_account_namespace: 'shop',
        service_account_secret_name: '',
        service_account_uid: 'uid-of-web',
      },
    });
    expect(api.reviews).toEqual([
      { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: jwt } },
    ]);
    const { data } = await ask(node, 'read', 'auth/token/lookup-self', {}, tokenOf(answer));
    expect(data['display_name']).toBe('kubernetes-shop-web');
  });

  it('takes tokens of secrets, which have no end', async () => {
    const answer = await logIn(await api.secretToken(account, 'web-token-x'));
    expect(answer.auth?.metadata).toMatchObject({ service_account_secret_name: 'web-token-x' });
  });

  it('asks with the login’s own token where nobody else is named, and with the pod’s inside a cluster', async () => {
    await configure({ token_reviewer_jwt: '', disable_local_ca_jwt: true });
    const jwt = await api.boundToken(account);
    expect(await refusal(await logIn(jwt))).toMatch(/does not let it review itself/);
    api.reviewers.add(jwt);
    expect((await logIn(jwt)).status).toBe(200);
    writeFileSync(join(pod, 'token'), `${reviewer}\n`);
    writeFileSync(join(pod, 'ca.crt'), api.certificate.certificate);
    await configure({ token_reviewer_jwt: '', kubernetes_ca_cert: '' });
    expect((await logIn(await api.boundToken(account, undefined, { jti: '2' }))).status).toBe(200);
  });

  it('by a name of service accounts with "*", and for an audience', async () => {
    await writeRole({
      bound_service_account_names: 'we*',
      bound_service_account_namespaces: '*',
      audience: 'coffer',
    });
    expect((await logIn(await api.boundToken(account, ['coffer', 'x']))).status).toBe(200);
    expect(api.reviews.at(-1)?.['spec']).toMatchObject({ audiences: ['coffer'] });
    expect(await refusal(await logIn(await api.boundToken(account)))).toMatch(/another audience/);
    api.bend = (status) => ({ ...status, audiences: [] });
    expect(await refusal(await logIn(await api.boundToken(account, ['coffer'])))).toMatch(/another audience/);
  });

  it('checks the signature itself where it has keys', async () => {
    const publicKey = api.key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    await configure({ pem_keys: publicKey });
    const jwt = await api.boundToken(account);
    expect((await logIn(jwt)).status).toBe(200);
    await configure({
      pem_keys: makeSigningKey('other').publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    });
    const before = api.reviews.length;
    expect(await refusal(await logIn(jwt))).toMatch(/no key of pem_keys/);
    expect(api.reviews.length).toBe(before);
  });

  it('checks the issuer where it is told to', async () => {
    await configure({ disable_iss_validation: false });
    expect(await refusal(await logIn(await api.boundToken(account)))).toMatch(/another issuer/);
    expect((await logIn(await api.secretToken(account, 's'))).status).toBe(200);
    await configure({
      disable_iss_validation: false,
      issuer: 'https://kubernetes.default.svc.cluster.local',
    });
    expect((await logIn(await api.boundToken(account))).status).toBe(200);
  });

  it('threat 15: that is wrong by itself makes nobody ask the API server', async () => {
    const other = { ...account, namespace: 'bank' };
    const now = Math.floor(place.clock.now() / 1_000);
    const claims = {
      sub: 'system:serviceaccount:shop:web',
      'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'web', uid: 'u' } },
    };
    const wrong: readonly (readonly [jwt: string, role: string, reason: RegExp])[] = [
      ['x', 'web', /not a signed JWT/],
      [await api.boundToken(account), 'nobody', /no such role/],
      [await api.boundToken(account), '../web', /no such role/],
      [await api.boundToken(other), 'web', /namespace not authorized/],
      [await api.boundToken({ ...account, name: 'web2' }), 'web', /name not authorized/],
      [await api.boundToken(account, undefined, { exp: now - 61 }), 'web', /expired/],
      [
        await api.boundToken(account, undefined, { sub: 'system:serviceaccount:bank:web' }),
        'web',
        /not of a service account/,
      ],
      [
        await api.boundToken(account, undefined, { 'kubernetes.io': 'shop' }),
        'web',
        /not of a service account/,
      ],
      [
        await api.sign({
          ...claims,
          'kubernetes.io': { namespace: ['shop'], serviceaccount: { name: 'web', uid: 'u' } },
        }),
        'web',
        /not of a service account/,
      ],
      [await api.sign({ sub: 'ann' }), 'web', /not of a service account/],
    ];
    for (const [jwt, role, reason] of wrong) {
      place.clock.jump(1);
      expect(await refusal(await logIn(jwt, role))).toMatch(reason);
    }
    await writeRole({ token_bound_cidrs: '10.0.0.0/8' });
    expect(await refusal(await logIn(await api.boundToken(account)))).toMatch(/not for this address/);
    expect(api.reviews).toEqual([]);
  });

  it('threat 24: believes the API server and not the token', async () => {
    const forged = await api.sign({
      sub: 'system:serviceaccount:shop:web',
      'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'web', uid: 'uid-of-web' } },
    });
    expect(await refusal(await logIn(forged))).toMatch(/does not know the token/);
    const deleted = await api.boundToken(account);
    expect((await logIn(deleted)).status).toBe(200);
    api.forget(deleted);
    expect(await refusal(await logIn(deleted))).toMatch(/does not know the token/);
  });

  it.each<[string, (status: JsonObject) => JsonObject, RegExp]>([
    [
      'is of another account',
      (status) => ({ ...status, user: { username: 'system:serviceaccount:shop:db', uid: 'uid-of-web' } }),
      /somebody else/,
    ],
    [
      'is of the account’s successor',
      (status) => ({ ...status, user: { ...user(status), uid: 'another' } }),
      /somebody else/,
    ],
    ['is of a person', (status) => ({ ...status, user: { username: 'admin', uid: '' } }), /somebody else/],
    ['names nobody', (status) => ({ authenticated: status['authenticated'] ?? false }), /names nobody/],
    ['is a yes with an error', (status) => ({ ...status, error: 'partly' }), /does not know/],
    ['is a yes in words', (status) => ({ ...status, authenticated: 'true' }), /does not know/],
    ['is silent', () => ({}), /does not know/],
  ])('threat 24: is refused when the review %s', async (_what, bend, reason) => {
    api.bend = bend;
    expect(await refusal(await logIn(await api.boundToken(account)))).toMatch(reason);
  });

  it('is told from an outage: an API server that fails, redirects, or does not let us ask', async () => {
    const jwt = await api.boundToken(account);
    for (const [status, headers] of [
      [500, {}],
      [429, {}],
      [302, { Location: 'https://127.0.0.1/' }],
    ] as const) {
      api.instead = (response) => void response.writeHead(status, headers).end('{}');
      expect((await logIn(jwt)).status).toBe(503);
    }
    api.instead = undefined;
    api.reviewers.clear();
    const answer = await logIn(jwt);
    expect([answer.status, answer.errors.join()]).toEqual([
      503,
      expect.stringMatching(/answered the review with status 403/),
    ]);
  });

  it('threat 24: speaks to no API server whose certificate it does not know', async () => {
    await configure({ kubernetes_ca_cert: makeCertificate('other').certificate });
    expect((await logIn(await api.boundToken(account))).status).toBe(503);
    expect(api.reviews).toEqual([]);
  });

  it('threat 16: leaves the account’s token neither in the audit log nor in the store', async () => {
    const jwt = await api.boundToken(account);
    await logIn(jwt);
    await logIn(jwt, 'nobody');
    for (const text of [auditText(place.auditDirectory), await storedText(place.storage)]) {
      for (const piece of jwt.split('.').slice(1)) expect(text).not.toContain(piece);
    }
  });

  it('threat 18: cannot be renewed once the role is gone', async () => {
    const token = tokenOf(await logIn(await api.boundToken(account)));
    await ask(node, 'delete', 'auth/kubernetes/role/web');
    expect((await ask(node, 'update', 'auth/token/renew-self', {}, token)).status).toBe(400);
  });
});

function user(status: JsonObject): JsonObject {
  return isJsonObject(status['user']) ? status['user'] : {};
}
