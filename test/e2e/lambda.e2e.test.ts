/** The functions as Lambda runs them, over DynamoDB and KMS: a login and its secret, two at a time, frozen, killed, and their duties. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import { albEvent } from '../fakes/lambda-events.ts';
import { makeKmsKey, testRegion } from '../fakes/moto-calls.ts';
import { type DynamoLocal, startDynamoLocal } from '../setup/dynamodb-local.ts';
import { type Moto, startMoto } from '../setup/moto.ts';
import { endFunctions, type FunctionAnswer, type FunctionProcess, startFunction } from './function-process.ts';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, cli, freshPlace, type Place, startServer } from './server-process.ts';

const [moto, local] = await Promise.all([startMoto(), startDynamoLocal()]);
afterAll(async () => {
  await endFunctions();
  await cleanUp();
  await moto?.close();
  await local?.close();
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
});
