/** The commands beside those on secrets, as a person uses them against a server with a data directory. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, cli, freshPlace, type Outcome, type Place, startServer } from './server-process.ts';

let place: Place;
let env: Record<string, string>;

beforeAll(async () => {
  place = freshPlace();
  const server = await startServer(place, { words: ['--init'] });
  env = { COFFER_ADDR: server.address, COFFER_TOKEN: rootTokenOf(place) };
});
afterAll(cleanUp);

const run = (words: readonly string[], stdin = '', more: Record<string, string> = {}): Promise<Outcome> =>
  cli(place, words, { stdin, env: { ...env, ...more } });

async function output(
  words: readonly string[],
  stdin = '',
  more: Record<string, string> = {},
): Promise<string> {
  const outcome = await run(words, stdin, more);
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
  return outcome.stdout;
}

async function json(words: readonly string[]): Promise<unknown> {
  return JSON.parse(await output([...words, '--format', 'json']));
}

test('a policy is tested in its file, stored, explained, and its holders are found', async () => {
  const folder = join(place.home, 'policies');
  mkdirSync(folder);
  const policy = join(folder, 'web.hcl');
  writeFileSync(policy, 'path "secret/data/web/*" { capabilities = ["read"] }\n');
  const cases = join(folder, 'web_test.yaml');
  writeFileSync(cases, 'cases:\n  - allow: read secret/data/web/db\n  - deny: update secret/data/web/db\n');
  expect(await run(['policy', 'test', policy])).toMatchObject({
    code: 0,
    stdout: 'ok    allow  read    secret/data/web/db\nok    deny   update  secret/data/web/db\n',
    stderr: '2 of 2 cases hold\n',
  });
  writeFileSync(
    cases,
    JSON.stringify({ with: ['default'], cases: [{ allow: 'delete secret/data/web/db' }] }),
  );
  const failing = await run(['policy', 'test', policy]);
  expect(failing).toMatchObject({ code: 1, stderr: '0 of 1 cases hold\n' });
  expect(failing.stdout).toContain('path "secret/data/web/*" of policy web does not grant this operation');
  expect(await json(['policy', 'list'])).not.toContain('web');

  await output(['policy', 'write', 'web', policy]);
  await output(['auth', 'enable', 'userpass']);
  await output(['api', 'POST', 'auth/userpass/users/ann', 'password=-', 'token_policies=web'], 'pw');
  expect(
    await json(['policy', 'explain', '/v1/secret/data/web/db', '-o', 'update', '-p', 'web']),
  ).toMatchObject({
    decision: 'deny',
    needed: ['update'],
    rule: 'secret/data/web/*',
  });
  expect(await output(['policy', 'who-can', 'read', 'secret/data/web/db'])).toBe(
    'policy\troot\t\t*\npolicy\tweb\t\tsecret/data/web/*\nrole\tauth/userpass/ann\tdefault, web\tsecret/data/web/*\n',
  );
  const token = (await output(['token', 'create', '-p', 'web', '-f', 'client_token'])).trim();
  expect(await output(['policy', 'explain', 'secret/data/web/db'], '', { COFFER_TOKEN: token })).toContain(
    'allow  read',
  );
  expect(await output(['policy', 'explain', 'secret/data/x', '--token'], `${token}\n`)).toContain(
    'deny  read',
  );
  expect(await json(['policy', 'who-can', 'read', 'secret/data/web/db', '--tokens'])).toContainEqual(
    expect.objectContaining({ kind: 'token', policies: ['default', 'web'] }),
  );
});

test('mistakes in a file of cases are told with the case', async () => {
  const policy = join(place.home, 'p.hcl');
  writeFileSync(policy, 'path "a" { capabilities = ["read"] }\n');
  const cases = join(place.home, 'cases.yaml');
  for (const [text, message] of [
    ['cases: []', /list of cases/],
    ['cases: [{allow: read a}, {allows: read a}]', /case 2 must be/],
    ['cases: [{allow: read a, deny: read a}]', /case 1 must be/],
    ['cases: [{allow: write a}]', /case 1: operation is one of/],
    ['case: []', /unknown key "case"/],
    ['- a', /must be a map/],
  ] as const) {
    writeFileSync(cases, text);
    const outcome = await run(['policy', 'test', policy, '--cases', cases]);
    expect(outcome.code, text).toBe(2);
    expect(outcome.stderr).toMatch(message);
  }
  expect(await run(['policy', 'test', policy])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--cases'),
  });
});

test('threat 16: what is wrapped comes out once, without a login and with nothing secret in argv', async () => {
  const words = ['wrap', 'user=ann', 'password=-', '--ttl', '60', '--field', 'token'];
  const token = await output(words, 'p4ss');
  const alone = { COFFER_TOKEN: '' };
  expect(await output(['unwrap', '--lookup', '-f', 'creation_path'], token, alone)).toBe('sys/wrapping/wrap');
  const again = await output(['rewrap', '--field', 'token'], token);
  const file = join(place.home, 'wrapped');
  writeFileSync(file, again);
  expect(await output(['unwrap', '--file', file], '', alone)).toBe('user\tann\npassword\tp4ss\n');
  expect((await run(['unwrap', '--file', file], '', alone)).code).not.toBe(0);
  expect((await run(['unwrap'], token, alone)).code).not.toBe(0);

  const created = await output(['token', 'create', '--wrap-ttl', '60', '-p', 'default', '-f', 'token']);
  const inner = await output(['unwrap', '-f', 'client_token'], created, alone);
  expect(await output(['token', 'lookup', '-f', 'display_name'], '', { COFFER_TOKEN: inner })).toBe('token');
  expect(await output(['unwrap'], await output(['wrap', '-f', 'token'], '{"a":{"b":1}}'), alone)).toBe(
    'a\t{"b":1}\n',
  );
  expect(await run(['wrap'], 'no json with s3cret')).toMatchObject({
    code: 2,
    stderr: 'error: what is on standard input is not JSON\n',
  });
});

test('notifiers are added, tried out, listed and removed', async () => {
  const hooks: string[] = [];
  const receiver = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => hooks.push(chunk.toString()));
    request.on('end', () => response.writeHead(204).end());
  });
  await new Promise<void>((resolve) => {
    receiver.listen(0, '127.0.0.1', resolve);
  });
  const { port } = receiver.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/hook`;
  try {
    const words = ['notifier', 'add', 'ops', '--type', 'webhook', '--kind', 'a.*', '-o', `url=${url}`];
    expect((await run(words)).code).toBe(2);
    const added = await run([...words, '--secret-file', '-'], 'a-secret-of-twenty-four-characters');
    expect(added).toMatchObject({ code: 0, stderr: 'notifier ops written\n' });
    await output(['notifier', 'test', 'ops']);
    expect(hooks.join()).toContain('notifier.test');
    expect(await output(['notifier', 'list'])).toMatch(/^ops\twebhook\ta\.\*\tworking\t$/m);
    expect(await json(['notifier', 'show', 'ops'])).toMatchObject({ options: { url }, has_secret: true });
    expect(await output(['notifier', 'undelivered', 'ops'])).toBe('');
    expect((await run(['notifier', 'resend', 'ops', 'nothing'])).code).toBe(3);
    expect((await run(['notifier', 'add', 'ops', '-o', 'url=https://169.254.169.254/?a=b'])).code).toBe(2);
    await output(['notifier', 'remove', 'ops', '--yes']);
    expect((await run(['notifier', 'show', 'ops'])).code).toBe(3);
    expect((await run(['notifier', 'remove', 'ops', '--yes'])).code).toBe(3);
  } finally {
    receiver.closeAllConnections();
    receiver.close();
  }
});

test('quotas, jobs, leases, mounts and tokens are listed and changed', async () => {
  await output(['quota', 'write', 'few', '--rate', '1000', '--interval', '1m', '--path', 'secret/']);
  await output(['quota', 'write', 'few', '--block', '5s']);
  expect(await json(['quota', 'show', 'few'])).toMatchObject({ rate: 1000, interval: 60, block_interval: 5 });
  expect(await output(['quota', 'list'])).toBe('few\n');
  await output(['quota', 'delete', 'few']);
  expect((await run(['quota', 'show', 'few'])).code).toBe(3);
  expect((await run(['quota', 'write', 'few', '--rate', 'lots'])).code).toBe(2);

  expect(await run(['job', 'list'])).toMatchObject({ code: 0, stdout: '' });
  for (const verb of ['show', 'wait', 'cancel']) {
    expect((await run(['job', verb, '00000000-0000-4000-8000-000000000000'])).code).toBe(3);
  }
  expect(await run(['lease', 'list', 'nothing/here'])).toMatchObject({ code: 0, stdout: '' });
  expect((await run(['lease', 'revoke', 'a/b', '--force'])).code).toBe(2);
  expect((await run(['lease', 'revoke', 'a/b', '--prefix', '--force'])).stderr).toContain('--yes');
  await output(['lease', 'revoke', 'secret/b', '--prefix', '--force', '--yes']);

  await output(['mount', 'tune', 'secret', '--max-lease-ttl', '2h', '--description', 'ours']);
  expect(await json(['mount', 'tune', 'secret/'])).toMatchObject({
    max_lease_ttl: 7200,
    description: 'ours',
  });
  expect((await run(['mount', 'tune', 'nowhere', '--description', 'x'])).code).toBe(2);
  expect(await json(['token', 'capabilities', 'secret/data/x', 'sys/mounts'])).toEqual({
    'secret/data/x': ['root'],
    'sys/mounts': ['root'],
  });
  expect((await json(['token', 'list'])) as string[]).not.toHaveLength(0);
});

test('the audit log is printed as it is written, by path, decision, token and request', async () => {
  const token = (await output(['token', 'create', '-p', 'default', '-f', 'client_token'])).trim();
  const denied = await run(['api', 'GET', 'secret/data/forbidden'], '', { COFFER_TOKEN: token });
  expect(denied.code).toBe(4);
  const accessor = await output(['token', 'lookup', '-', '-f', 'accessor'], token);
  const lines = await output(['audit', 'tail', '--decision', 'deny', '--path', 'secret/data/forb']);
  expect(lines).toMatch(/^\S+Z deny read secret\/data\/forbidden by token [0-9a-f-]{36}\n$/);
  const request = /[0-9a-f-]{36}/.exec(lines)?.[0] ?? '';
  const byRequest = await output(['audit', 'tail', '--request', request, '--format', 'json']);
  const found = byRequest
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; status?: number });
  expect(found.map(({ type, status }) => [type, status])).toEqual([
    ['request', undefined],
    ['response', 403],
  ]);
  expect(await output(['audit', 'tail', '--accessor', accessor, '-n', '1'])).toContain(request);
  expect(await output(['audit', 'tail', '-n', '0'])).toBe('');
});

/** One way into each code, and what the page on exit codes promises of it. */
test('a command that fails ends with the code of the page', async () => {
  await output(['put', 'here', 'v']);
  const sealedPlace = freshPlace();
  const sealed = await startServer(sealedPlace, { words: ['--init=api'] });
  const samples: readonly (readonly [readonly string[], number, string, Record<string, string>?])[] = [
    [['get'], 2, 'usage'],
    [['gett', 'x'], 2, 'usage'],
    [['policy', 'write', 'Bad Name', '-'], 2, 'invalid_request'],
    [['get', 'not/there'], 3, 'not_found'],
    [['api', 'GET', 'nowhere/x'], 3, 'no_route'],
    [['policy', 'show', 'not-there'], 3, 'not_found'],
    [['get', 'here'], 4, 'permission_denied', { COFFER_TOKEN: 'wrong' }],
    [['put', 'here', 'w', '--cas', '9'], 6, 'conflict'],
    [['get', 'here'], 8, 'not_initialized', { COFFER_ADDR: sealed.address }],
    [['get', 'here'], 9, 'unavailable', { COFFER_ADDR: 'http://127.0.0.1:1' }],
    [['audit', 'tail', '--data', join(place.home, 'none')], 3, 'not_found'],
  ];
  const page = readFileSync(new URL('../../docs/reference/exit-codes.md', import.meta.url), 'utf8');
  for (const [words, code, name, more] of samples) {
    const outcome = await run([...words, '--format', 'json'], 'path "a" { capabilities = ["read"] }', more);
    expect([words, outcome.code, outcome.stdout]).toEqual([words, code, '']);
    const told = JSON.parse(outcome.stderr) as { error: { code: string } };
    expect([words, told.error.code]).toEqual([words, name]);
    const row = page.split('\n').find((line) => line.startsWith(`| ${code} |`));
    expect(row).toContain(`\`${name}\``);
  }
});
