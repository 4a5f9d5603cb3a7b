/** curl with the command lines of Vault's own documentation. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import { cleanUp, freshPlace, runProgram, type ServerProcess, startServer } from '../e2e/server-process.ts';
import { need } from '../setup/need.ts';

afterAll(cleanUp);

describe('curl', () => {
  const place = freshPlace();
  const token = 'curl-root';
  let server: ServerProcess;

  beforeAll(async () => {
    server = await startServer(place, { words: ['--dev', '--dev-root-token-id', token] });
  });

  async function curl(context: TestContext, path: string, ...args: readonly string[]) {
    const outcome = await runProgram(
      need(context, 'curl'),
      ['-sS', '--include', ...args, `${server.address}/v1/${path}`],
      place.env,
    );
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    const [head = '', body = ''] = outcome.stdout.split('\r\n\r\n', 2);
    const json = body === '' ? {} : (JSON.parse(body) as JsonObject);
    return { status: Number(/HTTP\/1\.1 (\d+)/.exec(head)?.[1]), head, body, json };
  }

  const header = ['--header', `X-Vault-Token: ${token}`];

  it('writes with --request POST and --data @payload.json, reads, and lists with --request LIST', async (context) => {
    const payload = join(place.home, 'payload.json');
    writeFileSync(payload, JSON.stringify({ options: { cas: 0 }, data: { foo: 'bar', zip: 'zap' } }));
    const written = await curl(
      context,
      'secret/data/my-secret',
      ...header,
      '--request',
      'POST',
      '--data',
      `@${payload}`,
    );
    expect(written).toMatchObject({ status: 200, json: { data: { version: 1, destroyed: false } } });
    expect(written.head).toMatch(/^content-type: application\/json\r?$/im);
    const again = await curl(
      context,
      'secret/data/my-secret',
      ...header,
      '-X',
      'POST',
      '--data',
      `@${payload}`,
    );
    expect(again).toMatchObject({
      status: 400,
      json: { errors: [expect.stringContaining('check-and-set parameter did not match')] },
    });
    expect(await curl(context, 'secret/data/my-secret?version=1', ...header)).toMatchObject({
      json: { data: { data: { foo: 'bar', zip: 'zap' } } },
    });
    for (const way of [
      ['-X', 'LIST'],
      ['--request', 'LIST'],
    ]) {
      expect(await curl(context, 'secret/metadata', ...header, ...way)).toMatchObject({
        status: 200,
        json: { data: { keys: ['my-secret'] } },
      });
    }
    expect(await curl(context, 'secret/metadata/?list=true', ...header)).toMatchObject({
      json: { data: { keys: ['my-secret'] } },
    });
    expect(await curl(context, 'secret/metadata/none', ...header, '-X', 'LIST')).toMatchObject({
      status: 404,
      json: { errors: [] },
    });
  });

  it('takes a token as Authorization: Bearer', async (context) => {
    const bearer = ['--header', `Authorization: Bearer ${token}`];
    expect(await curl(context, 'auth/token/lookup-self', ...bearer)).toMatchObject({
      status: 200,
      json: { data: { policies: ['root'] } },
    });
  });

  it('sends forms, and JSON under the type of a form', async (context) => {
    const form = await curl(context, 'auth/token/create', ...header, '-d', 'policies=a', '-d', 'policies=b');
    expect(form).toMatchObject({ status: 200, json: { auth: { token_policies: ['a', 'b', 'default'] } } });
    const json = await curl(context, 'auth/token/create', ...header, '-d', '{"policies":"a,b","ttl":"1h"}');
    expect(json).toMatchObject({ status: 200, json: { auth: { lease_duration: 3600 } } });
    const empty = await curl(context, 'auth/token/renew-self', ...header, '-X', 'POST');
    expect(empty.status).toBe(400);
  });

  it('asks for health with HEAD, and for other codes', async (context) => {
    const health = await curl(context, 'sys/health', '--head');
    expect(health).toMatchObject({ status: 200, body: '' });
    expect(await curl(context, 'sys/health?activecode=299')).toMatchObject({ status: 299 });
  });

  it('deletes, undeletes and destroys', async (context) => {
    await curl(context, 'secret/data/gone', ...header, '-d', '{"data":{"a":"b"}}');
    expect(await curl(context, 'secret/data/gone', ...header, '-X', 'DELETE')).toMatchObject({
      status: 204,
      body: '',
    });
    expect(await curl(context, 'secret/data/gone', ...header)).toMatchObject({
      status: 404,
      json: { data: { data: null, metadata: { version: 1 } } },
    });
    await curl(context, 'secret/undelete/gone', ...header, '-d', '{"versions":[1]}');
    expect(await curl(context, 'secret/data/gone', ...header)).toMatchObject({ status: 200 });
    expect(
      await curl(context, 'secret/destroy/gone', ...header, '-X', 'PUT', '-d', '{"versions":[1]}'),
    ).toMatchObject({
      status: 204,
    });
    expect(await curl(context, 'secret/data/gone', ...header)).toMatchObject({
      status: 404,
      json: { data: { metadata: { destroyed: true } } },
    });
  });
});
