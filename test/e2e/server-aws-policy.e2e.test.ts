/**
 * A server at AWS with the keys of a user that has the printed policy and nothing else, before a moto that holds every call against it,
 * signatures too. moto knows actions alone: resources and conditions are widened here, and held in `policy.test.ts`. A transaction of
 * DynamoDB is an action of its own to it (AWS asks for GetItem, PutItem, DeleteItem and ConditionCheckItem), and whether a tag may
 * be put on what is made (`kms:TagResource`, `dynamodb:TagResource`) it does not ask.
 */
import { afterAll, expect, it } from 'vitest';
import { assumeRole, iam, makeIamRole, makeIamUser, testRegion } from '../fakes/moto-calls.ts';
import { enforceIam, startMoto } from '../setup/moto.ts';
import { cleanUp, cli, freshPlace, startServer } from './server-process.ts';

const moto = await startMoto();
afterAll(async () => {
  await cleanUp();
  await moto?.close();
});

interface Printed {
  readonly Version: string;
  readonly Statement: readonly { readonly Sid: string; readonly Action: readonly string[] }[];
}

const transactions = ['dynamodb:TransactGetItems', 'dynamodb:TransactWriteItems'];

it.skipIf(moto === undefined)(
  'with the printed policy alone a server starts, serves, rotates and starts again',
  async () => {
    if (moto === undefined) return;
    const place = freshPlace();
    const words = ['--aws', '--name', 'strict'];
    const { stdout } = await cli(place, ['iam-policy', 'server', ...words, '--account', '123456789012']);
    const printed = JSON.parse(stdout) as Printed;
    const widened = {
      Version: printed.Version,
      Statement: printed.Statement.map(({ Sid, Action }) => ({
        Sid,
        Effect: 'Allow',
        Action: Sid === 'Table' ? [...Action, ...transactions] : Action,
        Resource: '*',
      })),
    };
    const keys = await makeIamUser(moto, 'server');
    const PolicyDocument = JSON.stringify(widened);
    await iam(moto, { Action: 'PutUserPolicy', UserName: 'server', PolicyName: 'printed', PolicyDocument });
    await makeIamRole(moto, 'dssssadmin');
    const admin = await assumeRole(moto, 'arn:aws:iam::123456789012:role/dssssadmin');
    const stranger = await makeIamUser(moto, 'stranger');
    await enforceIam(moto, true);

    const env = { ...moto.env, AWS_REGION: testRegion };
    const refused = await cli(place, ['server', ...words], { env: { ...env, ...stranger } });
    expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining('ssm:GetParametersByPath') });
    const start = () => startServer(place, { words, env: { ...env, ...keys } });
    const first = await start();
    const run = async (address: string, order: readonly string[]) => {
      const outcome = await cli(place, order, { env: { ...env, ...admin, COFFER_ADDR: address } });
      expect(outcome, `${order.join(' ')}: ${outcome.stderr}`).toMatchObject({ code: 0 });
      return outcome.stdout;
    };
    await run(first.address, ['login', 'aws', '--server-id', 'coffer-strict']);
    await run(first.address, ['put', 'db/password', 'one', '--roles', 'dssssadmin']);
    await run(first.address, ['api', 'POST', 'sys/rotate']);
    await run(first.address, ['put', 'db/password', 'two']);
    await first.kill();
    const second = await start();
    expect(await run(second.address, ['get', 'db/password'])).toBe('two');
    expect(await second.stop()).toMatchObject({ code: 0 });
    expect(first.stderr + second.stderr).not.toMatch(/denies|denied/);
  },
  120_000,
);
