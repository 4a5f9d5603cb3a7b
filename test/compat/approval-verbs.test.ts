/** Approvals as a person meets them: `coffer approvals`, the secret verbs of who asks, and `coffer vault` in Vault's words. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { call, type Outcome, temporaryHome } from '../../src/cli/cli.fixture.ts';
import { isJsonObject, type JsonObject } from '../../src/json.ts';
import { aliasedType } from '../fakes/aliased-method.ts';
import { type ContractServer, openContractServer, rootToken } from './contract-server.ts';

let server: ContractServer;
let tokens: Readonly<Record<'rose' | 'ann' | 'bob', string>>;
const home = temporaryHome();
const accessorOf = (text: string) => /as ([0-9a-z]{50})/.exec(text)?.[1] ?? '';

const approver = `
path "sys/approvals" { capabilities = ["list"] }
path "sys/approvals/+" { capabilities = ["read", "delete"] }
path "sys/approvals/+/approve" { capabilities = ["update"] }
path "sys/approvals/+/deny" { capabilities = ["update"] }
path "sys/control-group/authorize" { capabilities = ["update"] }
`;

async function post(path: string, body: JsonObject, token: string = rootToken): Promise<JsonObject> {
  const answer = await server.wire.ask('POST', path, { body, token });
  if (answer.status >= 400) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.json)}`);
  return isJsonObject(answer.json) ? answer.json : {};
}

async function logIn(alias: string, policies: readonly string[]): Promise<{ token: string; entity: string }> {
  const { auth } = await post('auth/people/login', { alias, policies });
  const { client_token: token, entity_id: entity } = auth as { client_token: string; entity_id: string };
  return { token, entity };
}

beforeAll(async () => {
  server = await openContractServer(true, [], [aliasedType]);
  await post('sys/auth/people', { type: 'aliased' });
  await post('sys/policies/acl/approver', { policy: approver });
  const rule =
    'capabilities = ["create", "read", "update", "delete"] approval { from = ["group/admins"] ttl = "10m" }';
  await post('sys/policies/acl/guarded', { policy: `${approver} path "secret/data/prod" { ${rule} }` });
  await post('secret/data/prod', { data: { value: 'hunter2' } });
  const [rose, ann, bob] = [
    await logIn('rose', ['guarded']),
    await logIn('ann', ['approver']),
    await logIn('bob', ['approver']),
  ];
  await post('identity/group', { name: 'admins', member_entity_ids: [ann.entity, bob.entity] });
  tokens = { rose: rose.token, ann: ann.token, bob: bob.token };
});
afterAll(() => server[Symbol.asyncDispose]());

function run(
  who: keyof typeof tokens,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const own = { HOME: home, COFFER_ADDR: server.address, VAULT_ADDR: server.address };
  return call(words, { env: { ...own, COFFER_TOKEN: tokens[who], VAULT_TOKEN: tokens[who], ...env } });
}

it('a command is kept, found by its approver, approved, and goes on when it is repeated', async () => {
  const kept = await run('rose', ['get', 'prod'], { COFFER_REASON: 'Störung 7' });
  expect(kept).toMatchObject({ code: 5, stdout: '' });
  const accessor = accessorOf(kept.stderr);
  expect(kept.stderr).toContain(`COFFER_APPROVAL=${accessor}`);
  const listed = await run('ann', ['approvals', 'list']);
  expect(listed).toMatchObject({ code: 0 });
  for (const part of [accessor, 'read', 'secret/data/prod', 'Störung 7'])
    expect(listed.stdout).toContain(part);
  expect((await run('bob', ['approvals', 'show', accessor])).stdout).toContain('0 of 1 from group/admins');
  expect((await run('rose', ['approvals', 'list'])).stderr).toContain('no request waits for you');
  expect((await run('rose', ['approvals', 'list', '--own'])).stdout).toContain(accessor);
  expect((await run('rose', ['approvals', 'approve', accessor])).code).toBe(4);
  expect(await run('rose', ['get', 'prod'], { COFFER_APPROVAL: accessor })).toMatchObject({ code: 5 });
  const approved = await run('ann', ['approvals', 'approve', accessor, '--reason', 'looks right']);
  expect(approved).toMatchObject({ code: 0 });
  expect(approved.stderr).toContain('it can be carried out');
  expect((await run('bob', ['approvals', 'show', accessor])).stdout).toContain('looks right');
  expect(await run('rose', ['get', 'prod'], { COFFER_APPROVAL: accessor })).toMatchObject({
    code: 0,
    stdout: 'hunter2',
  });
  expect((await run('rose', ['get', 'prod'], { COFFER_APPROVAL: accessor })).code).toBe(5);
});

it('nothing says that it was done which waits', async () => {
  for (const words of [
    ['put', 'prod', 'other'],
    ['delete', 'prod', '--yes'],
  ]) {
    const outcome = await run('rose', words);
    expect(outcome, words.join(' ')).toMatchObject({ code: 5, stdout: '' });
    expect(outcome.stdout + outcome.stderr).not.toMatch(/hvs\./);
  }
  const { json } = await server.wire.ask('GET', 'secret/data/prod');
  expect(json).toMatchObject({ data: { data: { value: 'hunter2' }, metadata: { version: 1 } } });
});

it('a request is denied, and one of one’s own withdrawn', async () => {
  const denied = accessorOf((await run('rose', ['get', 'prod'])).stderr);
  expect(await run('bob', ['approvals', 'deny', denied, '--reason', 'not on Fridays'])).toMatchObject({
    code: 0,
  });
  expect((await run('rose', ['approvals', 'show', denied])).stdout).toContain('not on Fridays');
  expect((await run('rose', ['get', 'prod'], { COFFER_APPROVAL: denied })).stderr).toContain('was denied by');
  const own = accessorOf((await run('rose', ['get', 'prod'])).stderr);
  expect((await run('ann', ['approvals', 'withdraw', own])).code).toBe(4);
  expect(await run('rose', ['approvals', 'withdraw', own])).toMatchObject({ code: 0 });
  expect((await run('ann', ['approvals', 'approve', own])).code).toBe(5);
  expect((await run('ann', ['approvals', 'show', 'nothing'])).code).toBe(3);
  for (const env of [{ COFFER_APPROVAL: 'a b' }, { COFFER_REASON: 'a\nb' }]) {
    expect((await run('rose', ['get', 'prod'], env)).code).toBe(2);
  }
});

it('coffer vault shows the wrapping token, authorizes it, and unwraps what was asked for', async () => {
  const table = (await run('rose', ['vault', 'read', '-format=json', 'secret/data/prod'])).stdout;
  const { wrap_info: info } = JSON.parse(table) as { wrap_info: { token: string; accessor: string } };
  const early = await run('rose', ['vault', 'unwrap', info.token]);
  expect(early.code).toBe(2);
  expect(early.stderr).toContain('request needs further approval');
  const write = (who: 'rose' | 'ann', word: string) =>
    run(who, ['vault', 'write', '-format=json', `sys/control-group/${word}`, `accessor=${info.accessor}`]);
  expect(JSON.parse((await write('ann', 'authorize')).stdout)).toMatchObject({ data: { approved: true } });
  expect(JSON.parse((await write('rose', 'request')).stdout)).toMatchObject({
    data: { approved: true, request_path: 'secret/data/prod' },
  });
  const unwrapped = await run('rose', ['vault', 'unwrap', '-format=json', info.token]);
  expect(JSON.parse(unwrapped.stdout)).toMatchObject({ data: { data: { value: 'hunter2' } } });
});

it('coffer unwrap needs no login for it', async () => {
  const api = (await run('rose', ['api', 'GET', 'secret/data/prod'])).stdout;
  const { wrap_info: info } = JSON.parse(api) as { wrap_info: { token: string; accessor: string } };
  await run('ann', ['approvals', 'approve', info.accessor]);
  const unwrapped = await call(['unwrap', info.token, '--format', 'json'], {
    env: { HOME: home, COFFER_ADDR: server.address },
  });
  expect(JSON.parse(unwrapped.stdout)).toMatchObject({ data: { value: 'hunter2' } });
});
