import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** SHA-256 of all that one rendering is made of: the chart's files and the example's values. */
export function chartDigest(folder, example) {
  const chart = readdirSync(join(folder, 'coffer'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  const digest = createHash('sha256');
  for (const file of [...chart, join(folder, 'examples', example)])
    digest.update(readFileSync(file)).update('\0');
  return digest.digest('hex');
}
