/** The guide on secrets does what it says: its shell blocks, in order, as one script against a server that has just started. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { cleanUp, freshPlace, program, runProgram, startServer } from './server-process.ts';

afterAll(cleanUp);

const guide = fileURLToPath(new URL('../../docs/guide/secrets.md', import.meta.url));

it('the blocks of the guide run as they are written', async () => {
  const blocks = [...readFileSync(guide, 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(
    ([, block = '']) => block,
  );
  expect(blocks.length).toBeGreaterThan(3);
  const place = freshPlace();
  const server = await startServer(place, { words: ['--dev', '--dev-root-token-id', 'guide-root'] });
  const env = { ...place.env, COFFER_ADDR: server.address, COFFER_TOKEN: 'guide-root' };
  // What npx would start, from any folder.
  const script = `npx() { shift; "${process.execPath}" "${program}" "$@"; }\n${blocks.join('\n')}\necho "$user $password"`;
  const outcome = await runProgram('bash', ['-euo', 'pipefail', '-c', script], env, undefined, place.home);
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
  expect(outcome.stdout).toContain('└── shop/\n    ├── api-key\n    └── db\n');
  expect(outcome.stdout).toContain('\nshop/api-key\n');
  expect(outcome.stdout).toContain('~ password\n');
  expect(outcome.stdout).toContain('logged in as app\nk-123\n');
  expect(outcome.stdout).toContain('backup/shop/db\tnew\t+user +password\n');
  expect(outcome.stdout.trimEnd().split('\n').at(-1)).toBe("app it's $3cret");
});
