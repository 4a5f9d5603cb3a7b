/**
 * Histories at length: 50,000 operations of 24 clients on three servers that are killed and paused. On two shared cores it takes about
 * two minutes a store, on busy ones up to eight. `COFFER_TEST_SEED` replays the schedule of faults and what each client asks (not how they meet), and
 * `COFFER_TEST_STEPS` sets another number of operations.
 */
import { randomInt } from 'node:crypto';
import { afterAll, expect, it } from 'vitest';
import { rootTokenOf } from '../e2e/kill-rounds.ts';
import { cleanUp, cli, freshPlace, startServer } from '../e2e/server-process.ts';
import { databasePlace } from '../setup/database-place.ts';
import { startDynamoLocal } from '../setup/dynamodb-local.ts';
import { runHistory } from './run.ts';

afterAll(cleanUp);

const seed = Number(process.env['COFFER_TEST_SEED'] ?? randomInt(2 ** 31));
const operations = Number(process.env['COFFER_TEST_STEPS'] ?? 50_000);
const size = { nodes: 3, clients: 24, operations, calm: 500, seed } as const;

/** One data directory; the store in it, or where `storage` says. */
async function run(
  storage: readonly string[],
  env: Readonly<Record<string, string>>,
  most = operations,
): Promise<void> {
  const place = freshPlace();
  let made = false;
  const start = async () => {
    const server = await startServer(place, { words: [...storage, ...(made ? [] : ['--init'])], env });
    made = true;
    return server;
  };
  await runHistory({ ...size, operations: most, start, rootToken: () => rootTokenOf(place) });
  const verified = await cli(place, ['audit', 'verify', ...storage], { env });
  expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 0 });
}

it(`threat 18: three servers over one data directory (COFFER_TEST_SEED=${seed})`, () => run([], {}));

it(`threat 18: three servers over one store in PostgreSQL (COFFER_TEST_SEED=${seed})`, async (context) => {
  const database = await databasePlace('postgresql');
  if (database === undefined) return context.skip('there is no PostgreSQL');
  const { server, name, password } = database;
  const url = `postgres://${name}@${server.host}:${server.port}/${name}`;
  await run(['--storage', url], { PGPASSWORD: password });
  await database.close();
});

/** Each of its commits is a round trip to a process of Java's, so it is a shorter history. */
it(`threat 18: three servers over one store in DynamoDB (COFFER_TEST_SEED=${seed})`, async (context) => {
  const local = await startDynamoLocal();
  if (local === undefined) return context.skip('there is no DynamoDB Local');
  try {
    await run(['--storage', local.url()], local.env, Math.ceil(operations / 5));
  } finally {
    await local.close();
  }
});
