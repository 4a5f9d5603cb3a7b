import { expect, test } from 'vitest';
import { startWire } from '../client/wire.fixture.ts';
import type { JsonObject } from '../json.ts';
import { call, type Scene, temporaryHome } from './cli.fixture.ts';

const token = 'hvs.abcdefghijklmnopqrstuvwx';
const phone = { type: 'totp', id: 'id-of-phone', uses_passcode: true, name: 'phone' };
const other = { type: 'totp', id: 'id-of-other', uses_passcode: true };

/** A server that wants a second factor, and takes the code 123456. */
async function server(constraints: JsonObject = { all: { any: [phone] } }) {
  const home = temporaryHome();
  const wire = await startWire((seen) => {
    if (seen.url === '/v1/sys/mfa/validate') {
      return seen.body.includes('123456')
        ? { body: { auth: { client_token: token, policies: ['web'], lease_duration: 60 } } }
        : { status: 403, body: { errors: ['login MFA validation failed'] } };
    }
    const mfa_requirement = { mfa_request_id: 'the-request', mfa_constraints: constraints };
    return { body: { auth: { client_token: '', policies: null, mfa_requirement } } };
  });
  const env = { HOME: home, COFFER_ADDR: wire.address };
  return {
    wire,
    run: (words: readonly string[], scene: Scene = {}) => call(words, { ...scene, env }),
    [Symbol.asyncDispose]: () => wire[Symbol.asyncDispose](),
  };
}

const login = ['login', 'userpass', 'al', '--no-store'];

test('a code is asked for at a terminal, hidden, and again when it is wrong', async () => {
  await using at = await server();
  const outcome = await at.run(login, { typed: 'pw\r000000\r123456\r' });
  expect(outcome).toMatchObject({ code: 0, stdout: `${token}\n` });
  expect(outcome.stderr).toContain('one-time code (phone): ');
  expect(outcome.stderr).toContain('not accepted');
  expect(outcome.stderr).not.toContain('123456');
  expect(JSON.parse(at.wire.seen.at(-1)?.body ?? '')).toEqual({
    mfa_request_id: 'the-request',
    mfa_payload: { 'id-of-phone': ['123456'] },
  });
  expect((await at.run(login, { typed: 'pw\r1\r2\r3\r' })).code).toBe(4);
});

test('a code is a line of standard input where that is said, once for methods that serve twice', async () => {
  await using at = await server({
    one: { any: [phone] },
    any: { any: [other, phone] },
    more: { any: [other] },
  });
  const words = [...login, '--mfa-code-stdin'];
  expect(await at.run(words, { stdin: 'pw\r\n123456\r\n654321\n' })).toMatchObject({
    code: 0,
    stdout: `${token}\n`,
  });
  expect(at.wire.seen[0]?.body).toBe('{"password":"pw"}');
  expect(JSON.parse(at.wire.seen.at(-1)?.body ?? '')).toMatchObject({
    mfa_payload: { 'id-of-phone': ['123456'], 'id-of-other': ['654321'] },
  });
  expect(await at.run(login, { stdin: 'pw\n123456\n' })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--mfa-code-stdin'),
  });
  expect((await at.run(words, { stdin: 'pw\n000000\n000000\n' })).code).toBe(4);
});

test('what is not understood is no login', async () => {
  const strange: readonly JsonObject[] = [
    { all: { any: [{ type: 'duo', id: 'x' }] } },
    { all: { any: [] } },
    { all: { any: 'x' } },
    { all: {} },
  ];
  for (const constraints of strange) {
    await using at = await server(constraints);
    expect(await at.run(login, { typed: 'pw\r123456\r' })).toMatchObject({ code: 9, stdout: '' });
  }
});
