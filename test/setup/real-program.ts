/** Once before the tests that drive the real program: builds it, and sees to the other programs they need. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { findTools } from './tools.ts';

export function setup(project: TestProject): void {
  execFileSync(process.execPath, [fileURLToPath(new URL('../../tools/build.mjs', import.meta.url))], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  project.provide(
    'tools',
    findTools((line) => process.stderr.write(`${line}\n`)),
  );
}
