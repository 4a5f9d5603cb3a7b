import { randomInt } from 'node:crypto';
import { afterAll, it } from 'vitest';
import { killRounds } from './kill-rounds.ts';
import { cleanUp } from './server-process.ts';

afterAll(cleanUp);

it('loses nothing that it acknowledged, killed 100 times', async () => {
  await killRounds({ rounds: 100, seed: Number(process.env['COFFER_TEST_SEED'] ?? randomInt(2 ** 31)) });
});
