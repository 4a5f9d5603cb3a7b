import { join } from 'node:path';
import { expect, test } from 'vitest';
import { call, temporaryHome } from '../cli/cli.fixture.ts';
import { programs } from './programs.ts';

test('where no log is, show and verify say so', async () => {
  const home = temporaryHome();
  const env = { HOME: home };
  for (const words of [
    ['audit', 'show', 'a1b2', '--data', home],
    ['audit', 'verify', '--unanchored', '--data', home],
    ['audit', 'verify', '--unanchored', '--audit-dir', join(home, 'audit')],
  ]) {
    expect(await call(words, { env, programs }), words.join(' ')).toMatchObject({
      code: 3,
      stderr: `error: there is no audit log in ${join(home, 'audit')}\n`,
    });
  }
});
