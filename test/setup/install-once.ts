/** Something that tests need and that is made once, below `node_modules`, whoever finds it missing first. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Whether the directory is complete. Several test files may find it missing at once: one of them makes it, and the others wait.
 *
 * @param make fills the directory, and says whether it could
 */
export async function installOnce(directory: string, make: () => boolean): Promise<boolean> {
  const lock = `${directory}.lock`;
  const done = join(directory, 'complete');
  if (existsSync(done)) return true;
  mkdirSync(dirname(directory), { recursive: true });
  while (!claim(lock)) {
    if (!isAlive(ownerOf(lock))) rmSync(lock, { recursive: true, force: true });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  try {
    if (!existsSync(done) && make()) writeFileSync(done, '');
    return existsSync(done);
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function claim(lock: string): boolean {
  try {
    mkdirSync(lock);
    writeFileSync(join(lock, 'pid'), String(process.pid));
    return true;
  } catch {
    return false;
  }
}

function ownerOf(lock: string): number {
  try {
    return Number(readFileSync(join(lock, 'pid'), 'utf8')) || process.pid;
  } catch {
    // Not written yet, or gone already.
    return process.pid;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
