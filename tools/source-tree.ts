/** Reading the checkout, for the checkers in this folder. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** Every TypeScript file below a folder of the checkout: path below that folder with `/`, to text. */
export function readSources(folder: string): ReadonlyMap<string, string> {
  const base = join(root, folder);
  const entries = readdirSync(base, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    files.toSorted().map((file) => [relative(base, file).split(sep).join('/'), readFileSync(file, 'utf8')]),
  );
}

export function readDocument(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}
