/** Files as they lie on disk after a run. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Every file and folder at and below `root`, which comes first. */
export function everythingBelow(root: string): readonly string[] {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
  return [root, ...names.map((name) => join(root, name)).sort()];
}

/** What others than the owner may do with, as `path: mode`; empty when that is nothing anywhere. */
export function lax(paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => {
    const stat = statSync(path);
    const wanted = stat.isDirectory() ? 0o700 : 0o600;
    const mode = stat.mode & 0o777;
    return mode === wanted ? [] : [`${path}: ${mode.toString(8)}`];
  });
}

/** The files that hold these bytes. */
export function holding(paths: readonly string[], bytes: string): readonly string[] {
  return paths.filter((path) => statSync(path).isFile() && readFileSync(path).includes(bytes));
}
