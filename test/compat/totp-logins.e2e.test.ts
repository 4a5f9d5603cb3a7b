/** Logins by codes that another program makes, over a real socket. */
import { afterAll, expect, it } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import { cleanUp, freshPlace, runProgram } from '../e2e/server-process.ts';
import { need } from '../setup/need.ts';
import { openContractServer, rootToken } from './contract-server.ts';

afterAll(cleanUp);

it.for([
  ['SHA1', 6, 30],
  ['SHA256', 8, 60],
  ['SHA512', 6, 15],
] as const)(
  'oathtool makes codes that enroll and log in: %s, %i digits, %i s',
  async ([algorithm, digits, period], context) => {
    const oathtool = need(context, 'oathtool');
    await using server = await openContractServer();
    const { clock, wire } = server;
    const post = async (path: string, body: JsonObject, token = rootToken) => {
      const { status, json } = await wire.ask('POST', path, { body, token });
      expect(status, `${path}: ${JSON.stringify(json['errors'])}`).toBeLessThan(300);
      return (json['data'] ?? {}) as JsonObject;
    };
    const secretOf = (url: unknown) => new URL(String(url)).searchParams.get('secret') ?? '';
    let secret = '';
    const code = async () => {
      const now = new Date(clock.now()).toISOString().slice(0, 19).replace('T', ' ');
      const shape = [
        `--totp=${algorithm}`,
        '-b',
        '-d',
        String(digits),
        '-s',
        `${period}s`,
        '-N',
        `${now} UTC`,
      ];
      const ran = await runProgram(oathtool, [...shape, secret], freshPlace().env);
      expect(ran).toMatchObject({ code: 0, stderr: '' });
      return ran.stdout.trim();
    };
    await post('sys/auth/totp', { type: 'totp' });
    await post('auth/totp/config', { algorithm, digits, period });
    await post('auth/totp/accounts/Some%20Company/ann%3A%C3%A9', { token_policies: ['a'] });
    const { invitation = '' } = await post('auth/totp/invite/Some%20Company/ann%3A%C3%A9', {});
    const begun = await post('auth/totp/enroll/start', { invitation }, '');
    secret = secretOf(begun['url']);
    const first = await code();
    clock.jump(period);
    await post('auth/totp/enroll/finish', { invitation, code: first, next_code: await code() }, '');
    clock.jump(period);
    const body = { issuer: 'Some Company', account: 'ann:é', code: await code() };
    const login = await wire.ask('POST', 'auth/totp/login', { body });
    expect(login.json['auth']).toMatchObject({ metadata: { issuer: 'Some Company', account: 'ann:é' } });
    expect((await wire.ask('POST', 'auth/totp/login', { body })).status).toBe(400);
  },
);
