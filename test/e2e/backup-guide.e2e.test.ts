/** The guide's commands on backups do what it says: its shell blocks, in order, as one script against a server at work. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { cleanUp, freshPlace, runProgram, startServer } from './server-process.ts';

afterAll(cleanUp);

const root = fileURLToPath(new URL('../..', import.meta.url));

it('the guide on backups runs as it is written', async () => {
  const guide = readFileSync(`${root}/docs/guide/backup.md`, 'utf8');
  const blocks = [...guide.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
  expect(blocks.length).toBeGreaterThan(5);
  const place = freshPlace();
  const server = await startServer(place, {
    listen: [],
    words: ['--init'],
    env: { COFFER_LISTEN: '127.0.0.1:0' },
  });
  const env = { ...place.env, COFFER_ADDR: server.address, npm_config_update_notifier: 'false' };
  const script = blocks.join('\n');
  const outcome = await runProgram('bash', ['-euo', 'pipefail', '-c', script], env, undefined, root);
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
  expect(outcome.stderr).toMatch(/^the backup holds: all \d+ records open$/m);
  expect(outcome.stderr).toContain('only the checksum was checked');
  expect(statSync(join(place.home, 'restored-root-token')).mode & 0o777).toBe(0o600);
  const served = await startServer(place, { words: ['--data', join(place.home, 'restored')] });
  await Promise.all([server.stop(), served.stop()]);
});
