/** The README's main job does what it says: its shell blocks, in order, as one script against a server that has just started. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { need } from '../setup/need.ts';
import { cleanUp, freshPlace, runProgram, startServer } from './server-process.ts';

afterAll(cleanUp);

const root = fileURLToPath(new URL('../..', import.meta.url));

function shellBlocks(markdown: string, heading: string): readonly string[] {
  const section = markdown.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
}

it('the main job of the README runs as it is written', async (context) => {
  need(context, 'curl');
  const blocks = shellBlocks(readFileSync(`${root}/README.md`, 'utf8'), 'The main job');
  expect(blocks.length).toBeGreaterThan(2);
  const place = freshPlace();
  // As `npm start` does, but on a port that is free.
  const server = await startServer(place, {
    listen: [],
    words: ['--init'],
    env: { COFFER_LISTEN: '127.0.0.1:0' },
  });
  const env = { ...place.env, COFFER_ADDR: server.address, npm_config_update_notifier: 'false' };
  const script = blocks.join('\n');
  const outcome = await runProgram('bash', ['-euo', 'pipefail', '-c', script], env, undefined, root);
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
  const printed = outcome.stdout.split('correct horse battery staple').length - 1;
  expect(printed, 'once to the owner, twice to the application').toBe(3);
  expect(outcome.stdout).toContain('refused\n');
  expect(outcome.stderr).toContain('permission denied');
  expect(outcome.stderr).toMatch(/^intact: /m);
});
