import { inject, type TestContext } from 'vitest';
import type { ToolName } from './tools.ts';

/**
 * The path of a program that a test drives. Where it is missing the test is skipped with the way to get it, except under
 * `CI=true`: there a test that does not run is a failure.
 */
export function need(context: TestContext, name: ToolName): string {
  const { path, remedy } = inject('tools')[name];
  if (path !== undefined) return path;
  if (process.env['CI'] === 'true') throw new Error(`${name} is missing: ${remedy}`);
  return context.skip(`${name} is missing: ${remedy}`);
}
