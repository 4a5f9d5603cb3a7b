import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FieldSpec } from '../../src/core/endpoint.ts';
import { awsCredentials } from '../../src/engine/aws/aws.ts';
import type { JsonObject, JsonValue } from '../../src/json.ts';
import type { CofferNode } from '../../src/main/node.ts';
import { countedUserpass } from '../fakes/cheap-userpass.ts';
import { type Asked, ask, auditText, makePlace, makeToken, type Place, storedText } from '../fakes/client.ts';
import { type DeclaredOperation, everyOperation } from '../fakes/every-endpoint.ts';
import { leasedType, Outside } from '../fakes/leased-engine.ts';
import { memoryAws } from '../fakes/memory-aws.ts';

const canary = 'canary-e41b7c90d2f3';
let place: Place;
let node: CofferNode;
const answers: Asked[] = [];
const help: Asked[] = [];

beforeAll(async () => {
  const userpass = countedUserpass();
  const everywhere = { env: {}, endpoints: [], profiles: [], ambient: true };
  const services = memoryAws(() => place.clock.now(), 'sample');
  const engines = [leasedType(new Outside()), awsCredentials(everywhere, () => services)];
  place = await makePlace({ engines, authMethods: [userpass.type] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
  for (const type of ['transit', 'totp', 'database', 'role-secrets', 'aws', 'service-users'])
    await ask(node, 'update', `sys/mounts/${type}`, { type });
  const arn = 'arn:aws:iam::123456789012:role/sample';
  await ask(node, 'update', 'aws/roles/sample', { credential_type: 'assumed_role', role_arns: arn });
  await ask(node, 'update', 'transit/keys/sample', { exportable: true });
  await ask(node, 'update', 'totp/keys/sample', { key: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ' });
  await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
  await ask(node, 'update', 'auth/approle/role/sample', {});
  await ask(node, 'update', 'sys/auth/userpass', { type: 'userpass' });
  await ask(node, 'update', 'sys/auth/cert', { type: 'cert' });
  await ask(node, 'update', 'auth/userpass/users/sample', { password: 'sample' });
  for (const type of ['jwt', 'kubernetes']) await ask(node, 'update', `sys/auth/${type}`, { type });
  const pem = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const believed = await ask(node, 'update', 'auth/jwt/config', { jwt_validation_pubkeys: pem });
  expect(believed.status).toBe(204);
  await ask(node, 'update', 'auth/kubernetes/config', { kubernetes_host: 'https://127.0.0.1:1' });
  await ask(node, 'update', 'sys/auth/app-id', { type: 'app-id' });
  await ask(node, 'update', 'auth/app-id/map/app-id/sample', { value: 'sample' });
  await ask(node, 'update', 'auth/app-id/map/user-id/sample', { value: 'sample' });
  await ask(node, 'update', 'secret/data/sample', { data: { a: 1 } });
  await ask(node, 'update', 'role-secrets/data/sample', { value: 'a', roles: ['userpass/sample'] });
});
afterAll(() => place.remove());

/** The canary in the shapes that people and programs send by mistake. */
const shapes: readonly ((spec: FieldSpec) => JsonValue)[] = [
  ({ type }) => (type === 'object' || type === 'pairs' ? { [`name-${canary}`]: canary } : canary),
  () => [canary, { deep: canary }],
  () => ({ a: { b: canary } }),
  () => `{"a": "${canary}"`,
];

/** Sensitive fields hold the canary, and one that is not declared; the others hold something plain. */
function canaries({ endpoint }: DeclaredOperation, shape: (spec: FieldSpec) => JsonValue): JsonObject {
  const fields: Record<string, JsonValue> = { undeclared: canary, 'pass word': [canary] };
  for (const [name, spec] of Object.entries(endpoint.fields)) {
    fields[name] = spec.sensitive === true ? shape(spec) : plain[spec.type];
  }
  return fields;
}

const plain: Readonly<Record<FieldSpec['type'], JsonValue>> = {
  string: 'plain',
  int: 1,
  float: 1.5,
  bool: false,
  duration: 60,
  list: ['plain'],
  ints: [1],
  pairs: { plain: 'plain' },
  header: { plain: ['plain'] },
  object: {},
  any: 'path "plain" { capabilities = ["read"] }',
};

it('threat 16: secrets that any endpoint is sent are in no log, no error and no clear record', {
  timeout: 240_000,
}, async () => {
  // Sealing comes last, since it ends the node.
  const operations = everyOperation(node).toSorted(
    (a, b) => Number(a.name === 'sys/seal') - Number(b.name === 'sys/seal'),
  );
  for (const declared of operations) {
    for (const shape of shapes) {
      const fields = canaries(declared, shape);
      const powerful = await makeToken(node, { policies: ['root'] }).catch(() => null);
      for (const token of [null, `${canary}-token`, powerful]) {
        answers.push(await ask(node, declared.operation, declared.path, fields, token));
        // Help reads no fields: the first shape is asked for it for all.
        if (shape === shapes[0]) help.push(await ask(node, 'help', declared.path, fields, token));
      }
    }
  }
  expect(answers.length).toBeGreaterThan(600);
  expect(answers.filter(({ status }) => status < 300).length).toBeGreaterThan(50);

  const said = answers.map(({ errors, warnings }) => ({ errors, warnings }));
  expect(JSON.stringify(said)).not.toContain(canary);
  // Help and the OpenAPI document describe; they show nothing that was sent or stored.
  expect(help.filter(({ data }) => data['openapi'] !== undefined).length).toBeGreaterThan(200);
  expect(JSON.stringify(help)).not.toContain(canary);
  const described = await ask(node, 'read', 'sys/internal/specs/openapi');
  expect(JSON.stringify(described)).not.toContain(canary);
  expect(JSON.stringify(place.log, causes)).not.toContain(canary);
  const audit = auditText(place.auditDirectory);
  expect(audit).toContain('"path":"secret/data/sample"');
  expect(audit).not.toContain(canary);
  expect(audit).not.toContain('outside-password');
  expect(await storedText(place.storage)).not.toContain(canary);
});

it('threat 16: tokens, secret ids and unseal keys that the server itself makes are in no log', async () => {
  const other = await makePlace({ engines: [leasedType(new Outside())] });
  const at = await other.node();
  await ask(at, 'update', 'sys/auth/approle', { type: 'approle' });
  await ask(at, 'update', 'sys/mounts/leased', { type: 'leased' });
  await ask(at, 'update', 'auth/approle/role/app', { role_id: 'r' });
  const secretId = (await ask(at, 'update', 'auth/approle/role/app/secret-id')).data['secret_id'] ?? '';
  const login = await ask(at, 'update', 'auth/approle/login', { role_id: 'r', secret_id: secretId }, null);
  const token = await makeToken(at, { policies: ['root'], id: 'an-id-of-my-own' });
  await ask(at, 'update', 'auth/token/lookup', { token });
  await ask(at, 'read', 'auth/token/lookup-self', {}, token);
  await ask(at, 'update', 'auth/token/renew', { token });
  const leased = await ask(at, 'read', 'leased/creds/app', {}, token);
  await ask(at, 'update', 'sys/unseal', { key: other.keys[0] ?? '' });
  await ask(at, 'update', 'auth/token/revoke', { token });
  const secrets = [
    secretId,
    login.auth?.clientToken,
    token,
    leased.data['password'],
    other.keys[0],
    'root-token',
  ];
  const text = auditText(other.auditDirectory) + JSON.stringify(other.log, causes);
  for (const secret of secrets) {
    expect(String(secret).length).toBeGreaterThan(8);
    expect(text).not.toContain(String(secret));
  }
  await other.remove();
});

/** Errors have nothing to show to JSON of themselves. */
function causes(_name: string, value: unknown): unknown {
  return value instanceof Error
    ? { message: value.message, stack: value.stack, cause: value.cause, fields: Object.values(value) }
    : value;
}
