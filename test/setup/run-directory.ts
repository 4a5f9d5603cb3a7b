/**
 * A directory of this test run's own, in which everything temporary of it lies: tests, the programs they start and the runner itself find it
 * as they find any, by TMPDIR. It goes with the run, whatever a test has left in it; and what a killed run left goes with the next one.
 */
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Short: a path of a Unix-domain socket ends at 108 bytes. */
const prefix = 'coffer-run-';

/** For the process that leads the run. Does nothing in one that is part of a run already. */
export function takeRunDirectory(): void {
  if (process.env['COFFER_TEST_RUN'] !== undefined) return;
  const above = tmpdir();
  for (const name of readdirSync(above)) if (isLeftOver(above, name)) remove(join(above, name));
  const directory = mkdtempSync(join(above, `${prefix}${process.pid}-`));
  // As what it stands in for: servers of databases run as another user.
  chmodSync(directory, 0o1777);
  process.env['COFFER_TEST_RUN'] = directory;
  process.env['TMPDIR'] = directory;
  process.on('exit', () => remove(directory));
}

/** Of our own, and of a run whose process has ended. */
function isLeftOver(above: string, name: string): boolean {
  const pid = Number(/^coffer-run-(\d+)-/.exec(name)?.[1]);
  if (!Number.isInteger(pid) || pid === process.pid) return false;
  try {
    if (statSync(join(above, name)).uid !== process.getuid?.()) return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}

function remove(directory: string): void {
  try {
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  } catch {
    // A server that is about to end still writes there. The next run removes what is left.
  }
}
