/** Logins with a second factor on the wire: what clients see of both steps, by curl, hvac and the command line. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeBase32 } from '../../src/crypto/base32.ts';
import { codeAt, stepAt } from '../../src/crypto/one-time-code.ts';
import { isJsonObject, type JsonObject } from '../../src/json.ts';
import {
  cleanUp,
  cli,
  freshPlace,
  runProgram,
  type ServerProcess,
  startServer,
} from '../e2e/server-process.ts';
import { need } from '../setup/need.ts';

afterAll(cleanUp);

const token = 'second-factor-root';
const place = freshPlace();
let server: ServerProcess;
let method = '';

async function api(
  path: string,
  body: JsonObject,
  headers: Readonly<Record<string, string>> = {},
): Promise<JsonObject> {
  const sent = { 'X-Vault-Token': token, ...headers };
  const answer = await fetch(`${server.address}/v1/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: sent,
  });
  const text = await answer.text();
  return text === '' ? {} : (JSON.parse(text) as JsonObject);
}

const member = (value: unknown, name: string): JsonObject =>
  isJsonObject(value) && isJsonObject(value[name]) ? value[name] : {};

/** A user with a secret of their own: what makes their codes. The clock is the real one: each code is used once. */
async function user(name: string): Promise<() => string> {
  await api(`auth/userpass/users/${name}`, { password: 'p' });
  const { entity_id = '' } = member(await api(`auth/userpass/login/${name}`, { password: 'p' }), 'auth');
  const made = await api('identity/mfa/method/totp/admin-generate', { method_id: method, entity_id });
  const secret = decodeBase32(new URL(String(member(made, 'data')['url'])).searchParams.get('secret') ?? '');
  if (secret === undefined) throw new Error('no secret');
  const settings = { algorithm: 'SHA1', digits: 6, period: 30 } as const;
  return () => codeAt(secret, stepAt(Date.now(), settings), settings);
}

let al: () => string;
let bo: () => string;
let cy: () => string;
beforeAll(async () => {
  server = await startServer(place, { words: ['--dev', '--dev-root-token-id', token] });
  await api('sys/auth/userpass', { type: 'userpass' });
  const made = await api('identity/mfa/method/totp', { issuer: 'Coffer', method_name: 'phone' });
  method = String(member(made, 'data')['method_id']);
  [al, bo, cy] = [await user('al'), await user('bo'), await user('cy')];
  await api('identity/mfa/login-enforcement/people', {
    mfa_method_ids: [method],
    auth_method_types: ['userpass'],
  });
});

describe('a login with a second factor', () => {
  it('has Vault’s shapes in both steps', async () => {
    const first = await api('auth/userpass/login/al', { password: 'p' });
    expect(first['auth']).toMatchObject({
      client_token: '',
      accessor: '',
      policies: null,
      token_policies: null,
      metadata: null,
      lease_duration: 0,
      renewable: false,
      entity_id: '',
      mfa_requirement: {
        mfa_request_id: expect.any(String),
        mfa_constraints: {
          people: { any: [{ type: 'totp', id: method, uses_passcode: true, name: 'phone' }] },
        },
      },
    });
    const { mfa_request_id = '' } = member(first['auth'], 'mfa_requirement');
    const payload = { mfa_request_id, mfa_payload: { [method]: [al()] } };
    const second = await api('sys/mfa/validate', payload);
    expect(second['auth']).toMatchObject({
      client_token: expect.stringMatching(/^hvs\./),
      policies: ['default'],
      metadata: { username: 'al' },
      mfa_requirement: null,
    });
    expect(await api('sys/mfa/validate', payload)).toEqual({
      errors: [expect.stringContaining('not valid')],
    });
  });

  it('takes the code along in a header', async () => {
    const header = { 'X-Vault-MFA': `${method}:${bo()}` };
    const answer = await api('auth/userpass/login/bo', { password: 'p' }, header);
    expect(answer['auth']).toMatchObject({ client_token: expect.stringMatching(/^hvs\./) });
    expect(await api('auth/userpass/login/bo', { password: 'p' }, header)).toEqual({
      errors: [expect.stringContaining('login MFA validation failed')],
    });
  });

  it('is ended by the command line and by hvac', async (context) => {
    const env = { COFFER_ADDR: server.address };
    const words = ['login', 'userpass', 'cy', '--mfa-code-stdin'];
    expect(await cli(place, words, { env, stdin: `p\n${cy()}\n` })).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('logged in'),
    });
    const python = need(context, 'hvac');
    const script = fileURLToPath(new URL('./hvac-mfa.py', import.meta.url));
    expect(await runProgram(python, [script, server.address], place.env, token)).toEqual({
      code: 0,
      stdout: 'mfa\n',
      stderr: '',
    });
  });
});
