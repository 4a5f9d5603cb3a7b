/**
 * Histories at length: 50,000 operations of 24 clients on three servers that are killed and paused. On two shared cores it takes about
 * four minutes a store. `COFFER_TEST_SEED` replays the schedule of faults and what each client asks (not how they meet), and
 * `COFFER_TEST_STEPS` sets another number of operations.
 */
import { randomInt } from 'node:crypto';
import { afterAll, expect, it } from 'vitest';
import { rootTokenOf } from '../e2e/kill-rounds.ts';
import { cleanUp, cli, freshPlace, startServer } from '../e2e/server-process.ts';
import { runHistory } from './run.ts';

afterAll(cleanUp);

const seed = Number(process.env['COFFER_TEST_SEED'] ?? randomInt(2 ** 31));
const operations = Number(process.env['COFFER_TEST_STEPS'] ?? 50_000);
const size = { nodes: 3, clients: 24, operations, calm: 500, seed } as const;

it(`three servers over one data directory (COFFER_TEST_SEED=${seed})`, async () => {
  const place = freshPlace();
  let made = false;
  const start = async () => {
    const server = await startServer(place, { words: made ? [] : ['--init'] });
    made = true;
    return server;
  };
  await runHistory({ ...size, start, rootToken: () => rootTokenOf(place) });
  const verified = await cli(place, ['audit', 'verify']);
  expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 0 });
});
