/** Documents name files of the checkout, so that they can be searched for: every one that is named must be there. */
import { posix } from 'node:path';

/** In backticks: `src/core/road.ts`, `barrier/record.ts`, `hcl*.ts`. */
const sourceName = /`([\w.*/-]+\.ts)`/g;
/** The target of a link within the checkout, without its fragment. */
const linkTarget = /\]\((?!https?:|#)([^)\s#]+)(?:#[^)\s]*)?\)/g;

/**
 * One line for each name that fits nothing.
 *
 * @param documents path in the checkout to text
 * @param files all files of the checkout; a source may be named by the end of its path, a linked one from the document's folder
 */
export function checkNamedFiles(
  documents: ReadonlyMap<string, string>,
  files: ReadonlySet<string>,
): readonly string[] {
  const problems: string[] = [];
  for (const [document, text] of documents) {
    for (const [, name = ''] of text.matchAll(sourceName)) {
      if (!isThere(name, files)) problems.push(`${document} names ${name}`);
    }
    for (const [, target = ''] of text.matchAll(linkTarget)) {
      const path = posix.join(posix.dirname(document), target);
      const folder = path.endsWith('/') ? path : `${path}/`;
      if (!files.has(path) && ![...files].some((file) => file.startsWith(folder))) {
        problems.push(`${document} links to ${target}`);
      }
    }
  }
  return problems;
}

function isThere(name: string, files: ReadonlySet<string>): boolean {
  const pattern = name.replace(/[.]/g, '\\.').replaceAll('*', '[^/]*');
  const end = new RegExp(`(^|/)${pattern}$`);
  return [...files].some((file) => end.test(file));
}
