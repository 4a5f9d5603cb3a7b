/**
 * Every operation that a node declares, asked with generated input: the status is one of the contract's, nothing is the server's
 * fault, and what comes back is what the declaration says.
 */
import { Ajv, type ValidateFunction } from 'ajv';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { totpWith } from '../../src/auth/totp/totp.ts';
import type { ResponseSchema } from '../../src/core/endpoint.ts';
import { deadKey, encodeWaiting } from '../../src/core/notice/record.ts';
import { dataSchema } from '../../src/core/openapi/schema.ts';
import { parseApiPath } from '../../src/core/path.ts';
import { awsCredentials } from '../../src/engine/aws/aws.ts';
import { credstash } from '../../src/engine/credstash/credstash.ts';
import type { JsonObject, JsonValue } from '../../src/json.ts';
import { openLogger } from '../../src/log.ts';
import type { CofferNode } from '../../src/main/node.ts';
import { logControl } from '../../src/main/program-facts.ts';
import { aliasedType } from '../fakes/aliased-method.ts';
import { issueAuthority, revoke } from '../fakes/authority.ts';
import { AwsSamples } from '../fakes/aws-samples.ts';
import { clientFields, passwordGrant, WatchedBuiltin } from '../fakes/builtin-place.ts';
import { countedUserpass } from '../fakes/cheap-userpass.ts';
import { type Asked, ask, makePlace, makeToken, type Place, rootToken, tokenOf } from '../fakes/client.ts';
import { makeTablePlace } from '../fakes/credstash-place.ts';
import { echoType } from '../fakes/echo-engine.ts';
import { type DeclaredOperation, everyOperation } from '../fakes/every-endpoint.ts';
import { fieldsFor, hostileTexts, type KnownValues } from '../fakes/field-values.ts';
import { KubernetesApi } from '../fakes/kubernetes-api.ts';
import { leasedType, Outside } from '../fakes/leased-engine.ts';
import { memoryAws } from '../fakes/memory-aws.ts';
import { MemoryInbox } from '../fakes/memory-inbox.ts';
import { OidcProvider } from '../fakes/oidc-provider.ts';
import { Sinks } from '../fakes/sink-notifier.ts';
import { Device } from '../fakes/totp-place.ts';

const seed = Number(process.env['COFFER_TEST_SEED'] ?? 20_261_122);
/** Requests of each operation with each token. */
const rounds = 16;

/** Of somebody whom lists of role-secrets name: to read a value is for nobody else. */
async function listedToken(): Promise<string> {
  return tokenOf(await ask(node, 'update', 'auth/people/login', { alias: 'sample' }, null));
}

const years = 5 * 365 * 86_400_000;
const authority = issueAuthority('sample', undefined, {
  notBefore: Date.now() - years,
  notAfter: Date.now() + years,
});

let place: Place;
let node: CofferNode;
let provider: OidcProvider;
let cluster: KubernetesApi;
const cloud = new AwsSamples();
const waiting = new MemoryInbox();
const builtinUsers = new WatchedBuiltin();
beforeAll(async () => {
  const authMethods = [
    countedUserpass().type,
    aliasedType,
    await cloud.open(),
    totpWith({ openInbox: () => waiting.services }),
  ];
  const table = makeTablePlace();
  const inMemory = credstash({ env: {}, endpoints: [], profiles: [] }, () => ({
    store: table.items,
    service: table.kms,
  }));
  const everywhere = { env: {}, endpoints: [], profiles: [], ambient: true };
  const awsServices = memoryAws(() => place.clock.now(), 'sample');
  const engines = [
    leasedType(new Outside()),
    echoType,
    inMemory,
    awsCredentials(everywhere, () => awsServices),
    builtinUsers.engine,
  ];
  const logs = logControl(openLogger({ level: 'error', terminal: false, write() {} }), () => 'error');
  const notifiers = { types: new Map([['sink', new Sinks().type]]), configured: [] };
  const program = { logs, address: () => 'https://coffer.example' };
  place = await makePlace({ silent: true, engines, authMethods, notifiers, program });
  node = await place.node();
  for (const type of [
    'leased',
    'echo',
    'transit',
    'totp',
    'database',
    'credstash',
    'role-secrets',
    'aws',
    'service-users',
  ])
    await ask(node, 'update', `sys/mounts/${type}`, { type });
  await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
  await ask(node, 'update', 'sys/auth/userpass', { type: 'userpass' });
  await ask(node, 'update', 'sys/auth/app-id', { type: 'app-id' });
  await ask(node, 'update', 'sys/auth/cert', { type: 'cert' });
  for (const type of ['oidc', 'kubernetes', 'aws', 'totp'])
    await ask(node, 'update', `sys/auth/${type}`, { type });
  // Whom role-secrets believes; no request of this test reaches AWS.
  await ask(node, 'update', 'sys/auth/people', { type: 'aliased' });
  provider = await new OidcProvider({ now: () => place.clock.now() }).open();
  cluster = await new KubernetesApi(() => place.clock.now()).open();
});
afterAll(async () => {
  await provider.close();
  await cluster.close();
  await cloud.close();
  await place.remove();
});

let made = 0;

const redirectUri = 'http://localhost:8250/oidc/callback';

/** Whom oidc and kubernetes believe, and tokens that log in by a role of theirs. */
async function signedLogins(): Promise<KnownValues> {
  await ask(node, 'update', 'auth/oidc/config', {
    oidc_discovery_url: provider.issuer,
    oidc_client_id: provider.clientId,
    oidc_client_secret: provider.clientSecret,
  });
  const bound = { user_claim: 'sub', bound_subject: 'ann', allowed_redirect_uris: [redirectUri] };
  await ask(node, 'update', 'auth/oidc/role/sample', bound);
  await ask(node, 'update', 'auth/kubernetes/config', {
    kubernetes_host: cluster.host,
    kubernetes_ca_cert: cluster.certificate.certificate,
  });
  await ask(node, 'update', 'auth/kubernetes/role/sample', {
    bound_service_account_names: 'sample',
    bound_service_account_namespaces: 'sample',
  });
  const account = await cluster.boundToken({ namespace: 'sample', name: 'sample', uid: 'u' });
  cluster.reviewers.add(account);
  return {
    role: ['sample'],
    redirect_uri: [redirectUri],
    jwt: [await provider.sign({ sub: 'ann' }), account],
    jwks_url: [provider.jwksUrl],
    kubernetes_host: [cluster.host],
  };
}

let signed: KnownValues = {};

/** An account with a device and recovery codes, and what opens that which the operation asks about; made anew, and so without locks. */
async function codeSamples(of: string): Promise<KnownValues> {
  const account = 'auth/totp/accounts/sample/sample';
  await ask(node, 'delete', account);
  await ask(node, 'update', account, { roles: ['sample'] });
  const invite = async () =>
    (await ask(node, 'update', 'auth/totp/invite/sample/sample')).data['invitation'] ?? '';
  const start = async (invitation: JsonValue) => {
    const { data } = await ask(node, 'update', 'auth/totp/enroll/start', { invitation }, null);
    return Device.of(place.clock, String(data['url']));
  };
  const pairOf = (one: Device) => ({ code: one.code(), next_code: one.code(30) });
  const first = await invite();
  const sent = { invitation: first, ...pairOf(await start(first)) };
  const ended = await ask(node, 'update', 'auth/totp/enroll/finish', sent, null);
  const device = new Device(place.clock);
  await ask(node, 'update', `${account}/devices/sample`, { url: device.url });
  const invitation = await invite();
  await ask(node, 'update', 'auth/totp/config/inbox', { table: 'sample', key: 'alias/sample' });
  waiting.items.length = 0;
  for (const name of ['one', 'sample']) await waiting.add('sample', name);
  const pair = of.endsWith('finish') ? pairOf(await start(invitation)) : pairOf(device);
  return {
    issuer: ['sample'],
    account: ['sample'],
    second: [''],
    recovery_code: [(ended.data['recovery_codes'] as readonly string[])[0] ?? ''],
    url: [device.url],
    invitation: [invitation],
    code: [pair.code],
    next_code: [pair.next_code],
    device: ['another'],
    table: ['sample'],
    after: [''],
    replaces: ['', 'sample'],
  };
}

/** Roles of AWS; nobody asks AWS itself. */
async function awsSamples(): Promise<void> {
  const keys = { access_key: 'AKIASAMPLE', secret_key: 'sample' };
  await ask(node, 'update', 'aws/config/root', { ...keys, username_template: '', role_arn: '' });
  await ask(node, 'update', 'aws/config/lease', { lease: '1h', lease_max: '2h' });
  const arn = 'arn:aws:iam::123456789012:role/sample';
  await ask(node, 'delete', 'aws/roles/sample');
  await ask(node, 'update', 'aws/roles/sample', { credential_type: 'assumed_role', role_arns: arn });
  await ask(node, 'update', 'aws/static-roles/sample', { username: 'sample', rotation_period: '1h' });
}

/** An application with its user in Coffer itself, and an access token of it; without locks, whatever was tried before. */
async function oauthSamples(): Promise<KnownValues> {
  const users = builtinUsers.users(node, place.clock);
  await users.provider.delete('stups_sample', users.turn);
  const sample = await users.register('sample');
  const grant = passwordGrant(sample);
  const { data } = await ask(node, 'update', 'service-users/oauth2/access_token', grant, null);
  const each = Object.entries({ ...grant, ...clientFields(sample), token: data['access_token'] ?? '' });
  return { ...Object.fromEntries(each.map(([name, value]) => [name, [value]])), scope: ['uid', 'cn'] };
}

/** An application whose readers and history there are; made anew, since deleting one takes work outside. */
async function applicationSamples(): Promise<KnownValues> {
  await ask(node, 'delete', 'sys/mounts/service-users');
  await ask(node, 'update', 'sys/mounts/service-users', { type: 'service-users' });
  await ask(node, 'update', 'service-users/apps/sample', { name: 'Sample' });
  await ask(node, 'update', 'service-users/apps/sample/delivery', { targets: ['a-bucket'], scopes: 'a.b' });
  const provider = { type: 'service-user-api', options: { url: 'https://sample.example' }, secret: 'sample' };
  await ask(node, 'update', 'service-users/providers/sample', provider);
  const version = 'AAAAAAAAAAAAAAAA';
  await ask(node, 'update', 'service-users/apps/sample/readers/sample', { user_version: version });
  return {
    targets: [['a-bucket']],
    scopes: ['customer.read'],
    kinds: [['password']],
    user_version: [version],
    client_version: [version],
    redirect_url: ['https://sample.example'],
    registry: ['own'],
    registry_url: ['https://sample.example'],
    default_provider: ['builtin'],
    provider: ['builtin'],
    type: [provider.type],
    options: [provider.options],
    secret: [provider.secret],
    username_prefix: ['sample_'],
    shrink_limit: [0.5],
  };
}

/** What only few of the operations ask for is made for these. */
async function systemSamples(of: string): Promise<void> {
  const policy = 'length = 12 rule "charset" { charset = "ab" }';
  if (of.includes('policies/password')) await ask(node, 'update', 'sys/policies/password/sample', { policy });
  if (of.startsWith('sys/audit')) await ask(node, 'update', 'sys/audit/sample', { type: 'discard' });
  if (of.startsWith('sys/notifiers')) await notifierSample();
  if (!of.startsWith('sys/config/')) return;
  await ask(node, 'update', 'sys/config/cors', { allowed_origins: ['https://sample.example'] });
  await ask(node, 'update', 'sys/config/auditing/request-headers/sample');
  await ask(node, 'update', 'sys/config/ui/headers/sample', { values: ['a'] });
}

/** A notifier, and a notice that it did not accept. */
async function notifierSample(): Promise<void> {
  const sample = { type: 'sink', options: { to: 'sample' }, kinds: 'sample.kind' };
  await ask(node, 'update', 'sys/notifiers/sample', sample);
  const { core } = node.state;
  const notifier = core?.notices.notifiers.named('sample');
  if (core === undefined || notifier === undefined) throw new Error('there is no sample of a notifier');
  const id = `0000000000001-${'x'.repeat(16)}`;
  const letter = { id, at: 1, kind: 'sample.kind', subject: 'Sample', fields: { a: 'b' } };
  const value = encodeWaiting({ letter, failures: 16, problem: 'sample' });
  await core.store.commit([{ key: deadKey(notifier.id, id), value }]);
  madePaths.set('sys/notifiers/:name/dead-letters/:id', `sys/notifiers/sample/dead-letters/${id}`);
}

/** Paths of things whose ids are random, by the pattern that they are of. */
const madePaths = new Map<string, string>();
let identityKnown: KnownValues = {};

/** An entity, an alias, a group of each kind and a role of identity tokens; answers values for the fields that name them. */
async function identitySamples(): Promise<KnownValues> {
  const auth = (await ask(node, 'read', 'sys/auth')).data['userpass/'] as JsonObject;
  const accessor = auth['accessor'] ?? '';
  await ask(node, 'update', 'identity/entity', { name: 'sample', metadata: { a: 'b' } });
  const entity = (await ask(node, 'read', 'identity/entity/name/sample')).data['id'] ?? '';
  const named = { name: 'sample', mount_accessor: accessor };
  const alias = await ask(node, 'update', 'identity/entity-alias', { ...named, canonical_id: entity });
  await ask(node, 'update', 'identity/group', { name: 'sample', member_entity_ids: [entity] });
  const group = (await ask(node, 'read', 'identity/group/name/sample')).data['id'] ?? '';
  await ask(node, 'update', 'identity/group', { name: 'outer', type: 'external' });
  const outer = (await ask(node, 'read', 'identity/group/name/outer')).data['id'] ?? '';
  const groupAlias = await ask(node, 'update', 'identity/group-alias', { ...named, canonical_id: outer });
  await ask(node, 'update', 'identity/oidc/key/sample', { algorithm: 'ES256', allowed_client_ids: '*' });
  await ask(node, 'update', 'identity/oidc/role/sample', { key: 'sample' });
  for (const [kind, id] of [
    ['entity', entity],
    ['group', group],
    ['entity-alias', alias.data['id'] ?? ''],
    ['group-alias', groupAlias.data['id'] ?? ''],
  ] as const) {
    madePaths.set(`identity/${kind}/id/:id`, `identity/${kind}/id/${String(id)}`);
  }
  return {
    id: [entity, group],
    alias_id: [alias.data['id'] ?? ''],
    name: ['sample'],
    canonical_id: [entity, outer],
    mount_accessor: [accessor],
    alias_mount_accessor: [accessor],
    alias_name: ['sample'],
    entity_id: [entity],
  };
}

/** Somebody who may approve what waits, where that is what is asked of; a request that waits is made for each operation. */
let approver: readonly string[] = [];

async function approvalSamples(of: string): Promise<string | undefined> {
  approver = [];
  if (!/^sys\/(approvals|control-group)/.test(of)) return undefined;
  const logIn = async (alias: string) =>
    tokenOf(await ask(node, 'update', 'auth/people/login', { alias, policies: ['sampled'] }, null));
  const policy = `path "secret/data/sample" { capabilities = ["read"] approval { from = ["group/approving"] } }
    path "sys/approvals/+/+" { capabilities = ["update"] } path "sys/control-group/+" { capabilities = ["update"] }`;
  await ask(node, 'update', 'sys/policies/acl/sampled', { policy });
  approver = [await logIn('approver')];
  const { data } = await ask(node, 'read', 'auth/token/lookup-self', {}, approver[0]);
  await ask(node, 'update', 'identity/group', {
    name: 'approving',
    member_entity_ids: [data['entity_id'] ?? ''],
  });
  const { wrap } = await ask(node, 'read', 'secret/data/sample', {}, await logIn('asker'));
  const { accessor = '' } = wrap ?? {};
  for (const rest of ['', '/approve', '/deny']) {
    madePaths.set(`sys/approvals/:accessor${rest}`, `sys/approvals/${accessor}${rest}`);
  }
  return accessor;
}

/** The mount that was asked last, and what its samples brought that are not made for each operation. */
let before = '';
let costly: KnownValues = {};

/** `auth/userpass/` of `auth/userpass/login/:username`. */
const mountOf = (name: string) => /^(?:auth\/)?[^/]*\//.exec(name)?.[0] ?? name;

/**
 * What takes long to make: for the operations that use it or may take it away, and anew where another mount's begin, whatever those
 * before did to it.
 */
async function costlySamples(of: string): Promise<KnownValues> {
  const afresh = mountOf(of) !== before;
  before = mountOf(of);
  const needed = (...places: readonly string[]) => afresh || places.some((each) => of.startsWith(each));
  if (needed('sys/')) {
    await ask(node, 'update', 'sys/mounts/sample', { type: 'kv', options: { version: '2' } });
    await ask(node, 'update', 'sys/auth/sample', { type: 'approle' });
  }
  if (needed('auth/userpass/'))
    await ask(node, 'update', 'auth/userpass/users/sample', { password: 'sample', policies: ['a'] });
  if (needed('auth/userpass/', 'identity/')) {
    const person = await ask(node, 'update', 'auth/userpass/login/sample', { password: 'sample' }, null);
    costly = { ...costly, entity_id: [person.auth?.entityId ?? ''] };
  }
  if (needed('auth/cert/')) {
    await ask(node, 'update', 'auth/cert/certs/sample', { certificate: authority.certificate });
    await ask(node, 'update', 'auth/cert/crls/sample', { crl: revoke(authority, ['01']) });
  }
  if (needed('identity/', 'sys/', 'auth/userpass/')) {
    const factor = await mfaSample();
    costly = { ...costly, method_id: [factor], mfa_method_ids: [[factor]] };
  }
  if (needed('sys/remount')) costly = { ...costly, ...(await movingSample()) };
  return costly;
}

let moving = '';

/** A mount to be moved. Those before go: each more is one more for every request to be looked up among. */
async function movingSample(): Promise<KnownValues> {
  for (const old of [moving, `${moving}-moved`])
    if (moving !== '') await ask(node, 'delete', `sys/mounts/${old}`);
  moving = `moving-${made++}`;
  await ask(node, 'update', `sys/mounts/${moving}`, { type: 'kv' });
  return { from: ['secret/sample', moving], to: [`secret/elsewhere-${made++}`, `${moving}-moved`] };
}

/** Something at every place that the sample paths name, and the names of it that bodies may hold. */
async function samples(of: string): Promise<KnownValues> {
  const costlyKnown = await costlySamples(of);
  await systemSamples(of);
  if (of.startsWith('aws/')) await awsSamples();
  // Only where they are asked for: they are many.
  const awsKnown = of.startsWith('auth/aws/') ? await cloud.fill(node, 'auth/aws/') : {};
  if (of.startsWith('identity/')) identityKnown = await identitySamples();
  const waiting = await approvalSamples(of);
  await ask(node, 'update', 'secret/data/sample', { data: { a: 1 } });
  await ask(node, 'update', 'secret/data/sample/below', { data: { a: 1 } });
  await ask(node, 'update', 'leased/note/sample', { text: 'a' });
  await ask(node, 'update', 'sys/policies/acl/sample', { policy: 'path "a" { capabilities = ["read"] }' });
  await ask(node, 'update', 'auth/approle/role/sample', { role_id: 'sample-role-id' });
  await ask(node, 'update', 'auth/app-id/map/app-id/sample', { value: 'a' });
  await ask(node, 'update', 'auth/app-id/map/user-id/sample', { value: 'sample' });
  const secret = await ask(node, 'update', 'auth/approle/role/sample/secret-id', { metadata: { a: 'b' } });
  const lease = await ask(node, 'read', 'leased/creds/sample');
  const child = await ask(node, 'update', 'auth/token/create', { policies: ['default'], ttl: '1h' });
  await ask(node, 'update', 'sys/quotas/rate-limit/sample', { rate: 1e9 });
  await ask(node, 'update', 'auth/token/roles/sample', { token_num_uses: 3, bound_cidrs: '192.0.2.0/24' });
  const open = { exportable: true, allow_plaintext_backup: true };
  await ask(node, 'update', 'transit/keys/sample', open);
  await ask(node, 'update', 'transit/keys/sign-sample', { type: 'ed25519', ...open });
  const sealed = await ask(node, 'update', 'transit/encrypt/sample', { plaintext: 'YWJj' });
  const backup = await ask(node, 'read', 'transit/backup/sample');
  const mac = await ask(node, 'update', 'transit/hmac/sample', { input: 'YWJj' });
  await ask(node, 'update', 'totp/keys/sample', { key: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ' });
  const nowhere = {
    plugin_name: 'postgresql-database-plugin',
    // Of this machine's sockets, where there is none.
    connection_url: 'postgresql:///sample?host=/nowhere/at/all',
    verify_connection: false,
    allowed_roles: '*',
  };
  await ask(node, 'update', 'database/config/sample', nowhere);
  await ask(node, 'update', 'database/roles/sample', {
    db_name: 'sample',
    creation_statements: 'A {{name}}',
  });
  await ask(node, 'update', 'credstash/config', { table: 'sample-table', format: 'coffer' });
  await ask(node, 'update', 'credstash/data/sample', { data: { a: 1 } });
  await ask(node, 'update', 'credstash/data/sample/below', { data: { a: 1 } });
  await ask(node, 'update', 'role-secrets/data/sample', { value: 'a', roles: ['people/sample'] });
  await ask(node, 'update', 'role-secrets/data/sample/below', { value: 'a', roles: ['people/sample'] });
  const ciphertext = sealed.data['ciphertext'] ?? '';
  const hmac = mac.data['hmac'] ?? '';
  const wrapped = await ask(node, 'update', 'sys/wrapping/wrap', { a: 1 }, undefined, { wrapTtl: 60 });
  return {
    add: [['people/other']],
    roles: [['people/sample']],
    distinguished: [['people/sample']],
    writers: [['people/sample']],
    listers: [['people/sample']],
    verify_connection: [false],
    plugin_name: [nowhere.plugin_name],
    connection_url: [nowhere.connection_url],
    db_name: ['sample'],
    creation_statements: ['CREATE USER {{name}}'],
    rotation_period: ['1h'],
    username: ['sample'],
    table: ['sample-table'],
    versions: [[1]],
    ...identityKnown,
    ...signed,
    ...awsKnown,
    ...costlyKnown,
    accessor: [waiting ?? child.auth?.accessor ?? ''],
    token: [child.auth?.clientToken ?? '', wrapped.wrap?.token ?? ''],
    lease_id: [lease.lease?.id ?? ''],
    role_id: ['sample-role-id'],
    secret_id: [secret.data['secret_id'] ?? '', `a-secret-id-of-my-own-${made++}`],
    secret_id_accessor: [secret.data['secret_id_accessor'] ?? ''],
    path: ['secret/sample', 'secret/', 'secret/data/sample'],
    encoded_token: ['AAAA'],
    otp: ['abc'],
    config: [{ max_lease_ttl: '1h', audit_non_hmac_request_keys: ['comment'] }],
    user_lockout_config: [{ lockout_threshold: 3 }],
    certificate: [authority.certificate],
    crl: [revoke(authority, ['01', '02'])],
    auth_method_types: [['approle']],
    type: ['kv', 'service', 'irrevocable', 'ed25519', 'hmac'],
    data: [{ a: 1 }],
    metadata: [{ a: 'b' }],
    cidr_list: ['192.0.2.0/24'],
    token_bound_cidrs: ['192.0.2.0/24'],
    plaintext: ['YWJj'],
    input: ['YWJj'],
    ciphertext: [ciphertext],
    hmac: [hmac],
    hash_algorithm: ['sha2-256'],
    marshaling_algorithm: ['asn1'],
    signature_algorithm: ['pss'],
    salt_length: ['auto'],
    key_version: [0],
    prehashed: [false],
    issuer: ['Example'],
    account_name: ['ann'],
    digits: [6],
    backup: [backup.data['backup'] ?? ''],
    batch_input: [
      [{ plaintext: 'YWJj', ciphertext, input: 'YWJj', hmac }],
      [{ plaintext: '!', reference: 'a' }],
    ],
    algorithm: ['sha2-256'],
    key: ['GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'],
    code: ['123456'],
    operation: ['read', 'update'],
    cases: [[{ path: 'secret/data/sample', allow: true }]],
    include: [['policies', 'roles', 'tokens']],
    limit: [100],
    policy: ['path "a" { capabilities = ["read"] }', { path: {} }, 'path "a" {'],
    ...(of.startsWith('auth/totp/') ? await codeSamples(of) : {}),
    ...(of.startsWith('service-users/') ? await applicationSamples() : {}),
    ...(of.startsWith('service-users/oauth2/') ? await oauthSamples() : {}),
  };
}

/** The method's id. */
async function mfaSample(): Promise<string> {
  const path = 'identity/mfa/method/totp';
  // What the operations before left behind must not need a second factor.
  await ask(node, 'delete', 'identity/mfa/login-enforcement/sample');
  const there = await ask(node, 'read', `${path}/sample`);
  if (!there.hasData) await ask(node, 'update', path, { issuer: 'Example', method_name: 'sample' });
  const method = String((await ask(node, 'read', `${path}/sample`)).data['id']);
  const enforced = { mfa_method_ids: [method], auth_method_types: ['cert'] };
  await ask(node, 'update', 'identity/mfa/login-enforcement/sample', enforced);
  return method;
}

/** What ends the node ends the test. */
const last = (operations: readonly DeclaredOperation[]): readonly DeclaredOperation[] =>
  operations.toSorted((a, b) => Number(a.name === 'sys/seal') - Number(b.name === 'sys/seal'));

const asks = ({ operation }: DeclaredOperation) =>
  operation === 'read' || operation === 'list' || operation === 'scan';

/** `sys/health` answers whatever status it is asked to, and guesses at one-time codes are counted. */
function allowed(declared: DeclaredOperation, status: number): boolean {
  if (declared.name === 'sys/health') return status >= 200 && status < 600;
  // The sample database is away.
  const away = declared.name.startsWith('database/');
  // A client that is not good, in OAuth 2.0's own words.
  if (declared.name.startsWith('service-users/oauth2/') && status === 401) return true;
  const refusals = [400, 403, 404, 405, 413, ...(declared.name === 'totp/code/:name' ? [429] : [])];
  if (away && status === 503) return true;
  return [200, 202, ...(asks(declared) ? [] : [204]), ...refusals].includes(status);
}

/** Operations that may end the token that asks, so that each request of theirs has one of its own. */
const endsTokens = /^(?:auth\/token|cubbyhole|sys)\//;

/** One that may do little, and one that may do all. */
async function twoTokens(): Promise<readonly [weak: string, powerful: string]> {
  const weak = await makeToken(node, { policies: ['default'] }, rootToken);
  return [weak, await makeToken(node, { policies: ['root'] }, rootToken)];
}

class Schemas {
  readonly #ajv = new Ajv({ strict: false, validateFormats: false });
  readonly #known = new Map<ResponseSchema, ValidateFunction>();

  /** What of the data is not as declared. */
  problemsOf(schema: ResponseSchema, data: JsonObject): unknown {
    const known = this.#known.get(schema) ?? this.#ajv.compile(dataSchema(schema, true));
    this.#known.set(schema, known);
    return known(data) ? undefined : known.errors;
  }
}

const schemas = new Schemas();
let operations: readonly DeclaredOperation[] = [];
/** Those of which an answer with data was seen and was right. */
const seen = new Set<DeclaredOperation>();

function check(declared: DeclaredOperation, sent: JsonObject, answer: Asked): void {
  const { name, operation, spec } = declared;
  const what = () => `${operation} ${name} with ${JSON.stringify(sent).slice(0, 500)} (seed ${seed})`;
  if (!allowed(declared, answer.status))
    expect.unreachable(`${answer.status} ${answer.errors.join()}: ${what()}`);
  if (!answer.hasData) return;
  if (spec.response === undefined)
    expect.unreachable(`an answer with data, but no response schema: ${what()}`);
  expect(schemas.problemsOf(spec.response, answer.data), what()).toBeUndefined();
  seen.add(declared);
}

/** Where a word in a path says what is answered, the words that there are. */
const wholePaths: readonly (readonly [pattern: string, path: string])[] = [
  ['transit/datakey/:plaintext/:name', 'transit/datakey/plaintext/sample'],
  ['transit/sign/:name', 'transit/sign/sign-sample'],
  ['transit/sign/:name/:urlalgorithm', 'transit/sign/sign-sample/sha2-256'],
  ['transit/verify/:name/:urlalgorithm', 'transit/verify/sample/sha2-256'],
  ['transit/hmac/:name/:urlalgorithm', 'transit/hmac/sample/sha2-512'],
  ['transit/hash/:urlalgorithm', 'transit/hash/sha3-256'],
  ['transit/random/:urlbytes', 'transit/random/16'],
  ['transit/random/:source/:urlbytes', 'transit/random/platform/16'],
  ['sys/loggers/:name', 'sys/loggers/core'],
  ['sys/plugins/catalog/:type', 'sys/plugins/catalog/secret'],
  ['sys/plugins/catalog/:type/:name', 'sys/plugins/catalog/secret/kv'],
  ['sys/tools/hash/:urlalgorithm', 'sys/tools/hash/sha3-256'],
  ['sys/tools/random/:urlbytes', 'sys/tools/random/16'],
  ['sys/tools/random/:source/:urlbytes', 'sys/tools/random/platform/16'],
  ['transit/export/:type/:name', 'transit/export/encryption-key/sample'],
  ['transit/export/:type/:name/:version', 'transit/export/public-key/sign-sample/latest'],
  ...cloud.paths('auth/aws/'),
];

/** The sample's path, and the same with something odd in place of it. */
function pathsOf({ path, name }: DeclaredOperation): fc.Arbitrary<string> {
  const instead = (text: string) => path.replaceAll('sample', text);
  const random = madePaths.get(name);
  const whole =
    random === undefined
      ? wholePaths.filter(([pattern]) => pattern === name).map(([, one]) => one)
      : [random];
  if (whole.length > 0) return fc.constantFrom(path, ...whole);
  const odd = hostileTexts.filter((text) => isPath(`a/${text}/b`) && text !== '');
  return fc
    .oneof(
      { weight: 5, arbitrary: fc.constant(path) },
      { weight: 1, arbitrary: fc.constantFrom(...odd).map(instead) },
      {
        weight: 1,
        arbitrary: fc
          .constantFrom('data', 'leased/creds/sample', 'sign-sample', 'sha2-256', 'sample/sha2-256')
          .map(instead),
      },
    )
    .filter(isPath);
}

function isPath(text: string): boolean {
  try {
    parseApiPath(text);
    return true;
  } catch {
    return false;
  }
}

describe('every declared operation', () => {
  it('that reads or lists says what its answer holds', () => {
    const silent = everyOperation(node).filter(
      (one) => asks(one) && one.spec.streams !== true && one.spec.response === undefined,
    );
    expect(silent.map(({ operation, name }) => `${operation} ${name}`)).toEqual([]);
  });

  it('answers as declared and as the contract has it, whatever it is sent', {
    timeout: 600_000,
  }, async () => {
    operations = last(everyOperation(node));
    for (const [index, declared] of operations.entries()) {
      // Made once, and again where an operation may have changed it: issuers are asked over real connections.
      if (index === 0 || /^auth\/(oidc|kubernetes)\//.test(declared.name)) signed = await signedLogins();
      const known = await samples(declared.name);
      const inputs = fc.sample(fc.tuple(pathsOf(declared), fieldsFor(declared.endpoint.fields, known)), {
        seed: seed + index,
        numRuns: rounds,
      });
      let tokens = await twoTokens();
      for (const [path, sent] of [[declared.path, {}] as const, ...inputs]) {
        if (endsTokens.test(declared.name)) tokens = await twoTokens();
        const [weak, powerful] = tokens;
        if (declared.name.startsWith('cubbyhole/')) {
          await ask(node, 'update', 'cubbyhole/sample', { a: [1] }, powerful);
          await ask(node, 'update', 'cubbyhole/sample/below', { a: [1] }, powerful);
        }
        const listed = declared.name.startsWith('role-secrets/') ? [await listedToken()] : [];
        for (const token of [weak, powerful, ...listed, ...approver]) {
          const answer = await ask(node, declared.operation, path, sent, token);
          await answer.stream?.close();
          check(declared, sent, answer);
        }
        if (declared.name === 'sys/seal') return;
      }
      // A token that went on the way would have hidden all that was asked with it.
      for (const token of endsTokens.test(declared.name) ? [] : tokens) {
        const { status } = await ask(node, 'read', 'auth/token/lookup-self', {}, token);
        expect(status, `the token that asked is there after ${declared.operation} ${declared.name}`).toBe(
          200,
        );
      }
    }
  });

  it('that answers data was mostly seen to', () => {
    // What nothing here brings to an answer is not vouched for by the test above.
    const answering = operations.filter(({ spec }) => Object.keys(spec.response ?? {}).length > 0);
    const unseen = answering.filter((one) => !seen.has(one));
    const names = unseen.map(({ operation, name }) => `${operation} ${name}`).join(', ');
    expect(unseen.length / answering.length, names).toBeLessThan(0.2);
  });

  it('leaves no member of the language changed', () => {
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
