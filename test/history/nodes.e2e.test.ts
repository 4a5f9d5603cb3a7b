/** The short form of `nodes.long.test.ts`: two servers, some hundred operations. */
import { randomInt } from 'node:crypto';
import { afterAll, expect, it } from 'vitest';
import { rootTokenOf } from '../e2e/kill-rounds.ts';
import { cleanUp, cli, freshPlace, startServer } from '../e2e/server-process.ts';
import { runHistory } from './run.ts';

afterAll(cleanUp);

it('threat 18: two servers over one data directory, killed and paused, seem to be one that never fails', async () => {
  const seed = Number(process.env['COFFER_TEST_SEED'] ?? randomInt(2 ** 31));
  const place = freshPlace();
  let made = false;
  const start = async () => {
    const server = await startServer(place, { words: made ? [] : ['--init'] });
    made = true;
    return server;
  };
  const rootToken = () => rootTokenOf(place);
  await runHistory({ seed, nodes: 2, clients: 12, operations: 900, calm: 90, start, rootToken });
  const verified = await cli(place, ['audit', 'verify']);
  expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 0 });
});
