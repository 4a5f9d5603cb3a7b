/**
 * The examples for the External Secrets Operator: the calls that its provider for Vault makes for them (v2 of kv, auth kubernetes), in its
 * order and with its client's manners: PUT for writes, GET with list=true for lists, the headers of Vault's Go client.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import {
  cleanUp,
  cli,
  freshPlace,
  type Place,
  type ServerProcess,
  startServer,
} from '../e2e/server-process.ts';
import { KubernetesApi } from '../fakes/kubernetes-api.ts';
import { root } from './released-package.ts';
import { checkKubernetes } from './schemas.ts';

interface Store {
  readonly path: string;
  readonly version: string;
  readonly auth: {
    readonly kubernetes: {
      readonly mountPath: string;
      readonly role: string;
      readonly serviceAccountRef: { readonly name: string; readonly audiences: readonly string[] };
    };
  };
}

interface Ref {
  readonly key: string;
  readonly property: string;
}

const folder = join(root, 'deploy/external-secrets');
const spec = <T>(file: string): T =>
  parseAllDocuments(readFileSync(join(folder, file), 'utf8'))[0]?.toJS({}) as T;
const secretStore = spec<{
  readonly metadata: { readonly namespace: string };
  readonly spec: { readonly provider: { readonly vault: Store } };
}>('secret-store.yaml');
const store = secretStore.spec.provider.vault;
const { kubernetes } = store.auth;
const external = spec<{
  readonly spec: {
    readonly data: readonly { readonly remoteRef: Ref }[];
    readonly dataFrom: readonly { readonly find: { readonly path: string } }[];
  };
}>('external-secret.yaml').spec;
const pushed = spec<{
  readonly spec: {
    readonly data: readonly {
      readonly match: { readonly remoteRef: { readonly remoteKey: string; readonly property: string } };
    }[];
  };
}>('push-secret.yaml').spec;

let place: Place;
let server: ServerProcess;
let cluster: KubernetesApi;
let admin: Readonly<Record<string, string>>;

beforeAll(async () => {
  place = freshPlace();
  [server, cluster] = await Promise.all([
    startServer(place, { words: ['--init'] }),
    new KubernetesApi(Date.now).open(),
  ]);
  const [file = ''] = readdirSync(place.config).filter((name) => name.endsWith('.root-token'));
  admin = {
    COFFER_ADDR: server.address,
    COFFER_TOKEN: readFileSync(join(place.config, file), 'utf8').trim(),
  };
  const reviewer = await cluster.boundToken({ namespace: 'coffer', name: 'reviewer', uid: 'r' });
  cluster.reviewers.add(reviewer);
  await coffer(['policy', 'write', 'shop', join(folder, 'policy.hcl')]);
  await coffer(['auth', 'enable', 'kubernetes', '--path', kubernetes.mountPath]);
  const config = {
    kubernetes_host: cluster.host,
    kubernetes_ca_cert: cluster.certificate.certificate,
    token_reviewer_jwt: reviewer,
  };
  await coffer(['api', 'POST', `auth/${kubernetes.mountPath}/config`, '-'], JSON.stringify(config));
  const role = {
    bound_service_account_names: kubernetes.serviceAccountRef.name,
    bound_service_account_namespaces: secretStore.metadata.namespace,
    audience: kubernetes.serviceAccountRef.audiences[0] ?? '',
    token_policies: 'shop',
    token_ttl: '20m',
  };
  await coffer(
    ['api', 'POST', `auth/${kubernetes.mountPath}/role/${kubernetes.role}`, '-'],
    JSON.stringify(role),
  );
  for (const { remoteRef } of external.data)
    await coffer(['put', remoteRef.key, `${remoteRef.property}=s3cret`]);
  await coffer(['put', 'shop/mail/relay', 'user=a']);
});

afterAll(async () => {
  await cluster?.close();
  await cleanUp();
});

async function coffer(words: readonly string[], stdin?: string): Promise<void> {
  const outcome = await cli(place, words, { env: admin, ...(stdin === undefined ? {} : { stdin }) });
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A member of an answer, such as `auth.client_token`. */
function at({ body }: Answer, path: string): unknown {
  const member = (value: unknown, name: string) => (value as Record<string, unknown> | undefined)?.[name];
  return path.split('.').reduce(member, body);
}

async function call(method: string, path: string, token?: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${server.address}/v1/${path}`, {
    method,
    headers: { 'X-Vault-Request': 'true', ...(token === undefined ? {} : { 'X-Vault-Token': token }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

async function logIn(namespace = secretStore.metadata.namespace): Promise<Answer> {
  const { name, audiences } = kubernetes.serviceAccountRef;
  const jwt = await cluster.boundToken({ namespace, name, uid: 'u' }, audiences);
  return call('PUT', `auth/${kubernetes.mountPath}/login`, undefined, { role: kubernetes.role, jwt });
}

const data = (key: string) => `${store.path}/data/${key}`;
const metadata = (key: string) => `${store.path}/metadata/${key}`;

it('the plain objects are what Kubernetes takes', () => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.yaml'))) {
    expect(checkKubernetes(join(folder, file))).toBe('');
  }
  expect(store.version).toBe('v2');
});

it('an ExternalSecret is filled: login, look at the token, read, find, revoke', async () => {
  const login = await logIn();
  expect(login.status).toBe(200);
  const token = String(at(login, 'auth.client_token'));
  // It goes on with a token that has a minute left, by these three fields.
  const looked = await call('GET', 'auth/token/lookup-self', token);
  expect(at(looked, 'data')).toMatchObject({ type: 'service', ttl: expect.any(Number) });
  expect(new Date(String(at(looked, 'data.expire_time'))).getTime()).toBeGreaterThan(Date.now());
  for (const { remoteRef } of external.data) {
    const read = await call('GET', data(remoteRef.key), token);
    expect(at(read, `data.data.${remoteRef.property}`)).toBe('s3cret');
    const first = await call('GET', `${data(remoteRef.key)}?version=1`, token);
    expect(at(first, 'data.data')).toEqual(at(read, 'data.data'));
  }
  for (const { find } of external.dataFrom) {
    const listed = await call('GET', `${metadata(find.path)}/?list=true`, token);
    expect(at(listed, 'data.keys')).toEqual(['database', 'mail/']);
    const below = await call('GET', `${metadata(find.path)}/mail/?list=true`, token);
    expect(at(below, 'data.keys')).toEqual(['relay']);
    // Found by their metadata, where tags are asked for.
    const known = await call('GET', metadata(`${find.path}/database`), token);
    expect(at(known, 'data')).toMatchObject({ current_version: 1, custom_metadata: null });
  }
  // Nothing there is no error to it, and an error without words.
  expect(await call('GET', data('shop/none'), token)).toEqual({ status: 404, body: { errors: [] } });
  expect((await call('PUT', 'auth/token/revoke-self', token)).status).toBe(204);
  expect((await call('GET', 'auth/token/lookup-self', token)).status).toBe(403);
});

it('threat 13: an account of another namespace gets no token, and the policy ends at its folder', async () => {
  expect((await logIn('other')).status).toBe(403);
  const token = String(at(await logIn(), 'auth.client_token'));
  expect((await call('GET', data('bank/database'), token)).status).toBe(403);
  expect((await call('PUT', data('shop/database'), token, { data: { password: 'x' } })).status).toBe(403);
});

it('a PushSecret is written, written again, and deleted', async () => {
  const token = String(at(await logIn(), 'auth.client_token'));
  const [{ match } = { match: { remoteRef: { remoteKey: '', property: '' } } }] = pushed.data;
  const { remoteKey, property } = match.remoteRef;
  expect((await call('GET', data(remoteKey), token)).status).toBe(404);
  const managed = { 'managed-by': 'external-secrets' };
  expect((await call('PUT', metadata(remoteKey), token, { custom_metadata: managed })).status).toBe(204);
  const first = await call('PUT', data(remoteKey), token, {
    data: { [property]: 'one' },
    options: { cas: 0 },
  });
  expect(first).toMatchObject({ status: 200, body: { data: { version: 1 } } });
  const known = await call('GET', metadata(remoteKey), token);
  expect(at(known, 'data')).toMatchObject({
    current_version: 1,
    custom_metadata: managed,
    created_time: expect.any(String),
  });
  // It merges what it read of the metadata, the server's own fields as texts among it.
  const theirs = ['created_time', 'current_version', 'delete_version_after'];
  const texts = theirs.map((name) => [name, String(at(known, `data.${name}`))]);
  const merged = { ...managed, ...Object.fromEntries(texts) };
  expect((await call('PUT', metadata(remoteKey), token, { custom_metadata: merged })).status).toBe(204);
  const stale = await call('PUT', data(remoteKey), token, {
    data: { [property]: 'two' },
    options: { cas: 0 },
  });
  expect(stale.status).toBe(400);
  const second = await call('PUT', data(remoteKey), token, {
    data: { [property]: 'two' },
    options: { cas: 1 },
  });
  expect(at(second, 'data.version')).toBe(2);
  expect((await call('DELETE', data(remoteKey), token)).status).toBe(204);
  expect((await call('DELETE', metadata(remoteKey), token)).status).toBe(204);
  expect((await call('GET', metadata(remoteKey), token)).status).toBe(404);
});
