/** The functions as Lambda runs them, over DynamoDB and KMS: a login and its secret, two at a time, frozen, killed, and their duties. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import { albEvent, dutyEvent, urlEvent } from '../fakes/lambda-events.ts';
import { askMoto, makeKmsKey, testRegion } from '../fakes/moto-calls.ts';
import { type DatabasePlace, databasePlace } from '../setup/database-place.ts';
import { type DynamoLocal, startDynamoLocal } from '../setup/dynamodb-local.ts';
import { type Moto, startMoto } from '../setup/moto.ts';
import {
  endFunctions,
  type FunctionAnswer,
  type FunctionProcess,
  startFunction,
} from './function-process.ts';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, cli, freshPlace, type Place, startServer } from './server-process.ts';

const [moto, local, database] = await Promise.all([
  startMoto(),
  startDynamoLocal(),
  databasePlace('postgresql'),
]);
afterAll(async () => {
  await endFunctions();
  await cleanUp();
  await moto?.close();
  await local?.close();
  await database?.close();
});

const seal = `awskms:alias/coffer?region=${testRegion}`;

interface Answered {
  readonly status: unknown;
  readonly json: JsonObject;
}

function answered({ result, error }: FunctionAnswer): Answered {
  if (result === undefined) throw new Error(`no answer: ${error?.message}`);
  const body = typeof result['body'] === 'string' && result['body'] !== '' ? result['body'] : '{}';
  return { status: result['statusCode'], json: JSON.parse(body) as JsonObject };
}

describe.skipIf(moto === undefined || local === undefined)('Coffer in Lambda', () => {
  let place: Place;
  let url: string;
  let token: string;
  let env: Record<string, string>;

  beforeAll(async () => {
    const [kms, table] = [moto as Moto, local as DynamoLocal];
    await makeKmsKey(kms, 'coffer');
    place = freshPlace();
    url = table.url();
    env = {
      ...kms.env,
      AWS_REGION: testRegion,
      AWS_LAMBDA_FUNCTION_NAME: 'coffer',
      COFFER_STORAGE: url,
      COFFER_SEAL: seal,
    };
    // As its operator makes it, on a machine of theirs.
    const words = ['--storage', url, '--seal', seal, '--init', '--audit-log', 'store'];
    const server = await startServer(place, { words, env: kms.env });
    token = rootTokenOf(place);
    await server.stop();
  });

  const wire = (lambda: FunctionProcess) => ({
    async ask(method: string, path: string, body?: object, own: string | undefined = token) {
      const headers = own === undefined ? {} : { 'x-vault-token': own };
      const text = body === undefined ? {} : { body: JSON.stringify(body) };
      return answered(await lambda.invoke(albEvent({ method, target: `/v1/${path}`, headers, ...text })));
    },
  });

  it('a login reads its secret, by whichever of two functions, and the audit log has it all', async () => {
    const [one, other] = await Promise.all([startFunction('public', env), startFunction('public', env)]);
    const [first, second] = [wire(one), wire(other)];
    expect(await first.ask('POST', 'sys/auth/userpass', { type: 'userpass' })).toMatchObject({ status: 204 });
    const policy = 'path "secret/data/app/*" { capabilities = ["read"] }';
    expect(await second.ask('PUT', 'sys/policies/acl/reader', { policy })).toMatchObject({ status: 204 });
    const user = { password: 'a long enough password', token_policies: ['reader'] };
    expect(await first.ask('POST', 'auth/userpass/users/erin', user)).toMatchObject({ status: 204 });
    expect(await second.ask('POST', 'secret/data/app/db', { data: { word: 'fish' } })).toMatchObject({
      status: 200,
    });
    const { password } = user;
    const login = await second.ask('POST', 'auth/userpass/login/erin', { password }, undefined);
    const own = String((login.json['auth'] as JsonObject)['client_token']);
    const read = { status: 200, json: { data: { data: { word: 'fish' } } } };
    expect(await first.ask('GET', 'secret/data/app/db', undefined, own)).toMatchObject(read);
    expect(await second.ask('GET', 'secret/data/other', undefined, own)).toMatchObject({ status: 403 });
    // At the same moment, with one of them the winner.
    const cas = (word: string) => ({ data: { word }, options: { cas: 1 } });
    const both = await Promise.all([
      first.ask('POST', 'secret/data/app/db', cas('one')),
      second.ask('POST', 'secret/data/app/db', cas('other')),
    ]);
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 400]);
    // Revoked by one is revoked for the other.
    expect(await second.ask('POST', 'auth/token/revoke', { token: own })).toMatchObject({ status: 204 });
    expect(await first.ask('GET', 'secret/data/app/db', undefined, own)).toMatchObject({ status: 403 });
    // Neither counts as a node, nor has anything of the store open that others had to wait for.
    const nodes = await first.ask('GET', 'sys/ha-status');
    expect(nodes.json).toMatchObject({ data: { nodes: [] } });
    await Promise.all([one.kill(), other.kill()]);
    const verified = await cli(place, ['audit', 'verify', '--storage', url], {
      env: { ...env },
    });
    expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 0 });
    expect(one.log + other.log).not.toContain(password);
  });

  it('is frozen in the middle of a request and goes on; is killed there, and the log holds', async () => {
    const [frozen, other] = await Promise.all([startFunction('public', env), startFunction('public', env)]);
    const [one, two] = [wire(frozen), wire(other)];
    const made = await one.ask('POST', 'auth/token/create', { policies: ['default'], ttl: '1h' });
    const token = String((made.json['auth'] as JsonObject)['client_token']);
    const self = 'auth/token/lookup-self';
    expect(await one.ask('GET', self, undefined, token)).toMatchObject({ status: 200 });
    const writes = (count: number) => one.ask('POST', 'secret/data/frozen', { data: { count } });
    for (let round = 1; round <= 3; round++) {
      const written = writes(round);
      frozen.signal('SIGSTOP');
      expect(await two.ask('GET', 'sys/health')).toMatchObject({ status: 200 });
      if (round === 2) await two.ask('POST', 'auth/token/revoke', { token });
      frozen.signal('SIGCONT');
      expect(await written).toMatchObject({ status: 200 });
      // What it had at hand when it was frozen counts for nothing.
      expect(await one.ask('GET', self, undefined, token)).toMatchObject({ status: round < 2 ? 200 : 403 });
    }
    const last = writes(4).catch(() => undefined);
    await frozen.kill();
    await last;
    const read = await two.ask('GET', 'secret/data/frozen');
    const { count } = (read.json['data'] as JsonObject)['data'] as JsonObject;
    expect([3, 4]).toContain(count);
    await other.kill();
    const verified = await cli(place, ['audit', 'verify', '--storage', url], { env: { ...env } });
    expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 0 });
  });

  it('the duties’ function ends what is due and leaves nothing of itself; neither does the other’s work', async () => {
    const [duties, served] = await Promise.all([startFunction('duties', env), startFunction('public', env)]);
    const { ask } = wire(served);
    const due = () => duties.invoke(dutyEvent(Date.now()), 180_000);
    await ask('POST', 'auth/token/create', { policies: ['default'], ttl: '1s' });
    const accessors = async () => {
      const { json } = await ask('LIST', 'auth/token/accessors');
      return ((json['data'] as JsonObject)['keys'] as readonly string[]).length;
    };
    const before = await accessors();
    for (let tries = 0; (await accessors()) >= before; tries++) {
      if (tries > 40) throw new Error('nothing was ended');
      expect(await due()).toEqual({ result: { duty: 'due', done: true } });
    }
    expect((await ask('GET', 'sys/ha-status')).json).toMatchObject({ data: { nodes: [] } });
    // A word for one is none for the other.
    const request = albEvent({ target: '/v1/sys/health' });
    expect(await duties.invoke(request)).toMatchObject({ error: { name: 'CofferError' } });
    expect(await duties.invoke(urlEvent({ target: '/v1/sys/health' }))).toMatchObject({ error: {} });
    expect(await served.invoke(dutyEvent(Date.now()))).toMatchObject({ error: { name: 'CofferError' } });
    expect(await due()).toMatchObject({ result: { done: true } });
    await Promise.all([duties.kill(), served.kill()]);
  });

  it('threat 14: a store that is not there is made by the duties’ function alone, and once', async () => {
    const table = `t-home-${process.pid}`;
    const at = `dynamodb:${table}?region=${testRegion}&endpoint=${local?.endpoint}&recovery=off`;
    const own = { ...env, COFFER_STORAGE: at, COFFER_LAMBDA_HOME: 'lambda-test' };
    const makeTable = () =>
      askMoto(local as DynamoLocal, 'DynamoDB_20120810.CreateTable', {
        TableName: table,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: ['root', 'key'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
        KeySchema: [
          { AttributeName: 'root', KeyType: 'HASH' },
          { AttributeName: 'key', KeyType: 'RANGE' },
        ],
      });
    await makeTable();
    const served = await startFunction('public', own);
    const { ask } = wire(served);
    const init = { secret_shares: 1, secret_threshold: 1 };
    expect(await ask('PUT', 'sys/init', init, undefined)).toMatchObject({ status: 503 });
    const duties = await startFunction('duties', own);
    const [first, second] = [
      await duties.invoke(dutyEvent(Date.now())),
      await duties.invoke(dutyEvent(Date.now())),
    ];
    expect([first, second]).toEqual(Array(2).fill({ result: { duty: 'due', done: true } }));
    expect(duties.log.match(/a new store has been made/g)).toHaveLength(1);
    // The one that was told there is none finds it with its next request.
    const health = await ask('GET', 'sys/health', undefined, undefined);
    expect(health).toMatchObject({ status: 200, json: { initialized: true, sealed: false } });
    expect((await ask('PUT', 'sys/init', init, undefined)).status).not.toBe(200);
    // Whoever may use the key makes the first token, on a machine of theirs.
    const made = await cli(place, ['operator', 'generate-root', '--storage', at], { env: own });
    expect(made, made.stderr).toMatchObject({ code: 0 });
    const root = made.stdout.trim();
    expect(await ask('GET', 'sys/mounts', undefined, root)).toMatchObject({ status: 200 });
    // A store that is lost is never made anew.
    await askMoto(local as DynamoLocal, 'DynamoDB_20120810.DeleteTable', { TableName: table });
    await makeTable();
    expect(await duties.invoke(dutyEvent(Date.now()))).toMatchObject({
      error: { message: expect.stringMatching(/the parameter .* tells of a store there/) },
    });
    await Promise.all([duties.kill(), served.kill()]);
  });
});

describe.skipIf(moto === undefined || database === undefined)('Coffer in Lambda, over PostgreSQL', () => {
  it('serves, and its duties are done', async () => {
    const kms = moto as Moto;
    await makeKmsKey(kms, 'coffer-pg');
    const { server, name, password } = database as DatabasePlace;
    const own = {
      ...kms.env,
      AWS_REGION: testRegion,
      COFFER_STORAGE: `postgres://${name}:${password}@${server.host}:${server.port}/${name}?sslmode=disable`,
      COFFER_SEAL: `awskms:alias/coffer-pg?region=${testRegion}`,
    };
    const place = freshPlace();
    const made = await startServer(place, { words: ['--init', '--audit-log', 'store'], env: own });
    const token = rootTokenOf(place);
    await made.stop();
    const [served, duties] = await Promise.all([startFunction('public', own), startFunction('duties', own)]);
    const headers = { 'x-vault-token': token };
    const body = JSON.stringify({ data: { word: 'fish' } });
    const written = urlEvent({ method: 'POST', target: '/v1/secret/data/a', headers, body });
    expect(answered(await served.invoke(written))).toMatchObject({ status: 200 });
    served.signal('SIGSTOP');
    expect(await duties.invoke(dutyEvent(Date.now()), 180_000)).toMatchObject({ result: { done: true } });
    served.signal('SIGCONT');
    const read = urlEvent({ target: '/v1/secret/data/a', headers });
    expect(answered(await served.invoke(read))).toMatchObject({ json: { data: { data: { word: 'fish' } } } });
    await Promise.all([served.kill(), duties.kill()]);
  });
});
